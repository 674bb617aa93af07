//! The members that the service knows: it refuses a request that holds any other.

use serde_json::Value;

use crate::refusal::Refusal;

const ROOT: &[&str] = &[
    "model",
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "cachedContent",
    "labels",
    "serviceTier",
    "store",
];
const CONTENT: &[&str] = &["role", "parts"];
const PART: &[&str] = &[
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "thought",
    "thoughtSignature",
    "videoMetadata",
    "mediaResolution",
    "partMetadata",
];
const GROUP: &[&str] =
    &["functionDeclarations", "googleSearch", "codeExecution", "urlContext", "googleMaps"];
const DECLARATION: &[&str] = &[
    "name",
    "description",
    "parameters",
    "parametersJsonSchema",
    "response",
    "responseJsonSchema",
    "behavior",
];
const CONFIG: &[&str] = &[
    "candidateCount",
    "stopSequences",
    "maxOutputTokens",
    "temperature",
    "topP",
    "topK",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "presencePenalty",
    "frequencyPenalty",
    "seed",
    "responseLogprobs",
    "logprobs",
    "responseModalities",
    "speechConfig",
    "thinkingConfig",
    "mediaResolution",
    "imageConfig",
];
const THINKING: &[&str] = &["includeThoughts", "thinkingBudget", "thinkingLevel"];

pub(super) fn check(body: &Value) -> Result<(), Refusal> {
    only(body, ROOT, "")?;
    for (at, content) in each(body.get("contents")).enumerate() {
        let place = format!("contents[{at}]");
        only(content, CONTENT, &place)?;
        for (at, part) in each(content.get("parts")).enumerate() {
            only(part, PART, &format!("{place}.parts[{at}]"))?;
        }
    }
    if let Some(content) = body.get("systemInstruction") {
        only(content, CONTENT, "system_instruction")?;
        for part in each(content.get("parts")) {
            only(part, PART, "system_instruction.parts")?;
        }
    }
    for (at, group) in each(body.get("tools")).enumerate() {
        only(group, GROUP, &format!("tools[{at}]"))?;
        for declared in each(group.get("functionDeclarations")) {
            only(declared, DECLARATION, &format!("tools[{at}].function_declarations"))?;
        }
    }
    if let Some(config) = body.get("generationConfig") {
        only(config, CONFIG, "generation_config")?;
        if let Some(thinking) = config.get("thinkingConfig") {
            only(thinking, THINKING, "generation_config.thinking_config")?;
        }
    }
    Ok(())
}

fn each(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

fn only(object: &Value, known: &[&str], place: &str) -> Result<(), Refusal> {
    let Some(members) = object.as_object() else {
        return Err(Refusal::new(
            400,
            format!("Invalid value at '{place}': an object is expected"),
        ));
    };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Refusal::new(
            400,
            format!(
                "Invalid JSON payload received. Unknown name \"{name}\" at '{place}': Cannot find field."
            ),
        )),
    }
}
