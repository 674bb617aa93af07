//! Counting what a stream says and sends.

use domain::{Provenance, Usage};

use crate::{
    json::Raw,
    usage::{self, Tally, estimate_tokens},
};

/// Usage as it becomes known.
#[derive(Default)]
pub(crate) struct Meter {
    reported: Option<Usage>,
    tally: Tally,
    output_bytes: u64,
    thinking_bytes: u64,
}

impl Meter {
    /// `usage` of an OpenAI chunk: the last one that holds both totals counts.
    pub(crate) fn openai(&mut self, raw: Raw<'_>) {
        self.reported = usage::openai(raw).or(self.reported);
    }

    /// `usage` of a Responses answer that has ended.
    pub(crate) fn responses(&mut self, raw: Raw<'_>) {
        self.reported = usage::responses(raw).or(self.reported);
    }

    /// `usageMetadata` of a Gemini chunk: cumulative, and only whole when the answer has `ended`.
    pub(crate) fn gemini(&mut self, raw: Raw<'_>, ended: bool) {
        self.tally.update_gemini(raw);
        if ended {
            self.reported = self.tally.reported().or(self.reported);
        }
    }

    /// `usage` of `message_start`: its output count is only a beginning.
    pub(crate) fn anthropic_start(&mut self, raw: Raw<'_>) {
        self.tally.update(raw);
    }

    /// `usage` of `message_delta`: cumulative.
    pub(crate) fn anthropic_delta(&mut self, raw: Raw<'_>) {
        self.tally.update(raw);
        self.reported = self.tally.reported().or(self.reported);
    }

    /// `usage` of a Converse stream's last event.
    pub(crate) fn converse(&mut self, raw: Raw<'_>) {
        self.reported = usage::converse(raw).or(self.reported);
    }

    /// `usage` of a Cohere stream's last event.
    pub(crate) fn cohere(&mut self, raw: Raw<'_>) {
        self.reported = usage::cohere(raw).or(self.reported);
    }

    pub(crate) const fn add_output(&mut self, bytes: usize) {
        self.output_bytes = self.output_bytes.saturating_add(bytes as u64);
    }

    pub(crate) const fn add_thinking(&mut self, bytes: usize) {
        self.thinking_bytes = self.thinking_bytes.saturating_add(bytes as u64);
        self.add_output(bytes);
    }

    pub(crate) const fn output_estimate(&self) -> u64 {
        estimate_tokens(self.output_bytes)
    }

    pub(crate) fn usage(&self, input_estimate: u64) -> Usage {
        if let Some(reported) = self.reported {
            return reported;
        }
        if self.output_bytes == 0 && !self.tally.has_input() {
            return Usage::default();
        }
        let known = self.tally.with_output(input_estimate);
        let output = known.output.max(self.output_estimate());
        Usage {
            output,
            reasoning: known.reasoning.max(estimate_tokens(self.thinking_bytes)).min(output),
            provenance: Provenance::Estimated,
            ..known
        }
    }
}
