//! What was masked in a request comes back in the stream that answers it, wherever codes and chunks were cut.

use llm::{Channel, Escape, Format, Restore, Step, StreamOptions, StreamTranslator};
use pii::{Codes, Finding, Kind, Masker, Restorer};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::{
    cut,
    hear::{Said, hear},
    run, shown,
};

/// Values as they may be found, and worse ones.
const VALUES: [&str; 4] =
    ["anna@example.com", "+45 20 12 34 56", "a \"quoted\" \\ one", "two\nlines"];

/// A text and the same with codes.
#[derive(Clone, Debug, Default)]
struct Both {
    plain: String,
    masked: String,
}

fn restore(codes: &Codes) -> Restore {
    let codes = codes.clone();
    Restore::new(false, move || channel(Restorer::new(codes.clone())))
}

fn channel(mut restorer: Restorer) -> Channel {
    Box::new(move |step, out| match step {
        Step::Piece(text, Escape::Plain) => restorer.push(text, pii::Escape::Plain, out),
        Step::Piece(text, Escape::Json) => restorer.push(text, pii::Escape::Json, out),
        Step::End => restorer.finish(out),
    })
}

/// Parts of a text: a place in [`VALUES`], or words between.
fn text() -> impl Strategy<Value = Vec<Result<usize, String>>> {
    let words = prop_oneof![".{0,6}", Just("MAI".to_owned()), Just("TELEX ".to_owned())];
    prop::collection::vec(prop_oneof![(0..VALUES.len()).prop_map(Ok), words.prop_map(Err)], 0..5)
}

fn mask(masker: &mut Masker, parts: &[Result<usize, String>]) -> Both {
    let (mut plain, mut findings) = (String::new(), Vec::new());
    for part in parts {
        let start = plain.len();
        match part {
            Ok(value) => {
                plain += VALUES[*value];
                findings.push(Finding { kind: Kind::Email, start, end: plain.len() });
                // What touches a code could read as another one.
                plain += " ";
            }
            Err(words) => plain += words,
        }
    }
    let masked = masker.mask(&plain, &findings).unwrap_or_else(|| plain.clone());
    Both { plain, masked }
}

/// The text in pieces.
fn pieces(text: &str, cuts: &[Index]) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(letters.len() + 1)).collect();
    places.extend([0, letters.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| letters[pair[0]..pair[1]].iter().collect()).collect()
}

/// A Chat stream that says this.
fn stream(texts: &[Both; 3], cuts: &[Index]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut send = |delta: Value, reason: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        let chunk = json!({"id": "i", "model": "m", "choices": [choice]});
        out.extend_from_slice(format!("data: {chunk}\n\n").as_bytes());
    };
    send(json!({"role": "assistant"}), Value::Null);
    for piece in pieces(&texts[0].masked, cuts) {
        send(json!({"reasoning_content": piece}), Value::Null);
    }
    for piece in pieces(&texts[1].masked, cuts) {
        send(json!({"content": piece}), Value::Null);
    }
    let function = json!({"name": "f", "arguments": ""});
    send(json!({"tool_calls": [{"index": 0, "id": "call_0", "function": function}]}), Value::Null);
    for piece in pieces(&json!({"a": texts[2].masked}).to_string(), cuts) {
        let function = json!({"arguments": piece});
        send(json!({"tool_calls": [{"index": 0, "function": function}]}), Value::Null);
    }
    send(json!({}), "tool_calls".into());
    let usage = json!({"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 0}});
    let last = json!({"id": "i", "model": "m", "choices": [], "usage": usage});
    out.extend_from_slice(format!("data: {last}\n\ndata: [DONE]\n\n").as_bytes());
    out
}

fn restored(from: Format, to: Format, codes: &Codes, chunks: &[&[u8]]) -> Vec<u8> {
    let mut stream = StreamTranslator::new(to, from, shown());
    stream.restore(restore(codes));
    let mut out = Vec::new();
    for chunk in chunks {
        stream.push(chunk, &mut out).unwrap();
    }
    assert!(stream.finish(&mut out).unwrap().done);
    out
}

proptest! {
    #[test]
    fn every_way_restores_what_was_masked(
        texts in [text(), text(), text()],
        told in prop::collection::vec(any::<Index>(), 0..12),
        cuts in prop::collection::vec(any::<Index>(), 0..12),
    ) {
        let mut masker = Masker::new(&[7; 32]);
        let texts = texts.map(|parts| mask(&mut masker, &parts));
        let codes = masker.codes();
        let bytes = stream(&texts, &told);
        let said = Said {
            thinking: texts[0].plain.clone(),
            text: texts[1].plain.clone(),
            tools: vec![("call_0".into(), "f".into(), json!({"a": texts[2].plain}).to_string())],
            stop: "tool_calls".into(),
            usage: (1, 0, 2),
        };
        let openai = Format::OpenAiChat;
        for from in Format::CLIENTS {
            let (there, result, _) = run(openai, from, &shown(), [bytes.as_slice()]);
            prop_assert!(result.unwrap().done);
            for to in Format::CLIENTS {
                let whole = restored(from, to, &codes, &[&there]);
                prop_assert_eq!(&hear(to, &whole), &said, "from {:?} to {:?}", from, to);
                let again = restored(from, to, &codes, &cut(&there, &cuts));
                prop_assert_eq!(String::from_utf8(again), String::from_utf8(whole));
            }
        }
    }
}

/// With nothing to restore the layer changes no byte of any fixture.
#[test]
fn without_codes_every_byte_stays() {
    let codes = Masker::new(&[7; 32]).codes();
    for (name, from, bytes) in crate::fixtures() {
        for to in Format::CLIENTS {
            let (plain, result, _) = run(from, to, &shown(), [bytes.as_slice()]);
            let mut stream = StreamTranslator::new(to, from, shown());
            stream.restore(restore(&codes));
            let mut out = Vec::new();
            let again = stream.push(&bytes, &mut out).and_then(|_| stream.finish(&mut out));
            assert_eq!(again.is_ok(), result.is_ok(), "{name} to {to:?}");
            assert_eq!(String::from_utf8(out), String::from_utf8(plain), "{name} to {to:?}");
        }
    }
}

/// The thinking and the text of a choice follow each other: what waits of the first comes before the second.
#[test]
fn what_waits_is_told_before_the_next_channel() {
    let mut masker = Masker::new(&[7; 32]);
    mask(&mut masker, &[Ok(0)]);
    let codes = masker.codes();
    let code = codes.iter().next().unwrap().0.to_owned();
    let chunk = |delta: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": null});
        format!("data: {}\n\n", json!({"id": "i", "model": "m", "choices": [choice]}))
    };
    let start = &code[..4];
    let format = Format::OpenAiChat;
    let mut stream = StreamTranslator::new(format, format, StreamOptions::default());
    stream.restore(restore(&codes));
    let mut out = Vec::new();
    stream.push(chunk(json!({"reasoning_content": start})).as_bytes(), &mut out).unwrap();
    assert!(!String::from_utf8_lossy(&out).contains(start), "it may become a code");
    stream.push(chunk(json!({"content": "x"})).as_bytes(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let (waited, next) = (text.find(start).unwrap(), text.find("\"x\"").unwrap());
    assert!(waited < next, "{text}");
}
