//! A stream whose two ends speak different formats.

use super::{Frame, Meter, Piece, State, StreamFault, StreamOptions};
use crate::{
    Format, anthropic, cohere, converse, gemini,
    openai::{ChunkReader, ChunkWriter},
    responses, watsonx,
};

pub(crate) struct Translate {
    outbound: Format,
    reader: Reader,
    writer: Writer,
    started: bool,
    /// The model has said why it stopped.
    stopped: bool,
}

enum Reader {
    OpenAi(ChunkReader),
    Anthropic(anthropic::EventReader),
    Responses(responses::EventReader),
    Gemini(gemini::ChunkReader),
    Converse(converse::EventReader),
    Cohere(cohere::EventReader),
    Watsonx(watsonx::EventReader),
}

enum Writer {
    OpenAi(ChunkWriter),
    Anthropic(anthropic::EventWriter),
    Responses(responses::EventWriter),
    Gemini(gemini::ChunkWriter),
    Cohere(cohere::EventWriter),
}

/// What a writer may look up.
pub(crate) struct View<'v> {
    pub(crate) options: &'v StreamOptions,
    pub(crate) meter: &'v Meter,
    /// What the provider speaks.
    pub(crate) outbound: Format,
}

impl Translate {
    pub(crate) fn new(inbound: Format, outbound: Format) -> Self {
        Self {
            outbound,
            reader: match outbound {
                Format::OpenAiChat => Reader::OpenAi(ChunkReader::default()),
                Format::AnthropicMessages => Reader::Anthropic(anthropic::EventReader::default()),
                Format::OpenAiResponses => Reader::Responses(responses::EventReader::default()),
                Format::Gemini => Reader::Gemini(gemini::ChunkReader::default()),
                Format::BedrockConverse => Reader::Converse(converse::EventReader::default()),
                Format::Cohere => Reader::Cohere(cohere::EventReader::default()),
                Format::Watsonx => Reader::Watsonx(watsonx::EventReader::default()),
            },
            writer: match inbound {
                Format::OpenAiChat | Format::BedrockConverse | Format::Watsonx => {
                    Writer::OpenAi(ChunkWriter::default())
                }
                Format::AnthropicMessages => Writer::Anthropic(anthropic::EventWriter::default()),
                Format::OpenAiResponses => Writer::Responses(responses::EventWriter::default()),
                Format::Gemini => Writer::Gemini(gemini::ChunkWriter::default()),
                Format::Cohere => Writer::Cohere(cohere::EventWriter::default()),
            },
            started: false,
            stopped: false,
        }
    }

    pub(crate) fn event(
        &mut self,
        state: &mut State,
        frame: &Frame<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), StreamFault> {
        if frame.data.is_empty() {
            return Ok(());
        }
        let text = std::str::from_utf8(&frame.data).map_err(|_| StreamFault::Malformed)?;
        let mut pieces = Vec::new();
        let result = match &mut self.reader {
            Reader::OpenAi(reader) => reader.read(text, &mut state.meter, &mut pieces),
            Reader::Anthropic(reader) => reader.read(text, &mut state.meter, &mut pieces),
            Reader::Responses(reader) => reader.read(text, &mut state.meter, &mut pieces),
            Reader::Gemini(reader) => reader.read(text, &mut state.meter, &mut pieces),
            Reader::Converse(reader) => reader.read(text, &mut state.meter, &mut pieces),
            Reader::Cohere(reader) => reader.read(text, &mut state.meter, &mut pieces),
            Reader::Watsonx(reader) => reader.read(text, &mut state.meter, &mut pieces),
        };
        for piece in pieces {
            self.started |= matches!(piece, Piece::Start { .. });
            if !self.started && piece.semantic() {
                // An answer that never began, such as a bare end mark.
                return Err(StreamFault::Malformed);
            }
            self.piece(state, piece, out);
        }
        result
    }

    fn piece(&mut self, state: &mut State, mut piece: Piece<'_>, out: &mut Vec<u8>) {
        match &mut piece {
            Piece::Start { id, .. } if id.is_empty() => *id = state.options.id.clone().into(),
            Piece::Text(text) | Piece::Refusal(text) => state.meter.add_output(text.len()),
            Piece::Thinking(text) => state.meter.add_thinking(text.len()),
            Piece::Tool { name, .. } => state.meter.add_output(name.len()),
            Piece::Arguments { text, .. } => state.meter.add_output(text.len()),
            Piece::Stop(_) => self.stopped = true,
            Piece::Done => state.progress.done = true,
            _ => {}
        }
        state.progress.semantic |= piece.semantic();
        let view = View { options: &state.options, meter: &state.meter, outbound: self.outbound };
        match &mut self.writer {
            Writer::OpenAi(writer) => writer.write(piece, &view, out),
            Writer::Anthropic(writer) => writer.write(piece, &view, out),
            Writer::Gemini(writer) => writer.write(piece, &view, out),
            Writer::Cohere(writer) => writer.write(piece, &view, out),
            Writer::Responses(writer) => {
                writer.write(piece, &view, out);
                state.next_event = writer.next();
            }
        }
    }

    pub(crate) fn finish(
        &mut self,
        state: &mut State,
        out: &mut Vec<u8>,
    ) -> Result<(), StreamFault> {
        if state.progress.done {
            return Ok(());
        }
        if !self.stopped {
            return Err(StreamFault::Truncated);
        }
        // Some servers close after the stop reason without saying so.
        self.piece(state, Piece::Done, out);
        Ok(())
    }
}
