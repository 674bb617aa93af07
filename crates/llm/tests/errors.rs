//! Errors: what is kept of a provider's, and what clients read.

use std::time::Duration;

use llm::{
    Format, ModelRow, Refusal, UpstreamKind, error_body, models_list, retry_after, upstream_error,
};
use serde_json::{Value, json};

const OPENAI: Format = Format::OpenAiChat;
const ANTHROPIC: Format = Format::AnthropicMessages;

type Case = (u16, Value, UpstreamKind, Option<&'static str>);

fn openai_cases() -> Vec<Case> {
    use UpstreamKind as K;
    let error = |error: Value| json!({ "error": error });
    vec![
        (
            400,
            error(
                json!({"message":"SECRET","type":"invalid_request_error","param":"messages[0].role","code":null}),
            ),
            K::Invalid,
            Some("invalid_request_error"),
        ),
        (
            400,
            error(json!({"message":"SECRET","code":"context_length_exceeded"})),
            K::ContextLength,
            Some("context_length_exceeded"),
        ),
        (
            400,
            error(json!({"code":"content_policy_violation"})),
            K::ContentPolicy,
            Some("content_policy_violation"),
        ),
        (
            401,
            error(json!({"message":"Incorrect API key sk-SECRET","code":"invalid_api_key"})),
            K::Authentication,
            Some("invalid_api_key"),
        ),
        (
            429,
            error(json!({"type":"insufficient_quota","code":"insufficient_quota"})),
            K::Quota,
            Some("insufficient_quota"),
        ),
        (
            429,
            error(json!({"type":"tokens","code":"rate_limit_exceeded"})),
            K::RateLimited,
            Some("rate_limit_exceeded"),
        ),
        (503, error(json!("SECRET")), K::Overloaded, None),
        (
            400,
            error(
                json!({"code":"A sentence with SECRET","type":["SECRET"],"param":"what I said: SECRET"}),
            ),
            K::Invalid,
            None,
        ),
    ]
}

fn anthropic_cases() -> Vec<Case> {
    use UpstreamKind as K;
    let error = |error: Value| json!({ "type": "error", "error": error });
    vec![
        (
            400,
            error(
                json!({"type":"invalid_request_error","message":"prompt is too long: 9 > 8 SECRET"}),
            ),
            K::ContextLength,
            Some("invalid_request_error"),
        ),
        (403, json!({}), K::Permission, None),
        (
            404,
            error(json!({"type":"not_found_error","message":"model: SECRET"})),
            K::NotFound,
            Some("not_found_error"),
        ),
        (413, error(json!({"type":"request_too_large"})), K::TooLarge, Some("request_too_large")),
        (500, json!("SECRET"), K::Server, None),
        (
            529,
            error(
                json!({"type":"overloaded_error","message":"SECRET","details":{"error_code":"busy"}}),
            ),
            K::Overloaded,
            Some("busy"),
        ),
    ]
}

fn gemini_cases() -> Vec<Case> {
    use UpstreamKind as K;
    let error = |error: Value| json!({ "error": error });
    vec![
        (
            400,
            error(
                json!({"code":400,"message":"API key not valid SECRET","status":"INVALID_ARGUMENT","details":[
                    {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}),
            ),
            K::Authentication,
            Some("api_key_invalid"),
        ),
        (
            400,
            error(json!({"code":400,"status":"INVALID_ARGUMENT",
                    "message":"The input token count (9) exceeds the maximum number of tokens allowed (8). SECRET"})),
            K::ContextLength,
            Some("invalid_argument"),
        ),
        (
            429,
            error(json!({"code":429,"message":"SECRET","status":"RESOURCE_EXHAUSTED"})),
            K::RateLimited,
            Some("resource_exhausted"),
        ),
        (
            503,
            error(json!({"code":503,"message":"SECRET","status":"UNAVAILABLE"})),
            K::Overloaded,
            Some("unavailable"),
        ),
    ]
}

fn cohere_cases() -> Vec<Case> {
    use UpstreamKind as K;
    let error = |message: &str| json!({ "id": "x", "message": message });
    vec![
        (400, error("invalid request: SECRET"), K::Invalid, None),
        (
            400,
            error("too many tokens: size limit exceeded by 9 tokens. SECRET"),
            K::ContextLength,
            None,
        ),
        (401, error("invalid api token SECRET"), K::Authentication, None),
        (404, error("model 'SECRET' not found"), K::NotFound, None),
        (429, error("You are past the per minute request limit SECRET"), K::RateLimited, None),
        (498, error("blocked output: SECRET"), K::ContentPolicy, None),
        (503, error("SECRET"), K::Overloaded, None),
    ]
}

#[test]
fn a_provider_s_error_is_reduced_to_codes() {
    let cases = openai_cases()
        .into_iter()
        .chain(anthropic_cases())
        .chain(gemini_cases())
        .chain(cohere_cases());
    for (status, body, kind, code) in cases {
        let error = upstream_error(OPENAI, status, body.to_string().as_bytes());
        assert_eq!((error.kind, error.code.as_deref()), (kind, code), "{body}");
        assert!(!format!("{error:?}").contains("SECRET"));
        for format in Format::ALL {
            let refusal = Refusal::of_upstream(format, &error);
            let shown = error_body(format, &refusal, "req_1");
            assert!(!String::from_utf8_lossy(&shown).contains("SECRET"));
        }
    }
    let error = upstream_error(ANTHROPIC, 502, b"<html>SECRET</html>");
    assert_eq!((error.kind, error.retryable), (UpstreamKind::Server, true));
}

#[test]
fn some_errors_are_worth_another_attempt_and_some_another_provider() {
    use UpstreamKind as K;
    for (kind, passing, elsewhere) in [
        (K::Invalid, false, false),
        (K::ContextLength, false, false),
        (K::Authentication, false, true),
        (K::Quota, false, true),
        (K::RateLimited, true, true),
        (K::Overloaded, true, true),
        (K::Timeout, true, true),
        (K::Server, true, true),
    ] {
        assert_eq!((kind.passing(), kind.elsewhere()), (passing, elsewhere), "{kind:?}");
    }
}

#[test]
fn overload_is_said_in_the_client_s_words() {
    let anthropic = upstream_error(ANTHROPIC, 529, b"{\"error\":{\"type\":\"overloaded_error\"}}");
    assert_eq!(Refusal::of_upstream(OPENAI, &anthropic).status, 503);
    let openai = upstream_error(OPENAI, 503, b"");
    let refusal = Refusal::of_upstream(ANTHROPIC, &openai);
    assert_eq!((refusal.status, refusal.code.as_ref()), (529, "upstream_overloaded"));
    assert_eq!(Refusal::of_upstream(Format::OpenAiResponses, &anthropic).status, 503);
}

#[test]
fn bodies_have_the_shape_that_the_libraries_read() {
    let mut refusal = Refusal::new(404, "model_not_found", "No such model.");
    refusal.param = Some("model".to_owned());
    let read = |format| -> Value {
        serde_json::from_slice(&error_body(format, &refusal, "req_1")).unwrap()
    };
    assert_eq!(
        read(OPENAI),
        json!({"error":{"message":"No such model.","type":"not_found_error","param":"model","code":"model_not_found"}})
    );
    assert_eq!(
        read(ANTHROPIC),
        json!({"type":"error","error":{"type":"not_found_error","message":"No such model.",
            "details":{"error_code":"model_not_found","param":"model"}},"request_id":"req_1"})
    );
    assert_eq!(read(Format::OpenAiResponses), read(OPENAI));
    assert_eq!(
        read(Format::Cohere),
        json!({"id":"req_1","message":"No such model.","code":"model_not_found","param":"model"})
    );
    assert_eq!(
        read(Format::Gemini),
        json!({"error":{"code":404,"message":"No such model.","status":"NOT_FOUND","details":[
            {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"model_not_found",
                "metadata":{"param":"model","request_id":"req_1"}}]}})
    );
    let domain = domain::Error::limited("Slow down.");
    assert_eq!(Refusal::from(&domain).status, 429);
}

#[test]
fn retry_after_is_seconds_or_milliseconds() {
    assert_eq!(retry_after(Some("2"), None), Some(Duration::from_secs(2)));
    assert_eq!(retry_after(Some("2"), Some("1500.5")), Some(Duration::from_micros(1_500_500)));
    for odd in ["", "-1", "NaN", "inf", "Wed, 21 Oct 2026 07:28:00 GMT", "1e300"] {
        assert_eq!(retry_after(Some(odd), None), None, "{odd}");
    }
}

#[test]
fn models_are_listed_in_both_shapes() {
    let row = ModelRow {
        id: "fast".to_owned(),
        display_name: "Fast".to_owned(),
        owned_by: "sandbox".to_owned(),
        created: 1_700_000_000,
        context: Some(8000),
        output_limit: None,
    };
    let read = |format, rows: &[ModelRow]| -> Value {
        serde_json::from_slice(&models_list(format, rows)).unwrap()
    };
    let rows = std::slice::from_ref(&row);
    assert_eq!(
        read(OPENAI, rows),
        json!({"object":"list","data":[{"id":"fast","object":"model","created":1_700_000_000,"owned_by":"sandbox"}]})
    );
    assert_eq!(
        read(ANTHROPIC, rows),
        json!({"data":[{"type":"model","id":"fast","display_name":"Fast","created_at":"2023-11-14T22:13:20Z",
            "lifecycle":"active","max_input_tokens":8000,"max_tokens":null}],
            "has_more":false,"first_id":"fast","last_id":"fast"})
    );
    assert_eq!(read(ANTHROPIC, &[])["first_id"], Value::Null);
    assert_eq!(read(Format::OpenAiResponses, rows), read(OPENAI, rows));
    assert_eq!(
        read(Format::Gemini, rows),
        json!({"models":[{"name":"models/fast","version":"","displayName":"Fast","inputTokenLimit":8000,
            "supportedGenerationMethods":["generateContent"]}]})
    );
    assert_eq!(
        llm::model_body(Format::OpenAiResponses, &row),
        llm::model_body(Format::OpenAiChat, &row)
    );
}
