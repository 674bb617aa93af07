//! Predictions as Replicate makes them: begun, asked after, done or called off.

use std::collections::HashMap;

use http::{Method, Response, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    ask::text_of,
    play::Play,
    refusal::Refusal,
    route::{Call, Twin, json_response},
    task::known,
};

/// How often a prediction has to be asked after.
const QUESTIONS: u32 = 2;

#[derive(Debug)]
struct Prediction {
    input: Value,
    asked: u32,
    canceled: bool,
}

/// Everything that was begun, by its id.
#[derive(Debug, Default)]
pub(crate) struct Predictions(Mutex<HashMap<String, Prediction>>);

/// The model of `/models/OWNER/NAME/predictions`; the owner is nobody to a twin.
pub(crate) fn named(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/models/")?.strip_suffix("/predictions")?;
    let (owner, name) = rest.split_once('/')?;
    (!owner.is_empty() && !name.contains('/')).then_some(name)
}

impl Predictions {
    /// Begins one; it is done at once when its input says so.
    pub(crate) fn begin(&self, body: &Value) -> Result<Value, Refusal> {
        known(body, &["input", "webhook", "webhook_events_filter"])?;
        let input = body.get("input").cloned().unwrap_or_default();
        text_of(&input, "prompt")?;
        let mut all = self.0.lock();
        let id = format!("sandbox{}", all.len() + 1);
        let quick = input.get("go_fast") == Some(&json!(true));
        let asked = if quick { QUESTIONS } else { 0 };
        all.insert(id.clone(), Prediction { input, asked, canceled: false });
        Ok(all.get(&id).map(|one| shown(&id, one)).unwrap_or_default())
    }

    fn ask(&self, id: &str) -> Option<Value> {
        let mut all = self.0.lock();
        let one = all.get_mut(id)?;
        one.asked += 1;
        Some(shown(id, one))
    }

    fn cancel(&self, id: &str) -> Option<Value> {
        let mut all = self.0.lock();
        let one = all.get_mut(id)?;
        one.canceled = true;
        Some(shown(id, one))
    }
}

fn shown(id: &str, one: &Prediction) -> Value {
    let said = |name: &str| one.input.get(name).and_then(Value::as_str);
    let forever = one.input.get("forever") == Some(&json!(true));
    let (status, output, error) = match (one.canceled, said("fail")) {
        (true, _) => ("canceled", Value::Null, Value::Null),
        _ if one.asked == 0 => ("starting", Value::Null, Value::Null),
        _ if one.asked < QUESTIONS || forever => ("processing", Value::Null, Value::Null),
        (false, Some(why)) => {
            ("failed", Value::Null, json!(format!("{why}: {}", said("prompt").unwrap_or_default())))
        }
        (false, None) => {
            let images = one.input.get("num_outputs").and_then(Value::as_u64).unwrap_or(1);
            let at = |at| format!("https://replicate.delivery/sandbox/{id}/out-{at}.webp");
            ("succeeded", (0..images).map(at).collect(), Value::Null)
        }
    };
    json!({
        "id": id, "model": "sandbox/sandbox-draw", "input": one.input, "status": status,
        "output": output, "error": error, "logs": "", "created_at": "2026-11-20T00:00:00Z",
        "urls": {"get": format!("/predictions/{id}"), "cancel": format!("/predictions/{id}/cancel")},
    })
}

impl Twin {
    /// A question about a prediction; `None` for other paths.
    pub(crate) fn about_prediction(
        &self,
        (method, path): (&Method, &str),
    ) -> Option<Response<Play>> {
        let rest = path.strip_prefix("/predictions/")?;
        let found = match (method, rest.split_once('/')) {
            (&Method::GET, None) => self.predictions.ask(rest),
            (&Method::POST, Some((id, "cancel"))) => self.predictions.cancel(id),
            _ => None,
        };
        Some(match found {
            Some(body) => json_response(StatusCode::OK, &body),
            None => json_response(
                StatusCode::NOT_FOUND,
                &json!({"detail": "Not found.", "status": 404}),
            ),
        })
    }

    pub(crate) fn begin_prediction(&self, call: Call<'_>, body: &Value) -> Response<Play> {
        let mut response = match self.predictions.begin(body) {
            Ok(body) => return created(call.finish(&body)),
            Err(refusal) => call.finish(&json!({"detail": refusal.message, "status": 422})),
        };
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        response
    }
}

fn created(mut response: Response<Play>) -> Response<Play> {
    *response.status_mut() = StatusCode::CREATED;
    response
}
