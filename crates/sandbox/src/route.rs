//! One request: who asks, for which model, and what that model does.

use std::{
    collections::HashSet,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::{Request, body::Incoming};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Dialect, Inspector, MODELS, Script, anthropic,
    ask::Ask,
    ask_anthropic, ask_bedrock, ask_cohere, ask_gemini, ask_openai, ask_responses, bedrock,
    behaviour::Behaviour,
    cohere, gemini,
    inspect::{Recorded, Ticket},
    openai,
    play::Play,
    predict::Predictions,
    refusal::Refusal,
    reply::{self, hash},
    responses,
    task::Task,
    watsonx,
    way::Way,
};

/// Larger requests are refused.
const LARGEST: usize = 64 << 20;

/// What all connections of one twin share.
pub(crate) struct Twin {
    pub script: Script,
    pub inspector: Inspector,
    serial: AtomicU64,
    /// Requests for a model so far.
    asked: AtomicUsize,
    /// Requests to flaky models that already failed once, by hash.
    failed_once: Mutex<HashSet<u64>>,
    pub predictions: Predictions,
    /// Where sessions are held, and what ends them.
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
}

/// An answer; an error breaks the connection off without one.
type Answer = io::Result<Response<Play>>;

impl Twin {
    pub(crate) fn new(script: Script, (tasks, stop): (TaskTracker, CancellationToken)) -> Self {
        let inspector = Inspector::new(script.keep);
        Self {
            script,
            inspector,
            serial: AtomicU64::new(0),
            asked: AtomicUsize::new(0),
            failed_once: Mutex::default(),
            predictions: Predictions::default(),
            tasks,
            stop,
        }
    }

    pub(crate) async fn handle(
        &self,
        request: Request<Incoming>,
        reset: Arc<AtomicBool>,
    ) -> Answer {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let way = Way::of(&path, &head.headers);
        let dialect = way.dialect;
        if way.path == "/_inspect" && self.inspector.open() {
            return Ok(json_response(StatusCode::OK, &self.inspector.page()));
        }
        let ticket = self.inspector.ticket();
        let Ok(body) = Limited::new(body, LARGEST).collect().await else {
            return Ok(refuse(Dialect::OpenAi, &Refusal::new(413, "too large"), ticket));
        };
        let body = body.to_bytes();
        self.inspector.record(recorded(&head, &body));
        if let Some(answer) = self.granted(&head, &path, &body).await {
            ticket.completed();
            return Ok(answer);
        }
        if let Err(refusal) = self.let_in(&way, &head, &body) {
            return Ok(refuse(dialect, &refusal, ticket));
        }
        if way.path == "/realtime" && head.method == Method::GET {
            return Ok(match self.session(&mut head, (reset, ticket)).await {
                Ok(response) => response,
                Err((refusal, ticket)) => self.refused_with(refuse(dialect, &refusal, ticket)),
            });
        }
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        if !self.script.late.is_zero() && asked >= self.script.in_time {
            tokio::time::sleep(self.script.late).await;
        }
        let body = match way.plain(head.uri.query(), body) {
            Ok(body) => body,
            Err(refusal) => return Ok(refuse(dialect, &refusal, ticket)),
        };
        if let Some(answer) = self.about_prediction((&head.method, way.path)) {
            ticket.completed();
            return Ok(answer);
        }
        let call = Call { dialect, azure: way.azure, said: way.said, body, reset, ticket };
        self.answer((&head.method, &head.headers), &way, call).await
    }

    async fn answer(
        &self,
        (method, headers): (&Method, &HeaderMap),
        way: &Way<'_>,
        call: Call<'_>,
    ) -> Answer {
        if let Some(task) = Task::of(way.whole).filter(|_| method == Method::POST) {
            let kind = headers.get(header::CONTENT_TYPE);
            let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            return self.task(task, kind, call).await;
        }
        match (method, way.path) {
            (&Method::GET, "/models") => Ok(call.finish(&models(way.dialect))),
            (&Method::POST, "/messages/count_tokens") => Ok(call.count_tokens()),
            (&Method::POST, _) if way.vertex.is_some_and(|place| place.counts) => {
                Ok(call.count_tokens())
            }
            (&Method::POST, "/chat/completions" | "/responses" | "/messages" | "/chat") => {
                self.converse(call).await
            }
            (&Method::POST, _) if way.said.is_some() => self.converse(call).await,
            _ => Ok(refuse(way.dialect, &lost(way.path), call.ticket)),
        }
    }

    async fn converse(&self, call: Call<'_>) -> Answer {
        let (ask, behaviour) = match call.read() {
            Ok(read) => read,
            Err(refusal) => return Ok(refuse(call.dialect, &refusal, call.ticket)),
        };
        // Like some real providers, the twin repeats the prompt in its errors.
        let call = match self.hindered(call, behaviour, &ask.last_user_text()).await? {
            Ok(call) => call,
            Err((refusal, call)) => {
                return Ok(self.refused_with(refuse(call.dialect, &refusal, call.ticket)));
            }
        };
        let serial = self.next();
        Ok(self.perform(call, &ask, behaviour, serial))
    }

    /// What goes wrong before any answer, if the behaviour is to go wrong now.
    pub(crate) async fn hindered<'p>(
        &self,
        call: Call<'p>,
        behaviour: Behaviour,
        text: &str,
    ) -> io::Result<Result<Call<'p>, (Refusal, Call<'p>)>> {
        if let Some(status) = self.refused(behaviour, &call.body) {
            let message = format!("sandbox error {status}: {text}");
            return Ok(Err((Refusal::new(status, message), call)));
        }
        if behaviour == Behaviour::FlakyReset && self.first_time(&call.body) {
            call.reset.store(true, Ordering::SeqCst);
            call.ticket.faulted();
            return Err(io::Error::other("scripted reset"));
        }
        if behaviour == Behaviour::SlowHeaders {
            tokio::time::sleep(self.script.hush).await;
        }
        Ok(Ok(call))
    }

    /// A scripted refusal says when to come back.
    pub(crate) fn refused_with(&self, mut response: Response<Play>) -> Response<Play> {
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, self.script.retry_after.into());
        }
        response
    }

    fn perform(
        &self,
        call: Call<'_>,
        ask: &Ask,
        behaviour: Behaviour,
        serial: u64,
    ) -> Response<Play> {
        let Call { dialect, azure, reset, ticket, .. } = call;
        let reply = reply::reply(ask, behaviour, serial);
        let answer = responses::Answer { reply: &reply, settings: &ask.settings, serial };
        if ask.stream {
            let frames = match dialect {
                Dialect::OpenAi if azure => openai::filtered(&reply, serial, ask.include_usage),
                Dialect::OpenAi => openai::frames(&reply, serial, ask.include_usage),
                Dialect::Responses => responses::frames(&answer, behaviour),
                Dialect::Anthropic => anthropic::frames(&reply, serial),
                Dialect::Gemini => gemini::frames(&reply, serial, ask.thinking),
                Dialect::Bedrock => bedrock::frames(&reply),
                Dialect::Cohere => cohere::frames(&reply, serial, ask),
                Dialect::Watsonx => watsonx::frames(&reply, serial),
            };
            let play = Play::stream(frames, (dialect, behaviour), &self.script, reset, ticket);
            let kind = match dialect {
                Dialect::Bedrock => "application/vnd.amazon.eventstream",
                _ => "text/event-stream; charset=utf-8",
            };
            return response(StatusCode::OK, kind, play);
        }
        let body = match (dialect, behaviour) {
            (Dialect::Responses, Behaviour::ErrorIn200) => answer.failed(),
            (_, Behaviour::ErrorIn200) => Refusal::new(529, "sandbox is overloaded").body(dialect),
            (Dialect::OpenAi, _) => openai::whole(&reply, serial),
            (Dialect::Responses, _) => answer.whole(),
            (Dialect::Anthropic, _) => anthropic::whole(&reply, serial),
            (Dialect::Gemini, _) => gemini::whole(&reply, serial, ask.thinking),
            (Dialect::Bedrock, _) => bedrock::whole(&reply),
            (Dialect::Cohere, _) => cohere::whole(&reply, serial, ask),
            (Dialect::Watsonx, _) => watsonx::whole(&reply, serial),
        };
        let play = Play::whole(body.to_string(), behaviour, &self.script, reset, ticket);
        response(StatusCode::OK, "application/json", play)
    }

    pub(crate) fn next(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// The status to fail with, if the behaviour is to fail now.
    pub(crate) fn refused(&self, behaviour: Behaviour, body: &Bytes) -> Option<u16> {
        match behaviour {
            Behaviour::Error(status) => Some(status),
            Behaviour::Flaky(status) => self.first_time(body).then_some(status),
            _ => None,
        }
    }

    /// Tells odd attempts of the same request from even ones.
    fn first_time(&self, body: &Bytes) -> bool {
        let hash = hash(body);
        let mut failed = self.failed_once.lock();
        if failed.remove(&hash) {
            return false;
        }
        if failed.len() > 10_000 {
            failed.clear();
        }
        failed.insert(hash)
    }
}

pub(crate) struct Call<'p> {
    pub dialect: Dialect,
    azure: bool,
    /// The model and whether the answer is a stream, where the path says so.
    pub said: Option<(&'p str, bool)>,
    pub body: Bytes,
    pub reset: Arc<AtomicBool>,
    pub ticket: Ticket,
}

impl Call<'_> {
    fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Refusal::invalid("body", "We could not parse the JSON body"))
    }

    fn read(&self) -> Result<(Ask, Behaviour), Refusal> {
        let body = self.json()?;
        let ask = match self.dialect {
            Dialect::OpenAi => ask_openai::read(&body)?,
            Dialect::Responses => ask_responses::read(&body)?,
            Dialect::Anthropic => ask_anthropic::read(&body, false)?,
            Dialect::Gemini => ask_gemini::read(&body, self.said.unwrap_or_default())?,
            Dialect::Bedrock => ask_bedrock::read(&body, self.said.unwrap_or_default())?,
            Dialect::Cohere => ask_cohere::read(&body)?,
            Dialect::Watsonx => watsonx::read(&body, self.said.is_some_and(|(_, stream)| stream))?,
        };
        // There a name begins with the model's maker.
        let name = ask.model.strip_prefix("anthropic.").unwrap_or(&ask.model);
        match Behaviour::of(name) {
            Some(behaviour) if behaviour.is_task() => {
                Err(Refusal::invalid("model", "has no conversations"))
            }
            Some(behaviour) => Ok((ask, behaviour)),
            None => Err(Refusal::new(404, "The model does not exist")),
        }
    }

    fn count_tokens(self) -> Response<Play> {
        match self.json().and_then(|body| ask_anthropic::read(&body, true)) {
            Ok(ask) => self.finish(&json!({"input_tokens": ask.words()})),
            Err(refusal) => refuse(self.dialect, &refusal, self.ticket),
        }
    }

    pub(crate) fn finish(self, body: &Value) -> Response<Play> {
        self.ticket.completed();
        json_response(StatusCode::OK, body)
    }
}

fn models(dialect: Dialect) -> Value {
    let data: Vec<Value> = MODELS
        .iter()
        .map(|id| match dialect {
            Dialect::OpenAi
            | Dialect::Responses
            | Dialect::Bedrock
            | Dialect::Cohere
            | Dialect::Watsonx => {
                json!({"id": id, "object": "model", "created": 0, "owned_by": "sandbox"})
            }
            Dialect::Anthropic => json!({
                "type": "model", "id": id, "display_name": id, "created_at": "2025-01-01T00:00:00Z",
            }),
            Dialect::Gemini => json!({
                "name": format!("models/{id}"), "version": "1", "displayName": id,
                "inputTokenLimit": 8192, "outputTokenLimit": 8192,
                "supportedGenerationMethods": ["generateContent"],
            }),
        })
        .collect();
    match dialect {
        Dialect::OpenAi
        | Dialect::Responses
        | Dialect::Bedrock
        | Dialect::Cohere
        | Dialect::Watsonx => {
            json!({"object": "list", "data": data})
        }
        Dialect::Anthropic => json!({
            "data": data, "has_more": false,
            "first_id": MODELS.first(), "last_id": MODELS.last(),
        }),
        Dialect::Gemini => json!({"models": data}),
    }
}

/// Answers are not kept, so none is found under its id.
fn lost(path: &str) -> Refusal {
    match path.strip_prefix("/responses/") {
        Some(id) => Refusal::not_stored("id", format!("Response with id '{id}' not found.")),
        None => Refusal::new(404, "no such path"),
    }
}

fn recorded(head: &http::request::Parts, body: &Bytes) -> Recorded {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Recorded {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.clone(),
    }
}

fn refuse(dialect: Dialect, refusal: &Refusal, ticket: Ticket) -> Response<Play> {
    ticket.completed();
    let bedrock = dialect == Dialect::Bedrock;
    let status = match (dialect, refusal.status) {
        (Dialect::Bedrock, status) => bedrock::status(status),
        // It has one word for overload.
        (Dialect::Cohere, 529) => 503,
        (_, status) => status,
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = json_response(status, &refusal.body(dialect));
    if bedrock {
        let name = http::HeaderValue::from_static(bedrock::exception(refusal.status));
        response.headers_mut().insert("x-amzn-errortype", name);
    }
    response
}

pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response<Play> {
    response(status, "application/json", Play::plain(body.to_string()))
}

pub(crate) fn response(status: StatusCode, kind: &'static str, body: Play) -> Response<Play> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert("request-id", http::HeaderValue::from_static("req_sandbox"));
    response
}
