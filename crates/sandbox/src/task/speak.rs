//! Speech: a tone as long as the text, or silence where the format is compressed.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Answer, known, word};
use crate::{
    ask::{count, text_of},
    refusal::Refusal,
};

/// Samples per second, of two bytes.
const RATE: u32 = 8_000;
/// Samples per character.
const EACH: usize = 400;

pub(super) fn answer(body: &Value) -> Result<Answer, Refusal> {
    known(
        body,
        &["model", "input", "voice", "instructions", "response_format", "speed", "stream_format"],
    )?;
    let text = text_of(body, "input")?;
    let length = text.chars().count();
    if !(1..=4096).contains(&length) {
        return Err(Refusal::invalid("input", "between 1 and 4096 characters are spoken"));
    }
    let voice =
        body.get("voice").and_then(|voice| voice.as_str().or_else(|| voice.get("id")?.as_str()));
    if voice.is_none() {
        return Err(Refusal::invalid("voice", "a voice is required"));
    }
    if body
        .get("speed")
        .is_some_and(|speed| !speed.as_f64().is_some_and(|speed| (0.25..=4.0).contains(&speed)))
    {
        return Err(Refusal::invalid("speed", "between 0.25 and 4.0"));
    }
    let (sound, kind) = match word(body, "response_format", &["mp3", "wav", "pcm"])? {
        "wav" => (wav(length), "audio/wav"),
        "pcm" => (tone(length), "audio/pcm"),
        _ => (silence(length), "audio/mpeg"),
    };
    if word(body, "stream_format", &["audio", "sse"])? == "audio" {
        return Ok(Answer::Bytes(Bytes::from(sound), kind));
    }
    let piece =
        |piece: &[u8]| json!({"type": "speech.audio.delta", "audio": STANDARD.encode(piece)});
    let mut events: Vec<Value> = sound.chunks(sound.len().div_ceil(8)).map(piece).collect();
    let (words, made) = (count(&text), length as u64);
    let usage = json!({"input_tokens": words, "output_tokens": made, "total_tokens": words + made});
    events.push(json!({"type": "speech.audio.done", "usage": usage}));
    Ok(Answer::Events(events))
}

/// A square wave of 16-bit samples.
fn tone(length: usize) -> Vec<u8> {
    let sample = |at: usize| if (at / 10).is_multiple_of(2) { 2_000_i16 } else { -2_000 };
    (0..length * EACH).flat_map(|at| sample(at).to_le_bytes()).collect()
}

/// The same with a header that says what it is.
fn wav(length: usize) -> Vec<u8> {
    let sound = tone(length);
    let size = u32::try_from(sound.len()).unwrap_or(u32::MAX);
    let mut out = b"RIFF".to_vec();
    out.extend_from_slice(&(size.saturating_add(36)).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16_u32.to_le_bytes());
    for number in [1_u16, 1] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for number in [RATE, RATE * 2] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for number in [2_u16, 16] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(b"data");
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&sound);
    out
}

/// Frames of MPEG-1 layer 3 (128 kbit/s, 44.1 kHz, one channel) that hold nothing.
fn silence(length: usize) -> Vec<u8> {
    let mut frame = vec![0_u8; 417];
    for (place, byte) in frame.iter_mut().zip([0xff, 0xfb, 0x90, 0xc4]) {
        *place = byte;
    }
    frame.repeat(length.div_ceil(2))
}
