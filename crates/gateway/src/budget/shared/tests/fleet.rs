//! A deployment of several servers with a budget, for the tests.

use std::time::Duration;

use domain::{
    Action, BudgetOf, Clock, Event, Period, Price, Prices, Protocol, Provenance, ProviderId,
    RequestId, Secret, Timestamp, Usage, UserId,
};
use llm::Format;
use store::{
    Authority, Config, Intent, NewKey, NewOrganization, NewProject, NewSession, NewUser, Scope,
    Settlement,
};
use testkit::{Backend, Redis};
use uuid::Uuid;

use tokio_util::task::TaskTracker;

use super::super::*;
use crate::budget::{Books, Tab, price::Worst, tab::Short};

/// Nano-units of one token of output, the only thing that costs.
pub(super) const TOKEN: u64 = 10;
/// The least that a request is worth.
pub(super) const LEAST: u64 = 16 * TOKEN;

/// What the servers of a test count in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum In {
    Database,
    Redis,
}

pub(super) struct Open {
    pub(super) tab: Tab,
    pub(super) request: RequestId,
}

impl Open {
    pub(super) fn reserved(&self) -> u64 {
        self.tab.reserved().unwrap_or(0)
    }
}

pub(super) struct Node {
    pub(super) store: Store,
    pub(super) books: Books,
    pub(super) tasks: TaskTracker,
    pub(super) open: Vec<Open>,
}

impl Node {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        self.books.shared.as_ref().unwrap()
    }

    pub(super) async fn tick(&self) -> bool {
        self.shared().tick().await.is_ok()
    }

    /// Sets aside what a request of so many tokens costs at most; less where less is left.
    pub(super) async fn reserve(&self, scope: &Scope, tokens: u64) -> Result<Open, &'static str> {
        let book =
            self.books.of(&self.store, &self.tasks, scope).await.map_err(|error| error.code())?;
        let payer = scope.payer().unwrap();
        let mut tab = Tab::new(book, payer, self.books.now(self.store.clock()));
        let worst = || Some(worst(tokens));
        let mut done = tab.reserve(worst);
        if done.is_err() {
            done = tab.lease(worst).await;
        }
        match done {
            Ok(()) => {}
            Err(Short::Away(error)) => return Err(error.code()),
            Err(Short::Money(_)) => return Err("budget_exceeded"),
            Err(Short::NoPrice) => return Err("no_price"),
        }
        let request = RequestId::new(self.store.clock().now());
        let intent = Intent {
            request,
            org: scope.org(),
            project: payer.project,
            key: payer.key,
            provider: ProviderId::from_uuid(Uuid::from_u128(2)),
            model: "m".to_owned(),
            requested_model: "m".to_owned(),
            protocol: Protocol::OpenAi,
            started: tab.started(),
            streaming: false,
            reserved_nano: tab.reserved(),
        };
        self.store.journal().intent(&intent).unwrap();
        Ok(Open { tab, request })
    }

    /// Ends a request that cost so much.
    pub(super) fn settle(&self, mut open: Open, cost: u64) {
        let settlement = Settlement {
            request: open.request,
            ended: self.store.clock().now(),
            usage: Usage { output: 1, provenance: Provenance::Reported, ..Usage::default() },
            cost_nano: Some(cost),
            currency: Some(domain::CURRENCY.to_owned()),
            status: 200,
            error_code: None,
            first_token_ms: None,
            attempts: 1,
            receipt_json: "{}".to_owned(),
        };
        open.tab.settle(Some(cost), || self.store.journal().settle(&settlement)).unwrap();
    }
}

pub(super) fn worst(tokens: u64) -> Worst {
    let base = Price { input: Some(0), output: Some(TOKEN), ..Price::default() };
    let head = format!("{{\"model\":\"m\",\"messages\":[],\"max_tokens\":{tokens}}}");
    let head = llm::head(Format::OpenAiChat, head.as_bytes()).unwrap();
    Worst::of(&Prices { base, rules: Vec::new() }, None, &head, (0, 0)).unwrap()
}

/// A deployment with some servers and one budget, of its organization or of the maker of its keys.
pub(super) struct Fleet {
    pub(super) backend: Backend,
    pub(super) redis: Option<Redis>,
    pub(super) owner: Scope,
    pub(super) caller: Scope,
    /// Another key of the same maker, in another project.
    second: Scope,
    /// Whose the budget is.
    of: BudgetOf,
    pub(super) nodes: Vec<Option<Node>>,
    pub(super) clocks: Vec<Clock>,
    pub(super) period: Period,
    /// What really was spent: what requests cost, and what was set aside for those that nobody saw the end of.
    pub(super) spent: u64,
}

impl Fleet {
    pub(super) async fn new(what: In, servers: usize, (period, limit): (Period, u64)) -> Self {
        let backend = Backend::postgres().await;
        let clock = backend.clock.clone();
        let clocks = (0..servers).map(|_| clock.clone()).collect();
        Self::at(what, backend, clocks, (period, limit)).await
    }

    pub(super) async fn at(
        what: In,
        backend: Backend,
        clocks: Vec<Clock>,
        (period, limit): (Period, u64),
    ) -> Self {
        let store = backend.open().await;
        let (owner, caller, second) = found(&store).await;
        let redis = (what == In::Redis).then(Redis::start);
        let nodes = clocks.iter().map(|_| None).collect();
        store.drain().await.unwrap();
        store.close().await.unwrap();
        let of = BudgetOf::Organization;
        let mut fleet =
            Self { backend, redis, owner, caller, second, of, nodes, clocks, period, spent: 0 };
        for at in 0..fleet.nodes.len() {
            fleet.start(at).await;
        }
        fleet.limit(limit).await;
        fleet
    }

    /// The same with a budget of the member who made the keys, in place of the organization's.
    pub(super) async fn of_member(mut self, limit: u64) -> Self {
        let node = self.nodes.iter().flatten().next().unwrap();
        let mut write = node.store.write(&self.owner).await.unwrap();
        let whole = write.budgets_list().await.unwrap()[0].id;
        write.budget_remove(whole).await.unwrap();
        write.commit(Event::new(Action::BudgetRemove)).await.unwrap();
        self.of = BudgetOf::User(self.owner.actor().user().unwrap());
        self.limit(limit).await;
        self
    }

    pub(super) fn counters(&self) -> Counters {
        match &self.redis {
            Some(redis) => Counters::Redis(Secret::new(redis.url())),
            None => Counters::Postgres,
        }
    }

    pub(super) async fn start(&mut self, at: usize) {
        if self.nodes[at].is_some() {
            return;
        }
        let data_dir = self.backend.directory().join(format!("server-{at}"));
        let config = Config { data_dir, ..self.backend.config.clone() };
        let clock = self.clocks[at].clone();
        let store = Store::open(&config, clock.clone()).await.unwrap();
        let egress = Egress::new(&egress::Config::default(), clock).unwrap();
        let tasks = TaskTracker::new();
        let books = Books::new(Shared::of(&self.counters(), (&store, &egress)));
        self.nodes[at] = Some(Node { store, books, tasks, open: Vec::new() });
    }

    /// Ends it in the middle of everything. What it had set aside counts as spent from now on.
    pub(super) async fn crash(&mut self, at: usize) {
        let Some(node) = self.nodes[at].take() else { return };
        self.spent += node.open.iter().map(Open::reserved).sum::<u64>();
        // The journal has their intents, and nobody will settle them.
        drop(node.books);
        drop(node.open);
        node.store.close().await.unwrap();
    }

    pub(super) async fn limit(&self, limit: u64) {
        let node = self.nodes.iter().flatten().next().unwrap();
        let mut write = node.store.write(&self.owner).await.unwrap();
        write.budget_set(self.of, self.period, limit).await.unwrap();
        write.commit(Event::new(Action::BudgetSet)).await.unwrap();
        for node in self.nodes.iter().flatten() {
            node.store.drain().await.unwrap();
        }
    }

    pub(super) async fn reserve(&mut self, at: usize, tokens: u64) -> Result<u64, &'static str> {
        let Some(node) = &mut self.nodes[at] else { return Err("not running") };
        let key = if tokens.is_multiple_of(2) { &self.caller } else { &self.second };
        let open = node.reserve(key, tokens).await?;
        let reserved = open.reserved();
        assert!(reserved >= LEAST.min(tokens * TOKEN) && reserved <= tokens * TOKEN);
        node.open.push(open);
        Ok(reserved)
    }

    /// Ends the oldest request of a server that used so many 255ths of what was set aside.
    pub(super) fn settle(&mut self, at: usize, share: u8) {
        let Some(node) = self.nodes[at].as_mut().filter(|node| !node.open.is_empty()) else {
            return;
        };
        let open = node.open.remove(0);
        let cost = open.reserved() * u64::from(share) / 255;
        node.settle(open, cost);
        self.spent += cost;
    }

    /// What is spent and set aside by all servers.
    pub(super) fn used(&self) -> u64 {
        let open = self.nodes.iter().flatten().flat_map(|node| &node.open);
        self.spent + open.map(Open::reserved).sum::<u64>()
    }

    pub(super) async fn tick(&self) {
        for node in self.nodes.iter().flatten() {
            node.tick().await;
        }
    }

    /// Everybody is back, every request has ended, and nobody keeps anything.
    pub(super) async fn rest(&mut self) {
        if let Some(redis) = self.redis.as_mut().filter(|redis| !redis.is_running()) {
            redis.start_again();
        }
        for at in 0..self.nodes.len() {
            self.start(at).await;
            while !self.nodes[at].as_ref().unwrap().open.is_empty() {
                self.settle(at, 100);
            }
        }
        // What was lost is only known to be when everybody has joined again.
        let mut quiet = 0;
        for _ in 0..200 {
            let mut all = true;
            for node in self.nodes.iter().flatten() {
                // Whoever was started anew learns of budgets with the first request.
                all &= node.books.of(&node.store, &node.tasks, &self.caller).await.is_ok();
                all &= node.tick().await;
            }
            quiet = if all { quiet + 1 } else { 0 };
            if quiet > 40 {
                break;
            }
            if !all {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        assert!(quiet > 40, "the servers do not come to rest");
    }

    /// All that is left can be set aside by any one server, and the records say what was spent.
    pub(super) async fn check_the_rest(&mut self, limit: u64) {
        let left = limit.saturating_sub(self.spent) / TOKEN;
        if left * TOKEN >= LEAST {
            let last = self.nodes.len() - 1;
            let got = self.reserve(last, left).await;
            assert_eq!(
                got,
                Ok(left * TOKEN),
                "{} of {limit} spent: not all was given back",
                self.spent
            );
            self.settle(last, 0);
        }
        for node in self.nodes.iter().flatten() {
            node.store.settle_batch().await.unwrap();
        }
        let node = self.nodes[0].as_ref().unwrap();
        let windows = node.shared().windows.lock().clone();
        let link = windows[0].link.as_ref().unwrap();
        let recorded = node.store.spent_by_node(&link.of).await.unwrap();
        let recorded: u64 = recorded.iter().map(|(_, nano)| nano).sum();
        assert_eq!(recorded, self.spent);
    }

    pub(super) async fn end(mut self) {
        for node in self.nodes.iter_mut().filter_map(Option::take) {
            drop(node.open);
            node.store.close().await.unwrap();
        }
    }
}

/// An owner, and two keys that they made, each in a project of its own.
async fn found(store: &Store) -> (Scope, Scope, Scope) {
    let deployment = store.deployment(Authority::Bootstrap).await.unwrap();
    let user = UserId::new(store.clock().now());
    let mut write = deployment.write().await.unwrap();
    let (email, name) = ("o@example.com".to_owned(), "O".to_owned());
    let new = NewUser { id: user, email, name, password: None, operator: false };
    write.user_create(new).await.unwrap();
    write.commit(Event::new(Action::UserCreate)).await.unwrap();
    let mut write = deployment.write().await.unwrap();
    let new = NewOrganization { name: "O".to_owned(), slug: "o".to_owned(), owner: user };
    write.organization_create(new).await.unwrap();
    write.commit(Event::new(Action::OrganizationCreate)).await.unwrap();
    let token = vault::random_token().unwrap();
    let digest = vault::sha256(token.expose().as_bytes());
    let expires = Timestamp::from_millis(i64::MAX / 2);
    let proofs = domain::Proofs::of(domain::First::Password, Timestamp::from_millis(0));
    let mut write = deployment.write().await.unwrap();
    write
        .session_create(NewSession { user, digest, expires, proofs, lasting: false })
        .await
        .unwrap();
    write.commit(Event::new(Action::SessionCreate)).await.unwrap();
    let session = store.session(&token).await.unwrap();
    let owner = store.enter(&session, "o").await.unwrap();
    let (caller, second) = (key(store, &owner, "p").await, key(store, &owner, "q").await);
    (owner, caller, second)
}

/// A key in a new project.
async fn key(store: &Store, owner: &Scope, slug: &str) -> Scope {
    let mut write = store.write(owner).await.unwrap();
    let new = NewProject { name: "P".to_owned(), slug: slug.to_owned() };
    let project = write.project_create(new).await.unwrap().id;
    write.commit(Event::new(Action::ProjectCreate)).await.unwrap();
    let new = vault::api_key::generate("pbk").unwrap();
    let mut write = store.write(owner).await.unwrap();
    let key = NewKey {
        project: Some(project),
        name: "K".to_owned(),
        digest: new.digest,
        handle: new.handle.clone(),
        last_four: new.last_four.clone(),
        scopes: vec!["inference".to_owned()],
        requests_per_minute: None,
        expires: None,
    };
    write.key_create(key).await.unwrap();
    write.commit(Event::new(Action::KeyCreate)).await.unwrap();
    let presented = vault::api_key::parse("pbk", new.text.expose()).unwrap();
    store.api_key(&presented).unwrap()
}
