//! The whole route table, asked by everybody who must not get through.

use axum::body::Body;
use domain::{OrgRole, Permission, ProjectRole, Rule};
use http::{Request, StatusCode, header};
use web::{RouteInfo, Surface, route_table};

use crate::house::{Answer, House, Org, Person};

/// The path with the things of an organization in it.
fn fill(route: &RouteInfo, org: &Org) -> String {
    let scope = &org.scope;
    let person = match scope.principal() {
        store::Principal::User { id, .. } => id.to_string(),
        _ => unreachable!(),
    };
    [
        ("{org}", org.slug.to_owned()),
        ("{organization}", scope.org().to_string()),
        ("{project}", org.project.id.to_string()),
        ("{key}", org.key_id.clone()),
        ("{admin_key}", org.admin_key_id.clone()),
        ("{provider}", org.provider.clone()),
        ("{member}", person.clone()),
        ("{user}", person),
        ("{budget}", "bgt_00000000000000000000000000".to_owned()),
        ("{alias}", "als_00000000000000000000000000".to_owned()),
        ("{invitation}", "inv_00000000000000000000000000".to_owned()),
        ("{session}", "ses_00000000000000000000000000".to_owned()),
        ("{request}", "req_00000000000000000000000000".to_owned()),
        ("{file}", "file_00000000000000000000000000".to_owned()),
        ("{batch}", "batch_00000000000000000000000000".to_owned()),
        ("{webhook}", "whk_00000000000000000000000000".to_owned()),
        ("{connection}", "con_00000000000000000000000000".to_owned()),
        ("{way}", "con_00000000000000000000000000".to_owned()),
        ("{token}", "nothing".to_owned()),
        ("{control}", "GW-01".to_owned()),
        ("{*model}", "sandbox-echo".to_owned()),
    ]
    .iter()
    .fold(route.path.to_owned(), |path, (name, value)| path.replace(name, value))
}

async fn ask(
    house: &House,
    route: &RouteInfo,
    path: &str,
    credential: Option<(&str, &str)>,
) -> Answer {
    let mut request = Request::builder()
        .method(route.method)
        .uri(path)
        .header(header::HOST, "127.0.0.1:8080")
        .header("sec-fetch-site", "same-origin");
    if let Some((name, value)) = credential {
        request = request.header(name, value);
    }
    let kind = if route.surface == Surface::Page {
        "application/x-www-form-urlencoded"
    } else {
        "application/json"
    };
    let body = if route.method == "GET" || route.surface == Surface::Page { "" } else { "{}" };
    house.send(request.header(header::CONTENT_TYPE, kind).body(Body::from(body)).unwrap()).await
}

async fn ask_as(house: &House, route: &RouteInfo, path: &str, person: &Person) -> Answer {
    let cookie = format!("probity-session={}", person.token);
    ask(house, route, path, Some(("cookie", &cookie))).await
}

fn guarded() -> Vec<RouteInfo> {
    route_table().into_iter().filter(|route| route.permission != Permission::Public).collect()
}

#[tokio::test]
async fn nobody_gets_through_without_a_credential() {
    let house = House::new().await;
    for route in guarded() {
        let answer = ask(&house, &route, &fill(&route, &house.acme), None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{} {}", route.method, route.path);
        match route.surface {
            Surface::Page => assert!(answer.text.contains("action=\"/sign-in\""), "{}", route.path),
            Surface::Api => assert_eq!(answer.json()["code"], "signed_out", "{}", route.path),
            // Cohere's errors are not wrapped.
            Surface::DataPlane => {
                let error = answer.json();
                let told = error["error"].is_object() || error["message"].is_string();
                assert!(told, "{}: {error}", route.path);
            }
            Surface::Public => unreachable!("{} is public by its place", route.path),
        }
    }
}

#[tokio::test]
async fn what_belongs_to_others_does_not_exist() {
    let house = House::new().await;
    let within =
        |route: &RouteInfo| matches!(route.permission.rule(), Rule::Org(_) | Rule::Project(_));
    let mut seen = 0;
    for route in guarded().iter().filter(|route| within(route)) {
        let path = fill(route, &house.acme);
        let named = path != route.path && route.path != "/api/v1/projects/{project}/grants/{user}";
        if route.surface == Surface::Page {
            let answer = ask_as(&house, route, &path, &house.stranger).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{} {}", route.method, route.path);
            let absent =
                ask_as(&house, route, &path.replace("/o/acme", "/o/absent"), &house.stranger).await;
            assert_eq!(absent.status, StatusCode::NOT_FOUND, "{} {}", route.method, route.path);
            seen += 1;
        } else if named {
            let bearer = format!("Bearer {}", house.other.admin_key);
            let answer = ask(&house, route, &path, Some(("authorization", &bearer))).await;
            // The body is looked at first only where it cannot tell anything about the thing.
            let refused = [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN];
            assert!(
                refused.contains(&answer.status),
                "{} {}: {}",
                route.method,
                route.path,
                answer.status
            );
            if route.method == "GET" {
                let forbidden = route.permission == Permission::AdminKeysManage;
                let expected =
                    if forbidden { StatusCode::FORBIDDEN } else { StatusCode::NOT_FOUND };
                assert_eq!(answer.status, expected, "{} {}", route.method, route.path);
            }
            seen += 1;
        }
    }
    assert!(seen > 40, "only {seen} routes were attacked");
    // Nothing of it happened.
    let list = house.api("GET", "/api/v1/providers", &house.acme.admin_key, None).await;
    assert_eq!(list.json()["data"].as_array().unwrap().len(), 1);
    let models = house.api("GET", "/v1/models", &house.acme.key, None).await;
    assert_eq!(models.status, StatusCode::OK, "the key of acme still works");
}

#[tokio::test]
async fn a_foreign_id_and_an_absent_one_answer_alike() {
    let house = House::new().await;
    let absent = |prefix: &str| format!("{prefix}_00000000000000000000000000");
    let pairs = [
        ("/api/v1/keys/", house.acme.key_id.clone(), absent("key")),
        ("/api/v1/projects/", house.acme.project.id.to_string(), absent("prj")),
        ("/api/v1/providers/", house.acme.provider.clone(), absent("pvd")),
    ];
    for (path, foreign, absent) in pairs {
        let without_id = |mut problem: serde_json::Value| {
            problem.as_object_mut().unwrap().remove("request");
            problem
        };
        let one = house.api("GET", &format!("{path}{foreign}"), &house.other.admin_key, None).await;
        let two = house.api("GET", &format!("{path}{absent}"), &house.other.admin_key, None).await;
        assert_eq!(one.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(without_id(one.json()), without_id(two.json()), "{path}");
    }
}

#[tokio::test]
async fn a_role_that_is_too_low_is_refused() {
    let house = House::new().await;
    let member = house.member("member@acme.example", OrgRole::Member, None).await;
    let viewer =
        house.member("viewer@acme.example", OrgRole::Member, Some(ProjectRole::Viewer)).await;
    for route in guarded().iter().filter(|route| route.surface == Surface::Page) {
        let path = fill(route, &house.acme);
        let in_project = route.path.contains("{project}");
        let say = |answer: &Answer| (answer.status, format!("{} {}", route.method, route.path));
        match route.permission.rule() {
            Rule::Org(least) if least > OrgRole::Member => {
                let answer = ask_as(&house, route, &path, &member).await;
                assert_eq!(say(&answer).0, StatusCode::FORBIDDEN, "{}", say(&answer).1);
            }
            Rule::Project(_) if in_project => {
                let answer = ask_as(&house, route, &path, &member).await;
                assert_eq!(say(&answer).0, StatusCode::NOT_FOUND, "{}", say(&answer).1);
            }
            _ => {}
        }
        match route.permission.rule() {
            Rule::Project(least) if in_project && least > ProjectRole::Viewer => {
                let answer = ask_as(&house, route, &path, &viewer).await;
                assert_eq!(say(&answer).0, StatusCode::FORBIDDEN, "{}", say(&answer).1);
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn keys_stay_on_their_own_plane() {
    let house = House::new().await;
    for route in guarded() {
        let path = fill(&route, &house.acme);
        let key = match route.surface {
            Surface::Api => &house.acme.key,
            Surface::DataPlane => &house.acme.admin_key,
            _ => continue,
        };
        let bearer = format!("Bearer {key}");
        let answer = ask(&house, &route, &path, Some(("authorization", &bearer))).await;
        let refused = [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND];
        assert!(
            refused.contains(&answer.status),
            "{} {}: {}",
            route.method,
            route.path,
            answer.status
        );
    }
}

#[tokio::test]
async fn a_change_from_another_site_is_refused() {
    let house = House::new().await;
    let cookie = format!("probity-session={}", house.owner.token);
    let changing = |route: &&RouteInfo| {
        route.method != "GET" && matches!(route.surface, Surface::Page | Surface::Api)
    };
    for route in route_table().iter().filter(changing) {
        let path = fill(route, &house.acme);
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("origin", "http://evil.example"),
            ("x-nothing", "at all"),
        ] {
            let request = Request::builder()
                .method(route.method)
                .uri(&path)
                .header(header::HOST, "127.0.0.1:8080")
                .header(header::COOKIE, &cookie)
                .header(name, value);
            let answer = house.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(
                answer.status,
                StatusCode::FORBIDDEN,
                "{} {} with {name}",
                route.method,
                route.path
            );
            assert!(answer.text.contains("cross_site"), "{} {}", route.method, route.path);
        }
    }
}

#[test]
fn every_route_stands_in_the_table_once() {
    let table = route_table();
    let mut lines: Vec<_> =
        table.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let all = lines.len();
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), all);
    // Public is a decision, not an accident: a new line here wants a reason.
    let public: Vec<_> = table
        .iter()
        .filter(|route| route.permission == Permission::Public)
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    insta::assert_snapshot!(public.join("\n"));
    let guarded: Vec<_> = table
        .iter()
        .filter(|route| route.permission != Permission::Public)
        .map(|route| format!("{:18} {:6} {}", route.permission.as_str(), route.method, route.path))
        .collect();
    insta::assert_snapshot!(guarded.join("\n"));
}
