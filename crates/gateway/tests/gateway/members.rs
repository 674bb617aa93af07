//! Budgets of members: what the keys that one person made may spend together, over all projects.

use domain::{Action, BudgetOf, Event, Period, ProjectId, UserId};
use gateway::Gateway;
use http::HeaderMap;
use llm::Format;
use store::{NewKey, NewProject, Scope};

use crate::house::{FORMATS, House, Told, api_key, error_code, events, read, request};

/// What a request of the house and its echo cost, in nano-units: three words each way.
const ECHO: u64 = 3 * 1_000 + 3 * 4_000;
/// Enough for one request, and with that spent not for another.
const ONE: u64 = 135_000;

fn owner(house: &House) -> UserId {
    house.owner.actor().user().unwrap()
}

async fn ask(house: &House, key: &Scope, stream: bool) -> Told {
    let model = if stream { "open/sandbox-slow" } else { "open/sandbox-echo" };
    let body = request(model, stream).to_string();
    read(house.start_with(key, FORMATS[0], &HeaderMap::new(), body).await).await
}

async fn spent(gateway: &Gateway, house: &House, of: BudgetOf) -> (u64, u64) {
    let all = gateway.budgets(&house.owner).await.unwrap();
    let state = all.into_iter().find(|state| state.budget.of == of).unwrap();
    (state.spent_nano, state.reserved_nano)
}

async fn another_project(house: &House) -> ProjectId {
    let mut write = house.store.write(&house.owner).await.unwrap();
    let new = NewProject { name: "Q".to_owned(), slug: "q".to_owned() };
    let project = write.project_create(new).await.unwrap().id;
    write.commit(Event::new(Action::ProjectCreate)).await.unwrap();
    project
}

/// A key that no person made: an admin key did.
async fn key_of_nobody(house: &House) -> Scope {
    let new = vault::api_key::generate("pbk").unwrap();
    let mut write = house.store.write(&house.owner).await.unwrap();
    let key = NewKey {
        project: None,
        name: "A".to_owned(),
        digest: new.digest,
        handle: new.handle.clone(),
        last_four: new.last_four.clone(),
        scopes: Vec::new(),
        requests_per_minute: None,
        expires: None,
    };
    write.key_create(key).await.unwrap();
    write.commit(Event::new(Action::AdminKeyCreate)).await.unwrap();
    let presented = vault::api_key::parse("pbk", new.text.expose()).unwrap();
    let admin = house.store.api_key(&presented).unwrap();
    api_key(&house.store, &admin, house.project(), None).await
}

#[tokio::test]
async fn all_keys_of_a_member_spend_from_one_budget() {
    let house = House::new().await;
    let of = BudgetOf::User(owner(&house));
    let elsewhere = another_project(&house).await;
    let second = api_key(&house.store, &house.owner, elsewhere, None).await;
    let nobodys = key_of_nobody(&house).await;
    house.budget(BudgetOf::Organization, 9_000_000).await;
    house.budget(of, ONE).await;
    assert_eq!(ask(&house, &second, false).await.status, 200);
    assert_eq!(spent(&house.gateway, &house, of).await, (ECHO, 0));
    for key in [&house.key, &second] {
        let told = ask(&house, key, false).await;
        assert_eq!(told.status, 429, "{}", told.text);
        assert_eq!(error_code(FORMATS[0], &told.json()), "budget_exceeded");
        for part in
            ["the member who made this API key", "in total", "An admin of your organization"]
        {
            assert!(told.text.contains(part), "{part}: {}", told.text);
        }
    }
    assert_eq!(ask(&house, &nobodys, false).await.status, 200, "it counts for no member");
    assert_eq!(spent(&house.gateway, &house, of).await, (ECHO, 0));
    assert_eq!(spent(&house.gateway, &house, BudgetOf::Organization).await, (2 * ECHO, 0));
    // After a start, from what waits in the journal and from the database.
    assert_eq!(spent(&house.started_anew(), &house, of).await, (ECHO, 0));
    house.store.drain().await.unwrap();
    assert_eq!(spent(&house.started_anew(), &house, of).await, (ECHO, 0));
}

#[tokio::test]
async fn what_was_spent_before_it_was_set_counts() {
    let house = House::new().await;
    let of = BudgetOf::User(owner(&house));
    let second = api_key(&house.store, &house.owner, another_project(&house).await, None).await;
    assert_eq!(ask(&house, &house.key, false).await.status, 200);
    house.store.drain().await.unwrap();
    assert_eq!(ask(&house, &second, false).await.status, 200);
    let id = house.budget(of, 2 * ECHO + ONE).await;
    assert_eq!(spent(&house.gateway, &house, of).await, (2 * ECHO, 0));
    assert_eq!(ask(&house, &second, false).await.status, 200);
    assert_eq!(ask(&house, &second, false).await.status, 429);
    let mut write = house.store.write(&house.owner).await.unwrap();
    assert_eq!(write.budget_set(of, Period::Total, 9_000_000).await.unwrap().id, id);
    write.commit(Event::new(Action::BudgetSet)).await.unwrap();
    assert_eq!(ask(&house, &second, false).await.status, 200, "a change holds at once");
    assert_eq!(spent(&house.gateway, &house, of).await, (4 * ECHO, 0));
}

#[tokio::test]
async fn a_stream_is_cut_and_told_at_the_limit() {
    let house = House::new().await;
    let of = BudgetOf::User(owner(&house));
    let id = house.budget(of, 250_000).await;
    let told = house.ask(Format::AnthropicMessages, &request("open/sandbox-slow", true)).await;
    assert_eq!(told.status, 200);
    let all = events(&told.text);
    assert_eq!(error_code(Format::AnthropicMessages, all.last().unwrap()), "budget_exceeded");
    assert!(told.text.contains("the member who made this API key"), "{}", told.text);
    let (sum, reserved) = spent(&house.gateway, &house, of).await;
    assert_eq!((house.row().await.cost_nano, reserved), (Some(sum), 0));
    assert!((100_000..=250_000).contains(&sum), "{sum}");
    house.tasks.close();
    house.tasks.wait().await;
    let mut read = house.store.read(&house.owner).await.unwrap();
    let page = store::Page::first(200);
    let rows = read.audit_list(&store::AuditFilter::default(), &page).await.unwrap().data;
    let told: Vec<_> = rows.iter().filter(|row| row.action == "budget.reach").collect();
    assert_eq!((told.len(), &told[0].targets[0].id), (1, &id.to_string()));
}
