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
    masking::Masked,
    meters,
    plan::{Plan, plan},
    rank::Moment,
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
            Ok((caller, head, plan, masked)) => {
                let mut sending = self.sending(&call, &head, &plan, (caller, began));
                sending.attempts.restore = masked.restore;
                sending.settler.receipt.masking = masked.report;
                sending.send(plan).await
            }
            Err(refused) => refused.show(&call),
        }
    }

    /// Everything that is settled before anybody is asked: who calls, for what, and who could serve it. From here on
    /// the call's body is the one that may be sent out.
    pub(crate) async fn ready(
        &self,
        call: &mut Call<'_>,
    ) -> Result<(Caller, Head, Plan, Masked), Refused> {
        let caller = self.admit(&call.scope)?;
        let mut head = call.head()?;
        let mut masked = self.mask(&call.scope, caller.project, &call.body).await?;
        if let Some(body) = masked.body.take() {
            call.body = body;
            // It says where in the body its members stand.
            head = call.head()?;
        }
        let plan =
            self.plan(call, caller.project, &head).await.map_err(|error| Refused::from(&error))?;
        Ok((caller, head, plan, masked))
    }

    /// Rights and rate.
    pub(crate) fn admit(&self, scope: &Scope) -> Result<Caller, Refused> {
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
        let limit = scope.requests_per_minute().or(self.config.requests_per_minute);
        if let Some(limit) = limit
            && let Err(wait) = self.limiter.take(key, limit, self.steady_ns())
        {
            let error = Error::limited(format!(
                "This key may make {limit} requests per minute. Try again later."
            ));
            let refused = Refused::from(&error.with_code("rate_limit_exceeded"));
            return Err(Refused { retry_after: Some(wait), ..refused });
        }
        Ok(Caller { org: scope.org(), project, key })
    }

    pub(crate) async fn plan(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        head: &Head,
    ) -> Result<Plan> {
        let routes = self.routes.of(&self.store, &self.egress, &call.scope).await?;
        let moment = Moment {
            now: self.steady_ms(),
            config: &self.config,
            catalogue: routes.catalogue(),
            org: call.scope.org(),
            inbound: call.inbound,
            head,
            body: &call.body,
            random: &self.random,
        };
        plan(&routes, project, &moment)
    }

    pub(crate) fn sending<'a>(
        &'a self,
        call: &'a Call<'_>,
        head: &'a Head,
        plan: &Plan,
        (caller, began): (Caller, Instant),
    ) -> Sending<'a> {
        let started = self.clock.now();
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
        };
        let opening = Opening {
            caller,
            request: call.request,
            inbound: call.inbound,
            task: head.task,
            streaming: head.stream,
            input_estimate,
        };
        let when = (self.open.enter(), began, started);
        let receipt = Receipt::new(asked, plan);
        Sending {
            gateway: self,
            attempts: self.attempts(call, head, began),
            body: &call.body,
            request: call.request,
            strict,
            settler: Settler::new(&self.store, &self.clock, &opening, receipt, when),
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
            inbound: call.inbound,
            headers: call.headers,
            head,
            body: &call.body,
            request: call.request,
            created: u64::try_from(self.clock.now().as_millis() / 1000).unwrap_or(0),
            input_estimate: llm::estimate_tokens(call.body.len() as u64),
            restore: None,
            total_by: began + self.config.total(),
        }
    }
}

/// A request that goes to nobody.
pub(crate) struct Refused {
    pub refusal: Refusal,
    pub retry_after: Option<std::time::Duration>,
}

impl Refused {
    pub(crate) fn show(&self, call: &Call<'_>) -> Response<Body> {
        meters::refused(self.refusal.status);
        reply::refusal(call.inbound, call.request, &self.refusal, self.retry_after)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, retry_after: None }
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
