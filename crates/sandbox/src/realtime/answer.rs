//! One answer: its events, and what it used.

use std::sync::atomic::Ordering;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Over, Session, Step, events};
use crate::behaviour::Behaviour;

/// After so many words whatever goes wrong in the middle goes wrong.
const MIDDLE: usize = 3;

/// An answer being told.
struct Telling {
    response: String,
    item: String,
    modalities: Value,
    speaks: bool,
}

impl Telling {
    fn at(&self, more: Value) -> Value {
        let all = json!({
            "response_id": self.response, "item_id": self.item, "output_index": 0, "content_index": 0,
        });
        events::with(all, more)
    }

    fn part(&self, said: &str) -> Value {
        match self.speaks {
            true => json!({"type": "audio", "transcript": said}),
            false => json!({"type": "text", "text": said}),
        }
    }

    fn message(&self, said: Option<&str>, status: &str) -> Value {
        let kind = if self.speaks { "output_audio" } else { "output_text" };
        let name = if self.speaks { "transcript" } else { "text" };
        let content = said.map(|said| json!({"type": kind, name: said}));
        json!({
            "id": self.item, "object": "realtime.item", "type": "message", "status": status,
            "role": "assistant", "content": content.into_iter().collect::<Vec<_>>(),
        })
    }
}

impl Session {
    pub(super) async fn respond(&mut self, wishes: &Value) -> Step {
        let wished = |name: &str| wishes.get(name).filter(|value| !value.is_null());
        let modalities =
            wished("output_modalities").or_else(|| self.settings.get("output_modalities"));
        let modalities = modalities.cloned().unwrap_or_else(|| json!(["audio"]));
        let speaks = modalities.as_array().is_some_and(|all| all.contains(&json!("audio")));
        let response = format!("resp_sandbox_{}_{}", self.serial, self.events);
        let telling = Telling { response, item: self.next_item(), modalities, speaks };
        let begun = self.shown(&telling, ("in_progress", Value::Null), &[], Value::Null);
        self.tell("response.created", json!({"response": begun})).await?;
        let limits =
            json!([{"name": "tokens", "limit": 40000, "remaining": 39000, "reset_seconds": 1.5}]);
        self.tell("rate_limits.updated", json!({"rate_limits": limits})).await?;
        let tool =
            self.settings.pointer("/tools/0/name").and_then(Value::as_str).map(str::to_owned);
        match tool.filter(|_| self.behaviour == Behaviour::Tools) {
            Some(name) => self.call(telling, &name).await,
            None => self.say(telling).await,
        }
    }

    async fn say(&mut self, telling: Telling) -> Step {
        let item = telling.message(None, "in_progress");
        let added = json!({"response_id": telling.response, "output_index": 0, "item": item});
        self.tell("response.output_item.added", added).await?;
        self.tell(
            "conversation.item.added",
            json!({"previous_item_id": Value::Null, "item": item}),
        )
        .await?;
        self.tell("response.content_part.added", telling.at(json!({"part": telling.part("")})))
            .await?;
        let words = self.words_to_say();
        let mut said = String::new();
        for (at, word) in words.iter().enumerate() {
            if at == MIDDLE && self.breaks(&telling, &said).await? {
                return Ok(());
            }
            let piece = if at == 0 { word.clone() } else { format!(" {word}") };
            said.push_str(&piece);
            self.piece(&telling, &piece).await?;
            if self.behaviour == Behaviour::Slow && self.is_cancelled().await? {
                return self.done(&telling, &said, ("cancelled", "client_cancelled")).await;
            }
        }
        self.done(&telling, &said, ("completed", "")).await
    }

    fn words_to_say(&self) -> Vec<String> {
        let all: Vec<_> = self.last.split_whitespace().map(str::to_owned).collect();
        match self.behaviour.words() {
            Some(wanted) if !all.is_empty() => all.iter().cycle().take(wanted).cloned().collect(),
            Some(wanted) => vec!["word".to_owned(); wanted],
            None if all.is_empty() => vec!["nothing".to_owned()],
            None => all,
        }
    }

    async fn piece(&mut self, telling: &Telling, piece: &str) -> Step {
        if !telling.speaks {
            return self
                .tell("response.output_text.delta", telling.at(json!({"delta": piece})))
                .await;
        }
        let transcript = telling.at(json!({"delta": piece}));
        self.tell("response.output_audio_transcript.delta", transcript).await?;
        let silence = STANDARD.encode(vec![0_u8; events::WORD_OF_SILENCE]);
        self.tell("response.output_audio.delta", telling.at(json!({"delta": silence}))).await
    }

    /// Goes wrong in the middle, where the model does; whether the answer is over.
    async fn breaks(&mut self, telling: &Telling, said: &str) -> Result<bool, Over> {
        match self.behaviour {
            Behaviour::Cut => Err(Over::Fault),
            Behaviour::Reset => {
                self.reset.store(true, Ordering::SeqCst);
                Err(Over::Fault)
            }
            Behaviour::Stall => {
                // Only the client's leaving ends this.
                while self.hear().await?.is_some() {}
                Err(Over::Left)
            }
            Behaviour::Malformed => {
                self.send("{\"type\":\"response.output_text.delta\",\"del".to_owned()).await?;
                Ok(false)
            }
            Behaviour::ErrorMidStream => {
                let says = format!("sandbox is overloaded: {}", self.last);
                self.complain(("server_error", "overloaded"), &says, Value::Null).await?;
                self.done(telling, said, ("failed", "")).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Waits for a moment, in which the client may have changed its mind.
    async fn is_cancelled(&mut self) -> Result<bool, Over> {
        let pace = self.script.pace;
        match tokio::time::timeout(pace, self.hear()).await {
            Err(_) => Ok(false),
            Ok(Ok(Some(event))) => {
                Ok(event.get("type").and_then(Value::as_str) == Some("response.cancel"))
            }
            Ok(Ok(None)) => Err(Over::Left),
            Ok(Err(over)) => Err(over),
        }
    }

    async fn done(&mut self, telling: &Telling, said: &str, (status, why): (&str, &str)) -> Step {
        let complete = if status == "completed" { "completed" } else { "incomplete" };
        let item = telling.message(Some(said), complete);
        if telling.speaks {
            self.tell("response.output_audio.done", telling.at(json!({}))).await?;
            let transcript = telling.at(json!({"transcript": said}));
            self.tell("response.output_audio_transcript.done", transcript).await?;
        } else {
            self.tell("response.output_text.done", telling.at(json!({"text": said}))).await?;
        }
        self.tell("response.content_part.done", telling.at(json!({"part": telling.part(said)})))
            .await?;
        self.finish(telling, item, said.split_whitespace().count() as u64, (status, why)).await
    }

    async fn call(&mut self, telling: Telling, name: &str) -> Step {
        let id = format!("call_sandbox_{}_{}", self.serial, self.items);
        let item = |arguments: &str, status: &str| {
            json!({
                "id": telling.item, "object": "realtime.item", "type": "function_call", "status": status,
                "name": name, "call_id": id, "arguments": arguments,
            })
        };
        let begun = item("", "in_progress");
        let added = json!({"response_id": telling.response, "output_index": 0, "item": begun});
        self.tell("response.output_item.added", added).await?;
        self.tell(
            "conversation.item.added",
            json!({"previous_item_id": Value::Null, "item": begun}),
        )
        .await?;
        let at = json!({
            "response_id": telling.response, "item_id": telling.item, "output_index": 0, "call_id": id,
        });
        let piece = events::with(at.clone(), json!({"delta": "{}"}));
        self.tell("response.function_call_arguments.delta", piece).await?;
        let ended = events::with(at, json!({"arguments": "{}", "name": name}));
        self.tell("response.function_call_arguments.done", ended).await?;
        self.finish(&telling, item("{}", "completed"), 1, ("completed", "")).await
    }

    async fn finish(
        &mut self,
        telling: &Telling,
        item: Value,
        words: u64,
        (status, why): (&str, &str),
    ) -> Step {
        let done = json!({"response_id": telling.response, "output_index": 0, "item": item});
        self.tell("response.output_item.done", done).await?;
        self.tell("conversation.item.done", json!({"previous_item_id": Value::Null, "item": item}))
            .await?;
        let usage = self.usage(telling, words);
        self.words += words;
        let details = match (status, why) {
            ("failed", _) => {
                json!({"type": "failed", "error": {"type": "server_error", "code": "overloaded"}})
            }
            (_, "") => Value::Null,
            (status, why) => json!({"type": status, "reason": why}),
        };
        let ended = self.shown(telling, (status, details), &[item], usage);
        self.tell("response.done", json!({"response": ended})).await
    }

    fn shown(
        &self,
        telling: &Telling,
        (status, details): (&str, Value),
        output: &[Value],
        usage: Value,
    ) -> Value {
        json!({
            "object": "realtime.response", "id": telling.response, "status": status,
            "status_details": details, "output": output, "conversation_id": format!("conv_sandbox_{}", self.serial),
            "output_modalities": telling.modalities, "max_output_tokens": "inf",
            "audio": {"output": {
                "format": self.settings.pointer("/audio/output/format"),
                "voice": self.settings.pointer("/audio/output/voice"),
            }},
            "usage": usage, "metadata": Value::Null,
        })
    }

    /// In words, and tokens of sound.
    fn usage(&self, telling: &Telling, words: u64) -> Value {
        if matches!(self.behaviour, Behaviour::NoUsage | Behaviour::NullUsage) {
            return Value::Null;
        }
        let cached = if self.behaviour == Behaviour::Cached { self.words / 2 } else { 0 };
        let (text, sound) = if telling.speaks { (0, words) } else { (words, 0) };
        let input = self.words + self.sound;
        json!({
            "total_tokens": input + words, "input_tokens": input, "output_tokens": words,
            "input_token_details": {
                "text_tokens": self.words, "audio_tokens": self.sound, "image_tokens": 0, "cached_tokens": cached,
                "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": text, "audio_tokens": sound},
        })
    }
}
