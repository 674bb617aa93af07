//! One cell of the table: a route, somebody with a role, and whether they may.

use domain::Result;
use serde_json::json;

use super::Somebody;
use crate::{
    client::{Auth, Client, Payload},
    probe::{Route, Run, attack::parameters, shadow::Shadow},
};

pub(super) struct Cell<'a> {
    pub(super) route: &'a Route,
    pub(super) who: &'a Somebody,
    /// What the published table says.
    pub(super) allowed: bool,
}

/// What trying it showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Agrees,
    Differs,
    /// There was nothing to look at, or the installation was too busy.
    Undecided,
}

impl<'a> Cell<'a> {
    /// `None` where somebody may do it and trying would do it: what is not asked for in words cannot be asked for in
    /// words that make no sense.
    pub(super) fn new(route: &'a Route, who: &'a Somebody, allowed: bool) -> Option<Self> {
        let worded = route.path.starts_with("/api/")
            && matches!(route.method.as_str(), "POST" | "PUT" | "PATCH")
            && !route.path.ends_with("/test")
            && !route.path.ends_with("/reconcile");
        let endless = route.path.ends_with("/export") || route.path.ends_with(".csv");
        let harmless = route.method == "GET" && !endless;
        (!allowed || harmless || worded).then_some(Self { route, who, allowed })
    }

    pub(super) fn changes(&self) -> bool {
        self.route.method != "GET"
    }

    pub(super) fn is_of_a_viewer_who_changes(&self) -> bool {
        self.who.role == "project.viewer" && self.changes()
    }

    /// How much it would do if it were let through.
    pub(super) fn harm(&self) -> u8 {
        match self.route.method.as_str() {
            "GET" => 0,
            "DELETE" => 3,
            _ if self.route.path.starts_with("/api/") => 1,
            _ => 2,
        }
    }

    pub(super) async fn try_out(&self, cx: Run<'_>) -> Result<Seen> {
        self.try_at(cx, &cx.site.client).await
    }

    /// Whether a server that lets everybody do everything is seen to differ from the table.
    pub(super) async fn shows_a_careless_server(&self, cx: Run<'_>) -> Result<bool> {
        let path = self.path(cx).unwrap_or_default();
        let last = path.split('?').next().and_then(|path| path.rsplit('/').next());
        let row = (last.unwrap_or_default().to_owned(), "{}".to_owned());
        let shadow = Shadow::serve([row].into()).await?;
        let careless = Client::new(&shadow.base_url(), cx.site.clock.clone())?;
        Ok(self.try_at(cx, &careless).await? == Seen::Differs)
    }

    async fn try_at(&self, cx: Run<'_>, client: &Client) -> Result<Seen> {
        let Some(path) = self.path(cx) else { return Ok(Seen::Undecided) };
        let auth = self.who.session.as_deref().map_or(Auth::Nobody, Auth::Session);
        let status = self.status(client, &path, auth).await?;
        let refused = matches!(status, 401 | 403 | 404);
        Ok(match (self.allowed, refused) {
            _ if status == 429 || status >= 500 => Seen::Undecided,
            (false, true) | (true, false) => Seen::Agrees,
            (false, false) => Seen::Differs,
            // Whom an owner is shown the same has met something that is not there.
            (true, true) => {
                let owner = Auth::Session(&cx.houses.first.session);
                let same = status == 404 && self.status(client, &path, owner).await? == 404;
                if same { Seen::Undecided } else { Seen::Differs }
            }
        })
    }

    async fn status(&self, client: &Client, path: &str, auth: Auth<'_>) -> Result<u16> {
        let payload = match (self.route.method.as_str(), self.route.path.starts_with("/api/")) {
            ("GET" | "DELETE", _) => Payload::Empty,
            // Not what any route takes.
            (_, true) => Payload::Json(json!("nothing")),
            _ => Payload::Form("".into()),
        };
        Ok(client.send(&self.route.method, path, auth, payload).await?.status)
    }

    /// What is the organization's own; the person acted upon is one without any role in a project.
    fn path(&self, cx: Run<'_>) -> Option<String> {
        let house = &cx.houses.first;
        let person = || {
            let mut all = house.residents.iter();
            all.find(|one| one.role == "organization.member").map(|one| one.user.to_string())
        };
        let mut path = self.route.path.clone();
        for name in parameters(&self.route.path) {
            let value = match name {
                "member" | "user" => person(),
                _ => house.objects.get(name).cloned(),
            };
            path = path.replace(&format!("{{{name}}}"), &value?);
        }
        if path.starts_with("/api/") {
            path.push_str(&format!("?organization={}&project={}", house.slug, house.project));
        }
        Some(path)
    }
}
