//! OpenAI's Realtime interface: a session over a WebSocket. The twin answers text with text or with silence of the same
//! length, hears sound by its size, and misbehaves by the model's name as it does elsewhere.

mod answer;
mod events;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, Response, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
};

use crate::{
    Inspector, Script,
    behaviour::Behaviour,
    inspect::{Recorded, Ticket},
    play::Play,
    refusal::Refusal,
    route::Twin,
};

/// The longest a session lasts: nobody looks after them.
const LONGEST: Duration = Duration::from_secs(600);

/// Why a session is over.
pub(super) enum Over {
    /// The client has left.
    Left,
    /// The script says so.
    Fault,
}

pub(super) type Step = Result<(), Over>;

/// One session.
pub(super) struct Session {
    socket: WebSocketStream<TokioIo<Upgraded>>,
    script: Script,
    inspector: Inspector,
    behaviour: Behaviour,
    serial: u64,
    events: u64,
    /// As the interface shows it.
    settings: Value,
    /// What was said so far: its words, and tokens of sound.
    words: u64,
    sound: u64,
    /// The last thing a person said.
    last: String,
    /// Bytes of sound not committed yet.
    buffer: usize,
    items: u64,
    reset: Arc<AtomicBool>,
}

impl Twin {
    /// Agrees to a session and holds it, on a task of its own.
    pub(crate) async fn session(
        &self,
        head: &mut http::request::Parts,
        (reset, ticket): (Arc<AtomicBool>, Ticket),
    ) -> Result<Response<Play>, (Refusal, Ticket)> {
        let query = head.uri.query().unwrap_or_default();
        let model =
            query.split('&').find_map(|pair| pair.strip_prefix("model=")).unwrap_or_default();
        let Some(behaviour) = Behaviour::of(model).filter(|one| !one.is_task()) else {
            return Err((Refusal::new(404, "The model does not exist"), ticket));
        };
        if let Some(status) = self.refused(behaviour, &Bytes::from(model.to_owned())) {
            return Err((Refusal::new(status, format!("sandbox error {status}")), ticket));
        }
        let key = head.headers.get(header::SEC_WEBSOCKET_KEY);
        let accept =
            key.and_then(|key| HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok());
        let Some((line, accept)) = head.extensions.remove::<OnUpgrade>().zip(accept) else {
            return Err((Refusal::invalid("upgrade", "expected a WebSocket"), ticket));
        };
        if behaviour == Behaviour::SlowHeaders {
            tokio::time::sleep(self.script.hush).await;
        }
        let (script, inspector) = (self.script.clone(), self.inspector.clone());
        let serial = self.next();
        let settings = events::settings(model, serial);
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(async move {
            let Ok(io) = line.await else { return };
            let socket =
                WebSocketStream::from_raw_socket(TokioIo::new(io), Role::Server, None).await;
            let session = Session {
                socket,
                script,
                inspector,
                behaviour,
                serial,
                settings,
                reset,
                events: 0,
                words: 0,
                sound: 0,
                last: String::new(),
                buffer: 0,
                items: 0,
            };
            drop(tokio::time::timeout(LONGEST, session.hold(ticket)).await);
        }));
        let mut response = Response::new(Play::plain(String::new()));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        Ok(response)
    }
}

impl Session {
    async fn hold(mut self, ticket: Ticket) {
        match self.talk().await {
            Ok(()) => {
                drop(self.socket.close(None).await);
                ticket.completed();
            }
            // Without a word, as the ticket then says.
            Err(Over::Left) => {}
            Err(Over::Fault) => ticket.faulted(),
        }
    }

    async fn talk(&mut self) -> Step {
        match self.behaviour {
            Behaviour::ErrorIn200 => {
                self.complain(("server_error", "overloaded"), "sandbox is overloaded", Value::Null)
                    .await?;
                return Ok(());
            }
            Behaviour::SlowFirstToken => tokio::time::sleep(self.script.hush).await,
            _ => {}
        }
        let session = self.settings.clone();
        self.tell("session.created", json!({"session": session})).await?;
        while let Some(event) = self.hear().await? {
            self.take(event).await?;
        }
        Ok(())
    }

    /// The client's next event; nothing when it has left in the proper way.
    async fn hear(&mut self) -> Result<Option<Value>, Over> {
        loop {
            let text = match self.socket.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(_))) => return Ok(None),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return Err(Over::Left),
            };
            self.inspector.record(Recorded {
                method: "WS".to_owned(),
                path: "/v1/realtime".to_owned(),
                headers: Vec::new(),
                body: Bytes::copy_from_slice(text.as_bytes()),
            });
            match serde_json::from_str(&text) {
                Ok(event) => return Ok(Some(event)),
                Err(_) => {
                    let says = format!("Could not parse: {text}");
                    self.complain(("invalid_request_error", "invalid_json"), &says, Value::Null)
                        .await?;
                }
            }
        }
    }

    async fn take(&mut self, event: Value) -> Step {
        let id = event.get("event_id").cloned().unwrap_or_default();
        match event.get("type").and_then(Value::as_str).unwrap_or_default() {
            "session.update" => {
                events::update(&mut self.settings, event.get("session").unwrap_or(&Value::Null));
                let session = self.settings.clone();
                self.tell("session.updated", json!({"session": session})).await
            }
            "conversation.item.create" => self.add(event.get("item").unwrap_or(&Value::Null)).await,
            "input_audio_buffer.append" => {
                // Three bytes are four characters.
                let text = event.get("audio").and_then(Value::as_str).unwrap_or_default();
                self.buffer += text.len() / 4 * 3;
                Ok(())
            }
            "input_audio_buffer.clear" => {
                self.buffer = 0;
                self.tell("input_audio_buffer.cleared", json!({})).await
            }
            "input_audio_buffer.commit" => self.commit(&id).await,
            "response.create" => self.respond(event.get("response").unwrap_or(&Value::Null)).await,
            "response.cancel" => {
                let says = "Cancellation failed: no active response found";
                self.complain(("invalid_request_error", "response_cancel_not_active"), says, id)
                    .await
            }
            // The twin repeats what it was sent, on purpose.
            other => {
                let says = format!("Invalid value: '{other}' in {event}");
                self.complain(("invalid_request_error", "invalid_value"), &says, id).await
            }
        }
    }

    async fn add(&mut self, item: &Value) -> Step {
        let said = events::text_of(item);
        self.words += said.split_whitespace().count() as u64;
        self.sound += events::sound_of(item);
        if item.get("role").and_then(Value::as_str) == Some("user") {
            self.last = said;
        }
        let before = self.last_item();
        let id = item.get("id").cloned().unwrap_or_else(|| json!(self.next_item()));
        let more = json!({"id": id, "object": "realtime.item", "status": "completed"});
        let item = events::with(item.clone(), more);
        let told = json!({"previous_item_id": before, "item": item});
        self.tell("conversation.item.added", told.clone()).await?;
        self.tell("conversation.item.done", told).await
    }

    async fn commit(&mut self, id: &Value) -> Step {
        let tokens = events::sound_tokens(std::mem::take(&mut self.buffer));
        if tokens == 0 {
            let says = "Error committing input audio buffer: buffer too small.";
            let what = ("invalid_request_error", "input_audio_buffer_commit_empty");
            return self.complain(what, says, id.clone()).await;
        }
        self.sound += tokens;
        self.last = "sound".to_owned();
        let (before, item) = (self.last_item(), self.next_item());
        let told = json!({"previous_item_id": before, "item_id": item});
        self.tell("input_audio_buffer.committed", told).await?;
        let item = json!({
            "id": item, "object": "realtime.item", "type": "message", "status": "completed", "role": "user",
            "content": [{"type": "input_audio", "transcript": Value::Null}],
        });
        let told = json!({"previous_item_id": before, "item": item});
        self.tell("conversation.item.added", told.clone()).await?;
        self.tell("conversation.item.done", told).await?;
        match events::answers_by_itself(&self.settings) {
            true => self.respond(&Value::Null).await,
            false => Ok(()),
        }
    }

    fn next_item(&mut self) -> String {
        self.items += 1;
        self.last_item().unwrap_or_default()
    }

    fn last_item(&self) -> Option<String> {
        (self.items > 0).then(|| format!("item_sandbox_{}_{}", self.serial, self.items))
    }

    pub(super) async fn tell(&mut self, kind: &str, more: Value) -> Step {
        self.events += 1;
        let id = format!("event_sandbox_{}_{}", self.serial, self.events);
        let event = events::with(json!({"type": kind, "event_id": id}), more);
        self.send(event.to_string()).await
    }

    pub(super) async fn send(&mut self, text: String) -> Step {
        self.socket.send(Message::text(text)).await.map_err(|_| Over::Left)
    }

    pub(super) async fn complain(
        &mut self,
        (kind, code): (&str, &str),
        says: &str,
        about: Value,
    ) -> Step {
        let error = json!({"type": kind, "code": code, "message": says, "param": Value::Null, "event_id": about});
        self.tell("error", json!({"error": error})).await
    }
}
