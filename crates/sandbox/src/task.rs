//! What is asked of a twin that is no conversation. The path says in whose dialect: a twin stands for OpenAI under
//! `/v1`, for Cohere under `/v2`, for Jina and Voyage under paths of their own.

mod cohere;
mod draw;
mod form;
mod hear;
mod moderate;
mod rank;
mod speak;
mod stable;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    ask::text_of,
    behaviour::Behaviour,
    embed,
    play::{Frame, Play},
    predict,
    refusal::Refusal,
    route::{Call, Twin, response},
};
use form::Form;
use http::{Response, StatusCode};
use stable::Stable;

/// Whose dialect is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum House {
    OpenAi,
    Jina,
    Voyage,
    Cohere,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Embed(House),
    Rank(House),
    Moderate,
    Draw,
    Edit,
    Hear,
    /// The same, told in English.
    Translate,
    Speak,
    /// One of Stability's services.
    Stable(Stable),
    Predict,
}

/// A request as it was read: a document, or a form whose texts are one.
pub(crate) struct Asked {
    pub(crate) body: Value,
    pub(crate) form: Option<Form>,
}

/// What comes back.
pub(crate) enum Answer {
    Document(Value),
    /// Bytes of a content type.
    Bytes(Bytes, &'static str),
    Events(Vec<Value>),
}

impl Task {
    /// The task of a path, without the host's part of it.
    pub(crate) fn of(path: &str) -> Option<Self> {
        if let Some(service) = Stable::of(path) {
            return Some(Self::Stable(service));
        }
        if predict::named(path.strip_prefix("/v1").unwrap_or(path)).is_some() {
            return Some(Self::Predict);
        }
        let (house, path) = if let Some(path) = path.strip_prefix("/jina/v1") {
            (House::Jina, path)
        } else if let Some(path) = path.strip_prefix("/voyage/v1") {
            (House::Voyage, path)
        } else if let Some(path) = path.strip_prefix("/v2") {
            (House::Cohere, path)
        } else {
            (House::OpenAi, path.strip_prefix("/v1").unwrap_or(path))
        };
        Some(match (house, path) {
            (House::Cohere, "/embed") => Self::Embed(house),
            (House::OpenAi | House::Jina | House::Voyage, "/embeddings") => Self::Embed(house),
            (_, "/rerank") => Self::Rank(house),
            (House::OpenAi, "/moderations") => Self::Moderate,
            (House::OpenAi, "/images/generations") => Self::Draw,
            (House::OpenAi, "/images/edits") => Self::Edit,
            (House::OpenAi, "/audio/transcriptions") => Self::Hear,
            (House::OpenAi, "/audio/translations") => Self::Translate,
            (House::OpenAi, "/audio/speech") => Self::Speak,
            _ => return None,
        })
    }

    const fn behaviour(self) -> Behaviour {
        match self {
            Self::Embed(_) => Behaviour::Embed,
            Self::Rank(_) => Behaviour::Rank,
            Self::Moderate => Behaviour::Moderate,
            Self::Draw | Self::Edit | Self::Stable(_) | Self::Predict => Behaviour::Draw,
            Self::Hear | Self::Translate => Behaviour::Hear,
            Self::Speak => Behaviour::Speak,
        }
    }

    const fn takes_forms(self) -> bool {
        matches!(self, Self::Edit | Self::Hear | Self::Translate | Self::Stable(_))
    }

    fn read(self, content_type: &str, body: &Bytes) -> Result<Asked, Refusal> {
        if content_type.starts_with("multipart/form-data") && self.takes_forms() {
            let form = Form::read(content_type, body)?;
            return Ok(Asked { body: form.texts(), form: Some(form) });
        }
        let only_forms = matches!(self, Self::Hear | Self::Translate | Self::Stable(_));
        if only_forms || !content_type.starts_with("application/json") {
            return Err(Refusal::invalid("content-type", "this type is not accepted here"));
        }
        let body = serde_json::from_slice(body)
            .map_err(|_| Refusal::invalid("body", "We could not parse the JSON body"))?;
        Ok(Asked { body, form: None })
    }

    fn answer(self, asked: &Asked, behaviour: Behaviour) -> Result<Answer, Refusal> {
        let body = &asked.body;
        match self {
            Self::Embed(House::Cohere) => cohere::embed(body).map(Answer::Document),
            Self::Embed(house) => embed::answer(body, house).map(Answer::Document),
            Self::Rank(house) => rank::answer(body, house).map(Answer::Document),
            Self::Moderate => moderate::answer(body).map(Answer::Document),
            Self::Draw => draw::answer(body, None),
            Self::Edit => draw::answer(body, Some(asked.form.as_ref())),
            Self::Hear | Self::Translate => {
                let english = self == Self::Translate;
                hear::answer((body, english), asked.form.as_ref(), behaviour)
            }
            Self::Speak => speak::answer(body),
            Self::Stable(service) => service.answer(body, asked.form.as_ref()),
            Self::Predict => Err(Refusal::new(500, "a prediction is begun elsewhere")),
        }
    }

    /// An error in the words of the house.
    fn refusal(self, refusal: &Refusal) -> Option<Value> {
        match self {
            Self::Embed(House::Cohere) | Self::Rank(House::Cohere) => {
                Some(json!({"id": "sandbox", "message": refusal.message}))
            }
            Self::Embed(House::Voyage) | Self::Rank(House::Voyage) => {
                Some(json!({"detail": refusal.message}))
            }
            Self::Stable(_) => Some(json!({
                "id": "sandbox", "name": "bad_request", "errors": [refusal.message],
            })),
            Self::Predict => Some(json!({"detail": refusal.message, "status": refusal.status})),
            _ => None,
        }
    }
}

/// Members that are not known here are refused, as the real ones do.
pub(crate) fn known(body: &Value, names: &[&str]) -> Result<(), Refusal> {
    let all = body.as_object().into_iter().flat_map(|all| all.keys());
    match all.into_iter().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Refusal::new(400, format!("Unrecognized request argument: {name}"))),
    }
}

/// A member that is one of some words; absent is the first.
pub(crate) fn word<'a>(
    body: &Value,
    name: &'static str,
    words: &[&'a str],
) -> Result<&'a str, Refusal> {
    let wrong = || Refusal::invalid(name, "this value is not supported");
    match body.get(name) {
        None | Some(Value::Null) => Ok(words.first().copied().unwrap_or_default()),
        Some(value) => {
            let found = words.iter().find(|word| value.as_str() == Some(word));
            found.copied().ok_or_else(wrong)
        }
    }
}

impl Twin {
    pub(crate) async fn task(
        &self,
        task: Task,
        content_type: &str,
        call: Call<'_>,
    ) -> std::io::Result<Response<Play>> {
        let read = task.read(content_type, &call.body).and_then(|asked| {
            let model = match (asked.body.get("model"), task) {
                (_, Task::Stable(service)) => service.model(&asked.body)?,
                (_, Task::Predict) => {
                    call.said.map(|(name, _)| name.to_owned()).unwrap_or_default()
                }
                (None, Task::Moderate) => "sandbox-moderation".to_owned(),
                _ => text_of(&asked.body, "model")?,
            };
            let behaviour = Behaviour::of(&model)
                .ok_or_else(|| Refusal::new(404, "The model does not exist"))?;
            if behaviour.is_fault() || behaviour == task.behaviour() {
                return Ok((asked, behaviour));
            }
            Err(Refusal::invalid("model", "this model cannot be asked for this"))
        });
        let (asked, behaviour) = match read {
            Ok(read) => read,
            Err(refusal) => return Ok(refuse(task, &refusal, call)),
        };
        // Like some real providers, the twin repeats the request in its errors.
        let call = match self.hindered(call, behaviour, &asked.body.to_string()).await? {
            Ok(call) => call,
            Err((refusal, call)) => return Ok(self.refused_with(refuse(task, &refusal, call))),
        };
        if behaviour == Behaviour::ErrorIn200 {
            let body = json!({"error": {"message": "overloaded", "type": "server_error"}});
            return Ok(call.finish(&body));
        }
        if task == Task::Predict {
            return Ok(self.begin_prediction(call, &asked.body));
        }
        match task.answer(&asked, behaviour) {
            Ok(answer) => Ok(self.play(answer, behaviour, call)),
            Err(refusal) => Ok(refuse(task, &refusal, call)),
        }
    }

    fn play(&self, answer: Answer, behaviour: Behaviour, call: Call<'_>) -> Response<Play> {
        let Call { reset, ticket, dialect, .. } = call;
        let (play, kind) = match answer {
            Answer::Document(mut body) => {
                if behaviour == Behaviour::NoUsage
                    && let Some(all) = body.as_object_mut()
                {
                    all.remove("usage");
                    all.remove("meta");
                }
                let body = body.to_string();
                (Play::whole(body, behaviour, &self.script, reset, ticket), "application/json")
            }
            Answer::Bytes(bytes, kind) if kind.starts_with("text/") => {
                (Play::whole(bytes, behaviour, &self.script, reset, ticket), kind)
            }
            Answer::Bytes(bytes, kind) => {
                (Play::pieces(&bytes, behaviour, &self.script, reset, ticket), kind)
            }
            Answer::Events(events) => {
                let frame =
                    |event: Value| Frame { name: None, data: event.to_string(), semantic: true };
                let frames = events.into_iter().map(frame).collect();
                let how = (dialect, behaviour);
                (Play::stream(frames, how, &self.script, reset, ticket), "text/event-stream")
            }
        };
        response(StatusCode::OK, kind, play)
    }
}

fn refuse(task: Task, refusal: &Refusal, call: Call<'_>) -> Response<Play> {
    let body = task.refusal(refusal).unwrap_or_else(|| refusal.body(call.dialect));
    let mut response = call.finish(&body);
    *response.status_mut() =
        StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    response
}
