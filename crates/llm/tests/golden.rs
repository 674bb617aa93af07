//! Every case in `golden/` through every target, against a snapshot. A new case is a new file; review its snapshot.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "support/event_stream.rs"]
mod event_stream;

use std::{fmt::Write as _, fs, path::Path};

use bytes::Bytes;
use domain::Usage;
use llm::{
    BadAnswer, Format, Quirks, Show, StreamFault, StreamOptions, StreamTranslator, head, head_at,
    prepare, respond,
};

/// What no snapshot may hold: the text of a provider's error.
const SECRET: &str = "secret text";

/// `(case, format, bytes)` of every file in a folder of `golden/`.
fn cases(folder: &str) -> Vec<(String, Format, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let mut cases: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let (case, format) = name.rsplit_once('.').unwrap();
            let format = Format::ALL.into_iter().find(|known| known.as_str() == format).unwrap();
            let mut bytes = fs::read(&path).unwrap();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                bytes = event_stream::encoded(std::str::from_utf8(&bytes).unwrap());
            }
            (case.to_owned(), format, bytes)
        })
        .collect();
    cases.sort_by(|left, right| (&left.0, left.1.as_str()).cmp(&(&right.0, right.1.as_str())));
    assert!(!cases.is_empty());
    cases
}

fn check(folder: &str, case: &str, from: Format, to: Format, text: &str) {
    assert!(!text.contains(SECRET), "{case}: a provider's words leaked");
    insta::with_settings!({
        snapshot_path => format!("golden/{folder}/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(format!("{case}.{}-to-{}", from.as_str(), to.as_str()), text);
    });
}

/// JSON for reading: two spaces, order kept, numbers as they are.
fn pretty(body: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

fn usage_line(usage: &Usage) -> String {
    serde_json::to_string(usage).unwrap()
}

#[test]
fn requests() {
    for (case, from, body) in cases("requests") {
        let body = Bytes::from(body);
        for to in Format::ALL {
            let mut text = String::new();
            let found = match from {
                Format::Gemini => head_at("shown-model", case.contains("stream"), &body),
                _ => head(from, &body),
            };
            let prepared = found.and_then(|head| {
                prepare(from, to, &body, &head, "target-model", &Quirks::default())
            });
            if let (Format::Gemini | Format::BedrockConverse | Format::Watsonx, Ok(prepared)) =
                (to, &prepared)
            {
                writeln!(text, "path: {}", prepared.path).unwrap();
            }
            match prepared {
                Ok(prepared) if from == to => {
                    text.push_str(std::str::from_utf8(&prepared.body).unwrap());
                }
                Ok(prepared) => {
                    writeln!(text, "dropped: {:?}", prepared.dropped).unwrap();
                    // Raw, so that a changed number shows; pretty, so that it can be read.
                    assert!(!prepared.body.windows(3).any(|window| window == b"e22"), "{case}");
                    text.push_str(&pretty(&prepared.body));
                }
                Err(error) => writeln!(text, "{error:#?}").unwrap(),
            }
            check("requests", &case, from, to, &text);
        }
    }
}

#[test]
fn answers() {
    for (case, from, body) in cases("answers") {
        let body = Bytes::from(body);
        for to in Format::CLIENTS {
            let show = Show { model: Some("shown-model"), created: 1_700_000_001, id: "req_1" };
            let text = match respond(to, from, &body, show) {
                Ok(answer) => {
                    let shown = if from == to {
                        std::str::from_utf8(&answer.body).unwrap().to_owned()
                    } else {
                        pretty(&answer.body)
                    };
                    format!(
                        "stop: {:?}\nusage: {}\noutput estimate: {}\ndropped: {:?}\n{shown}",
                        answer.stop,
                        usage_line(&answer.usage),
                        answer.output_estimate,
                        answer.dropped,
                    )
                }
                Err(BadAnswer::Upstream(error)) => format!("{error:#?}"),
                Err(BadAnswer::Malformed) => "malformed".to_owned(),
            };
            check("answers", &case, from, to, &text);
        }
    }
}

#[test]
fn streams() {
    for (case, from, bytes) in cases("streams") {
        for to in Format::CLIENTS {
            for asked in [false, true] {
                if asked && to != Format::OpenAiChat {
                    continue;
                }
                let options = StreamOptions {
                    shown_model: Some("shown-model".to_owned()),
                    include_usage: asked,
                    created: 1_700_000_001,
                    input_estimate: 11,
                    id: "req_1".to_owned(),
                    ..StreamOptions::default()
                };
                let name = if asked { format!("{case}+usage") } else { case.clone() };
                check("streams", &name, from, to, &run(from, to, options, &bytes));
            }
        }
    }
}

fn run(from: Format, to: Format, options: StreamOptions, bytes: &[u8]) -> String {
    let mut stream = StreamTranslator::new(to, from, options);
    let mut out = Vec::new();
    let result = stream.push(bytes, &mut out).and_then(|_| stream.finish(&mut out));
    let ending = match &result {
        Ok(progress) => format!("{progress:?}"),
        Err(StreamFault::Upstream(error)) => format!("{:?} {error:#?}", stream.progress()),
        Err(fault) => format!("{:?} {fault:?}", stream.progress()),
    };
    format!(
        "{ending}\nusage: {}\n{}",
        usage_line(&stream.usage()),
        String::from_utf8(out).unwrap().replace('\r', "␍")
    )
}
