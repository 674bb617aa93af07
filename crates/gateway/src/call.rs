//! Admission: who calls, how often, for what.

use bytes::Bytes;
use domain::{Error, Permission, ProjectId, RequestId, Result};
use http::{HeaderMap, Response};
use llm::{Format, Head, Refusal, Task};
use store::Scope;
use tokio::time::Instant;

use crate::{
    Body, Inner,
    attempt::Attempts,
    budget::Tab,
    exposure::Exposed,
    limit::{Entry, Refusing, Standing},
    masking::Masked,
    meters,
    plan::{Plan, plan},
    rank::Moment,
    realtime::Client,
    receipt::{Asked, Receipt},
    reply,
    send::Sending,
    settle::{Caller, Opening, Settler},
};

/// One request to the data plane.
pub struct Call<'a> {
    pub scope: Scope,
    pub inbound: Format,
    /// The model and whether the answer is a stream, where the path says so.
    pub said: Option<(&'a str, bool)>,
    pub headers: &'a HeaderMap,
    pub body: Bytes,
    pub request: RequestId,
}

impl Call<'_> {
    fn head(&self) -> Result<Head, Refused> {
        let head = match self.said {
            Some((model, stream)) => llm::head_at(model, stream, &self.body),
            None => llm::head(self.inbound, &self.body),
        };
        head.map_err(|bad| Refused::from(Refusal::from(&bad)))
    }
}

impl Inner {
    pub(crate) async fn call(&self, mut call: Call<'_>) -> Response<Body> {
        let began = Instant::now();
        match self.ready(&mut call).await {
            Ok((caller, entry, head, plan, masked)) => {
                self.answer(&call, (caller, entry, began), &head, (plan, masked), None).await
            }
            Err(refused) => self.show(refused, &call),
        }
    }

    /// Asks the plan's candidates. A session takes over the connection of its `client`.
    pub(crate) async fn answer(
        &self,
        call: &Call<'_>,
        from: (Caller, Entry, Instant),
        head: &Head,
        (mut plan, masked): (Plan, Masked),
        client: Option<Client>,
    ) -> Response<Body> {
        let standing = from.1.standing();
        let mut response = match self.open_tab(call, head, &mut plan).await {
            Ok(tab) => {
                let mut sending = self.sending(call, head, (&plan, tab), from);
                sending.attempts.restore = masked.restore;
                sending.settler.receipt.masking = masked.report;
                sending.client = client.map(|client| (client, call.scope.clone()));
                sending.send(plan).await
            }
            Err(error) => self.refused(head, &Refused::from(&error), call),
        };
        standing.write(response.headers_mut(), call.inbound, self.clock.now());
        response
    }

    /// A refusal in the shape of what was asked for.
    fn refused(&self, head: &Head, refused: &Refused, call: &Call<'_>) -> Response<Body> {
        let Refused { refusal, retry_after, .. } = refused;
        meters::refused(refusal.status);
        match head.task {
            Some(task) => reply::task_refusal(task, call.request, refusal, *retry_after),
            None => reply::refusal(call.inbound, call.request, refusal, *retry_after),
        }
    }

    /// Everything that is settled before anybody is asked: who calls, for what, and who could serve it. From here on
    /// the call's body is the one that may be sent out.
    pub(crate) async fn ready(
        &self,
        call: &mut Call<'_>,
    ) -> Result<(Caller, Entry, Head, Plan, Masked), Refused> {
        let (caller, entry) = self.admit(call).await?;
        let mut head = call.head()?;
        let mut masked = self.mask(&call.scope, caller.project, &call.body).await?;
        if let Some(body) = masked.body.take() {
            call.body = body;
            // It says where in the body its members stand.
            head = call.head()?;
        }
        let plan =
            self.plan(call, caller.project, &head).await.map_err(|error| Refused::from(&error))?;
        Ok((caller, entry, head, plan, masked))
    }

    /// Rights and rate.
    pub(crate) async fn admit(&self, call: &Call<'_>) -> Result<(Caller, Entry), Refused> {
        let scope = &call.scope;
        if self.stop.is_cancelled() || self.draining() {
            return Err(Refused::from(crate::failure::Failure::shutting_down().refusal));
        }
        identity::decide(scope, Permission::Inference, scope.project())
            .map_err(|error| Refused::from(&error))?;
        let (Some(project), Some(key)) = (scope.project(), scope.key()) else {
            return Err(Refused::from(&Error::forbidden(
                "Models are called with a project's key.",
            )));
        };
        let routing = self.store.routing(scope).await.map_err(|error| Refused::from(&error))?;
        let tokens = llm::estimate_tokens(call.body.len() as u64);
        let entry = self
            .limiter
            .admit((scope, key), (&routing.limits, self.budgets.part()), &self.config, tokens)
            .map_err(Refused::from)?;
        Ok((Caller { org: scope.org(), project, key }, entry))
    }

    pub(crate) async fn plan(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        head: &Head,
    ) -> Result<Plan> {
        let routes = self.routes.of(&self.store, &self.egress, &call.scope).await?;
        let exposed = match call.scope.key() {
            Some(key) => self.exposed(call, key, (head, routes.routing())).await?,
            None => None,
        };
        let home = exposed.as_ref().map(Exposed::home).unwrap_or_default();
        let moment = Moment {
            now: self.steady_ms(),
            today: self.clock.now(),
            config: &self.config,
            catalogue: routes.catalogue(),
            org: call.scope.org(),
            inbound: call.inbound,
            head,
            body: &call.body,
            home: &home,
            random: &self.random,
        };
        Ok(Plan { exposed, ..plan(&routes, project, &moment)? })
    }

    pub(crate) fn sending<'a>(
        &'a self,
        call: &'a Call<'_>,
        head: &'a Head,
        (plan, tab): (&Plan, Tab),
        (caller, entry, began): (Caller, Entry, Instant),
    ) -> Sending<'a> {
        let started = tab.started();
        let strict = call
            .headers
            .get("x-probity-strict")
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
            || head.wishes.as_ref().is_some_and(|wishes| wishes.require_parameters);
        // What is no text has no tokens that its size could tell.
        let text = head.task.is_none_or(Task::is_text);
        let input_estimate = if text { llm::estimate_tokens(call.body.len() as u64) } else { 0 };
        let format = head.task.map_or(call.inbound.as_str(), |task| task.protocol().as_str());
        let asked = Asked {
            request: call.request,
            at: started,
            format,
            model: head.model.clone(),
            stream: head.stream,
            strict,
            beside: None,
        };
        let opening = Opening {
            caller,
            request: call.request,
            inbound: call.inbound,
            task: head.task,
            streaming: head.stream,
            input_estimate,
            trace: self.traced(call.headers, call.request, (began, started)),
        };
        let when = ((self.open.enter(), entry), began, started);
        let receipt = Receipt::new(asked, plan);
        Sending {
            gateway: self,
            attempts: self.attempts(call, head, began),
            body: &call.body,
            request: call.request,
            strict,
            settler: Settler::new(&self.store, &self.clock, opening, (receipt, tab), when),
            client: None,
            made: 0,
        }
    }
}

impl Inner {
    pub(crate) fn attempts<'a>(
        &'a self,
        call: &'a Call<'_>,
        head: &'a Head,
        began: Instant,
    ) -> Attempts<'a> {
        Attempts {
            config: &self.config,
            egress: &self.egress,
            clock: &self.clock,
            tasks: &self.tasks,
            request: call.request,
            inbound: call.inbound,
            headers: call.headers,
            head,
            body: &call.body,
            created: u64::try_from(self.clock.now().as_millis() / 1000).unwrap_or(0),
            input_estimate: llm::estimate_tokens(call.body.len() as u64),
            restore: None,
            total_by: began + self.config.total(),
        }
    }
}

/// A request that goes to nobody.
pub(crate) struct Refused {
    pub refusal: Box<Refusal>,
    pub retry_after: Option<std::time::Duration>,
    /// What is left of the allowances.
    pub standing: Standing,
}

impl Inner {
    pub(crate) fn show(&self, refused: Refused, call: &Call<'_>) -> Response<Body> {
        let Refused { refusal, retry_after, standing } = refused;
        meters::refused(refusal.status);
        let mut response = reply::refusal(call.inbound, call.request, &refusal, retry_after);
        standing.write(response.headers_mut(), call.inbound, self.clock.now());
        response
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let refusal = Box::new(refusal);
        Self { refusal, retry_after: None, standing: Standing::default() }
    }
}

impl From<Refusing> for Refused {
    fn from(refusing: Refusing) -> Self {
        let (error, wait) = refusing.says();
        let refused = Self::from(Refusal::from(&error));
        Self { retry_after: Some(wait), standing: refusing.standing, ..refused }
    }
}

impl From<&Error> for Refused {
    fn from(error: &Error) -> Self {
        if matches!(error.kind(), domain::Kind::Internal | domain::Kind::Unavailable) {
            tracing::error!(code = error.code(), causes = error.causes(), "a call was refused");
        }
        Refusal::from(error).into()
    }
}
