//! Reading LiteLLM's `config.yaml`: what of it can mean something here, and the names of what cannot.

use std::collections::BTreeMap;

use domain::{Error, Result};
use serde_json::{Map, Value};

/// The file as far as it is understood.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) deployments: Vec<Deployment>,
    /// `router_settings.model_group_alias`: another name for a model's name.
    pub(super) aliases: Vec<(String, String)>,
    /// `environment_variables`, which the file may refer to itself.
    pub(super) environment: BTreeMap<String, String>,
    /// Settings that are not carried over, by their path.
    pub(super) ignored: Vec<String>,
}

/// One entry of `model_list`.
pub(super) struct Deployment {
    /// Its place in the list, from 1.
    pub(super) place: usize,
    /// What clients ask for.
    pub(super) name: String,
    pub(super) model: String,
    pub(super) vendor: Option<String>,
    pub(super) base_url: Option<String>,
    pub(super) key: Option<String>,
    pub(super) region: Option<String>,
}

/// What of `litellm_params` is carried over, or means nothing beyond the request itself.
const PARAMS: [&str; 8] = [
    "model",
    "custom_llm_provider",
    "api_base",
    "base_url",
    "api_key",
    "region_name",
    "aws_region_name",
    "api_version",
];

/// # Errors
/// `Invalid` when it is no YAML, or has no list of models. Errors name lines, never what stands there: it may be a key.
pub(super) fn read(text: &str) -> Result<Settings> {
    let options = serde_saphyr::options! { with_snippet: false };
    let root: Value = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let at = error.location().map_or_else(String::new, |at| {
            format!(" at line {}, column {}", at.line(), at.column())
        });
        wrong(format!("The file is not valid YAML{at}."))
    })?;
    let mut root = object(root, "The file")?;
    let list = match root.remove("model_list") {
        Some(Value::Array(list)) => list,
        _ => return Err(wrong("The file has no `model_list`: it is not LiteLLM's configuration.")),
    };
    let mut settings = Settings::default();
    for (at, entry) in list.into_iter().enumerate() {
        let deployment = deployment(at + 1, entry, &mut settings.ignored)?;
        settings.deployments.push(deployment);
    }
    if let Some(Value::Object(given)) = root.remove("environment_variables") {
        let text = |(name, value): (String, Value)| Some((name, scalar(value)?));
        settings.environment.extend(given.into_iter().filter_map(text));
    }
    if let Some(Value::Object(mut router)) = root.remove("router_settings") {
        settings.aliases = aliases(router.remove("model_group_alias"));
        settings.ignored.extend(router.keys().map(|name| format!("router_settings.{name}")));
    }
    for (section, value) in root {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                settings.ignored.extend(inner.keys().map(|name| format!("{section}.{name}")));
            }
            _ => settings.ignored.push(section),
        }
    }
    Ok(settings)
}

fn deployment(place: usize, entry: Value, ignored: &mut Vec<String>) -> Result<Deployment> {
    let path = format!("model_list[{place}]");
    let mut entry = object(entry, &path)?;
    let mut take = |name: &str| entry.remove(name).and_then(scalar);
    let name = take("model_name").ok_or_else(|| wrong(format!("{path} has no `model_name`.")))?;
    let params = entry.remove("litellm_params").unwrap_or_default();
    let mut params = object(params, &format!("{path}.litellm_params"))?;
    let rest = params.keys().filter(|name| !PARAMS.contains(&name.as_str()));
    ignored.extend(rest.map(|name| format!("{path}.litellm_params.{name}")));
    let mut take =
        |name: &str| params.remove(name).and_then(scalar).filter(|text| !text.is_empty());
    Ok(Deployment {
        place,
        name,
        model: take("model")
            .ok_or_else(|| wrong(format!("{path} has no `litellm_params.model`.")))?,
        vendor: take("custom_llm_provider"),
        base_url: take("api_base").or_else(|| take("base_url")),
        key: take("api_key"),
        region: take("region_name").or_else(|| take("aws_region_name")),
    })
}

/// Either a name or an object that holds it.
fn aliases(given: Option<Value>) -> Vec<(String, String)> {
    let Some(Value::Object(given)) = given else { return Vec::new() };
    let target = |value: Value| match value {
        Value::Object(mut inner) => inner.remove("model").and_then(scalar),
        other => scalar(other),
    };
    given.into_iter().filter_map(|(name, value)| Some((name, target(value)?))).collect()
}

fn object(value: Value, what: &str) -> Result<Map<String, Value>> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(wrong(format!("{what} must be a mapping of names to values."))),
    }
}

fn scalar(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::invalid(message.into()).with_code("invalid_import")
}
