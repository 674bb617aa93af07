//! Every change that a session cookie opens, asked for as a page of another site would: with the cookie, from elsewhere.
//!
//! The ids are those of nothing, so that a change that is let through changes nothing, and the first one ends the run.

use domain::Result;
use serde_json::Value;

use super::fill;
use crate::{
    client::{Answer, Auth, Client, Payload, Sender},
    evidence::{Reason, Verdict},
    probe::{
        Finding, Route, Run,
        attack::{Values, absent, is_target, payloads},
        shadow::Shadow,
    },
};

const CONTROL: &str = "VUL-15";
/// The code with which such a change is refused, on pages and in the API.
const CODE: &[u8] = b"cross_site";
const SENDERS: [Sender; 4] =
    [Sender::OtherSite, Sender::Sibling, Sender::OtherOrigin, Sender::Silent];
/// The same changes from a page of our own: enough to see that it is where they come from that decides.
const OWN: usize = 8;

/// What came of the changes.
#[derive(Default)]
struct Seen {
    refused: u64,
    requests: u64,
    accepted: bool,
    disturbed: bool,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Finding> {
    let absent = absent(cx.seed, cx.site.clock.now());
    let routes = changing(cx);
    let mut seen = Seen::default();
    for route in &routes {
        ask(cx, (&cx.site.client, route), &absent, &mut seen).await?;
        if seen.accepted {
            tracing::warn!(method = route.method, path = route.path, "a foreign page may do this");
            break;
        }
    }
    let own = own(cx, &routes, &absent).await?;
    let caught = careless_server_is_caught(cx, &absent).await?;
    let planted = own > 0 && caught;
    let population = routes.len() as u64;
    let verdict = if seen.accepted || made(cx).await? {
        Verdict::Fail(Reason::ForeignRequest)
    } else if seen.disturbed {
        Verdict::Error(Reason::Unreachable)
    } else {
        Verdict::held(planted, seen.refused, population, cx.floor(CONTROL))
    };
    Ok(Finding::new(verdict, planted, (seen.refused, population))
        .measure("requests from elsewhere", seen.requests, "requests")
        .measure("the same from here that were not refused so", own, "requests"))
}

/// The routes that change something and that a session cookie opens; those with ids first, and last those that end
/// sessions: what must not happen would harm least in this order.
fn changing(cx: Run<'_>) -> Vec<&Route> {
    let changes = |route: &&Route| route.method != "GET" && route.permission != "inference";
    let mut routes: Vec<_> = cx.site.routes.iter().filter(changes).collect();
    let ends = |route: &Route| route.path.contains("sign-") || route.path.starts_with("/account");
    routes.sort_by_key(|route| (ends(route), !is_target(route)));
    routes
}

/// One change, by every kind of sender.
async fn ask(
    cx: Run<'_>,
    (client, route): (&Client, &Route),
    values: &Values,
    seen: &mut Seen,
) -> Result<()> {
    let path = fill(cx, route, values);
    let mut refusals = 0;
    for sender in SENDERS {
        let auth = Auth::Sent(&cx.houses.first.session, sender);
        let answer = client.send(&route.method, &path, auth, payload(cx, route)).await?;
        seen.requests += 1;
        if refused(&answer) {
            refusals += 1;
        } else if answer.status == 429 || answer.status >= 500 {
            seen.disturbed = true;
        } else {
            seen.accepted = true;
            return Ok(());
        }
    }
    seen.refused += u64::from(refusals == SENDERS.len());
    Ok(())
}

fn refused(answer: &Answer) -> bool {
    answer.status == 403 && answer.body.windows(CODE.len()).any(|window| window == CODE)
}

/// A name that would show, if anything were made.
fn payload(cx: Run<'_>, route: &Route) -> Payload {
    let name = cx.seed.text("foreign", 16);
    match (route.method.as_str(), route.path.starts_with("/api/")) {
        ("DELETE", _) => Payload::Empty,
        (_, true) => Payload::Json(serde_json::json!({ "name": name })),
        _ => Payload::Form(format!("name={name}").into()),
    }
}

/// Whether a project of that name is there now: two of the routes make one.
async fn made(cx: Run<'_>) -> Result<bool> {
    let name = cx.seed.text("foreign", 16);
    let owner = cx.houses.first.owner(&cx.site.client);
    let listed = owner.ask("GET", "/api/v1/projects", Payload::Empty).await?;
    let mut all = listed.get("data").and_then(Value::as_array).into_iter().flatten();
    Ok(all.any(|one| one.get("name").and_then(Value::as_str) == Some(&name)))
}

/// How many changes of nothing are not refused for where they come from when they come from here.
async fn own(cx: Run<'_>, routes: &[&Route], absent: &Values) -> Result<u64> {
    let targets: Vec<_> = routes.iter().filter(|route| is_target(route)).collect();
    let mut passed = 0;
    for at in cx.seed.sample("own", targets.len() as u64, OWN) {
        let Some(route) = usize::try_from(at).ok().and_then(|at| targets.get(at)) else { continue };
        let auth = Auth::Session(&cx.houses.first.session);
        let payload = payloads(route).into_iter().next().unwrap_or_default();
        let path = fill(cx, route, absent);
        let answer = cx.site.client.send(&route.method, &path, auth, payload).await?;
        passed += u64::from(!refused(&answer) && answer.status < 500);
    }
    Ok(passed)
}

/// A server that does not ask where a request comes from must look like one that accepts it.
async fn careless_server_is_caught(cx: Run<'_>, absent: &Values) -> Result<bool> {
    let shadow = Shadow::serve([("projects".to_owned(), "{}".to_owned())].into()).await?;
    let client = Client::new(&shadow.base_url(), cx.site.clock.clone())?;
    let route = Route {
        method: "POST".to_owned(),
        path: "/o/{org}/projects".to_owned(),
        permission: String::new(),
    };
    let mut seen = Seen::default();
    ask(cx, (&client, &route), absent, &mut seen).await?;
    Ok(seen.accepted && seen.refused == 0)
}
