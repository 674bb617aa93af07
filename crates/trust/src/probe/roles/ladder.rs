//! IDN-27: whoever tries to give a role above their own, to themselves or to somebody else, is refused.

use domain::Result;
use serde_json::{Value, json};

use super::resident;
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
    probe::{Finding, Run, household::text},
};

const CONTROL: &str = "IDN-27";

/// An attempt: whose session, what is asked for, and what is sent.
struct Climb {
    session: String,
    method: &'static str,
    path: String,
    body: Value,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Finding> {
    let house = &cx.houses.first;
    let before = roles(cx).await?;
    let climbs = climbs(cx)?;
    let mut refused = 0;
    for climb in &climbs {
        if accepted(cx, climb).await?.is_some() {
            break;
        }
        refused += 1;
    }
    // An owner may do what nobody else may, or the refusals mean nothing.
    let invite = invite(cx, &house.session);
    let made = accepted(cx, &invite).await?;
    let planted = made.is_some();
    if let Some(id) = made.filter(|id| !id.is_empty()) {
        let path = format!("/api/v1/invitations/{id}?organization={}", house.slug);
        let auth = Auth::Session(&house.session);
        cx.site.client.send("DELETE", &path, auth, Payload::Empty).await?.ok()?;
    }
    let population = climbs.len() as u64;
    let verdict = if refused < population || roles(cx).await? != before {
        Verdict::Fail(Reason::RoleExceeded)
    } else {
        Verdict::held(planted, refused, population, cx.floor(CONTROL))
    };
    Ok(Finding::new(verdict, planted, (refused, population)))
}

fn invite(cx: Run<'_>, session: &str) -> Climb {
    let email = format!("{}@{}.example", cx.seed.text("guest", 12), cx.seed.text("host", 12));
    Climb {
        session: session.to_owned(),
        method: "POST",
        path: "/api/v1/invitations".to_owned(),
        body: json!({"email": email.to_lowercase(), "role": "owner"}),
    }
}

fn climbs(cx: Run<'_>) -> Result<Vec<Climb>> {
    let house = &cx.houses.first;
    let owner = house.objects.get("member").cloned().unwrap_or_default();
    let member = |who: &str, target: String, role: &str| -> Result<Climb> {
        Ok(Climb {
            session: resident(cx, who)?.session.clone(),
            method: "PATCH",
            path: format!("/api/v1/members/{target}"),
            body: json!({ "role": role }),
        })
    };
    let own = |who: &str, role: &str| member(who, resident(cx, who)?.user.to_string(), role);
    let grant = |who: &str| -> Result<Climb> {
        let one = resident(cx, who)?;
        Ok(Climb {
            session: one.session.clone(),
            method: "PUT",
            path: format!("/api/v1/projects/{}/grants/{}", house.project, one.user),
            body: json!({"role": "owner"}),
        })
    };
    let admin = resident(cx, "organization.admin")?;
    let viewer = resident(cx, "project.viewer")?.user.to_string();
    Ok(vec![
        own("organization.admin", "owner")?,
        member("organization.admin", viewer, "owner")?,
        member("organization.admin", owner, "member")?,
        invite(cx, &admin.session),
        own("organization.member", "admin")?,
        own("project.owner", "admin")?,
        own("project.editor", "owner")?,
        grant("organization.member")?,
        grant("project.viewer")?,
        grant("project.editor")?,
        invite(cx, &resident(cx, "project.owner")?.session),
    ])
}

/// What was made, if the attempt got through: its id, or nothing of the kind.
async fn accepted(cx: Run<'_>, climb: &Climb) -> Result<Option<String>> {
    let path = format!("{}?organization={}", climb.path, cx.houses.first.slug);
    let (auth, body) = (Auth::Session(&climb.session), Payload::Json(climb.body.clone()));
    let answer = cx.site.client.send(climb.method, &path, auth, body).await?;
    if !(200..300).contains(&answer.status) {
        return Ok(None);
    }
    Ok(Some(answer.json().map(|made| text(&made, "id")).unwrap_or_default()))
}

/// Who has which role, in the organization and in the project.
async fn roles(cx: Run<'_>) -> Result<Vec<(String, String)>> {
    let house = &cx.houses.first;
    let owner = house.owner(&cx.site.client);
    let mut all = Vec::new();
    for path in ["/api/v1/members".to_owned(), format!("/api/v1/projects/{}/grants", house.project)]
    {
        let listed = owner.ask("GET", &path, Payload::Empty).await?;
        let rows = listed.get("data").and_then(Value::as_array).into_iter().flatten();
        all.extend(rows.map(|row| (text(row, "id") + &text(row, "user"), text(row, "role"))));
    }
    all.sort();
    Ok(all)
}
