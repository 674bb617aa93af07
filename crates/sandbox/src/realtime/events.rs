//! What the interface's events hold.

use serde_json::{Value, json};

/// Bytes of sound to one token: a tenth of a second at 24,000 samples of two bytes.
const SOUND: usize = 4_800;

/// An object with more members.
pub(super) fn with(mut all: Value, more: Value) -> Value {
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
        all.extend(more);
    }
    all
}

/// A session before anybody changed it.
pub(super) fn settings(model: &str, serial: u64) -> Value {
    let format = json!({"type": "audio/pcm", "rate": 24000});
    json!({
        "type": "realtime", "object": "realtime.session", "id": format!("sess_sandbox_{serial}"),
        "model": model, "output_modalities": ["audio"],
        "instructions": "You are a twin.", "tools": [], "tool_choice": "auto",
        "max_output_tokens": "inf", "tracing": Value::Null, "truncation": "auto", "prompt": Value::Null,
        "expires_at": 1_900_000_000_u64, "include": Value::Null,
        "audio": {
            "input": {
                "format": format, "transcription": Value::Null, "noise_reduction": Value::Null,
                "turn_detection": {
                    "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300,
                    "silence_duration_ms": 200, "idle_timeout_ms": Value::Null,
                    "create_response": true, "interrupt_response": true,
                },
            },
            "output": {"format": format, "voice": "alloy", "speed": 1.0},
        },
    })
}

/// Puts the members of `change` into `settings`, objects into objects. The model stays.
pub(super) fn update(settings: &mut Value, change: &Value) {
    let (Some(settings), Some(change)) = (settings.as_object_mut(), change.as_object()) else {
        return;
    };
    for (name, value) in change.iter().filter(|(name, _)| *name != "model") {
        match settings.get_mut(name) {
            Some(inside) if inside.is_object() && value.is_object() => update(inside, value),
            _ => drop(settings.insert(name.clone(), value.clone())),
        }
    }
}

/// Whether sound that was heard to its end is answered without being asked to.
pub(super) fn answers_by_itself(settings: &Value) -> bool {
    let detection = settings.pointer("/audio/input/turn_detection");
    detection.and_then(|all| all.get("create_response")).and_then(Value::as_bool).unwrap_or(false)
}

fn content(item: &Value) -> impl Iterator<Item = &Value> {
    item.get("content").and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn text_of(item: &Value) -> String {
    let texts: Vec<_> = content(item).filter_map(|part| part.get("text")?.as_str()).collect();
    match item.get("output").and_then(Value::as_str) {
        Some(output) => output.to_owned(),
        None => texts.join(" "),
    }
}

pub(super) fn sound_of(item: &Value) -> u64 {
    let bytes = |part: &Value| Some(part.get("audio")?.as_str()?.len() / 4 * 3);
    sound_tokens(content(item).filter_map(bytes).sum())
}

pub(super) fn sound_tokens(bytes: usize) -> u64 {
    bytes.div_ceil(SOUND) as u64
}

/// As much silence as it takes to say a word.
pub(super) const WORD_OF_SILENCE: usize = SOUND;
