//! One walk over the text. Most bytes are looked up in a table and passed by; the few that can begin
//! something are handed to the recognisers.

use crate::{
    Finding, bytes,
    context::Surroundings,
    cues::Cues,
    email, finding, iban,
    ids::{self, Ids},
    net, number, phone,
    plan::{self, Regions},
    secret,
};

/// The seam for recognisers of another making, such as a model that knows names.
pub trait Recogniser: Send + Sync {
    fn find(&self, text: &str, found: &mut Vec<Finding>);
}

/// Finds what identifies people. Built once, shared by all.
#[derive(Default)]
pub struct Scanner {
    regions: Regions,
    ids: Ids,
    cues: Cues,
    layers: Vec<Box<dyn Recogniser>>,
}

/// What one scan carries along.
pub(crate) struct Scan<'a> {
    pub(crate) text: &'a str,
    pub(crate) found: &'a mut Vec<Finding>,
    pub(crate) around: Surroundings<'a>,
    pub(crate) regions: &'a Regions,
    pub(crate) ids: &'a Ids,
    /// The token that was looked at last ends here.
    pub(crate) token_end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Digit,
    At,
    Colon,
    Equals,
    Plus,
    Dash,
    Underscore,
    CapitalA,
}

const fn class_of(byte: u8) -> Class {
    match byte {
        b'0'..=b'9' => Class::Digit,
        b'@' => Class::At,
        b':' => Class::Colon,
        b'=' => Class::Equals,
        b'+' => Class::Plus,
        b'-' => Class::Dash,
        b'_' => Class::Underscore,
        b'A' => Class::CapitalA,
        _ => Class::Plain,
    }
}

const fn classes() -> [Class; 256] {
    let mut table = [Class::Plain; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            table[byte] = class_of(byte as u8);
        }
        byte += 1;
    }
    table
}

static CLASSES: [Class; 256] = classes();

fn class(byte: u8) -> Class {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(Class::Plain)
}

impl Scanner {
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the organization is at home, as ISO codes (`DK`): national phone numbers are judged by these
    /// plans only. Codes that are not known are passed over; without any, all of Europe's are tried.
    #[must_use]
    pub fn with_regions(mut self, regions: &[&str]) -> Self {
        self.regions = Regions::new(regions);
        self
    }

    /// Adds a layer, such as [`crate::Names`]. What has a structure of its own comes before what it finds.
    #[must_use]
    pub fn with(mut self, layer: impl Recogniser + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// Loads the numbering plans of all countries, which takes a tenth of a second and would otherwise
    /// happen at the first phone number. For a thread at the start.
    pub fn warm_up(&self) {
        plan::warm_up();
    }

    /// Replaces `found` by what stands in the text: sorted, not overlapping, on character boundaries.
    pub fn scan(&self, text: &str, found: &mut Vec<Finding>) {
        self.look(text, None, found);
    }

    /// As [`Scanner::scan`], with a layer that is not the scanner's own, such as the names of one organization.
    pub fn scan_with(&self, layer: &dyn Recogniser, text: &str, found: &mut Vec<Finding>) {
        self.look(text, Some(layer), found);
    }

    fn look(&self, text: &str, also: Option<&dyn Recogniser>, found: &mut Vec<Finding>) {
        found.clear();
        self.walk(text, found);
        for layer in self.layers.iter().map(|layer| &**layer as &dyn Recogniser).chain(also) {
            layer.find(text, found);
        }
        finding::settle(text, found);
    }

    fn walk(&self, text: &str, found: &mut Vec<Finding>) {
        let mut scan = Scan {
            text,
            found,
            around: Surroundings::new(&self.cues),
            regions: &self.regions,
            ids: &self.ids,
            token_end: 0,
        };
        let mut at = 0;
        while let Some(rest) = text.as_bytes().get(at..) {
            let Some(step) = rest.iter().position(|byte| class(*byte) != Class::Plain) else {
                break;
            };
            at += step;
            at = scan.look(at).max(at + 1);
        }
    }
}

impl Scan<'_> {
    /// Looks closer at one place and says where to go on.
    fn look(&mut self, at: usize) -> usize {
        let text = self.text;
        match class(bytes::at(text, at)) {
            Class::Plain => at + 1,
            Class::Digit => self.digits(at),
            Class::At => email::at_sign(self, at),
            Class::Colon => net::colon(self, at),
            Class::Equals => secret::assignment(self, at),
            Class::Plus => phone::plus(self, at),
            Class::Dash => secret::dash(self, at),
            Class::Underscore | Class::CapitalA => {
                secret::token(self, at);
                at + 1
            }
        }
    }

    fn digits(&mut self, start: usize) -> usize {
        let text = self.text;
        let end = bytes::run_end(text, start, text.len(), |byte| byte.is_ascii_digit());
        let (previous, next) = (bytes::before(text, start), bytes::at(text, end));
        if previous.is_ascii_alphabetic() {
            iban::look(self, start, end);
        }
        if matches!(previous, b'_' | b'-')
            || previous.is_ascii_alphabetic()
            || next.is_ascii_alphabetic()
        {
            secret::token(self, start);
        }
        let joined = matches!(next, b' ' | b'.' | b'-' | b'/' | b'+' | b'(' | b')' | 0xc2 | 0xe2)
            || next.is_ascii_alphabetic();
        if end - start < 6 && !joined {
            return end;
        }
        net::ip_v4(self, start, end);
        // A phone number has its cue beside it and comes before what a check digit alone says.
        phone::bare(self, start);
        number::look(self, start);
        ids::lettered(self, start, end);
        end
    }
}
