//! Personal data in requests: found, counted, refused or replaced by codes before anybody is asked.
//!
//! Everything that is sent out passes [`Inner::mask`]. Where a project masks or blocks, what cannot be read is refused.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use domain::{Error, Masking, MaskingMode, ProjectId, Result, kind_says};
use llm::{Channel, Form, Found, Refusal, Restore, Rewritten, Step, Task};
use pii::{Directory, Escape, Finding, Kind, Masker, Names, Restorer, Scanner};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use store::{NameDirectory, OrgRouting, Scope};

use crate::{Inner, call::Refused};

/// Longer bodies are looked through on a thread of their own, so that other requests need not wait.
const INLINE: usize = 32 << 10;
/// Values given to a tool that are longer speak for themselves; shorter ones are read with their name.
const SHORT: usize = 256;

static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::new);
/// Names of people too.
static WITH_NAMES: LazyLock<Scanner> =
    LazyLock::new(|| Scanner::new().with(Names::of(Directory::default()).and_strangers()));

/// Loads what the first request would otherwise wait for, which takes a tenth of a second.
pub fn warm_up() {
    SCANNER.warm_up();
    LazyLock::force(&WITH_NAMES);
}

/// A request after its texts were looked at.
#[derive(Default)]
pub(crate) struct Masked {
    /// The body to send on; absent when it stays as it came.
    pub body: Option<Bytes>,
    /// What the answer needs; absent when nothing was replaced.
    pub restore: Option<Restore>,
    pub report: Option<Report>,
}

/// What the receipt says of it. No values.
#[derive(Clone)]
pub(crate) struct Report {
    mode: MaskingMode,
    counts: BTreeMap<Kind, usize>,
    /// Some text could not be looked at.
    unread: bool,
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let counts: BTreeMap<_, _> =
            self.counts.iter().map(|(kind, count)| (kind.name(), count)).collect();
        let mut out = to.serialize_struct("Report", 3)?;
        out.serialize_field("mode", &self.mode)?;
        out.serialize_field("counts", &counts)?;
        if self.unread {
            out.serialize_field("unread", &true)?;
        }
        out.end()
    }
}

impl Inner {
    /// Does with the texts of a JSON body what the project's setting says. A body that is no JSON cannot be looked at:
    /// it is refused where the project masks or blocks.
    pub(crate) async fn mask(
        &self,
        scope: &Scope,
        project: ProjectId,
        body: &Bytes,
    ) -> Result<Masked, Refused> {
        let routing = self.store.routing(scope).await.map_err(|error| Refused::from(&error))?;
        if routing.masking(project).mode == MaskingMode::Off {
            return Ok(Masked::default());
        }
        self.work(Work { routing, project, body: body.clone() }).await
    }

    async fn work(&self, work: Work) -> Result<Masked, Refused> {
        if work.body.len() <= INLINE && work.is_ready() {
            return work.run();
        }
        match self.tasks.spawn_blocking(move || work.run()).await {
            Ok(done) => done,
            Err(error) => Err(Refused::from(&Error::internal(error))),
        }
    }

    /// As [`Inner::mask`], for a request that is no conversation, and may be a form. Pictures, sound and what is made of
    /// a text can neither be looked at nor restored: where that would be needed, they are refused.
    pub(crate) async fn mask_task(
        &self,
        scope: &Scope,
        project: ProjectId,
        (task, form): (Task, bool),
        body: &Bytes,
    ) -> Result<Masked, Refused> {
        let routing = self.store.routing(scope).await.map_err(|error| Refused::from(&error))?;
        let mode = routing.masking(project).mode;
        match mode {
            MaskingMode::Off => Ok(Masked::default()),
            MaskingMode::Detect if form => {
                let report = Report { mode, counts: BTreeMap::new(), unread: true };
                Ok(Masked { report: Some(report), ..Masked::default() })
            }
            MaskingMode::Block if form => Err(Refused::from(&unmaskable())),
            MaskingMode::Mask if !task.is_text() => Err(Refused::from(&unmaskable())),
            MaskingMode::Detect | MaskingMode::Block | MaskingMode::Mask => {
                self.work(Work { routing, project, body: body.clone() }).await
            }
        }
    }
}

struct Work {
    routing: Arc<OrgRouting>,
    project: ProjectId,
    body: Bytes,
}

impl Work {
    /// Whether the organization's names are ready to be looked for. Making them so takes a while, once.
    fn is_ready(&self) -> bool {
        self.routing.directory.as_ref().is_none_or(|names| names.is_built())
    }

    fn run(&self) -> Result<Masked, Refused> {
        let setting = self.routing.masking(self.project);
        let look = Look::new(setting, self.routing.directory.as_deref());
        let masks = setting.mode == MaskingMode::Mask;
        let mut masker = Masker::new(self.routing.masking_key.expose());
        let (mut found, mut counts) = (Vec::new(), BTreeMap::new());
        let rewritten = llm::rewrite(&self.body, &mut |text| {
            look.scan(text, &mut found);
            if masks {
                return masker.mask(text.text, &found);
            }
            for one in &found {
                *counts.entry(one.kind).or_default() += 1;
            }
            None
        });
        if masks {
            counts.clone_from(masker.counts());
        }
        let mut report = Report { mode: setting.mode, counts, unread: false };
        match rewritten {
            Err(_) if setting.mode.lets_pass() => {
                report.unread = true;
                Ok(Masked { report: Some(report), ..Masked::default() })
            }
            Err(bad) => Err(Refused::from(Refusal::from(&bad))),
            Ok(_) if setting.mode == MaskingMode::Block && !report.counts.is_empty() => {
                Err(Refused::from(&blocked(&report.counts)))
            }
            Ok(rewritten) => Ok(masked(rewritten, &masker, report)),
        }
    }
}

fn masked(rewritten: Rewritten, masker: &Masker, report: Report) -> Masked {
    let codes = masker.codes();
    let restore = (!codes.is_empty()).then(|| {
        Restore::new(rewritten.json_answer, move || channel(Restorer::new(codes.clone())))
    });
    Masked { body: rewritten.body.map(Bytes::from), restore, report: Some(report) }
}

fn channel(mut restorer: Restorer) -> Channel {
    Box::new(move |step, out| match step {
        Step::Piece(text, llm::Escape::Plain) => restorer.push(text, Escape::Plain, out),
        Step::Piece(text, llm::Escape::Json) => restorer.push(text, Escape::Json, out),
        Step::End => restorer.finish(out),
    })
}

/// What a text is looked through for.
struct Look<'a> {
    setting: &'a Masking,
    scanner: &'static Scanner,
    /// The organization's own names.
    known: Option<Arc<Names>>,
}

impl<'a> Look<'a> {
    fn new(setting: &'a Masking, directory: Option<&NameDirectory>) -> Self {
        let known = directory.filter(|_| !setting.except.contains(Kind::Person.name()));
        let known =
            known.and_then(|directory| directory.built(|names| Names::of(Directory::new(names))));
        let scanner = if setting.names { &*WITH_NAMES } else { &*SCANNER };
        Self { setting, scanner, known }
    }

    /// Puts into `found` what the setting does not leave alone.
    fn scan(&self, text: &Found<'_>, found: &mut Vec<Finding>) {
        match text.key.filter(|_| text.text.len() <= SHORT) {
            Some(key) => self.scan_named(key, text.text, found),
            None => self.scan_text(text.text, found),
        }
        if text.form == Form::Number {
            // A number is one value: a part of it is chance.
            found.retain(|one| one.start == 0 && one.end == text.text.len());
        }
        found.retain(|one| !self.setting.except.contains(one.kind.name()));
    }

    fn scan_text(&self, text: &str, found: &mut Vec<Finding>) {
        match &self.known {
            Some(known) => self.scanner.scan_with(&**known, text, found),
            None => self.scanner.scan(text, found),
        }
    }

    /// Many numbers are believed only beside a word, and the name of a value is such a word.
    fn scan_named(&self, key: &str, text: &str, found: &mut Vec<Finding>) {
        let mut both = words(key);
        both.push_str(": ");
        let lead = both.len();
        both.push_str(text);
        self.scan_text(&both, found);
        found.retain_mut(|one| {
            let inside = one.end > lead;
            one.start = one.start.saturating_sub(lead);
            one.end = one.end.saturating_sub(lead);
            inside
        });
    }
}

/// `customerTaxId` and `customer_tax_id` as words.
fn words(key: &str) -> String {
    let mut words = String::with_capacity(key.len() + 8);
    let mut low = false;
    for letter in key.chars() {
        if low && letter.is_uppercase() {
            words.push(' ');
        }
        low = letter.is_lowercase();
        words.push(if matches!(letter, '_' | '-' | '.') { ' ' } else { letter });
    }
    words
}

fn unmaskable() -> Error {
    Error::invalid(
        "This project sends no personal data to providers, and this kind of request cannot be looked through.",
    )
    .with_code("cannot_mask")
}

/// Names the kinds, never the values.
fn blocked(counts: &BTreeMap<Kind, usize>) -> Error {
    let one = |(kind, count): (&Kind, &usize)| {
        format!("{} ({count})", kind_says(kind.name()).unwrap_or(kind.name()))
    };
    let named: Vec<_> = counts.iter().map(one).collect();
    Error::invalid(format!(
        "This project sends no personal data to providers. Found: {}. Take it out and send the request again.",
        named.join(", ")
    ))
    .with_code("personal_data_found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_name_in_words() {
        let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        let listed: Vec<_> = domain::PERSONAL_DATA.iter().map(|(name, _)| *name).collect();
        assert_eq!(known, listed);
    }

    #[test]
    fn the_name_of_a_value_is_a_word_beside_it() {
        let (setting, mut found) = (Masking::default(), Vec::new());
        let look = Look::new(&setting, None);
        look.scan_text("123456782", &mut found);
        assert!(found.is_empty());
        for key in ["bsn", "customer_bsn", "customerBsn"] {
            look.scan_named(key, "123456782", &mut found);
            assert_eq!(found.len(), 1, "{key}");
            assert_eq!((found[0].kind, found[0].start, found[0].end), (Kind::NlBsn, 0, 9));
        }
    }
}
