//! Images: eight by eight pixels of one colour, which depends on the prompt.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Answer, form::Form, known, word};
use crate::{
    ask::{count, text_of},
    refusal::Refusal,
    reply::hash,
};

const SIDE: u32 = 8;
/// What one image counts, in tokens.
const IMAGE_TOKENS: u64 = 100;

/// `edited` stands for a request for a changed image, with its form if it is one.
pub(super) fn answer(body: &Value, edited: Option<Option<&Form>>) -> Result<Answer, Refusal> {
    known(
        body,
        &[
            "model",
            "prompt",
            "n",
            "size",
            "quality",
            "response_format",
            "user",
            "background",
            "output_format",
            "output_compression",
            "moderation",
            "style",
            "stream",
            "partial_images",
            "input_fidelity",
            "images",
        ],
    )?;
    let prompt = text_of(body, "prompt")?;
    if let Some(form) = edited {
        let image = form.and_then(|form| form.file(&["image", "image[]"]));
        if !image.is_some_and(|image| image.starts_with(b"\x89PNG")) {
            return Err(Refusal::invalid("image", "a PNG is required"));
        }
    }
    let n = whole(body, "n", 1)?;
    if !(1..=10).contains(&n) {
        return Err(Refusal::invalid("n", "between 1 and 10 images are made"));
    }
    let size = word(body, "size", &["1024x1024", "1024x1536", "1536x1024", "auto", "256x256"])?;
    let quality = word(body, "quality", &["low", "medium", "high", "auto", "standard", "hd"])?;
    word(body, "output_format", &["png"])?;
    let given = if edited.is_some() { IMAGE_TOKENS } else { 0 };
    let (text, made) = (count(&prompt), n * IMAGE_TOKENS);
    let usage = json!({
        "input_tokens": text + given, "output_tokens": made, "total_tokens": text + given + made,
        "input_tokens_details": {"text_tokens": text, "image_tokens": given},
    });
    let image = |at: u64| image(&format!("{at}{prompt}"));
    let about = json!({
        "background": "opaque", "output_format": "png", "quality": quality, "size": size,
    });
    if flag(body, "stream") {
        let verb = if edited.is_some() { "image_edit" } else { "image_generation" };
        let event = |kind: &str, more: Value| {
            let kind = format!("{verb}.{kind}");
            let image = json!({"type": kind, "b64_json": image(0), "created_at": 0});
            joined(joined(about.clone(), image), more)
        };
        let partial = |at: u64| event("partial_image", json!({"partial_image_index": at}));
        let mut events: Vec<Value> = (0..whole(body, "partial_images", 0)?).map(partial).collect();
        events.push(event("completed", json!({"usage": usage})));
        return Ok(Answer::Events(events));
    }
    let data: Vec<Value> = (0..n).map(|at| json!({"b64_json": image(at)})).collect();
    let made = json!({"created": 0, "data": data, "usage": usage});
    Ok(Answer::Document(joined(about, made)))
}

/// An image in base64 that depends on the text.
pub(super) fn image(text: &str) -> String {
    STANDARD.encode(png(hash(text.as_bytes())))
}

/// The members of both objects.
fn joined(mut one: Value, other: Value) -> Value {
    if let (Some(all), Value::Object(more)) = (one.as_object_mut(), other) {
        all.extend(more);
    }
    one
}

/// A number, also as a form writes it.
fn whole(body: &Value, name: &'static str, default: u64) -> Result<u64, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => value
            .as_u64()
            .or_else(|| value.as_str()?.parse().ok())
            .ok_or_else(|| Refusal::invalid(name, "a whole number is required")),
    }
}

/// A truth, also as a form writes it.
pub(super) fn flag(body: &Value, name: &str) -> bool {
    body.get(name).is_some_and(|value| value == true || value == "true")
}

/// A real image (RFC 2083): its pixels in one stored block of deflate.
fn png(colour: u64) -> Vec<u8> {
    let [red, green, blue, ..] = colour.to_le_bytes();
    let row: Vec<u8> = std::iter::once(0).chain([red, green, blue].repeat(SIDE as usize)).collect();
    let pixels = row.repeat(SIDE as usize);
    let length = u16::try_from(pixels.len()).unwrap_or(u16::MAX);
    let mut data = vec![0x78, 0x01, 0x01];
    data.extend_from_slice(&length.to_le_bytes());
    data.extend_from_slice(&(!length).to_le_bytes());
    data.extend_from_slice(&pixels);
    data.extend_from_slice(&adler32(&pixels).to_be_bytes());
    let mut header = [SIDE.to_be_bytes(), SIDE.to_be_bytes()].concat();
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in [(b"IHDR", header), (b"IDAT", data), (b"IEND", Vec::new())] {
        let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let chunk = [kind.as_slice(), &content].concat();
        out.extend_from_slice(&size.to_be_bytes());
        out.extend_from_slice(&chunk);
        out.extend_from_slice(&crc32(&chunk).to_be_bytes());
    }
    out
}

fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        (0..8).fold(crc ^ u32::from(*byte), bit)
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }
}
