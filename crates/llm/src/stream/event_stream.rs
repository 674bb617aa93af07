//! Cutting a byte stream into the messages of Amazon's event stream encoding, wherever the network cut it.
//!
//! A message is its length, the length of its headers, a checksum of both, the headers, the payload, and a checksum of
//! everything before it. What is read of it becomes the object `{"KIND": PAYLOAD}`.
//!
//! <https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html>

use std::borrow::Cow;

use super::{Frame, frame::TooLarge};
use crate::{
    StreamFault,
    json::{self, Shape},
};

/// Both lengths and their checksum.
const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;

/// Keeps the part of a message that has not arrived whole.
pub(crate) struct Messages {
    pending: Vec<u8>,
    limit: usize,
}

impl Messages {
    /// `limit` is the largest message, in bytes.
    pub(crate) const fn new(limit: usize) -> Self {
        Self { pending: Vec::new(), limit }
    }

    /// Gives every message that is complete to `each`, which may stop the walk with an error.
    pub(crate) fn push(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(Frame<'_>) -> Result<(), StreamFault>,
    ) -> Result<(), StreamFault> {
        let mut bytes = std::mem::take(&mut self.pending);
        bytes.extend_from_slice(chunk);
        let mut rest = bytes.as_slice();
        while let Some(length) = self.length(rest)? {
            let Some((message, after)) = rest.split_at_checked(length) else { break };
            let data = read(message).ok_or(StreamFault::Malformed)?;
            let frame = Frame {
                raw: message,
                has_data: !data.is_empty(),
                data: Cow::Owned(data),
                complete: true,
            };
            each(frame)?;
            rest = after;
        }
        let taken = bytes.len() - rest.len();
        bytes.drain(..taken);
        self.pending = bytes;
        Ok(())
    }

    /// How long the message at the start of `bytes` is; `None` until that is known.
    fn length(&self, bytes: &[u8]) -> Result<Option<usize>, StreamFault> {
        let Some(prelude) = bytes.get(..PRELUDE) else { return Ok(None) };
        let (lengths, sum) = prelude.split_at(PRELUDE - CHECKSUM);
        if number(sum) != Some(crc32fast::hash(lengths)) {
            return Err(StreamFault::Malformed);
        }
        let (Some(total), Some(headers)) =
            (number(lengths), number(lengths.get(4..).unwrap_or_default()))
        else {
            return Err(StreamFault::Malformed);
        };
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        if size(total) > self.limit {
            return Err(TooLarge.into());
        }
        if size(total) < PRELUDE + CHECKSUM || size(headers) > size(total) - PRELUDE - CHECKSUM {
            return Err(StreamFault::Malformed);
        }
        Ok(Some(size(total)))
    }
}

/// The first four bytes as a number.
fn number(bytes: &[u8]) -> Option<u32> {
    bytes.get(..4)?.try_into().ok().map(u32::from_be_bytes)
}

/// The object that a whole message stands for; `None` when it is damaged, or of no known kind.
fn read(message: &[u8]) -> Option<Vec<u8>> {
    let end = message.len().checked_sub(CHECKSUM)?;
    let (said, sum) = message.split_at_checked(end)?;
    if number(sum)? != crc32fast::hash(said) {
        return None;
    }
    let length = usize::try_from(number(message.get(4..)?)?).ok()?;
    let (headers, payload) = said.get(PRELUDE..)?.split_at_checked(length)?;
    let headers = Headers::read(headers)?;
    let payload = std::str::from_utf8(payload).ok()?;
    // An error of the connection says everything in its headers.
    let payload = if payload.is_empty() { "{}" } else { payload };
    if json::shape(json::document(payload.as_bytes())?) != Shape::Object {
        return None;
    }
    match headers.message {
        Some("event") => {
            let kind = headers.event.filter(|kind| plain(kind))?;
            Some(format!("{{\"{kind}\":{payload}}}").into_bytes())
        }
        Some("exception") => {
            let name = headers.exception.filter(|name| plain(name))?;
            let text = format!("{{\"exception\":{{\"name\":\"{name}\",\"error\":{payload}}}}}");
            Some(text.into_bytes())
        }
        _ => None,
    }
}

/// Names of events and exceptions are words.
fn plain(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// What the headers say, as far as it is of interest.
#[derive(Default)]
struct Headers<'a> {
    message: Option<&'a str>,
    event: Option<&'a str>,
    exception: Option<&'a str>,
}

impl<'a> Headers<'a> {
    fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let mut headers = Self::default();
        while let Some((length, rest)) = bytes.split_first() {
            let (name, rest) = rest.split_at_checked(usize::from(*length))?;
            let (kind, rest) = rest.split_first()?;
            let (value, rest) = value(*kind, rest)?;
            let text = std::str::from_utf8(value).ok();
            match name {
                b":message-type" => headers.message = text,
                b":event-type" => headers.event = text,
                // An error of the connection itself is told by a code.
                b":exception-type" | b":error-code" => headers.exception = text,
                _ => {}
            }
            bytes = rest;
        }
        if headers.message == Some("error") {
            headers.message = Some("exception");
        }
        Some(headers)
    }
}

/// The bytes of a header's value, and what follows it.
fn value(kind: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let fixed = match kind {
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        5 | 8 => 8,
        9 => 16,
        6 | 7 => {
            let (length, rest) = bytes.split_at_checked(2)?;
            let length = u16::from_be_bytes(length.try_into().ok()?);
            return rest.split_at_checked(usize::from(length));
        }
        _ => return None,
    };
    bytes.split_at_checked(fixed)
}
