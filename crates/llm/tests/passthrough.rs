//! Requests and answers whose two ends speak the same format keep their bytes.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use bytes::Bytes;
use domain::Provenance;
use llm::{BadAnswer, BadRequest, Format, Head, Quirks, Show, head, head_at, prepare, respond};
use proptest::prelude::*;
use serde_json::Value;

fn pass(format: Format, body: &str, target: &str) -> String {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let head = head_of(format, false, &body).unwrap();
    let quirks = Quirks::of_model(target);
    let prepared = prepare(format, format, &body, &head, target, &quirks).unwrap();
    String::from_utf8(prepared.body.to_vec()).unwrap()
}

fn openai_head(body: &str) -> Result<Head, &'static str> {
    head(Format::OpenAiChat, body.as_bytes()).map_err(|error| error.code)
}

#[test]
fn only_the_model_changes() {
    let body = "\n{ \"z\" : 1.50e+3 ,\"mod\\u0065l\"\t:  \"a\\u0062c\" , \"messages\":[ ],\"x\":{\"model\":\"no\"} } \n";
    let expected = body.replace("\"a\\u0062c\"", "\"target\"");
    assert_eq!(pass(Format::AnthropicMessages, body, "target"), expected);
    assert_eq!(pass(Format::OpenAiChat, body, "abc"), body);
}

#[test]
fn a_body_that_needs_no_edit_is_shared() {
    let body = Bytes::from_static(b"{\"model\":\"m\",\"messages\":[]}");
    let head = head(Format::OpenAiChat, &body).unwrap();
    let format = Format::OpenAiChat;
    let prepared = prepare(format, format, &body, &head, "m", &Quirks::default()).unwrap();
    assert_eq!(prepared.body.as_ptr(), body.as_ptr());
}

#[test]
fn streams_are_asked_for_their_usage() {
    let ask = |options: &str| {
        let body = format!("{{\"model\":\"m\",\"stream\":true,\"messages\":[]{options} }} ");
        pass(Format::OpenAiChat, &body, "m")
    };
    let start = "{\"model\":\"m\",\"stream\":true,\"messages\":[]";
    for (options, expected) in [
        ("", " ,\"stream_options\":{\"include_usage\":true}} "),
        (",\"stream_options\":null", ",\"stream_options\":{\"include_usage\":true} } "),
        (",\"stream_options\": {}", ",\"stream_options\": {\"include_usage\":true} } "),
        (
            ",\"stream_options\":{ \"a\":1}",
            ",\"stream_options\":{\"include_usage\":true, \"a\":1} } ",
        ),
        (
            ",\"stream_options\":{\"include_usage\": false}",
            ",\"stream_options\":{\"include_usage\": true} } ",
        ),
        (
            ",\"stream_options\":{\"include_usage\":null}",
            ",\"stream_options\":{\"include_usage\":true} } ",
        ),
        (
            ",\"stream_options\":{\"include_usage\":true}",
            ",\"stream_options\":{\"include_usage\":true} } ",
        ),
    ] {
        assert_eq!(ask(options), format!("{start}{expected}"), "{options}");
    }
    let quiet = "{\"model\":\"m\",\"stream\":false,\"messages\":[]}";
    assert_eq!(pass(Format::OpenAiChat, quiet, "m"), quiet);
    let anthropic = "{\"model\":\"m\",\"stream\":true,\"messages\":[]}";
    assert_eq!(pass(Format::AnthropicMessages, anthropic, "m"), anthropic);
}

/// A Responses request with these members after its input.
fn ask_responses(members: &str, target: &str) -> String {
    let body = format!("{{\"model\":\"m\",\"input\":\"x\"{members} }} ");
    pass(Format::OpenAiResponses, &body, target).replace(target, "m")
}

#[test]
fn nothing_is_left_in_a_provider_s_store() {
    for (members, expected) in [
        ("", " ,\"store\":false} "),
        (",\"store\":null", ",\"store\":false } "),
        (",\"store\": false", ",\"store\": false } "),
        (",\"include\":[]", ",\"include\":[] ,\"store\":false} "),
    ] {
        let expected = format!("{{\"model\":\"m\",\"input\":\"x\"{expected}");
        assert_eq!(ask_responses(members, "gpt-4o"), expected, "{members}");
    }
    let body = Bytes::from_static(b"{\"model\":\"m\",\"input\":[],\"store\":false}");
    let format = Format::OpenAiResponses;
    let head = head(format, &body).unwrap();
    let prepared = prepare(format, format, &body, &head, "m", &Quirks::default()).unwrap();
    assert_eq!(prepared.body.as_ptr(), body.as_ptr());
}

#[test]
fn reasoning_that_is_not_stored_is_asked_for() {
    let encrypted = "\"reasoning.encrypted_content\"";
    for (members, expected) in [
        ("", format!(" ,\"store\":false,\"include\":[{encrypted}]}} ")),
        (",\"include\":null", format!(",\"include\":[{encrypted}] ,\"store\":false}} ")),
        (",\"include\":[ ]", format!(",\"include\":[{encrypted} ] ,\"store\":false}} ")),
        (
            ",\"include\":[\"other\"],\"store\":null",
            format!(",\"include\":[{encrypted},\"other\"],\"store\":false }} "),
        ),
        (
            ",\"include\":[\"reasoning.encrypted_content\"]",
            format!(",\"include\":[{encrypted}] ,\"store\":false}} "),
        ),
        (",\"include\":7", ",\"include\":7 ,\"store\":false} ".to_owned()),
        // Whoever turned storing off has decided about this too.
        (",\"store\":false", ",\"store\":false } ".to_owned()),
    ] {
        let expected = format!("{{\"model\":\"m\",\"input\":\"x\"{expected}");
        assert_eq!(ask_responses(members, "gpt-5"), expected, "{members}");
    }
}

#[test]
fn a_translated_request_asks_for_reasoning_where_the_model_has_it() {
    let body = Bytes::from_static(b"{\"model\":\"m\",\"messages\":[]}");
    let head = head(Format::OpenAiChat, &body).unwrap();
    let send = |target: &str| -> Value {
        let (from, to) = (Format::OpenAiChat, Format::OpenAiResponses);
        let quirks = Quirks::of_model(target);
        let prepared = prepare(from, to, &body, &head, target, &quirks).unwrap();
        serde_json::from_slice(&prepared.body).unwrap()
    };
    assert_eq!(send("gpt-5")["include"], serde_json::json!(["reasoning.encrypted_content"]));
    for target in ["gpt-5", "gpt-4o", "other"] {
        assert_eq!(send(target)["store"], false);
    }
    assert_eq!(send("gpt-4o")["include"], Value::Null);
}

#[test]
fn openai_s_own_host_is_sent_what_its_formats_share() {
    let text = r#"{"model":"m","input":"x","metadata":{"a":"b"},"prompt_cache_key":"k","service_tier":"flex",
        "safety_identifier":"s","user":"u","text":{"verbosity":"low"}}"#;
    let body = Bytes::from_static(text.as_bytes());
    let head = head(Format::OpenAiResponses, &body).unwrap();
    let (from, to) = (Format::OpenAiResponses, Format::OpenAiChat);
    let quirks = Quirks::of_model("gpt-5");
    let prepared = prepare(from, to, &body, &head, "gpt-5", &quirks).unwrap();
    let sent: Value = serde_json::from_slice(&prepared.body).unwrap();
    assert_eq!(prepared.dropped, ["metadata"]);
    assert_eq!(
        sent,
        serde_json::json!({"model":"gpt-5","messages":[{"role":"user","content":"x"}],"user":"u",
            "prompt_cache_key":"k","service_tier":"flex","safety_identifier":"s","verbosity":"low"})
    );
}

#[test]
fn what_asks_for_a_store_is_refused() {
    let ask = |members: &str| {
        let body = format!("{{\"model\":\"m\",\"input\":[]{members}}}");
        head(Format::OpenAiResponses, body.as_bytes()).map_err(|error| (error.code, error.param))
    };
    for (members, param) in [
        (",\"store\":true", "store"),
        (",\"background\":true", "background"),
        (",\"previous_response_id\":\"resp_1\"", "previous_response_id"),
        (",\"conversation\":\"conv_1\"", "conversation"),
        (",\"conversation\":{\"id\":\"conv_1\"}", "conversation"),
    ] {
        let refused = Err(("unsupported_parameter", Some(param.to_owned())));
        assert_eq!(ask(members).map(drop), refused, "{members}");
    }
    for (members, param) in [(",\"store\":\"yes\"", "store"), (",\"background\":1", "background")] {
        let refused = Err(("invalid_value", Some(param.to_owned())));
        assert_eq!(ask(members).map(drop), refused, "{members}");
    }
    for members in [
        ",\"store\":false,\"background\":false",
        ",\"store\":null,\"background\":null,\"previous_response_id\":null,\"conversation\":null",
    ] {
        ask(members).unwrap();
    }
    let items = |items: &str| {
        let body = format!("{{\"model\":\"m\",\"input\":{items}}}");
        head(Format::OpenAiResponses, body.as_bytes()).map(drop).map_err(|error| error.param)
    };
    assert_eq!(
        items("[{\"role\":\"user\",\"content\":\"x\"},{\"type\":\"item_reference\",\"id\":\"a\"}]"),
        Err(Some("input[1]".to_owned()))
    );
    items("\"What is an item_reference?\"").unwrap();
    items("[{\"role\":\"user\",\"content\":\"item_reference\"}]").unwrap();
}

#[test]
fn the_head_says_what_routing_needs() {
    let head = openai_head(
        r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},"max_tokens":9,
            "max_completion_tokens":7.0,"n":2,"tools":[],"messages":[]}"#,
    )
    .unwrap();
    assert_eq!(head.model, "m");
    assert!(head.stream && head.include_usage && head.has_tools);
    // Nobody knows which of the two a provider goes by: the larger is the one that a budget must allow for.
    assert_eq!((head.max_output, head.choices), (Some(9), 2));

    let body = br#"{"model":"m","stream":true,"stream_options":{"include_obfuscation":false},"n":9,
        "max_tokens":9,"max_output_tokens":7.0,"tools":[],"input":"x"}"#;
    let head = llm::head(Format::OpenAiResponses, body).unwrap();
    assert!(head.stream && !head.include_usage && head.has_tools);
    assert_eq!((head.max_output, head.choices), (Some(7), 1));
    let missing = llm::head(Format::OpenAiResponses, b"{\"model\":\"m\",\"messages\":[]}");
    let missing = missing.map(drop).unwrap_err();
    assert_eq!(missing.param.as_deref(), Some("input"));
    let prompt = b"{\"model\":\"m\",\"prompt\":{\"id\":\"pmpt_1\"}}";
    llm::head(Format::OpenAiResponses, prompt).unwrap();
    let twice = b"{\"model\":\"m\",\"input\":[],\"store\":false,\"store\":true}";
    let twice = llm::head(Format::OpenAiResponses, twice).map(drop).unwrap_err();
    assert_eq!((twice.code, twice.param.as_deref()), ("duplicate_key", Some("store")));
}

#[test]
fn one_format_says_the_model_in_its_path() {
    let ask = |body: &str, target: &str, stream: bool| {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let head = head_at("m", stream, &body).unwrap();
        let format = Format::Gemini;
        let prepared = prepare(format, format, &body, &head, target, &Quirks::default()).unwrap();
        (String::from_utf8(prepared.body.to_vec()).unwrap(), prepared.path.into_owned())
    };
    let body = "{ \"contents\" : [],\"x\":1.50 }";
    let paths = [
        ("gemini-x", false, "/models/gemini-x:generateContent"),
        ("gemini-x", true, "/models/gemini-x:streamGenerateContent?alt=sse"),
        ("models/gemini-x", false, "/models/gemini-x:generateContent"),
        ("tunedModels/x", false, "/tunedModels/x:generateContent"),
        // Nothing leads to another path.
        ("../a?b#c", false, "/models/..%2Fa%3Fb%23c:generateContent"),
        ("models/a/b:c", false, "/models/a%2Fb%3Ac:generateContent"),
    ];
    for (target, stream, path) in paths {
        assert_eq!(ask(body, target, stream), (body.to_owned(), path.to_owned()));
    }
    let named = "{\"model\":\"models/m\",\"contents\":[]}";
    assert_eq!(ask(named, "t", false).0, "{\"model\":\"models/t\",\"contents\":[]}");

    let body = br#"{"contents":[],"tools":[],"stream":"no","generation_config":{"max_output_tokens":7,"candidateCount":2}}"#;
    let head = head_at("m", true, body).unwrap();
    assert!(head.stream && head.has_tools && !head.include_usage);
    assert_eq!((head.model.as_str(), head.max_output, head.choices), ("m", Some(7), 2));
    for (model, body) in
        [("m", "{}"), ("", "{\"contents\":[]}"), ("m", "{\"contents\":[],\"contents\":[]}")]
    {
        head_at(model, false, body.as_bytes()).unwrap_err();
    }
}

#[test]
fn bodies_that_cannot_be_routed_are_refused() {
    for (body, code) in [
        ("", "invalid_json"),
        ("[]", "invalid_json"),
        ("{\"model\":\"m\",\"messages\":[]", "invalid_json"),
        ("{\"model\":\"m\",\"messages\":[]} x", "invalid_json"),
        ("{\"messages\":[]}", "missing_required_parameter"),
        ("{\"model\":\"m\"}", "missing_required_parameter"),
        ("{\"model\":null,\"messages\":[]}", "invalid_value"),
        ("{\"model\":\"\",\"messages\":[]}", "invalid_value"),
        ("{\"model\":\"a\\nb\",\"messages\":[]}", "invalid_value"),
        ("{\"model\":\"a\",\"mod\\u0065l\":\"b\",\"messages\":[]}", "duplicate_key"),
        ("{\"model\":\"a\",\"messages\":[],\"messages\":[]}", "duplicate_key"),
        ("{\"model\":\"a\",\"messages\":[],\"stream\":\"yes\"}", "invalid_value"),
        ("{\"model\":\"a\",\"messages\":[],\"stream\":true,\"stream\":false}", "duplicate_key"),
        ("{\"model\":\"a\",\"messages\":[],\"stream_options\":[]}", "invalid_value"),
        (
            "{\"model\":\"a\",\"messages\":[],\"stream_options\":{\"include_usage\":true,\"include_usage\":false}}",
            "invalid_value",
        ),
    ] {
        assert_eq!(openai_head(body).unwrap_err(), code, "{body}");
    }
    assert_eq!(head(Format::OpenAiChat, b"{\"model\":\"\xff\"}").unwrap_err().code, "invalid_json");
}

#[test]
fn errors_say_where_and_never_what() {
    let error = head(Format::OpenAiChat, b"{\"model\": secret}").unwrap_err();
    assert!(!error.message.contains("secret"), "{}", error.message);
    assert!(error.message.contains("line 1"), "{}", error.message);
}

#[test]
fn deep_nesting_is_no_problem() {
    let body =
        format!("{{\"model\":\"m\",\"messages\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    openai_head(&body).unwrap();
    let body = Bytes::from(body);
    let head = head(Format::OpenAiChat, &body).unwrap();
    let (from, to) = (Format::OpenAiChat, Format::AnthropicMessages);
    prepare(from, to, &body, &head, "m", &Quirks::default()).unwrap_err();
}

#[test]
fn a_strict_provider_is_not_sent_thinking_of_another() {
    let openai = r#"{"model":"gpt-5", "messages":[{"role":"user","content":"x"},{"role":"assistant","content": "y" ,"reasoning_content":"t","reasoning_details":[{"type":"reasoning.text","format":"probity/anthropic-v1","text":"t","signature":"s"}]}]}"#;
    let expected = r#"{"model":"gpt-5", "messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]}"#;
    assert_eq!(pass(Format::OpenAiChat, openai, "gpt-5"), expected);
    let lenient = openai.replace("gpt-5", "other");
    assert_eq!(pass(Format::OpenAiChat, &lenient, "other"), lenient);

    let anthropic = r#"{"model":"claude-opus-4-8","messages":[{"role":"assistant","content":[ {"type":"thinking","thinking":"t","signature":"probity.openai.v1\/reasoning\/"}, {"type":"text","text":"y"} ]}]}"#;
    let expected = r#"{"model":"claude-opus-4-8","messages":[{"role":"assistant","content":[{"type":"text","text":"y"}]}]}"#;
    assert_eq!(pass(Format::AnthropicMessages, anthropic, "claude-opus-4-8"), expected);

    // What a Responses provider gave is as foreign to a Chat or a Messages one.
    let sealed =
        anthropic.replace("probity.openai.v1\\/reasoning\\/", "probity.openai-responses.v1\\/{}");
    assert_ne!(sealed, anthropic);
    assert_eq!(pass(Format::AnthropicMessages, &sealed, "claude-opus-4-8"), expected);
    let tagged = openai.replace("anthropic-v1", "openai-responses-v1");
    let expected = r#"{"model":"gpt-5", "messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]}"#;
    assert_eq!(pass(Format::OpenAiChat, &tagged, "gpt-5"), expected);

    let responses = r#"{"model":"gpt-5","store":false,"input":[ {"role":"user","content":"x"}, {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"probity.anthropic.v1\/thinking\/s"}, {"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"gAAAA"} ]}"#;
    let expected = r#"{"model":"gpt-5","store":false,"input":[{"role":"user","content":"x"},{"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"gAAAA"}]}"#;
    assert_eq!(pass(Format::OpenAiResponses, responses, "gpt-5"), expected);
    let lenient = responses.replace("gpt-5", "other");
    assert_eq!(pass(Format::OpenAiResponses, &lenient, "other"), lenient);

    // `probity.anthropic.v1/thinking/s` in base64.
    let ours = r#"{"text":"t","thought":true,"thoughtSignature":"cHJvYml0eS5hbnRocm9waWMudjEvdGhpbmtpbmcvcw=="}"#;
    let own = r#"{"text":"t","thought":true,"thoughtSignature":"c2ln"}"#;
    let gemini = |first: &str, second: &str| {
        format!(
            r#"{{"contents":[ {{"role":"model","parts":{first}}} , {{"role":"model","parts":{second}}} ]}}"#
        )
    };
    let carried = gemini(&format!("[{ours}, {own}]"), &format!("[ {ours} ]"));
    let expected = gemini(&format!("[{own}]"), r#"[{"text":""}]"#);
    assert_eq!(pass(Format::Gemini, &carried, "gemini-2.5-pro"), expected);
    assert_eq!(pass(Format::Gemini, &carried, "other"), carried);

    let ours =
        r#"{"type":"thinking","thinking":"t","signature":"probity.anthropic.v1/thinking/s"}"#;
    let own = r#"{"type":"thinking","thinking":"t"}"#;
    let cohere = |content: &str| {
        format!(r#"{{"model":"m","messages":[ {{"role":"assistant","content":{content}}} ]}}"#)
    };
    let carried = cohere(&format!("[{ours}, {own}]"));
    let kept = cohere(&format!("[{own}]")).replace("\"m\"", "\"command-a-03-2025\"");
    assert_eq!(pass(Format::Cohere, &carried, "command-a-03-2025"), kept);
    assert_eq!(pass(Format::Cohere, &carried, "m"), carried);
}

#[test]
fn answers_keep_their_bytes_but_for_a_shown_model() {
    let body = "{ \"model\" : \"real\",\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],\"new\":1.0 }";
    let body = Bytes::from_static(body.as_bytes());
    let format = Format::OpenAiChat;
    let answer = respond(format, format, &body, Show::default()).unwrap();
    assert_eq!(answer.body.as_ptr(), body.as_ptr());
    assert_eq!(answer.usage.provenance, Provenance::Absent);
    let show = Show { model: Some("shown"), ..Show::default() };
    let answer = respond(format, format, &body, show).unwrap();
    let expected = String::from_utf8_lossy(&body).replace("\"real\"", "\"shown\"");
    assert_eq!(answer.body, expected.as_bytes());
}

#[test]
fn what_is_no_answer_is_malformed() {
    for body in ["", "<html>502</html>", "[]", "{}", "{\"choices\":{}}", "\"x\""] {
        for from in Format::ALL {
            for to in Format::CLIENTS {
                let body = Bytes::copy_from_slice(body.as_bytes());
                let error = respond(to, from, &body, Show::default()).unwrap_err();
                assert_eq!(error, BadAnswer::Malformed);
            }
        }
    }
}

/// JSON of any shape.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f32>().prop_map(|number| Value::from(f64::from(number))),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_other_member_survives(
        mut members in prop::collection::btree_map("[a-z]{0,4}|\\PC{1,3}", json(), 0..8),
        model in "\\PC{1,20}",
        target in "\\PC{1,20}",
        stream in any::<bool>(),
    ) {
        members.insert("model".into(), model.into());
        members.insert("messages".into(), Value::Array(Vec::new()));
        members.insert("stream".into(), stream.into());
        members.remove("n");
        let body = Value::Object(members.into_iter().collect());
        let text = body.to_string();
        let edited: Value = serde_json::from_str(&pass(Format::OpenAiChat, &text, &target)).unwrap();
        // Parsed from the same text: one float may have several parsings, but the text is what must survive.
        let mut expected: Value = serde_json::from_str(&text).unwrap();
        expected["model"] = target.into();
        if stream {
            expected["stream_options"] = serde_json::json!({"include_usage": true});
        }
        prop_assert_eq!(edited, expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        everything(bytes.into());
    }

    #[test]
    fn no_json_makes_it_panic(value in json()) {
        everything(value.to_string().into());
    }

    #[test]
    fn no_request_makes_it_panic(messages in json(), tools in json(), format in json()) {
        let body = serde_json::json!({
            "model": "m", "messages": messages, "tools": tools, "system": format,
            "response_format": format, "output_config": format,
            "contents": messages, "systemInstruction": format, "generationConfig": format,
            "documents": tools, "thinking": format, "input": messages, "text": format, "reasoning": format, "tool_choice": tools,
        });
        everything(body.to_string().into());
    }
}

/// The head, with a model where the path would say it.
fn head_of(format: Format, stream: bool, body: &[u8]) -> Result<Head, BadRequest> {
    match format {
        Format::Gemini => head_at("claude-opus-4-8", stream, body),
        _ => head(format, body),
    }
}

fn everything(body: Bytes) {
    for from in Format::ALL {
        for to in Format::ALL {
            if let Ok(found) = head_of(from, false, &body)
                && let Ok(prepared) =
                    prepare(from, to, &body, &found, "claude-opus-4-8", &Quirks::default())
            {
                if !to.is_of_clients() {
                    // Nobody reads its requests here; they are JSON all the same.
                    serde_json::from_slice::<Value>(&prepared.body).unwrap();
                    continue;
                }
                let again = head_of(to, found.stream, &prepared.body).unwrap();
                assert_eq!((again.model.as_str(), again.stream), ("claude-opus-4-8", found.stream));
            }
            if !to.is_of_clients() {
                continue;
            }
            if let Ok(answer) = respond(to, from, &body, Show::default()) {
                respond(from, to, &answer.body, Show::default()).unwrap();
            }
        }
        drop(llm::upstream_error(from, 500, &body));
        drop(llm::aws_error(400, None, &body));
    }
}
