//! What a session has used, and what its next answer may cost.

use domain::{Provenance, Units, Usage};
use llm::Spent;

use crate::{failure::Failure, settle::Settler};

/// Dropped unsettled, the session was broken off.
pub(super) struct Account {
    settler: Settler,
    spent: Spent,
    /// Answers under way.
    open: u64,
    /// What has come of them, about: text and sound, in tokens.
    pieces: (u64, u64),
    /// Something was used that nobody counted.
    uncounted: bool,
    settled: bool,
}

impl Account {
    pub(super) fn new(mut settler: Settler) -> Self {
        settler.counted(Units::default());
        // A session that nobody answers in uses nothing, and says so by saying nothing.
        let usage = Usage { provenance: Provenance::Reported, ..Usage::default() };
        let spent = Spent { usage, units: Units::default() };
        let (open, pieces) = (0, (0, 0));
        Self { settler, spent, open, pieces, uncounted: false, settled: false }
    }

    /// Whether a budget applies.
    pub(super) const fn is_watched(&self) -> bool {
        self.settler.tab.is_watched()
    }

    pub(super) const fn is_answering(&self) -> bool {
        self.open > 0
    }

    /// A client asks for an answer: what it may cost has to be set aside, unless that is done already.
    ///
    /// # Errors
    /// What the client hears when too little is left.
    pub(super) fn asked(&mut self) -> Result<(), Box<Failure>> {
        self.keep(self.open + 1)
    }

    pub(super) const fn answering(&mut self) {
        self.open += 1;
    }

    pub(super) const fn piece(&mut self, text: u64, sound: u64) {
        self.pieces.0 = self.pieces.0.saturating_add(text);
        self.pieces.1 = self.pieces.1.saturating_add(sound);
    }

    pub(super) const fn transcribed(&mut self) {
        self.uncounted = true;
    }

    /// An answer ended, and there may be another at once.
    ///
    /// # Errors
    /// What the client hears when too little is left for another.
    pub(super) fn answered(&mut self, spent: Option<Spent>) -> Result<(), Box<Failure>> {
        self.open = self.open.saturating_sub(1);
        match spent {
            Some(spent) => self.add(spent),
            None => self.estimate(),
        }
        if self.open == 0 {
            self.pieces = (0, 0);
        }
        self.keep(self.open.max(1))
    }

    fn add(&mut self, more: Spent) {
        let (usage, units) = (&mut self.spent.usage, &mut self.spent.units);
        usage.input = usage.input.saturating_add(more.usage.input);
        usage.cache_read = usage.cache_read.saturating_add(more.usage.cache_read);
        usage.output = usage.output.saturating_add(more.usage.output);
        units.audio_input = units.audio_input.saturating_add(more.units.audio_input);
        units.image_input = units.image_input.saturating_add(more.units.image_input);
        units.audio_output = units.audio_output.saturating_add(more.units.audio_output);
        self.settler.counted(*units);
    }

    /// Counts what has come of answers of which the provider said nothing.
    fn estimate(&mut self) {
        let (text, sound) = std::mem::take(&mut self.pieces);
        let usage = Usage { output: text.saturating_add(sound), ..Usage::default() };
        let units = Units { audio_output: sound, ..Units::default() };
        self.add(Spent { usage, units });
        self.uncounted = true;
    }

    /// Sets aside what was used, and `answers` more.
    fn keep(&mut self, answers: u64) -> Result<(), Box<Failure>> {
        let Some(one) = self.settler.tab.full() else { return Ok(()) };
        let spent = self.settler.cost(&self.spent.usage).unwrap_or(0);
        self.settler.keep(spent.saturating_add(one.saturating_mul(answers)))
    }

    /// The session ended as sessions do, or failed.
    pub(super) fn settle(mut self, failure: Option<&Failure>) {
        let usage = self.close();
        match failure {
            None => self.settler.answered(usage),
            Some(failure) => self.settler.failed(failure, usage),
        }
    }

    fn close(&mut self) -> Usage {
        self.settled = true;
        if self.open > 0 {
            self.estimate();
        }
        if self.uncounted {
            self.spent.usage.provenance = Provenance::Estimated;
        }
        self.spent.usage
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if !self.settled {
            let usage = self.close();
            self.settler.abandoned(usage);
        }
    }
}
