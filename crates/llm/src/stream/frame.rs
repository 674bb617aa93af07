//! Cutting a byte stream into server-sent events, wherever the network cut it.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>

use std::borrow::Cow;

use memchr::memchr2;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One event with its closing blank line, or a block of comments.
pub(crate) struct Frame<'a> {
    /// As received.
    pub(crate) raw: &'a [u8],
    /// The `data` lines, joined; empty when there was none.
    pub(crate) data: Cow<'a, [u8]>,
    pub(crate) has_data: bool,
    /// Its closing blank line has come.
    pub(crate) complete: bool,
}

/// One event is larger than allowed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Keeps the part of an event that has not arrived whole.
pub(crate) struct Framer {
    pending: Vec<u8>,
    /// Bytes of `pending` that hold no end of an event.
    scanned: usize,
    limit: usize,
    started: bool,
}

impl Framer {
    /// `limit` is the largest event, in bytes.
    pub(crate) const fn new(limit: usize) -> Self {
        Self { pending: Vec::new(), scanned: 0, limit, started: false }
    }

    /// For the middle of a stream.
    pub(crate) fn resumed() -> Self {
        Self { started: true, ..Self::new(usize::MAX) }
    }

    /// Gives every event that is complete to `each`, which may stop the walk with an error.
    pub(crate) fn push<E: From<TooLarge>>(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.pending.is_empty() && self.started {
            let used = self.walk(chunk, 0, false, &mut each)?;
            return self.keep(chunk.get(used.taken..).unwrap_or_default(), used.scanned);
        }
        let mut text = std::mem::take(&mut self.pending);
        text.extend_from_slice(chunk);
        let mut skip = 0;
        if !self.started {
            if BOM.starts_with(&text) && text.len() < BOM.len() {
                self.pending = text;
                return Ok(());
            }
            self.started = true;
            skip = if text.starts_with(BOM) { BOM.len() } else { 0 };
        }
        let body = text.get(skip..).unwrap_or_default();
        let used = self.walk(body, self.scanned, false, &mut each)?;
        text.drain(..skip + used.taken);
        self.scanned = used.scanned;
        self.pending = text;
        self.check()
    }

    /// Gives what is left at the end of the stream, as if its closing blank line had come.
    pub(crate) fn finish<E: From<TooLarge>>(
        &mut self,
        mut each: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let text = std::mem::take(&mut self.pending);
        self.scanned = 0;
        self.started = true;
        let body = text.strip_prefix(BOM).unwrap_or(&text);
        let used = self.walk(body, 0, true, &mut each)?;
        match body.get(used.taken..) {
            Some(rest) if !rest.is_empty() => each(frame(rest, false)),
            _ => Ok(()),
        }
    }

    /// Walks the lines of `text`; `scanned` is the start of a line that the last walk reached.
    fn walk<E: From<TooLarge>>(
        &self,
        text: &[u8],
        scanned: usize,
        last: bool,
        each: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<Used, E> {
        let mut start = 0;
        let mut line = scanned;
        while let Some((end, next)) = line_end(text, line, last) {
            if end == line {
                if next - start > self.limit {
                    return Err(TooLarge.into());
                }
                each(frame(text.get(start..next).unwrap_or_default(), true))?;
                start = next;
            }
            line = next;
        }
        Ok(Used { taken: start, scanned: line - start })
    }

    fn keep<E: From<TooLarge>>(&mut self, rest: &[u8], scanned: usize) -> Result<(), E> {
        self.pending.extend_from_slice(rest);
        self.scanned = scanned;
        self.check()
    }

    fn check<E: From<TooLarge>>(&self) -> Result<(), E> {
        if self.pending.len() > self.limit { Err(TooLarge.into()) } else { Ok(()) }
    }
}

struct Used {
    /// Bytes given away as frames.
    taken: usize,
    /// Bytes after `taken` that need not be looked at again: they end at the start of a line.
    scanned: usize,
}

/// The end of the line that starts at `from`, without and with its terminator. A carriage return at the very
/// end may be half of a pair, so it waits unless the stream is over.
fn line_end(text: &[u8], from: usize, last: bool) -> Option<(usize, usize)> {
    let end = from + memchr2(b'\n', b'\r', text.get(from..)?)?;
    if text.get(end) == Some(&b'\n') {
        return Some((end, end + 1));
    }
    match text.get(end + 1) {
        Some(b'\n') => Some((end, end + 2)),
        Some(_) => Some((end, end + 1)),
        None => last.then_some((end, end + 1)),
    }
}

fn frame(raw: &[u8], complete: bool) -> Frame<'_> {
    let mut data: Option<Cow<'_, [u8]>> = None;
    let mut line = 0;
    while line < raw.len() {
        let (end, next) = line_end(raw, line, true).unwrap_or((raw.len(), raw.len()));
        if let Some(value) = raw.get(line..end).and_then(data_of) {
            data = Some(match data {
                None => Cow::Borrowed(value),
                Some(before) => {
                    let mut joined = before.into_owned();
                    joined.push(b'\n');
                    joined.extend_from_slice(value);
                    Cow::Owned(joined)
                }
            });
        }
        line = next;
    }
    Frame { raw, has_data: data.is_some(), data: data.unwrap_or_default(), complete }
}

fn data_of(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"data")?;
    if rest.is_empty() {
        return Some(rest);
    }
    let value = rest.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}
