//! A set of labelled texts, the same each time: twelve languages and some sentences of others, in the forms that
//! people paste: chat, mail, invoice, table, transcript, log.

#[path = "evaluation/languages.rs"]
mod languages;
#[path = "evaluation/negatives.rs"]
mod negatives;
#[path = "evaluation/others.rs"]
mod others;
#[path = "evaluation/values.rs"]
mod values;

use languages::Language;
use pii::{Finding, Kind};

use crate::{dice::Dice, ids};

/// One text and what stands in it.
pub(crate) struct Sample {
    pub(crate) language: &'static str,
    pub(crate) form: &'static str,
    pub(crate) text: String,
    pub(crate) spans: Vec<Finding>,
    /// How many things in it look like something and are nothing.
    pub(crate) decoys: usize,
}

/// The set that is measured and published.
pub(crate) const SEED: u64 = 2026;

const ROUNDS: usize = 12;

pub(crate) fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let mut all = Vec::new();
    for _ in 0..ROUNDS {
        for language in languages::ALL {
            for form in ["chat", "mail", "invoice", "table", "transcript"] {
                all.push(sample(language, form, &mut dice));
            }
        }
        for (code, kind, sentences) in others::OTHERS.iter().cycle().take(4 * others::OTHERS.len())
        {
            let mut writer = Writer::new(code, "chat", std::slice::from_ref(kind), "DK");
            writer.line(dice.pick(sentences), &mut dice);
            writer.line(dice.pick(languages::ALL[11].things), &mut dice);
            all.push(writer.sample);
        }
        for _ in 0..30 {
            let mut writer = Writer::new("--", "log", &[], "DK");
            for _ in 0..4 {
                writer.line(dice.pick(others::MACHINES), &mut dice);
            }
            all.push(writer.sample);
        }
    }
    all
}

fn sample(language: &Language, form: &'static str, dice: &mut Dice) -> Sample {
    let mut writer = Writer::new(language.code, form, language.ids, language.region);
    match form {
        "chat" => {
            writer.line(dice.pick(language.filler), dice);
            writer.line(dice.pick(language.people), dice);
            writer.line(dice.pick(language.things), dice);
        }
        "mail" => {
            for list in [
                language.filler,
                language.people,
                language.things,
                language.filler,
                language.people,
                language.things,
            ] {
                writer.put(dice.pick(list), dice);
                writer.put(" ", dice);
            }
            writer.put("\n\n-- \n{email}\n{abroad}", dice);
        }
        "invoice" => {
            for line in
                [dice.pick(language.things), dice.pick(language.things), dice.pick(language.things)]
            {
                writer.line(line, dice);
            }
            writer.line("IBAN: {iban}\nEAN: {ean}\n{amount} | {percent} | {date}", dice);
        }
        "table" => {
            let [id, mail, phone, order, amount, product] = language.columns;
            writer.line(&format!("{id};{mail};{phone};{order};{amount};{product}"), dice);
            for _ in 0..4 {
                writer.line("{id};{email};{home};{n9};{amount};{ean}", dice);
            }
        }
        _ => {
            for _ in 0..2 {
                for (voice, list) in language.voices.iter().zip([language.things, language.people])
                {
                    writer.put(&format!("{voice}: "), dice);
                    writer.line(dice.pick(list), dice);
                }
            }
        }
    }
    writer.sample
}

struct Writer<'a> {
    sample: Sample,
    ids: &'a [Kind],
    region: &'a str,
}

impl<'a> Writer<'a> {
    fn new(language: &'static str, form: &'static str, ids: &'a [Kind], region: &'a str) -> Self {
        let sample = Sample { language, form, text: String::new(), spans: Vec::new(), decoys: 0 };
        Self { sample, ids, region }
    }

    fn line(&mut self, template: &str, dice: &mut Dice) {
        self.put(template, dice);
        self.sample.text.push('\n');
    }

    fn put(&mut self, template: &str, dice: &mut Dice) {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (slot, after) = after.split_once('}').unwrap();
            self.sample.text.push_str(before);
            self.fill(slot, dice);
            rest = after;
        }
        self.sample.text.push_str(rest);
    }

    fn fill(&mut self, slot: &str, dice: &mut Dice) {
        if negatives::SLOTS.contains(&slot) {
            self.sample.decoys += 1;
            self.sample.text.push_str(&negatives::fill(slot, dice));
            return;
        }
        let (kind, value) = match slot {
            "id" => {
                let kind = self.ids[0];
                (kind, ids::written(kind, dice))
            }
            "home" => (Kind::Phone, values::phone_home(self.region, dice)),
            "abroad" => (Kind::Phone, values::phone_abroad(self.region, dice)),
            "email" => (Kind::Email, values::email(dice)),
            "ip_address" => (Kind::IpAddress, values::ip(dice)),
            "mac_address" => (Kind::MacAddress, values::mac(dice)),
            "url_credential" => (Kind::UrlCredential, values::url_credential(dice)),
            "secret" => (Kind::Secret, values::secret(dice)),
            named => {
                let kind = Kind::from_name(named.trim_start_matches("id:")).expect("a kind");
                (kind, ids::written(kind, dice))
            }
        };
        let start = self.sample.text.len();
        self.sample.text.push_str(&value);
        self.sample.spans.push(Finding { kind, start, end: self.sample.text.len() });
    }
}
