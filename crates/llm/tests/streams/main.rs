//! Properties of streams: how bytes were cut does not matter, translation keeps what was said, nothing panics.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

#[path = "../support/event_stream.rs"]
mod event_stream;
mod hear;
mod restore;

use std::{fs, path::Path};

use domain::Usage;
use llm::{Format, Progress, Refusal, StreamFault, StreamOptions, StreamTranslator};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use self::hear::{Said, events, hear};

type Outcome = (Vec<u8>, Result<Progress, StreamFault>, Usage);

fn run<'c>(
    from: Format,
    to: Format,
    options: &StreamOptions,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> Outcome {
    let mut stream = StreamTranslator::new(to, from, options.clone());
    let mut out = Vec::new();
    for chunk in chunks {
        if let Err(fault) = stream.push(chunk, &mut out) {
            return (out, Err(fault), stream.usage());
        }
    }
    let result = stream.finish(&mut out);
    (out, result, stream.usage())
}

fn fixtures() -> Vec<(String, Format, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/streams");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let format = name.rsplit('.').nth(1).unwrap();
            let format = Format::ALL.into_iter().find(|known| known.as_str() == format).unwrap();
            let mut bytes = fs::read(&path).unwrap();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                bytes = event_stream::encoded(std::str::from_utf8(&bytes).unwrap());
            }
            (name, format, bytes)
        })
        .collect()
}

fn shown() -> StreamOptions {
    StreamOptions {
        shown_model: Some("a name of \"another\" length".to_owned()),
        include_usage: true,
        input_estimate: 7,
        ..StreamOptions::default()
    }
}

#[test]
fn every_fixture_byte_by_byte_and_in_two() {
    for (name, from, bytes) in fixtures() {
        for to in Format::ALL {
            let whole = run(from, to, &shown(), [bytes.as_slice()]);
            let single = run(from, to, &shown(), bytes.chunks(1));
            assert_eq!(single, whole, "{name} to {to:?}");
            // Long ones are not halved at every byte: each byte has been a chunk of its own above.
            for cut in (0..bytes.len()).step_by(1 + bytes.len() / 400) {
                let (left, right) = bytes.split_at(cut);
                let halves = run(from, to, &shown(), [left, right]);
                assert_eq!(halves, whole, "{name} to {to:?} cut at {cut}");
            }
        }
    }
}

#[test]
fn a_stream_of_the_same_format_keeps_its_bytes() {
    let passed_on = |(_, from, _): &(_, Format, _)| Format::CLIENTS.contains(from);
    for (name, from, bytes) in fixtures().into_iter().filter(passed_on) {
        let options = StreamOptions { include_usage: true, ..StreamOptions::default() };
        let (out, result, _) = run(from, from, &options, [bytes.as_slice()]);
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        if result.is_ok() {
            // What is missing at the end is added, nothing else.
            assert!(out.starts_with(bytes), "{name}");
        } else {
            assert!(bytes.starts_with(&out), "{name}");
        }
    }
}

#[test]
fn the_usage_chunk_is_for_those_who_asked() {
    let bytes = fixtures().into_iter().find(|(name, ..)| name == "text.openai.sse").unwrap().2;
    let format = Format::OpenAiChat;
    let asked = StreamOptions { include_usage: true, ..StreamOptions::default() };
    let (out, _, usage) = run(format, format, &StreamOptions::default(), [bytes.as_slice()]);
    assert!(!String::from_utf8(out).unwrap().contains("prompt_tokens"));
    assert_eq!((usage.input, usage.cache_read, usage.output), (40, 60, 20));
    let (out, _, same) = run(format, format, &asked, [bytes.as_slice()]);
    assert!(String::from_utf8(out).unwrap().contains("prompt_tokens"));
    assert_eq!(usage, same);
}

/// Events that differ only in their text take a short cut: it must not show.
#[test]
fn the_short_cut_gives_what_the_long_way_gives() {
    let texts = ["a", "", "b c", "Grüße 👋", "\\n", "\\\"}", "x\\\\", "\\u0041", "end"];
    let event = |text: &str, tail: &str| {
        format!(
            "data: {{\"model\":\"m\",\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]{tail}}}\n\n"
        )
    };
    let format = Format::OpenAiChat;
    for tail in ["", ",\"model2\":1", ",\"usage\":null"] {
        let mut stream = StreamTranslator::new(format, format, shown());
        let (mut out, mut long) = (Vec::new(), Vec::new());
        for text in texts {
            stream.push(event(text, tail).as_bytes(), &mut out).unwrap();
            // Never two alike in a row: no stencil fits.
            let mut fresh = StreamTranslator::new(format, format, shown());
            fresh.push(event(text, tail).as_bytes(), &mut long).unwrap();
        }
        assert_eq!(String::from_utf8(out).unwrap(), String::from_utf8(long).unwrap());
        assert_eq!(stream.output_estimate(), texts.concat().len().div_ceil(4) as u64);
    }
    // What only looks alike is parsed, and refused.
    for broken in ["a\u{1}", "a\"b", "\\x", "\u{7}"] {
        let mut stream = StreamTranslator::new(format, format, shown());
        stream.push(event("a", "").as_bytes(), &mut Vec::new()).unwrap();
        stream.push(event(broken, "").as_bytes(), &mut Vec::new()).unwrap_err();
    }
    let mut stream = StreamTranslator::new(format, format, shown());
    stream.push(event("a", "").as_bytes(), &mut Vec::new()).unwrap();
    let mut bytes = event("XX", "").into_bytes();
    let place = bytes.iter().position(|byte| *byte == b'X').unwrap();
    bytes[place] = 0xff;
    stream.push(&bytes, &mut Vec::new()).unwrap_err();
}

#[test]
fn nothing_is_semantic_before_the_answer_begins() {
    let openai = [
        ": hi\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[]}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n",
    ];
    let anthropic = [
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{}}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n",
        "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"s\"}}\n\n",
    ];
    let responses = [
        "data: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r\",\"output\":[]}}\n\n",
        "data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"message\"}}\n\n",
        "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"x\"}\n\n",
    ];
    let gemini = [
        ": hi\n\n",
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]}}]}\n\n",
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}\n\n",
    ];
    let cohere = [
        "event: message-start\ndata: {\"type\":\"message-start\",\"id\":\"c\",\"delta\":{\"message\":{\"content\":[],\"tool_calls\":[]}}}\n\n",
        "data: {\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}}\n\n",
        "data: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"x\"}}}}\n\n",
    ];
    for (from, events) in [
        (Format::Cohere, cohere),
        (Format::OpenAiChat, openai),
        (Format::AnthropicMessages, anthropic),
        (Format::OpenAiResponses, responses),
        (Format::Gemini, gemini),
    ] {
        for to in Format::ALL {
            let mut stream = StreamTranslator::new(to, from, StreamOptions::default());
            let mut out = Vec::new();
            let seen: Vec<bool> = events
                .iter()
                .map(|event| stream.push(event.as_bytes(), &mut out).unwrap().semantic)
                .collect();
            assert_eq!(seen, [false, false, true], "{from:?} to {to:?}");
        }
    }
}

#[test]
fn one_event_may_not_grow_without_end() {
    let options = StreamOptions { event_limit: 1000, ..StreamOptions::default() };
    let bytes = vec![b'x'; 5000];
    for to in Format::ALL {
        for size in [1, 7, 999, 1001, 5000] {
            let (_, result, _) = run(Format::OpenAiChat, to, &options, bytes.chunks(size));
            assert_eq!(result, Err(StreamFault::TooLarge));
        }
    }
    let mut fits = b"data: {\"choices\":[{\"delta\":{\"content\":\"".to_vec();
    fits.extend(std::iter::repeat_n(b'x', 900));
    fits.extend_from_slice(b"\"},\"finish_reason\":\"stop\"}]}\n\n");
    let (_, result, _) = run(Format::OpenAiChat, Format::OpenAiChat, &options, fits.chunks(10));
    result.unwrap();
}

#[test]
fn a_failure_is_told_in_the_client_s_format() {
    let refusal = Refusal::new(502, "upstream_cut", "The provider's stream ended early.");
    let tell = |format| {
        let mut stream = StreamTranslator::new(format, Format::OpenAiChat, shown());
        let mut out = Vec::new();
        stream.fail(&refusal, "req_1", &mut out);
        stream.push(b"data: [DONE]\n\n", &mut Vec::new()).unwrap_err();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        tell(Format::OpenAiChat),
        "data: {\"error\":{\"message\":\"The provider's stream ended early.\",\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_cut\"}}\n\n"
    );
    assert_eq!(
        tell(Format::OpenAiResponses),
        "event: error\ndata: {\"type\":\"error\",\"sequence_number\":0,\"code\":\"upstream_cut\",\"message\":\"The provider's stream ended early.\",\"param\":null}\n\n"
    );
    assert_eq!(
        tell(Format::Gemini),
        "data: {\"error\":{\"code\":502,\"message\":\"The provider's stream ended early.\",\"status\":\"UNAVAILABLE\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"upstream_cut\",\"metadata\":{\"request_id\":\"req_1\"}}]}}\n\n"
    );
    assert_eq!(
        tell(Format::Cohere),
        "event: message-end\ndata: {\"type\":\"message-end\",\"id\":\"req_1\",\"delta\":{\"finish_reason\":\"ERROR\",\"error\":\"The provider's stream ended early.\",\"code\":\"upstream_cut\"}}\n\n"
    );
    assert_eq!(
        tell(Format::AnthropicMessages),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"The provider's stream ended early.\",\"details\":{\"error_code\":\"upstream_cut\"}},\"request_id\":\"req_1\"}\n\n"
    );
}

/// What one gateway says of an error another one passes on, and no more.
#[test]
fn an_error_at_the_end_of_a_cohere_stream_is_read_as_one() {
    let start = b"data: {\"type\":\"message-start\",\"delta\":{}}\n\n";
    for (code, kept) in [("busy", Some("busy")), ("What I said", None)] {
        let delta = json!({"finish_reason": "ERROR", "error": "secret", "code": code});
        let end = format!("data: {}\n\n", json!({"type": "message-end", "delta": delta}));
        for to in [Format::Cohere, Format::OpenAiChat] {
            let chunks = [start.as_slice(), end.as_bytes()];
            let (out, result, _) = run(Format::Cohere, to, &shown(), chunks);
            let Err(StreamFault::Upstream(error)) = result else { panic!("{result:?}") };
            assert_eq!((error.status, error.code.as_deref(), error.retryable), (502, kept, true));
            assert!(!String::from_utf8(out).unwrap().contains("secret"));
        }
    }
}

#[test]
fn an_error_carries_the_number_after_the_last_event() {
    let responses = Format::OpenAiResponses;
    let relayed = b"data: {\"type\":\"response.created\",\"sequence_number\":6,\"response\":{\"id\":\"r\"}}\n\n";
    let chunk =
        b"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n";
    for (from, bytes, number) in
        [(responses, relayed.as_slice(), 7), (Format::OpenAiChat, chunk.as_slice(), 5)]
    {
        let mut stream = StreamTranslator::new(responses, from, shown());
        let mut out = Vec::new();
        stream.push(bytes, &mut out).unwrap();
        stream.fail(&Refusal::new(502, "upstream_cut", "Cut."), "req_1", &mut out);
        let told = events(&out);
        let last = told.last().unwrap();
        assert_eq!((&last["type"], &last["sequence_number"]), (&json!("error"), &json!(number)));
    }
}

#[test]
fn a_responses_stream_ends_with_its_last_event() {
    let bytes = fixtures().into_iter().find(|(name, ..)| name == "text.responses.sse").unwrap().2;
    let mut longer = bytes.clone();
    longer.extend_from_slice(b"data: [DONE]\n\n");
    for to in Format::ALL {
        let plain = run(Format::OpenAiResponses, to, &shown(), [bytes.as_slice()]);
        assert_eq!(run(Format::OpenAiResponses, to, &shown(), [longer.as_slice()]), plain);
        assert!(plain.1.unwrap().done);
    }
}

/// An answer of an OpenAI-format provider, cut into deltas.
fn answer() -> impl Strategy<Value = (Said, Vec<u8>)> {
    let piece = prop_oneof![".{0,6}", "[{}\"\\\\\\[\\]👋 ]{0,4}"];
    let words = prop::collection::vec(piece.clone(), 0..4);
    let tool = ("[a-z]{1,5}", prop::collection::vec(piece, 0..3));
    let tools = prop::collection::vec(tool, 0..3);
    (words.clone(), words, tools, any::<(u16, u16, u16)>()).prop_map(|(thinking, text, tools, usage)| {
        let mut said = Said::default();
        let mut out = Vec::new();
        let mut send = |value: Value| {
            out.extend_from_slice(format!("data: {value}\n\n").as_bytes());
        };
        let delta = |delta: Value| json!({"id":"i","model":"m","choices":[{"index":0,"delta":delta,"finish_reason":null}]});
        send(delta(json!({"role":"assistant"})));
        for piece in thinking {
            said.thinking += &piece;
            send(delta(json!({"reasoning_content":piece})));
        }
        for piece in text {
            said.text += &piece;
            send(delta(json!({"content":piece})));
        }
        for (index, (name, arguments)) in tools.into_iter().enumerate() {
            let id = format!("call_{index}");
            send(delta(json!({"tool_calls":[{"index":index,"id":id,"function":{"name":name,"arguments":""}}]})));
            // An object around it, as models send.
            let value = json!({"a": arguments.concat()}).to_string();
            let (left, right) = value.split_at(3);
            for part in [left, right] {
                send(delta(json!({"tool_calls":[{"index":index,"function":{"arguments":part}}]})));
            }
            said.tools.push((id, name, value));
        }
        said.stop = if said.tools.is_empty() { "stop" } else { "tool_calls" }.to_owned();
        send(json!({"id":"i","model":"m","choices":[{"index":0,"delta":{},"finish_reason":said.stop}]}));
        let (fresh, cached, output) = (u64::from(usage.0), u64::from(usage.1), u64::from(usage.2));
        said.usage = (fresh, cached, output);
        send(json!({"id":"i","model":"m","choices":[],"usage":{"prompt_tokens":fresh + cached,"completion_tokens":output,"total_tokens":fresh + cached + output,"prompt_tokens_details":{"cached_tokens":cached}}}));
        out.extend_from_slice(b"data: [DONE]\n\n");
        (said, out)
    })
}

fn cut<'b>(bytes: &'b [u8], cuts: &[Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    let mut chunks = Vec::new();
    let mut start = 0;
    for place in places {
        chunks.push(&bytes[start..place]);
        start = place;
    }
    chunks.push(&bytes[start..]);
    chunks
}

proptest! {
    #[test]
    fn translation_there_and_back_says_the_same(
        (said, bytes) in answer(),
        cuts in prop::collection::vec(any::<Index>(), 0..10),
    ) {
        let openai = Format::OpenAiChat;
        prop_assert_eq!(&hear(openai, &bytes), &said);
        for middle in Format::CLIENTS.into_iter().filter(|format| *format != openai) {
            let (there, result, usage) = run(openai, middle, &shown(), cut(&bytes, &cuts));
            prop_assert!(result.unwrap().done);
            prop_assert_eq!((usage.input, usage.cache_read, usage.output), said.usage);
            prop_assert_eq!(&hear(middle, &there), &said);
            for to in Format::CLIENTS {
                let (back, result, again) = run(middle, to, &shown(), cut(&there, &cuts));
                prop_assert!(result.unwrap().done);
                prop_assert_eq!(&hear(to, &back), &said, "by {:?} to {:?}", middle, to);
                prop_assert_eq!(usage, again);
            }
        }
    }

    #[test]
    fn garbage_in_any_cut_ends_the_same_way(
        bytes in prop::collection::vec(prop_oneof![
            any::<u8>(), Just(b'\n'), Just(b'\r'), Just(b':'), Just(b'{'), Just(b'}'),
        ], 0..200),
        cuts in prop::collection::vec(any::<Index>(), 0..10),
    ) {
        for from in Format::ALL {
            for to in Format::ALL {
                let whole = run(from, to, &shown(), [bytes.as_slice()]);
                prop_assert_eq!(run(from, to, &shown(), cut(&bytes, &cuts)), whole);
            }
        }
    }

    #[test]
    fn damaged_streams_end_the_same_way(
        which in any::<Index>(),
        damage in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        cuts in prop::collection::vec(any::<Index>(), 0..10),
    ) {
        let fixtures = fixtures();
        let (_, from, mut bytes) = fixtures[which.index(fixtures.len())].clone();
        for (place, byte) in damage {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
        }
        for to in Format::ALL {
            let whole = run(from, to, &shown(), [bytes.as_slice()]);
            prop_assert_eq!(run(from, to, &shown(), cut(&bytes, &cuts)), whole);
        }
    }
}
