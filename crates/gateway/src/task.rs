//! Requests that are no conversations: embeddings, ranking, moderation, images, sound. They are admitted, planned, sent
//! and settled as conversations are; only what they and their answers say is another matter.

use bytes::Bytes;
use domain::Provenance;
use http::{HeaderValue, Response, header};
use http_body_util::BodyExt as _;
use llm::{
    BadRequest, Format, Head, Prepared, Quirks, Refusal, Task, TaskAnswer, TaskAsked, TaskStream,
};
use tokio::time::{Instant, timeout_at};

use crate::{
    Body, Call, Gateway, Inner,
    attempt::{Attempts, collect},
    call::Refused,
    failure::Failure,
    limit::Entry,
    masking::Masked,
    meters,
    pass::{Begun, Pass},
    plan::{Candidate, Plan},
    realtime::Opened,
    reply,
    routes::Route,
    send::Sending,
    settle::Caller,
};

/// An answer that may be shown, and its content type.
pub(crate) enum TaskWon {
    Whole(TaskAnswer, HeaderValue),
    /// An answer whose first piece is here.
    Pass(Box<Begun>, HeaderValue),
    /// A session that has begun.
    Session(Box<Opened>),
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Gateway {
    /// Serves one request that is no conversation. Errors too are answers in the client's shape.
    pub async fn task(&self, task: Task, call: Call<'_>) -> Response<Body> {
        self.0.task(task, call).await
    }

    /// An error of the house in the shape of the endpoint, for what is refused before a call is made.
    #[must_use]
    pub fn refuse_task(
        &self,
        task: Task,
        error: &domain::Error,
        request: domain::RequestId,
    ) -> Response<Body> {
        meters::refused(error.kind().status());
        reply::task_refusal(task, request, &Refusal::from(error), None)
    }
}

impl Inner {
    pub(crate) async fn task(&self, task: Task, mut call: Call<'_>) -> Response<Body> {
        let began = Instant::now();
        match self.ready_for(task, &mut call).await {
            Ok((caller, entry, head, plan, masked)) => {
                self.answer(&call, (caller, entry, began), &head, (plan, masked), None).await
            }
            Err(Refused { refusal, retry_after, standing }) => {
                meters::refused(refusal.status);
                let mut response = reply::task_refusal(task, call.request, &refusal, retry_after);
                standing.write(response.headers_mut(), call.inbound, self.clock.now());
                response
            }
        }
    }

    /// Who calls, for what, and who could serve it. From here on the call's body is the one that may be sent out.
    async fn ready_for(
        &self,
        task: Task,
        call: &mut Call<'_>,
    ) -> Result<(Caller, Entry, Head, Plan, Masked), Refused> {
        let (caller, entry) = self.admit(call).await?;
        let mut head = head(task, call)?;
        let kind = (task, head.is_form());
        let mut masked = self.mask_task(&call.scope, caller.project, kind, &call.body).await?;
        if let Some(body) = masked.body.take() {
            call.body = body;
            // It says where in the body its members stand.
            head = self::head(task, call)?;
        }
        let plan = self.plan(call, caller.project, &head).await;
        Ok((caller, entry, head, plan.map_err(|error| Refused::from(&error))?, masked))
    }
}

fn head(task: Task, call: &Call<'_>) -> Result<Head, Refused> {
    let kind = call.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    llm::task_head(task, kind, &call.body).map_err(|bad| Refused::from(Refusal::from(&bad)))
}

/// The request in the candidate's dialect.
///
/// # Errors
/// When it cannot be said there, or is a form and the candidate's terms rest on parameters that a form is not given.
pub(crate) fn prepare(
    task: Task,
    candidate: &Candidate,
    (body, head): (&Bytes, &Head),
    quirks: &Quirks,
) -> Result<Prepared, BadRequest> {
    let terms = candidate.spoken().and_then(|spoken| spoken.terms_for(&candidate.model));
    let bare = head.is_form() || task == Task::Realtime;
    if bare && terms.is_some_and(|terms| !terms.set.is_empty()) {
        return Err(BadRequest {
            code: "unsupported_parameter",
            param: None,
            message:
                "This provider's terms rest on parameters that this kind of request cannot carry."
                    .into(),
        });
    }
    let dialect = candidate.dialect().unwrap_or(llm::Dialect::OpenAi);
    let to = (&*candidate.model, quirks.provider_object);
    llm::task_prepare(task, dialect, body, head, to)
}

impl Attempts<'_> {
    /// Reads the answer as far as is needed before the client may hear of it: a document whole, anything else up to its
    /// first piece.
    pub(crate) async fn task(
        &self,
        (task, candidate): (Task, &Candidate),
        response: Response<egress::Body>,
        shown_model: Option<&str>,
        first_by: Instant,
    ) -> Result<TaskWon, Failure> {
        let (head, body) = response.into_parts();
        let kind = head.headers.get(header::CONTENT_TYPE).cloned();
        let is = |wanted: &str| {
            let kind = kind.as_ref().and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            kind.trim_start()
                .get(..wanted.len())
                .is_some_and(|kind| kind.eq_ignore_ascii_case(wanted))
        };
        // Some servers do not name what they send; every whole answer but a recording's text is a document.
        let is_json = is("application/json") || (kind.is_none() && !self.head.stream);
        if self.head.stream && !is_json {
            let events = is("text/event-stream")
                .then(|| TaskStream::new(task, self.head.units, self.config.event_bytes));
            let kind = kind.clone().unwrap_or(HeaderValue::from_static("application/octet-stream"));
            let begun = self.begin(body, events, first_by).await?;
            return Ok(TaskWon::Pass(Box::new(begun), kind));
        }
        let stall = Some((self.config.stall(), self.total_by));
        let mut body = collect(body, self.config.answer_bytes, stall).await?;
        if candidate.dialect() == Some(llm::Dialect::Replicate) {
            body = self.predicted(candidate, body).await?;
        }
        let asked = TaskAsked {
            task,
            dialect: candidate.dialect().unwrap_or(llm::Dialect::OpenAi),
            body: self.body,
            head: self.head,
            id: &self.request.to_string(),
            created: self.created,
        };
        let mut answer = llm::task_respond(asked, &body, is_json, shown_model)
            .map_err(|bad| Failure::answer(Format::OpenAiChat, &bad))?;
        if let Some(restore) = &self.restore {
            answer.body = restore.answer(&answer.body);
        }
        let kind = if is_json { JSON } else { kind.unwrap_or(JSON) };
        Ok(TaskWon::Whole(answer, kind))
    }

    /// Waits for the first piece: up to there another attempt does no harm.
    async fn begin(
        &self,
        mut upstream: egress::Body,
        mut events: Option<TaskStream>,
        first_by: Instant,
    ) -> Result<Begun, Failure> {
        let mut out = Vec::new();
        loop {
            let Ok(frame) = timeout_at(first_by, upstream.frame()).await else {
                return Err(self.late());
            };
            let data = match frame {
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => Some(data),
                    Err(_) => continue,
                },
                None => None,
            };
            let Some(events) = &mut events else {
                let out = data.filter(|data| !data.is_empty()).ok_or_else(Failure::truncated)?;
                return Ok(Begun { upstream, events: None, out });
            };
            let progress = match &data {
                Some(data) => events.push(data, &mut out),
                None => events.finish(&mut out),
            };
            let progress = progress
                .map_err(|fault| Failure::stream(Format::OpenAiChat, &fault, events.usage()))?;
            if progress.semantic {
                break;
            }
        }
        Ok(Begun { upstream, events, out: out.into() })
    }
}

impl Sending<'_> {
    pub(crate) fn show_task(mut self, won: TaskWon, route: &Route) -> Response<Body> {
        let Attempts { inbound, total_by, head, .. } = self.attempts;
        let (kind, pass) = match won {
            TaskWon::Whole(answer, kind) => {
                let mut usage = answer.usage;
                if usage.provenance == Provenance::Absent && head.task.is_some_and(Task::is_text) {
                    usage.input = self.attempts.input_estimate;
                    usage.provenance = Provenance::Estimated;
                }
                self.settler.counted(answer.units);
                self.settler.answered(usage);
                let mut response = reply::document(inbound, self.request, answer.body);
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
                reply::routed(&mut response, self.request, Some(route), &self.settler.receipt);
                return response;
            }
            TaskWon::Pass(begun, kind) => (kind, begun),
            TaskWon::Session(opened) => return self.show_session(*opened, route),
        };
        let mut response = reply::events(inbound, self.request, Body::whole(Bytes::new()));
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        reply::routed(&mut response, self.request, Some(route), &self.settler.receipt);
        let patience = self.gateway.patience(total_by);
        let timing = (patience, self.request);
        *response.body_mut() = Body::pass(Pass::new(*pass, head.units, self.settler, timing));
        response
    }
}
