//! IDN-17 and IDN-24: sessions that were open and are not enough any more: those of an organization that now asks for a
//! second factor, and those that nobody used for too long.

use std::{collections::BTreeMap, time::Duration};

use domain::{Permission, Result, Rule};
use serde_json::json;
use tokio::time::Instant;

use super::{Finding, Findings, Route, Run, attack::parameters, shadow::Shadow};
use crate::{
    client::{Auth, Client, Payload},
    evidence::{Reason, Verdict},
    registry::ParamValue,
};

const ASKED: &str = "IDN-17";
const IDLE: &str = "IDN-24";
const POLICY: &str = "/api/v1/sign-in-policy";
const OWN: &str = "/api/v1/organizations";
const LOOK: Duration = Duration::from_millis(100);

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let shadow = careless(cx).await?;
    let careless = Client::new(&shadow.base_url(), cx.site.clock.clone())?;
    let asked = of_policy(cx, &careless).await;
    // Whatever came of it, the organization asks for nothing afterwards.
    let calmed = ask(cx, false).await;
    let asked = asked?;
    calmed?;
    Ok(vec![(ASKED, asked), (IDLE, of_idle(cx, &careless).await?)])
}

/// A server to which every session is as good as any other.
async fn careless(cx: Run<'_>) -> Result<Shadow> {
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut rows: BTreeMap<_, _> =
        looked_at(cx).map(|route| (last(&route.path), "{}".to_owned())).collect();
    rows.insert(last(OWN), "{}".to_owned());
    Shadow::serve(rows).await
}

/// What members may look at: routes of the organization as a whole.
fn looked_at<'a>(cx: Run<'a>) -> impl Iterator<Item = &'a Route> {
    let of_members = |route: &&Route| {
        let permission = Permission::ALL.iter().find(|one| one.as_str() == route.permission);
        let rule = permission.map(|one| one.rule());
        matches!(rule, Some(Rule::Org(domain::OrgRole::Member)))
            && route.method == "GET"
            && route.path.starts_with("/api/")
            && parameters(&route.path).next().is_none()
    };
    cx.site.routes.iter().filter(of_members)
}

/// Has the organization ask for a second factor, or for none.
async fn ask(cx: Run<'_>, second_factor: bool) -> Result<()> {
    let owner = cx.houses.third(&cx.site.client);
    let body = Payload::Json(json!({"second_factor": second_factor}));
    owner.ask("PUT", POLICY, body).await.map(drop)
}

/// Whether a session may look at this of the third organization.
async fn opens(cx: Run<'_>, client: &Client, session: &str, route: &Route) -> Result<bool> {
    let path = format!("{}?organization={}", route.path, cx.houses.third.slug);
    let answer = client.send("GET", &path, Auth::Session(session), Payload::Empty).await?;
    Ok(answer.status == 200)
}

async fn of_policy(cx: Run<'_>, careless: &Client) -> Result<Finding> {
    let client = &cx.site.client;
    let (weak, strong) = (&cx.houses.third.weak, &cx.houses.third.session);
    let mut open = Vec::new();
    for route in looked_at(cx) {
        if opens(cx, client, weak, route).await? {
            open.push(route);
        }
    }
    ask(cx, true).await?;
    let began = Instant::now();
    let bound = seconds(cx, ASKED, "effective_seconds");
    let (mut ended, mut slowest) = (0, Duration::ZERO);
    for route in &open {
        loop {
            if !opens(cx, client, weak, route).await? {
                ended += 1;
                break;
            }
            if began.elapsed() >= bound {
                break;
            }
            slowest = began.elapsed();
            tokio::time::sleep(LOOK).await;
        }
    }
    let mut stayed = true;
    let mut caught = true;
    for route in &open {
        stayed &= opens(cx, client, strong, route).await?;
        caught &= opens(cx, careless, weak, route).await?;
    }
    let planted = stayed && caught && !open.is_empty();
    let population = open.len() as u64;
    let verdict = if ended < population {
        Verdict::Fail(Reason::GateOpen)
    } else {
        Verdict::held(planted, ended, population, cx.floor(ASKED))
    };
    let millis = u64::try_from(slowest.as_millis()).unwrap_or(u64::MAX);
    Ok(Finding::new(verdict, planted, (ended, population)).measure(
        "until the last of them was refused",
        millis,
        "milliseconds",
    ))
}

async fn of_idle(cx: Run<'_>, careless: &Client) -> Result<Finding> {
    let own = async |client: &Client, session: &str| {
        let answer = client.send("GET", OWN, Auth::Session(session), Payload::Empty).await?;
        Ok::<_, domain::Error>(answer.status == 200)
    };
    let (mut over, mut ended, mut used, mut caught) = (0, 0, true, true);
    for pair in &cx.houses.third.idle {
        // One that was used a little later must open, or refusals say nothing.
        used &= own(&cx.site.client, &pair.used).await?;
        caught &= own(careless, &pair.idle).await?;
        over += 1;
        ended += u64::from(!own(&cx.site.client, &pair.idle).await?);
    }
    let planted = used && caught && over > 0;
    let verdict = if ended < over {
        Verdict::Fail(Reason::StillAccepted)
    } else {
        Verdict::held(planted, ended, over, cx.floor(IDLE))
    };
    Ok(Finding::new(verdict, planted, (ended, over)))
}

fn seconds(cx: Run<'_>, control: &str, name: &str) -> Duration {
    match cx.param(control, name) {
        Some(ParamValue::Number(seconds)) => Duration::from_secs_f64(seconds.clamp(0.0, 600.0)),
        _ => Duration::ZERO,
    }
}
