//! Fixtures of a binary stream, written as lines: each is one message, `{"KIND": PAYLOAD}`, or
//! `{"exception": {"NAME": PAYLOAD}}`. A line `half` cuts the last message in its middle, `damaged` changes a byte of it.

use serde_json::Value;

/// The bytes of the messages in `lines`.
pub(crate) fn encoded(lines: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut last = 0;
    for line in lines.lines().filter(|line| !line.is_empty()) {
        match line {
            "half" => bytes.truncate(last + (bytes.len() - last) / 2),
            "damaged" => *bytes.last_mut().unwrap() ^= 1,
            line => {
                last = bytes.len();
                bytes.extend(message(&serde_json::from_str(line).unwrap()));
            }
        }
    }
    bytes
}

/// One message. The headers hold one of each type that a reader has to step over.
pub(crate) fn message(said: &Value) -> Vec<u8> {
    let (kind, payload) = said.as_object().unwrap().iter().next().unwrap();
    let mut headers = Vec::new();
    let mut text = |name: &str, value: &str| {
        headers.push(u8::try_from(name.len()).unwrap());
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    };
    let payload = if kind == "exception" {
        let (name, payload) = payload.as_object().unwrap().iter().next().unwrap();
        text(":exception-type", name);
        text(":message-type", "exception");
        payload
    } else {
        text(":event-type", kind);
        text(":message-type", "event");
        payload
    };
    text(":content-type", "application/json");
    for (kind, bytes) in [(0, 0), (2, 1), (3, 2), (4, 4), (8, 8), (9, 16)] {
        headers.extend_from_slice(&[1, b'x', kind]);
        headers.extend(std::iter::repeat_n(7, bytes));
    }
    let payload = payload.to_string();
    let size = |bytes: usize| u32::try_from(bytes).unwrap().to_be_bytes();
    let mut bytes = size(16 + headers.len() + payload.len()).to_vec();
    bytes.extend_from_slice(&size(headers.len()));
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend_from_slice(&headers);
    bytes.extend_from_slice(payload.as_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes
}
