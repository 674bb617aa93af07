//! Codes, and the way back through any cut.

use pii::{Codes, Escape, Finding, Kind, Masker, Restorer};
use proptest::prelude::*;

use crate::recognisers::scanner;

fn found(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    scanner().scan(text, &mut found);
    found
}

fn mask(masker: &mut Masker, text: &str) -> Option<String> {
    masker.mask(text, &found(text))
}

const TEXT: &str =
    "Anna (anna@example.org, CPR 010190-1234) and bo@example.org; again anna@example.org.";

#[test]
fn codes_are_stable_under_one_key_and_strangers_under_another() {
    let masked = |key: u8, text: &str| mask(&mut Masker::new(&[key; 32]), text).unwrap();
    assert_eq!(masked(1, TEXT), masked(1, TEXT));
    assert_ne!(masked(1, TEXT), masked(2, TEXT));
    let code = |text: &str| masked(1, text).split_whitespace().last().unwrap().to_owned();
    assert_eq!(code("anna@example.org"), code("write to anna@example.org"));
    assert_ne!(code("anna@example.org"), code("bo@example.org"));
}

#[test]
fn codes_have_one_alphabet_and_nothing_of_the_value_is_left() {
    let mut masker = Masker::new(&[1; 32]);
    let masked = mask(&mut masker, TEXT).unwrap();
    for value in ["anna@", "example.org", "010190", "1234", "bo@"] {
        assert!(!masked.contains(value), "{masked}");
    }
    for (code, _) in masker.codes().iter() {
        assert_eq!(code.len(), 9);
        assert!(code.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'9')), "{code}");
        assert!(masked.contains(code), "{masked}");
    }
    assert_eq!(masker.codes().len(), 3);
    assert_eq!(masker.counts()[&Kind::Email], 3);
    assert_eq!(masker.counts()[&Kind::DkCpr], 1);
    let shown = format!("{masker:?} {:?}", masker.codes());
    assert!(!shown.contains("anna"), "{shown}");
}

#[test]
fn nothing_found_is_nothing_done() {
    let mut masker = Masker::new(&[1; 32]);
    assert_eq!(mask(&mut masker, "The boats lay close."), None);
    assert!(masker.codes().is_empty() && masker.counts().is_empty());
}

#[test]
fn what_looks_like_a_code_already_is_not_taken_for_one() {
    let mut first = Masker::new(&[1; 32]);
    let code = mask(&mut first, "anna@example.org").unwrap();
    // A text that holds this very code, in another case, before the value comes.
    let text = format!("{} anna@example.org", code.to_lowercase());
    let mut second = Masker::new(&[1; 32]);
    let masked = mask(&mut second, &text).unwrap();
    assert!(!masked.contains(&code), "{masked}");
    assert!(masked.starts_with(&code.to_lowercase()), "only the value is replaced: {masked}");
    assert_eq!(Restorer::whole(&second.codes(), &masked, Escape::Plain), text);
    // And after it.
    let again = format!("what is {code}?");
    let masked = mask(&mut first, &again).unwrap();
    assert_ne!(masked, again);
    assert_eq!(Restorer::whole(&first.codes(), &masked, Escape::Plain), again);
}

#[test]
fn findings_that_overlap_or_cut_a_character_hide_more_and_never_less() {
    let text = "æøå secret æøå";
    let one = |start, end| Finding { kind: Kind::Secret, start, end };
    let mut masker = Masker::new(&[1; 32]);
    let masked = masker.mask(text, &[one(7, 11), one(9, 13), one(14, 99), one(3, 4)]).unwrap();
    assert!(!masked.contains("secret") && !masked.contains('ø'), "{masked}");
    assert_eq!(Restorer::whole(&masker.codes(), &masked, Escape::Plain), text);
}

#[test]
fn a_code_that_would_read_as_another_with_the_text_before_it_is_not_given_out() {
    let email = |text: &str, start| Finding { kind: Kind::Email, start, end: text.len() };
    let (mut masker, code) = (0..=255)
        .map(|key| {
            let mut masker = Masker::new(&[key; 32]);
            let code = masker.mask("a@example.org", &[email("a@example.org", 0)]).unwrap();
            (masker, code)
        })
        .find(|(_, code)| code.ends_with('M'))
        .expect("one of 256 keys");
    // The last letter of the first code is the first of the second.
    let text = format!("{}b@example.org", &code[..8]);
    let masked = masker.mask(&text, &[email(&text, 8)]).unwrap();
    assert!(!masked.contains(&code), "{masked}");
    assert_eq!(Restorer::whole(&masker.codes(), &masked, Escape::Plain), text);
}

#[test]
fn codes_are_restored_in_any_case_and_only_when_exact() {
    let mut masker = Masker::new(&[1; 32]);
    let code = mask(&mut masker, "anna@example.org").unwrap();
    let codes = masker.codes();
    let restored = |text: &str| Restorer::whole(&codes, text, Escape::Plain);
    assert_eq!(restored(&format!("**{}**'s", code.to_lowercase())), "**anna@example.org**'s");
    assert_eq!(
        restored(&format!("{code}s {code}{code}")),
        "anna@example.orgs anna@example.organna@example.org"
    );
    let (head, tail) = code.split_at(8);
    for near in [
        head.to_owned(),
        format!("{head}-{tail}"),
        format!("{head} {tail}"),
        code.replacen("MAIL", "MALL", 1),
    ] {
        assert_eq!(restored(&near), near);
    }
    assert_eq!(codes.get(&code.to_lowercase()), Some("anna@example.org"));
    assert_eq!(codes.get("MAILAAAAA"), None);
}

#[test]
fn values_are_escaped_inside_of_json() {
    let mut masker = Masker::new(&[1; 32]);
    let value = "a\"b\\c\n\u{1}\tø";
    let finding = Finding { kind: Kind::Secret, start: 0, end: value.len() };
    let code = masker.mask(value, &[finding]).unwrap();
    let restored = Restorer::whole(&masker.codes(), &format!("{{\"x\":\"{code}\"}}"), Escape::Json);
    assert_eq!(restored, "{\"x\":\"a\\\"b\\\\c\\n\\u0001\\tø\"}");
}

#[test]
fn without_codes_nothing_is_held() {
    let mut out = String::new();
    let mut restorer = Restorer::new(Codes::default());
    restorer.push("MAIL", Escape::Plain, &mut out);
    assert_eq!(out, "MAIL");
}

#[test]
fn only_the_start_of_a_code_is_held() {
    let mut masker = Masker::new(&[1; 32]);
    let code = mask(&mut masker, "anna@example.org").unwrap();
    let mut restorer = Restorer::new(masker.codes());
    let mut out = String::new();
    restorer.push("My MAILBOX, em", Escape::Plain, &mut out);
    assert_eq!(out, "My MAILBOX, e", "an m may be the start");
    restorer.push(&code[1..8], Escape::Plain, &mut out);
    assert_eq!(out, "My MAILBOX, e");
    restorer.push("!", Escape::Plain, &mut out);
    assert_eq!(out, format!("My MAILBOX, em{}!", &code[1..8]));
}

/// Text in which things are found, with codes-to-be and their halves between them.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("anna@example.org".to_owned()),
        Just("CPR 010190-1234".to_owned()),
        Just("+45 20 12 34 56".to_owned()),
        Just("DE89 3704 0044 0532 0130 00".to_owned()),
        Just("MAIL".to_owned()),
        Just("mailA2B3C".to_owned()),
        Just("TEXTAAAAA".to_owned()),
        Just("æ@".to_owned()),
        "[A-Z2-9]{1,9}",
        "\\PC{0,12}",
        "[ ,.:;\n]{1,2}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn in_pieces(codes: &Codes, text: &str, cuts: &[usize], escape: Escape) -> String {
    let (mut restorer, mut out) = (Restorer::new(codes.clone()), String::new());
    let mut rest = text;
    for cut in cuts.iter().cycle() {
        let mut at = (*cut).min(rest.len());
        while !rest.is_char_boundary(at) {
            at += 1;
        }
        let (piece, after) = rest.split_at(at);
        restorer.push(piece, escape, &mut out);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    restorer.finish(&mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn findings_are_sorted_disjoint_and_on_boundaries(text in texts()) {
        let mut end = 0;
        for one in found(&text) {
            prop_assert!(one.start >= end && one.start < one.end);
            prop_assert!(text.get(one.start..one.end).is_some());
            end = one.end;
        }
    }

    #[test]
    fn masking_and_restoring_is_the_identity_however_it_is_cut(
        text in texts(),
        more in texts(),
        cuts in prop::collection::vec(1usize..14, 1..8),
    ) {
        let mut masker = Masker::new(&[9; 32]);
        let texts = [text, more];
        let masked: Vec<String> =
            texts.iter().map(|text| mask(&mut masker, text).unwrap_or_else(|| text.clone())).collect();
        let codes = masker.codes();
        for (text, masked) in texts.iter().zip(&masked) {
            prop_assert_eq!(&in_pieces(&codes, masked, &cuts, Escape::Plain), text);
            let whole = Restorer::whole(&codes, masked, Escape::Json);
            prop_assert_eq!(in_pieces(&codes, masked, &cuts, Escape::Json), whole);
        }
    }

    #[test]
    fn codes_cut_anywhere_among_their_like_come_out_the_same(
        picks in prop::collection::vec((0usize..6, 0usize..9), 1..40),
        cuts in prop::collection::vec(1usize..10, 1..8),
    ) {
        let mut masker = Masker::new(&[9; 32]);
        let text = "a@example.org b@example.org c@example.org 010190-1234";
        mask(&mut masker, text).unwrap();
        let codes = masker.codes();
        let all: Vec<&str> = codes.iter().map(|(code, _)| code).collect();
        let answer: String = picks
            .iter()
            .map(|(pick, length)| match all.get(*pick) {
                Some(code) if *length == 0 => (*code).to_lowercase(),
                Some(code) => code[..9 - length % 2 * (length / 2)].to_owned(),
                None => ["MAI", "é "][pick % 2].to_owned(),
            })
            .collect();
        let whole = Restorer::whole(&codes, &answer, Escape::Plain);
        prop_assert_eq!(in_pieces(&codes, &answer, &cuts, Escape::Plain), whole);
    }

    #[test]
    fn any_findings_can_be_masked(text in "\\PC{0,40}", spans in prop::collection::vec((0usize..90, 0usize..90), 0..6)) {
        let findings: Vec<Finding> = spans
            .into_iter()
            .map(|(start, end)| Finding { kind: Kind::Person, start, end })
            .collect();
        let mut masker = Masker::new(&[9; 32]);
        if let Some(masked) = masker.mask(&text, &findings) {
            prop_assert_eq!(Restorer::whole(&masker.codes(), &masked, Escape::Plain), text);
        }
    }

    #[test]
    fn no_text_makes_the_scanner_panic(text in "[0-9A-Za-z@:/.+\\-= \n;éα\u{a0}]{0,80}") {
        found(&text);
    }
}
