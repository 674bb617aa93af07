//! Recordings: a twin does not understand them, it tells how long they are.

use serde_json::{Value, json};

use super::{Answer, draw::flag, form::Form, known, word};
use crate::{ask::count, behaviour::Behaviour, refusal::Refusal};

/// `english` stands for a recording that is to be told in that language.
pub(super) fn answer(
    (body, english): (&Value, bool),
    form: Option<&Form>,
    behaviour: Behaviour,
) -> Result<Answer, Refusal> {
    known(
        body,
        &[
            "model",
            "language",
            "prompt",
            "response_format",
            "temperature",
            "stream",
            "timestamp_granularities[]",
            "include[]",
            "chunking_strategy",
        ],
    )?;
    for name in ["language", "stream", "timestamp_granularities[]", "include[]"] {
        if english && body.get(name).is_some() {
            return Err(Refusal::invalid("translation", "this argument is not supported"));
        }
    }
    let recording = form.and_then(|form| form.file(&["file"]));
    let recording = recording.ok_or_else(|| Refusal::invalid("file", "a file is required"))?;
    let seconds = seconds(recording)
        .ok_or_else(|| Refusal::invalid("file", "Invalid file format. This twin hears WAV"))?;
    let text = format!("a recording of {} bytes", recording.len());
    let kind = word(body, "response_format", &["json", "text", "srt", "verbose_json", "vtt"])?;
    if flag(body, "stream") {
        return Ok(Answer::Events(events(&text, seconds)));
    }
    let whole = seconds.ceil();
    let usage = json!({"type": "duration", "seconds": whole});
    let silent = behaviour == Behaviour::NoUsage;
    Ok(match kind {
        "json" if silent => Answer::Document(json!({"text": text})),
        "json" => Answer::Document(json!({"text": text, "usage": usage})),
        "verbose_json" => Answer::Document(json!({
            "task": if english { "translate" } else { "transcribe" }, "language": "english", "duration": seconds, "text": text,
            "segments": [], "usage": usage,
        })),
        _ => Answer::Bytes(format!("{text}\n").into(), "text/plain; charset=utf-8"),
    })
}

fn events(text: &str, seconds: f64) -> Vec<Value> {
    let word = |word: &str| json!({"type": "transcript.text.delta", "delta": format!("{word} ")});
    let mut events: Vec<Value> = text.split_whitespace().map(word).collect();
    // Ten tokens a second, as the real ones count sound.
    let (heard, said) = ((seconds * 10.0).ceil() as u64, count(text));
    events.push(json!({
        "type": "transcript.text.done", "text": text,
        "usage": {
            "type": "tokens", "input_tokens": heard, "output_tokens": said,
            "total_tokens": heard + said,
            "input_token_details": {"audio_tokens": heard, "text_tokens": 0},
        },
    }));
    events
}

/// How long a WAV is.
fn seconds(recording: &[u8]) -> Option<f64> {
    if !recording.starts_with(b"RIFF") || recording.get(8..12)? != b"WAVE" {
        return None;
    }
    let number = |at: usize| {
        let bytes: [u8; 4] = recording.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes))
    };
    let (rate, size) = (number(28)?, number(40)?);
    (rate > 0).then(|| f64::from(size) / f64::from(rate))
}
