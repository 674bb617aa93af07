//! The organizations a run works with, furnished through the public API as any customer would.

use std::{collections::BTreeMap, time::Duration};

use domain::{ProjectId, Result, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    client::{Auth, Client, Payload},
    seed::Seed,
    wire::{Newcomer, Receiver, Resident, Tenant, Tenants},
};

/// How long the record of a request may take. The first after a pause is written at once, those that follow in
/// batches ten seconds apart: less than that proves nothing, and a busy machine takes longer.
const RECORDED: Duration = Duration::from_secs(60);

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(250);

/// Both organizations.
pub(crate) struct Houses {
    pub(crate) first: Household,
    pub(crate) second: Household,
    /// One that has connected nobody.
    pub(crate) third: Newcomer,
    pub(crate) made: Timestamp,
}

/// One organization with one of everything.
pub(crate) struct Household {
    pub(crate) slug: String,
    pub(crate) email: String,
    pub(crate) session: String,
    /// The owner's other session, in which no second factor was shown.
    pub(crate) weak: String,
    pub(crate) project: ProjectId,
    pub(crate) project_name: String,
    /// The random name of the API key: known to be in the database.
    pub(crate) key_name: String,
    /// The text of the API key for model calls.
    pub(crate) api_key: String,
    /// The text of the admin key.
    pub(crate) admin_key: String,
    /// What each parameter of a path can be filled with.
    pub(crate) objects: BTreeMap<&'static str, String>,
    /// Where its events arrive.
    pub(crate) receiver: Receiver,
    /// Somebody for each role.
    pub(crate) residents: Vec<Resident>,
}

impl Houses {
    pub(crate) async fn furnish(
        client: &Client,
        tenants: &Tenants,
        seed: Seed,
        now: Timestamp,
    ) -> Result<Self> {
        let first = Household::furnish(client, &tenants.first, seed, "first").await?;
        let second = Household::furnish(client, &tenants.second, seed, "second").await?;
        let third = tenants.third.clone();
        Ok(Self { first, second, third, made: now })
    }

    /// The third organization's API, as its owner uses it.
    pub(super) fn third<'a>(&'a self, client: &'a Client) -> Owner<'a> {
        Owner { client, slug: &self.third.slug, session: &self.third.session }
    }
}

pub(super) fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn id<T: std::str::FromStr>(value: &Value) -> Result<T> {
    let unreadable = |_| domain::Error::upstream("The installation answered without an id.");
    text(value, "id").parse().map_err(unreadable)
}

/// The API of one organization, as its owner uses it.
pub(super) struct Owner<'a> {
    client: &'a Client,
    slug: &'a str,
    session: &'a str,
}

impl Owner<'_> {
    pub(super) async fn ask(&self, method: &str, path: &str, payload: Payload) -> Result<Value> {
        let path = format!("{path}?organization={}", self.slug);
        let auth = Auth::Session(self.session);
        self.client.send(method, &path, auth, payload).await?.ok()?.json()
    }

    /// Removes something, or takes it back.
    pub(super) async fn end(&self, path: &str) -> Result<()> {
        let path = format!("{path}?organization={}", self.slug);
        let auth = Auth::Session(self.session);
        self.client.send("DELETE", &path, auth, Payload::Empty).await?.ok().map(drop)
    }

    /// The id of the project of this name, which is made where there is none.
    pub(super) async fn project(&self, slug: &str) -> Result<String> {
        let listed = self.ask("GET", "/api/v1/projects", Payload::Empty).await?;
        let mut all = listed.get("data").and_then(Value::as_array).into_iter().flatten();
        if let Some(found) = all.find(|one| text(one, "slug") == slug) {
            return Ok(text(found, "id"));
        }
        let new = json!({"name": slug, "slug": slug});
        let made = self.ask("POST", "/api/v1/projects", Payload::Json(new)).await?;
        Ok(text(&made, "id"))
    }

    /// A budget of a project in which nothing is asked: under a budget nobody is asked whose prices are unknown.
    async fn budget(&self) -> Result<Value> {
        const SLUG: &str = "spare";
        self.project(SLUG).await?;
        let new = json!({"project": SLUG, "period": "total", "limit_nano": 1_000_000_000_u64});
        self.ask("PUT", "/api/v1/budgets", Payload::Json(new)).await
    }

    /// A file and a batch of it that cannot be worked through: nothing is asked for, and nothing of the kind that
    /// other probes send is stored. They are forgotten within hours.
    async fn batch(&self, project: ProjectId, key: &str) -> Result<(String, String)> {
        let path = format!("/api/v1/projects/{project}/content-storage");
        self.ask("PUT", &path, Payload::Json(json!({"allowed": true}))).await?;
        let auth = Auth::Key(key);
        let newest = async |path: &str| -> Result<Option<String>> {
            let listed = self.client.send("GET", path, auth, Payload::Empty).await?.ok()?.json()?;
            let first = listed.get("data").and_then(Value::as_array).and_then(|all| all.first());
            Ok(first.map(|one| text(one, "id")))
        };
        let known = (newest("/v1/files?limit=1").await?, newest("/v1/batches?limit=1").await?);
        if let (Some(file), Some(batch)) = known {
            return Ok((file, batch));
        }
        let file = Payload::File("not a request".into());
        let file = self.client.send("POST", "/v1/files", auth, file).await?.ok()?.json()?;
        let file = text(&file, "id");
        let order = json!({
            "input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h",
            "output_expires_after": {"anchor": "created_at", "seconds": 3600},
        });
        let order = Payload::Json(order);
        let batch = self.client.send("POST", "/v1/batches", auth, order).await?.ok()?.json()?;
        Ok((file, text(&batch, "id")))
    }

    async fn first(&self, path: &str) -> Result<Option<Value>> {
        let listed = self.ask("GET", path, Payload::Empty).await?;
        Ok(listed.get("data").and_then(Value::as_array).and_then(|all| all.first()).cloned())
    }

    async fn first_or(&self, path: &str, new: Value) -> Result<Value> {
        match self.first(path).await? {
            Some(found) => Ok(found),
            None => self.ask("POST", path, Payload::Json(new)).await,
        }
    }
}

impl Household {
    async fn furnish(client: &Client, tenant: &Tenant, seed: Seed, name: &str) -> Result<Self> {
        let owner = Owner { client, slug: &tenant.slug, session: &tenant.session };
        let word = |what: &str| seed.text(&format!("{name}|{what}"), 14);
        let project = owner.first_or("/api/v1/projects", json!({"name": word("project")})).await?;
        let project_id: ProjectId = id(&project)?;
        let key_name = word("key");
        let new = json!({"name": key_name, "project": project_id, "expires_in_days": 1});
        let key = owner.ask("POST", "/api/v1/keys", Payload::Json(new)).await?;
        let new = json!({"name": word("admin"), "expires_in_days": 1});
        let admin = owner.ask("POST", "/api/v1/admin-keys", Payload::Json(new)).await?;
        let new = json!({"name": "summary", "target": "sandbox-echo"});
        let alias = owner.ask("PUT", "/api/v1/aliases", Payload::Json(new)).await?;
        let new = json!({"email": format!("{}@{}.example", word("guest"), word("host")), "role": "member"});
        let invitation = owner.first_or("/api/v1/invitations", new).await?;
        let new = json!({
            "kind": "oidc", "name": word("door"), "issuer": format!("https://{}.example", word("issuer")),
            "client_id": word("client"), "client_secret": word("secret"),
        });
        let connection = owner.first_or("/api/v1/connections", new).await?;
        let budget = owner.budget().await?;
        let api_key = text(&key, "secret");
        let request = call(client, &api_key).await?;
        let (file, batch) = owner.batch(project_id, &api_key).await?;
        let objects = BTreeMap::from([
            ("org", tenant.slug.clone()),
            ("organization", tenant.org.to_string()),
            ("project", project_id.to_string()),
            ("key", text(&key, "id")),
            ("admin_key", text(&admin, "id")),
            ("alias", text(&alias, "id")),
            ("invitation", text(&invitation, "id")),
            ("provider", tenant.provider.to_string()),
            ("member", tenant.owner.to_string()),
            ("user", tenant.owner.to_string()),
            ("request", request),
            ("session", tenant.session_id.to_string()),
            ("budget", text(&budget, "id")),
            ("file", file),
            ("batch", batch),
            ("webhook", tenant.receiver.id.clone()),
            ("connection", text(&connection, "id")),
        ]);
        Ok(Self {
            slug: tenant.slug.clone(),
            email: tenant.email.clone(),
            session: tenant.session.clone(),
            weak: tenant.weak.clone(),
            project: project_id,
            project_name: text(&project, "name"),
            key_name,
            api_key,
            admin_key: text(&admin, "secret"),
            objects,
            receiver: tenant.receiver.clone(),
            residents: tenant.residents.clone(),
        })
    }
}

impl Household {
    pub(super) fn owner<'a>(&'a self, client: &'a Client) -> Owner<'a> {
        Owner { client, slug: &self.slug, session: &self.session }
    }

    /// Waits until the records of these requests are written, which is when their receipts can be read.
    /// `false` when one of them does not come.
    pub(crate) async fn recorded(&self, client: &Client, requests: &[&str]) -> bool {
        let until = Instant::now() + RECORDED;
        let mut all = true;
        for request in requests {
            let path = format!("/api/v1/receipts/{request}?organization={}", self.slug);
            all &= loop {
                let auth = Auth::Session(&self.session);
                // An installation that is too busy to answer now may do so in a moment.
                let answer = client.send("GET", &path, auth, Payload::Empty).await;
                if answer.is_ok_and(|answer| answer.status == 200) {
                    break true;
                }
                if Instant::now() >= until {
                    break false;
                }
                tokio::time::sleep(LOOK).await;
            };
        }
        all
    }
}

/// A model call, so that there is a request to ask for; returns its id.
async fn call(client: &Client, api_key: &str) -> Result<String> {
    let body = json!({"model": "sandbox-echo", "messages": [{"role": "user", "content": "hello"}]});
    let path = "/v1/chat/completions";
    let answer = client.send("POST", path, Auth::Key(api_key), Payload::Json(body)).await?.ok()?;
    Ok(answer.header("x-request-id").unwrap_or_default().to_owned())
}
