//! Streams as their clients understand them.

use llm::Format;
use serde_json::Value;

/// What a client of any format understands of a stream.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) thinking: String,
    pub(crate) tools: Vec<(String, String, String)>,
    pub(crate) stop: String,
    pub(crate) usage: (u64, u64, u64),
}

fn raw_events(bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.split("\n\n")
        .filter_map(|event| event.lines().find_map(|line| line.strip_prefix("data: ")))
        .filter(|data| *data != "[DONE]")
        .map(str::to_owned)
        .collect()
}

pub(crate) fn events(bytes: &[u8]) -> Vec<Value> {
    raw_events(bytes).iter().map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn hear_openai(bytes: &[u8]) -> Said {
    let mut said = Said::default();
    for event in events(bytes) {
        let choice = &event["choices"][0];
        said.text += &string(&choice["delta"]["content"]);
        said.thinking += &string(&choice["delta"]["reasoning_content"]);
        for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            if said.tools.len() <= index {
                said.tools.resize(index + 1, Default::default());
            }
            let tool = &mut said.tools[index];
            tool.0 += &string(&call["id"]);
            tool.1 += &string(&call["function"]["name"]);
            tool.2 += &string(&call["function"]["arguments"]);
        }
        said.stop += &string(&choice["finish_reason"]);
        let usage = &event["usage"];
        if let Some(prompt) = usage["prompt_tokens"].as_u64() {
            let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
            said.usage = (prompt - cached, cached, usage["completion_tokens"].as_u64().unwrap());
        }
    }
    said
}

fn hear_anthropic(bytes: &[u8]) -> Said {
    let mut said = Said::default();
    let mut open: Option<u64> = None;
    for event in events(bytes) {
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(open, None, "blocks follow each other");
                open = event["index"].as_u64();
                let block = &event["content_block"];
                if block["type"] == "tool_use" {
                    said.tools.push((string(&block["id"]), string(&block["name"]), String::new()));
                }
            }
            "content_block_delta" => {
                assert_eq!(open, event["index"].as_u64());
                let delta = &event["delta"];
                said.text += &string(&delta["text"]);
                said.thinking += &string(&delta["thinking"]);
                if let Some(text) = delta["partial_json"].as_str() {
                    said.tools.last_mut().unwrap().2 += text;
                }
            }
            "content_block_stop" => assert_eq!(open.take(), event["index"].as_u64()),
            "message_delta" => {
                said.stop = match event["delta"]["stop_reason"].as_str().unwrap() {
                    "end_turn" => "stop",
                    "tool_use" => "tool_calls",
                    "max_tokens" => "length",
                    other => other,
                }
                .to_owned();
                let count = |name: &str| event["usage"][name].as_u64().unwrap();
                said.usage = (
                    count("input_tokens"),
                    count("cache_read_input_tokens"),
                    count("output_tokens"),
                );
            }
            _ => {}
        }
    }
    assert_eq!(open, None);
    said
}

fn hear_responses(bytes: &[u8]) -> Said {
    let mut said = Said::default();
    let told = events(bytes);
    let mut items: Vec<Value> = Vec::new();
    for (number, event) in told.iter().enumerate() {
        assert_eq!(event["sequence_number"], number, "events are numbered");
        let place = || usize::try_from(event["output_index"].as_u64().unwrap()).unwrap();
        match event["type"].as_str().unwrap() {
            "response.output_item.added" => {
                assert_eq!(place(), items.len(), "items follow each other");
                items.push(event["item"].clone());
                items[place()]["told"] = "".into();
            }
            kind if kind.ends_with(".delta") => {
                assert_eq!(event["item_id"], items[place()]["id"]);
                let told = string(&items[place()]["told"]) + &string(&event["delta"]);
                items[place()]["told"] = told.into();
            }
            "response.output_item.done" => {
                let mut item = event["item"].clone();
                item["told"] = items[place()]["told"].take();
                items[place()] = item;
            }
            _ => {}
        }
    }
    let end = &told.last().unwrap()["response"];
    for (item, whole) in items.iter().zip(end["output"].as_array().unwrap()) {
        let told = string(&item["told"]);
        let mut done = item.clone();
        done.as_object_mut().unwrap().remove("told");
        assert_eq!(&done, whole, "the end repeats what was told");
        match item["type"].as_str().unwrap() {
            "message" => {
                assert_eq!(whole["content"][0]["text"], told);
                said.text += &told;
            }
            "reasoning" => {
                assert_eq!(string(&whole["summary"][0]["text"]), told);
                said.thinking += &told;
            }
            _ => {
                assert_eq!(whole["arguments"], told);
                said.tools.push((string(&item["call_id"]), string(&item["name"]), told));
            }
        }
    }
    assert_eq!(items.len(), end["output"].as_array().unwrap().len());
    said.stop = match end["status"].as_str().unwrap() {
        "completed" if said.tools.is_empty() => "stop",
        "completed" => "tool_calls",
        _ => "length",
    }
    .to_owned();
    let usage = &end["usage"];
    let cached = usage["input_tokens_details"]["cached_tokens"].as_u64().unwrap();
    let input = usage["input_tokens"].as_u64().unwrap();
    said.usage = (input - cached, cached, usage["output_tokens"].as_u64().unwrap());
    said
}

fn hear_gemini(bytes: &[u8]) -> Said {
    let mut said = Said::default();
    for event in raw_events(bytes) {
        let Chunk { candidates, usage } = serde_json::from_str(&event).unwrap();
        for candidate in candidates {
            for part in candidate.content.parts {
                let text = part.text.unwrap_or_default();
                if part.thought {
                    said.thinking += &text
                } else {
                    said.text += &text
                }
                if let Some(call) = part.call {
                    said.tools.push((call.id, call.name, call.args.get().to_owned()));
                }
            }
            said.stop += match candidate.finish.as_deref() {
                Some("STOP") if said.tools.is_empty() => "stop",
                Some("STOP") => "tool_calls",
                Some("MAX_TOKENS") => "length",
                _ => "",
            };
        }
        if let Some(usage) = usage {
            let cached = usage.cached.unwrap_or(0);
            let thoughts = usage.thoughts.unwrap_or(0);
            said.usage = (usage.prompt - cached, cached, usage.candidates + thoughts);
        }
    }
    said
}

fn hear_cohere(bytes: &[u8]) -> Said {
    let mut said = Said::default();
    let (mut content, mut call): (Option<u64>, Option<u64>) = (None, None);
    for event in events(bytes) {
        let index = event["index"].as_u64();
        let message = &event["delta"]["message"];
        match event["type"].as_str().unwrap() {
            "content-start" => {
                assert_eq!((content, call), (None, None), "one thing is told after the other");
                content = index;
            }
            "content-delta" => {
                assert_eq!(content, index);
                said.text += &string(&message["content"]["text"]);
                said.thinking += &string(&message["content"]["thinking"]);
            }
            "content-end" => assert_eq!(content.take(), index),
            "tool-plan-delta" => said.thinking += &string(&message["tool_plan"]),
            "tool-call-start" => {
                assert_eq!((content, call), (None, None), "one thing is told after the other");
                call = index;
                let told = &message["tool_calls"];
                let name = string(&told["function"]["name"]);
                said.tools.push((string(&told["id"]), name, String::new()));
            }
            "tool-call-delta" => {
                assert_eq!(call, index);
                let text = string(&message["tool_calls"]["function"]["arguments"]);
                said.tools.last_mut().unwrap().2 += &text;
            }
            "tool-call-end" => assert_eq!(call.take(), index),
            "message-end" => {
                said.stop = match event["delta"]["finish_reason"].as_str().unwrap() {
                    "COMPLETE" => "stop",
                    "TOOL_CALL" => "tool_calls",
                    "MAX_TOKENS" => "length",
                    other => other,
                }
                .to_owned();
                let usage = &event["delta"]["usage"];
                let cached = usage["cached_tokens"].as_u64().unwrap_or(0);
                let count = |name: &str| usage["billed_units"][name].as_u64().unwrap();
                said.usage = (count("input_tokens") - cached, cached, count("output_tokens"));
            }
            _ => {}
        }
    }
    assert_eq!((content, call), (None, None));
    said
}

#[derive(serde::Deserialize)]
struct Chunk {
    candidates: Vec<Candidate>,
    #[serde(rename = "usageMetadata")]
    usage: Option<Counts>,
}

#[derive(serde::Deserialize)]
struct Candidate {
    content: Content,
    #[serde(rename = "finishReason")]
    finish: Option<String>,
}

#[derive(serde::Deserialize)]
struct Content {
    parts: Vec<Part>,
}

#[derive(serde::Deserialize)]
struct Part {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    #[serde(rename = "functionCall")]
    call: Option<Call>,
}

#[derive(serde::Deserialize)]
struct Call {
    id: String,
    name: String,
    args: Box<serde_json::value::RawValue>,
}

#[derive(serde::Deserialize)]
struct Counts {
    #[serde(rename = "promptTokenCount")]
    prompt: u64,
    #[serde(rename = "candidatesTokenCount")]
    candidates: u64,
    #[serde(rename = "cachedContentTokenCount")]
    cached: Option<u64>,
    #[serde(rename = "thoughtsTokenCount")]
    thoughts: Option<u64>,
}

pub(crate) fn hear(format: Format, bytes: &[u8]) -> Said {
    match format {
        Format::OpenAiChat | Format::BedrockConverse | Format::Watsonx => hear_openai(bytes),
        Format::AnthropicMessages => hear_anthropic(bytes),
        Format::OpenAiResponses => hear_responses(bytes),
        Format::Gemini => hear_gemini(bytes),
        Format::Cohere => hear_cohere(bytes),
    }
}
