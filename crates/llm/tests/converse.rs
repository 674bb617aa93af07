//! Converse requests: what the maker of a model decides.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use bytes::Bytes;
use llm::{BadRequest, Format, Quirks, UpstreamKind, aws_error, head, prepare};
use serde_json::{Value, json};

const CLAUDE: &str = "eu.anthropic.claude-opus-4-5-v1:0";
const ADAPTIVE: &str = "global.anthropic.claude-opus-4-8";
const NOVA: &str = "amazon.nova-2-lite-v1:0";
const MISTRAL: &str = "mistral.mistral-large-3";

fn sent(inbound: Format, model: &str, body: &Value) -> Result<(Value, Vec<String>), BadRequest> {
    let body = Bytes::from(body.to_string());
    let head = head(inbound, &body).unwrap();
    let quirks = Quirks::of_model(model);
    let prepared = prepare(inbound, Format::BedrockConverse, &body, &head, model, &quirks)?;
    Ok((serde_json::from_slice(&prepared.body).unwrap(), prepared.dropped))
}

fn messages(more: Value) -> Value {
    let mut body =
        json!({"model":"x","max_tokens":4096,"messages":[{"role":"user","content":"Hi"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[test]
fn thought_is_asked_for_in_the_maker_s_words() {
    let budget = messages(json!({"thinking":{"type":"enabled","budget_tokens":2048}}));
    for (model, fields, dropped) in [
        (CLAUDE, json!({"thinking":{"type":"enabled","budget_tokens":2048}}), None),
        (ADAPTIVE, json!({"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}}), None),
        (NOVA, json!({"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}}), None),
        ("openai.gpt-oss-120b-1:0", json!({"reasoning_effort":"low"}), None),
        (MISTRAL, Value::Null, Some("thinking")),
    ] {
        let (body, lost) = sent(Format::AnthropicMessages, model, &budget).unwrap();
        assert_eq!(body["additionalModelRequestFields"], fields, "{model}");
        assert_eq!(lost.first().map(String::as_str), dropped, "{model}");
        assert_eq!(body["inferenceConfig"]["maxTokens"], 4096, "{model}");
    }
}

#[test]
fn samplers_are_sent_where_they_are_taken() {
    let ask = messages(json!({"temperature":0.50,"top_k":40}));
    let (body, lost) = sent(Format::AnthropicMessages, CLAUDE, &ask).unwrap();
    assert_eq!(body["inferenceConfig"], json!({"maxTokens":4096,"temperature":0.5}));
    assert_eq!(body["additionalModelRequestFields"], json!({"top_k":40}));
    assert_eq!(lost, Vec::<String>::new());
    let (_, lost) = sent(Format::AnthropicMessages, ADAPTIVE, &ask).unwrap();
    assert_eq!(lost, ["temperature", "top_k"]);
    let (_, lost) = sent(Format::AnthropicMessages, MISTRAL, &ask).unwrap();
    assert_eq!(lost, ["top_k"]);
    let hot = json!({"model":"x","messages":[{"role":"user","content":"Hi"}],"temperature":1.7,"top_p":0.9});
    let (body, lost) = sent(Format::OpenAiChat, MISTRAL, &hot).unwrap();
    assert_eq!(body["inferenceConfig"], json!({"temperature":1,"topP":0.9}));
    assert_eq!(lost, ["temperature"]);
}

#[test]
fn what_is_to_be_cached_is_marked_for_those_who_cache() {
    let mark = json!({"type":"ephemeral","ttl":"1h"});
    let ask = messages(json!({
        "system":[{"type":"text","text":"Be brief.","cache_control":mark}],
        "tools":[{"name":"f","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}],
    }));
    let (body, lost) = sent(Format::AnthropicMessages, CLAUDE, &ask).unwrap();
    assert_eq!(
        body["system"],
        json!([{"text":"Be brief."},{"cachePoint":{"type":"default","ttl":"1h"}}])
    );
    assert_eq!(body["toolConfig"]["tools"][1], json!({"cachePoint":{"type":"default"}}));
    assert_eq!(lost, Vec::<String>::new());
    let (body, lost) = sent(Format::AnthropicMessages, MISTRAL, &ask).unwrap();
    assert!(!body.to_string().contains("cachePoint"));
    assert_eq!(lost, ["cache_control"]);
}

#[test]
fn tools_that_must_not_be_called_are_not_told() {
    let tool = json!([{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]);
    let turn = json!({"role":"user","content":"Hi"});
    let ask = json!({"model":"x","tools":tool,"tool_choice":"none","messages":[turn]});
    let (body, lost) = sent(Format::OpenAiChat, CLAUDE, &ask).unwrap();
    assert_eq!((body.get("toolConfig"), lost.len()), (None, 0));
    // Calls of the past need theirs.
    let call = json!({"role":"assistant","tool_calls":[
        {"id":"call.1","type":"function","function":{"name":"f","arguments":"{}"}}]});
    let result = json!({"role":"tool","tool_call_id":"call.1","content":" "});
    let ask = json!({"model":"x","messages":[turn, call, result]});
    let (body, lost) = sent(Format::OpenAiChat, CLAUDE, &ask).unwrap();
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["name"], "f");
    assert_eq!(body["messages"][1]["content"][0]["toolUse"]["toolUseId"], "call_1");
    let answered = &body["messages"][2]["content"][0]["toolResult"];
    assert_eq!(*answered, json!({"toolUseId":"call_1","content":[]}));
    assert_eq!(lost, Vec::<String>::new());
    let ask =
        json!({"model":"x","tools":tool,"tool_choice":"none","messages":[turn, call, result]});
    assert_eq!(sent(Format::OpenAiChat, CLAUDE, &ask).unwrap().1, ["tool_choice"]);
}

#[test]
fn documents_have_names_and_words_beside_them() {
    let document = |title: &str| {
        json!({"type":"document","title":title,
            "source":{"type":"base64","media_type":"application/pdf","data":"JVBERg=="}})
    };
    let ask = messages(json!({"messages":[
        {"role":"user","content":[document("Q3  report_v2.pdf"), document("Q3  report_v2.pdf")]},
    ]}));
    let (body, _) = sent(Format::AnthropicMessages, CLAUDE, &ask).unwrap();
    let content = &body["messages"][0]["content"];
    assert_eq!(content[0]["document"]["name"], "Q3 report v2 pdf 0-1");
    assert_eq!(content[1]["document"]["name"], "Q3 report v2 pdf 0-2");
    assert_eq!(content[0]["document"]["source"], json!({"bytes":"JVBERg=="}));
    assert!(content[2]["text"].is_string());
    let odd =
        json!({"type":"image","source":{"type":"base64","media_type":"image/tiff","data":"AA=="}});
    let ask = messages(json!({"messages":[{"role":"user","content":[odd]}]}));
    sent(Format::AnthropicMessages, CLAUDE, &ask).unwrap_err();
}

#[test]
fn errors_are_known_by_their_names() {
    use UpstreamKind as K;
    let body = br#"{"message":"SECRET prompt"}"#;
    for (status, name, kind, said) in [
        (400, Some("ValidationException:http://internal.amazon.com/"), K::Invalid, 400),
        (403, Some("UnrecognizedClientException"), K::Authentication, 401),
        (403, Some("AccessDeniedException"), K::Permission, 403),
        (404, Some("ResourceNotFoundException"), K::NotFound, 404),
        (429, Some("ThrottlingException"), K::RateLimited, 429),
        (429, Some("ModelNotReadyException"), K::RateLimited, 429),
        (400, Some("ServiceQuotaExceededException"), K::Quota, 400),
        (408, Some("ModelTimeoutException"), K::Timeout, 408),
        (424, Some("ModelErrorException"), K::Server, 502),
        (500, Some("InternalServerException"), K::Server, 500),
        (503, Some("ServiceUnavailableException"), K::Overloaded, 503),
        (503, None, K::Overloaded, 503),
    ] {
        let error = aws_error(status, name, body);
        assert_eq!((error.kind, error.status), (kind, said), "{name:?}");
        assert!(!format!("{error:?}").contains("SECRET"));
    }
    let long = br#"{"message":"Input is too long for requested model."}"#;
    let error = aws_error(400, Some("ValidationException"), long);
    assert_eq!(error.kind, K::ContextLength);
    let named = br#"{"__type":"com.amazon.coral.service#ExpiredTokenException"}"#;
    let error = aws_error(403, None, named);
    assert_eq!(
        (error.kind, error.code.as_deref()),
        (K::Authentication, Some("expiredtokenexception"))
    );
}
