//! What a twin refuses in the format Responses, as the service does.

use sandbox::Script;
use serde_json::{Value, json};

use crate::{
    RESPONSES,
    house::{start, whole},
    responses::ask,
};

async fn refusals(cases: Vec<(Value, &str, Value)>) {
    let twin = start(Script::default()).await;
    for (more, param, code) in cases {
        let (status, body) = whole(&twin, RESPONSES, &ask("sandbox-echo", &more)).await;
        assert!(matches!(status, 400 | 404), "{more}: {status}");
        assert_eq!(body["error"]["type"], "invalid_request_error", "{more}");
        assert_eq!(body["error"]["param"], param, "{more}");
        assert_eq!(body["error"]["code"], code, "{more}");
    }
}

#[tokio::test]
async fn members_of_other_formats() {
    let unknown = json!("unknown_parameter");
    refusals(vec![
        (json!({"future_field": 1}), "future_field", unknown.clone()),
        (json!({"messages": []}), "messages", unknown.clone()),
        (json!({"max_tokens": 100}), "max_tokens", unknown.clone()),
        (json!({"response_format": {}}), "response_format", unknown.clone()),
        (json!({"reasoning": {"budget": 1}}), "reasoning.budget", unknown.clone()),
        (json!({"text": {"schema": {}}}), "text.schema", unknown.clone()),
        (
            json!({"stream": true, "stream_options": {"include_usage": true}}),
            "stream_options.include_usage",
            unknown,
        ),
        (json!({"stream_options": {"include_obfuscation": true}}), "stream_options", Value::Null),
        (json!({"include": ["usage"]}), "include[0]", json!("invalid_value")),
        (json!({"store": "no"}), "store", json!("invalid_type")),
        (json!({"max_output_tokens": 15}), "max_output_tokens", json!("integer_below_min_value")),
        (json!({"input": 1}), "input", Value::Null),
        (json!({"input": []}), "input", Value::Null),
    ])
    .await;
    let twin = start(Script::default()).await;
    let (_, body) = whole(&twin, RESPONSES, &json!({"model": "sandbox-echo"})).await;
    assert_eq!(body["error"]["code"], "missing_required_parameter");
}

#[tokio::test]
async fn what_would_have_to_be_kept() {
    refusals(vec![
        (
            json!({"previous_response_id": "resp_1"}),
            "previous_response_id",
            json!("previous_response_not_found"),
        ),
        (json!({"conversation": "conv_1"}), "conversation", Value::Null),
        (json!({"conversation": {"id": "conv_1"}}), "conversation", Value::Null),
        (json!({"prompt": {"id": "pmpt_1"}}), "prompt", Value::Null),
        (json!({"background": true}), "background", json!("unsupported_parameter")),
        (json!({"input": [{"type": "item_reference", "id": "msg_1"}]}), "input", Value::Null),
    ])
    .await;
    let twin = start(Script::default()).await;
    let (status, body) = whole(&twin, "/v1/responses/resp_1", &json!(null)).await;
    assert_eq!((status, &body["error"]["param"]), (404, &json!("id")));
}

#[tokio::test]
async fn items_out_of_shape() {
    let value = json!("invalid_value");
    let missing = json!("missing_required_parameter");
    let item = |item: Value| json!({"input": [item]});
    let said = |role: &str, kind: &str| {
        item(json!({"role": role, "content": [{"type": kind, "text": "x"}]}))
    };
    let call = |name: &str, with: Value| {
        let mut call = json!({
            "type": "function_call", "id": "fc_1", "call_id": "c", "name": "look", "arguments": "{}",
        });
        call[name] = with;
        item(call)
    };
    refusals(vec![
        (said("user", "text"), "input[0].content[0].type", value.clone()),
        (said("user", "output_text"), "input[0].content[0].type", value.clone()),
        (said("assistant", "input_text"), "input[0].content[0].type", value.clone()),
        (said("tool", "input_text"), "input[0].role", value.clone()),
        (item(json!({"role": "user"})), "input[0].content", missing.clone()),
        (item(json!({"type": "tool_result"})), "input[0].type", value.clone()),
        (
            item(json!({"role": "assistant", "id": "chatcmpl_1", "content": "x"})),
            "input[0].id",
            value.clone(),
        ),
        (call("id", json!("call_1")), "input[0].id", value.clone()),
        (call("arguments", json!({})), "input[0].arguments", missing.clone()),
        (call("arguments", json!("{")), "input[0].arguments", value),
        (call("name", json!(null)), "input[0].name", missing),
        (
            call("call_id", json!("c".repeat(65))),
            "input[0].call_id",
            json!("string_above_max_length"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn tools_and_formats_out_of_shape() {
    let missing = json!("missing_required_parameter");
    let value = json!("invalid_value");
    let tool = |more: Value| {
        let mut tool = json!({"type": "function", "name": "look"});
        tool.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"tools": [tool]})
    };
    let open = json!({"type": "object", "properties": {}});
    let format = |format: Value| json!({"text": {"format": format}});
    refusals(vec![
        (
            json!({"tools": [{"type": "function", "function": {"name": "look"}}]}),
            "tools[0].name",
            missing.clone(),
        ),
        (json!({"tools": [{"type": "web_search"}]}), "tools[0].type", value.clone()),
        (
            tool(json!({"parameters": open, "strict": true})),
            "tools[0].parameters",
            json!("invalid_function_parameters"),
        ),
        (
            json!({"tool_choice": {"type": "function", "name": "absent"}}),
            "tool_choice",
            value.clone(),
        ),
        (
            json!({"tool_choice": {"type": "function", "function": {"name": "look"}}}),
            "tool_choice.name",
            missing.clone(),
        ),
        (json!({"tool_choice": "any"}), "tool_choice", value.clone()),
        (json!({"tool_choice": {"type": "tool"}}), "tool_choice.type", value.clone()),
        (format(json!({"type": "xml"})), "text.format.type", value),
        (format(json!({"type": "json_object"})), "input", Value::Null),
        (format(json!({"type": "json_schema", "schema": {}})), "text.format.name", missing.clone()),
        (format(json!({"type": "json_schema", "name": "n"})), "text.format.schema", missing),
        (
            format(json!({"type": "json_schema", "name": "n", "schema": open, "strict": true})),
            "text.format.schema",
            json!("invalid_json_schema"),
        ),
    ])
    .await;
}
