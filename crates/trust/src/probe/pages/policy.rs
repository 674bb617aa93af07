//! Every page of this build, and the content policy it comes with, held against the one that is published here.

use std::collections::{BTreeMap, BTreeSet};

use domain::Result;

use super::fill;
use crate::{
    client::{Answer, Auth, Client, Payload},
    evidence::{Reason, Verdict},
    probe::{Finding, Route, Run, shadow::Shadow},
    registry::ParamValue,
};

const CONTROL: &str = "VUL-16";
const HEADER: &str = "content-security-policy";
/// What would let anybody's code run, whatever else a policy says.
const LOOSE: [&str; 8] =
    ["*", "'unsafe-inline'", "'unsafe-eval'", "http:", "https:", "data:", "blob:", "filesystem:"];
/// Without one of these a page can be framed, sent elsewhere, or based elsewhere.
const NEEDED: [&str; 4] = ["default-src", "base-uri", "form-action", "frame-ancestors"];
/// The policy that a careless page would have.
const CARELESS: &str = "content-type: text/html\r\ncontent-security-policy: default-src 'self'; \
                        script-src 'self' 'unsafe-inline'";

/// Sources by directive.
type Policy = BTreeMap<String, BTreeSet<String>>;

pub(super) async fn run(cx: Run<'_>) -> Result<Finding> {
    let published = published(cx);
    let routes: Vec<_> = cx.site.routes.iter().filter(|route| is_page(route)).collect();
    let (mut pages, mut loose) = (0, 0);
    let mut uncovered = Vec::new();
    for route in &routes {
        match page(cx, route).await? {
            Some(answer) if is_as(&answer, &published) => pages += 1,
            Some(_) => {
                tracing::warn!(path = route.path, "a page came with another policy");
                loose += 1;
            }
            None => uncovered.push(route.path.clone()),
        }
    }
    let planted = careless_pages_are_caught(cx, &published).await?;
    let population = routes.len() as u64;
    let verdict = if loose > 0 || !is_strict(&published) {
        Verdict::Fail(Reason::PolicyLoose)
    } else {
        Verdict::held(planted, pages, population, cx.floor(CONTROL))
    };
    Ok(Finding::new(verdict, planted, (pages, population))
        .measure("directives of the policy", published.len() as u64, "directives")
        .uncovered(uncovered))
}

/// The policy as the registry says it.
fn published(cx: Run<'_>) -> Policy {
    match cx.param(CONTROL, "policy") {
        Some(ParamValue::Text(text)) => parse(text),
        _ => Policy::new(),
    }
}

/// Of two directives of one name, browsers follow the first.
fn parse(text: &str) -> Policy {
    let mut policy = Policy::new();
    for directive in text.split(';') {
        let mut words = directive.split_ascii_whitespace().map(str::to_ascii_lowercase);
        let Some(name) = words.next() else { continue };
        policy.entry(name).or_insert_with(|| words.collect());
    }
    policy
}

fn is_strict(policy: &Policy) -> bool {
    let closed = policy.get("default-src").is_some_and(|all| all.iter().eq(["'none'"]));
    let mut sources = policy.values().flatten();
    let loose = sources.any(|source| LOOSE.contains(&source.as_str()));
    closed && !loose && NEEDED.iter().all(|name| policy.contains_key(*name))
}

/// Whether an answer carries this policy, and only once: what a second one adds is not published.
fn is_as(answer: &Answer, published: &Policy) -> bool {
    let mut all = answer.headers.get_all(HEADER).iter();
    let first = all.next().and_then(|value| value.to_str().ok()).map(parse);
    all.next().is_none() && first.as_ref() == Some(published)
}

/// Pages for people: neither what programs read nor what is downloaded.
fn is_page(route: &Route) -> bool {
    let file = route.path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let for_programs =
        ["/api/", "/trust/", "/healthz", "/readyz", "/metrics", "/subprocessors/feed"];
    route.method == "GET"
        && route.permission != "inference"
        && !file
        && !route.path.starts_with("/.")
        && !for_programs.iter().any(|start| route.path.starts_with(start))
}

/// The page behind a route; to whoever is signed in some lead on, and are looked at as nobody.
async fn page(cx: Run<'_>, route: &Route) -> Result<Option<Answer>> {
    let house = &cx.houses.first;
    let path = fill(cx, route, &house.objects);
    for auth in [Auth::Session(&house.session), Auth::Nobody] {
        let answer = cx.site.client.send("GET", &path, auth, Payload::Empty).await?;
        if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

/// A page that lets inline scripts run, and one without any policy, must not look like one of ours.
async fn careless_pages_are_caught(cx: Run<'_>, published: &Policy) -> Result<bool> {
    let mut caught = true;
    for headers in [CARELESS, "content-type: text/html"] {
        let page = [("page".to_owned(), "<!doctype html>".to_owned())];
        let shadow = Shadow::serve_with(headers, page.into()).await?;
        let client = Client::new(&shadow.base_url(), cx.site.clock.clone())?;
        let answer = client.send("GET", "/page", Auth::Nobody, Payload::Empty).await?;
        caught &= answer.status == 200 && !is_as(&answer, published);
    }
    Ok(caught && !is_strict(&parse("default-src 'none'; script-src 'self' 'unsafe-inline'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_compared_by_what_they_say() {
        let strict = "default-src 'none'; script-src 'self'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";
        let policy = parse(strict);
        assert!(is_strict(&policy));
        assert_eq!(policy, parse(&strict.replace("; ", " ;  ").to_uppercase()));
        for (from, to) in [
            ("'none'; script", "'self'; script"),
            ("script-src 'self'", "script-src 'self' 'unsafe-inline'"),
            ("script-src 'self'", "script-src *"),
            ("base-uri 'none'; ", ""),
        ] {
            assert!(!is_strict(&parse(&strict.replace(from, to))), "{to}");
        }
        assert!(!is_strict(&Policy::new()));
        // The first of two is the one that counts.
        assert_eq!(parse("script-src 'self'; script-src *"), parse("script-src 'self'"));
    }

    #[test]
    fn pages_are_what_people_look_at() {
        let page = |method: &str, path: &str| {
            let (method, path) = (method.to_owned(), path.to_owned());
            is_page(&Route { method, path, permission: "public".to_owned() })
        };
        assert!(
            page("GET", "/") && page("GET", "/o/{org}/p/{project}/keys") && page("GET", "/trust")
        );
        assert!(!page("POST", "/theme") && !page("GET", "/o/{org}/usage.csv"));
        assert!(!page("GET", "/trust/events") && !page("GET", "/.well-known/security.txt"));
    }
}
