//! TEN-04: one organization's credentials against another's ids, on every route that takes one.
//!
//! What belongs to somebody else must answer exactly like what does not exist.

mod judge;
mod values;

use domain::{Error, Result};
use serde_json::json;

use super::{Finding, Findings, Household, Route, Run, shadow::Shadow};
use crate::{
    client::{Auth, Client, Payload},
    evidence::{Reason, Verdict},
};
use judge::Target;
pub(super) use values::{Values, absent, is_target, parameters, payloads};

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let (site, houses) = (cx.site, cx.houses);
    exist(&site.client, &houses.second).await?;
    let absent = absent(cx.seed, site.clock.now());
    let routes: Vec<&Route> = site.routes.iter().filter(|route| is_target(route)).collect();
    let (mut covered, mut requests, mut crossed, mut disturbed) = (0, 0, false, false);
    let mut uncovered = Vec::new();
    for route in &routes {
        let target = Target { client: &site.client, house: &houses.first, route };
        let judged = target.judge(&houses.second, &absent).await?;
        requests += judged.requests;
        disturbed |= judged.disturbed;
        if let Some((foreign, absent)) = judged.crossed {
            crossed = true;
            // Which route it was is for the operator; the answers themselves are nobody's to read here.
            tracing::warn!(
                method = route.method,
                path = route.path,
                foreign,
                absent,
                "a foreign id is told apart"
            );
        }
        if judged.looked_up {
            covered += 1;
        } else {
            uncovered.push(format!("{} {}", route.method, route.path));
        }
    }
    let planted = careless_route_is_caught(cx, &absent).await?;
    let population = routes.len() as u64;
    let verdict = if crossed {
        Verdict::Fail(Reason::BorderCrossed)
    } else if disturbed {
        Verdict::Error(Reason::Unreachable)
    } else {
        Verdict::held(planted, covered, population, cx.floor("TEN-04"))
    };
    let finding = Finding::new(verdict, planted, (covered, population))
        .measure("requests sent", requests, "requests")
        .uncovered(uncovered);
    Ok(vec![("TEN-04", finding)])
}

/// A mis-scoped route, served by the prober itself, must look like a crossing to the same judge.
async fn careless_route_is_caught(cx: Run<'_>, absent: &Values) -> Result<bool> {
    let (first, second) = (&cx.houses.first, &cx.houses.second);
    let rows = [first, second].map(|house| {
        let name = json!({"id": house.project.to_string(), "name": house.project_name});
        (house.project.to_string(), name.to_string())
    });
    let shadow = Shadow::serve(rows.into()).await?;
    let client = Client::new(&shadow.base_url(), cx.site.clock.clone())?;
    let route = Route {
        method: "GET".to_owned(),
        path: "/api/v1/shadow/{project}".to_owned(),
        permission: String::new(),
    };
    let target = Target { client: &client, house: first, route: &route };
    let judged = target.judge(second, absent).await?;
    Ok(judged.looked_up && judged.crossed.is_some())
}

/// The foreign objects must exist, or not finding them would mean nothing.
async fn exist(client: &Client, house: &Household) -> Result<()> {
    let object = |name: &str| house.objects.get(name).map(String::as_str).unwrap_or_default();
    for (path, name) in [
        ("/api/v1/projects/", "project"),
        ("/api/v1/keys/", "key"),
        ("/api/v1/providers/", "provider"),
    ] {
        let path = format!("{path}{}?organization={}", object(name), house.slug);
        let auth = Auth::Session(&house.session);
        client.send("GET", &path, auth, Payload::Empty).await?.ok()?;
    }
    if house.recorded(client, &[object("request")]).await {
        Ok(())
    } else {
        Err(Error::upstream("The installation keeps no record of a request."))
    }
}
