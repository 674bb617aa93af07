//! Files as they are written for LiteLLM, and what becomes of them.

use std::collections::BTreeMap;

use domain::Protocol;

use super::{litellm, plan, plan::Plan};

fn planned(text: &str, environment: &[(&str, &str)]) -> Plan {
    let settings = litellm::read(text).unwrap();
    let given: BTreeMap<_, _> = environment.iter().copied().collect();
    let look_up = |name: &str| given.get(name).map(|&value| value.to_owned());
    plan::plan(&settings, &crate::catalog::load().unwrap(), &look_up)
}

fn refused(text: &str) -> String {
    litellm::read(text).map(drop).unwrap_err().to_string()
}

const USUAL: &str = "
model_list:
  - model_name: chat
    litellm_params:
      model: openai/gpt-5.4-mini
      api_key: os.environ/OPENAI_API_KEY
      rpm: 60
  - model_name: gpt-5.4
    litellm_params: {model: gpt-5.4, api_key: os.environ/OPENAI_API_KEY}
  - model_name: smart
    litellm_params: {model: anthropic/claude-haiku-4-5}
  - model_name: local
    litellm_params: {model: ollama/llama3.2}
  - model_name: local
    litellm_params: {model: openai/llama3.2, api_base: http://127.0.0.1:8000, api_key: none}
router_settings:
  routing_strategy: least-busy
  model_group_alias: {best: smart, hidden: {model: chat, hidden: true}}
litellm_settings:
  fallbacks: [{chat: [smart]}]
general_settings:
  master_key: sk-1234
";

#[test]
fn a_usual_file_becomes_providers_and_aliases() {
    let plan = planned(USUAL, &[("OPENAI_API_KEY", "sk-open"), ("ANTHROPIC_API_KEY", "sk-ant")]);
    let rows: Vec<_> = plan
        .providers
        .iter()
        .map(|one| (one.name.as_str(), one.secret.as_deref(), one.models.join(" ")))
        .collect();
    assert_eq!(
        rows,
        [
            ("openai", Some("sk-open"), "gpt-5.4-mini gpt-5.4".to_owned()),
            ("anthropic", Some("sk-ant"), "claude-haiku-4-5".to_owned()),
            ("localhost", None, "llama3.2".to_owned()),
            ("127.0.0.1", Some("none"), "llama3.2".to_owned()),
        ]
    );
    let vllm = plan.providers.last().unwrap();
    assert_eq!(vllm.catalog, "custom", "it is not OpenAI's");
    assert_eq!(vllm.base_url.as_deref(), Some("http://127.0.0.1:8000/v1"));
    let ollama = &plan.providers[2];
    assert_eq!(ollama.base_url.as_deref(), Some("http://localhost:11434/v1"));
    assert_eq!(ollama.protocol, Some(Protocol::OpenAi));
    let aliases: Vec<_> = plan.aliases.iter().map(|(a, b)| format!("{a}={b}")).collect();
    assert_eq!(
        aliases,
        [
            "chat=gpt-5.4-mini",
            "local=llama3.2",
            "smart=claude-haiku-4-5",
            "best=claude-haiku-4-5",
            "hidden=gpt-5.4-mini"
        ]
    );
    let notes = plan.notes.join("\n");
    for name in ["rpm", "routing_strategy", "litellm_settings.fallbacks", "master_key"] {
        assert!(notes.contains(name), "{name} is missing in: {notes}");
    }
    assert!(!notes.contains("sk-"), "{notes}");
}

#[test]
fn what_cannot_be_served_is_said() {
    let plan = planned(
        "model_list:
  - {model_name: a, litellm_params: {model: openai/gpt-5.4}}
  - {model_name: b, litellm_params: {model: nobody/knows}}
  - {model_name: c, litellm_params: {model: hosted_vllm/own}}
  - {model_name: d, litellm_params: {model: groq/x, api_key: os.environ/GONE}}
  - {model_name: e, litellm_params: {model: watsonx/ibm/granite-4-h-small, api_key: k}}
  - {model_name: f, litellm_params: {model: vertex_ai/gemini-3.8-flash, api_key: k}}",
        &[],
    );
    assert!(plan.providers.is_empty() && plan.aliases.is_empty());
    let says = ["OPENAI_API_KEY", "nobody/knows", "api_base", "GONE", "watsonx", "vertex"];
    for (place, says) in says.iter().enumerate() {
        assert!(plan.notes[place].contains(says), "{}", plan.notes[place]);
    }
}

#[test]
fn a_name_for_several_models_stands_for_the_first() {
    let plan = planned(
        "model_list:
  - {model_name: mix, litellm_params: {model: groq/big, api_key: a}}
  - {model_name: mix, litellm_params: {model: groq/small, api_key: b}}
  - {model_name: other, litellm_params: {model: groq/big, api_key: b}}",
        &[],
    );
    let names: Vec<_> = plan.providers.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["groq", "groq-2"], "one for each credential");
    assert_eq!(plan.aliases[0], ("mix".to_owned(), "groq/big".to_owned()), "not groq-2's");
    assert_eq!(plan.aliases[1], ("other".to_owned(), "groq-2/big".to_owned()));
    assert!(plan.notes[0].contains("small"), "{}", plan.notes[0]);
}

#[test]
fn a_star_opens_everything_that_a_provider_has() {
    let plan = planned(
        "model_list:
  - {model_name: groq/one, litellm_params: {model: groq/one, api_key: a}}
  - {model_name: '*', litellm_params: {model: 'groq/*', api_key: a}}
  - {model_name: groq/two, litellm_params: {model: groq/two, api_key: a}}",
        &[],
    );
    assert_eq!(plan.providers.len(), 1);
    assert!(plan.providers[0].models.is_empty());
    assert!(plan.aliases.iter().all(|(name, _)| !name.contains('*')));
}

#[test]
fn a_providers_own_address_is_the_catalogues() {
    let plan = planned(
        "environment_variables: {KEY: sk-own, POINTS: os.environ/ELSEWHERE}
model_list:
  - {model_name: a, litellm_params: {model: openai/gpt-5.4, api_key: os.environ/KEY, api_base: 'https://api.openai.com/v1/'}}
  - {model_name: b, litellm_params: {model: openai/gpt-5.4, api_key: os.environ/POINTS, api_base: 'https://eu.api.openai.com'}}",
        &[("ELSEWHERE", "sk-there")],
    );
    let rows: Vec<_> =
        plan.providers.iter().map(|one| (one.base_url.as_deref(), one.secret.as_deref())).collect();
    let eu = Some("https://eu.api.openai.com/v1");
    assert_eq!(rows, [(None, Some("sk-own")), (eu, Some("sk-there"))], "{:?}", plan.notes);
}

#[test]
fn an_address_that_is_somebodys_own_is_kept() {
    let plan = planned(
        "model_list:
  - {model_name: a, litellm_params: {model: azure/gpt-5.4, api_key: k, api_base: 'https://acme.openai.azure.com/'}}
  - {model_name: b, litellm_params: {model: azure/gpt-5.4, api_key: k}}
  - {model_name: c, litellm_params: {model: bedrock/amazon.nova-pro-v1:0, api_key: k, aws_region_name: eu-central-1}}
  - {model_name: d, litellm_params: {model: bedrock/amazon.nova-pro-v1:0, api_key: k, aws_region_name: mars-1}}",
        &[],
    );
    let rows: Vec<_> = plan
        .providers
        .iter()
        .map(|one| (one.catalog.as_str(), one.base_url.as_deref(), one.region.as_deref()))
        .collect();
    let azure = Some("https://acme.openai.azure.com/openai/v1");
    let bedrock = Some("https://bedrock-runtime.eu-central-1.amazonaws.com");
    assert_eq!(rows, [("azure", azure, None), ("bedrock", bedrock, None)], "{:?}", plan.notes);
    assert!(plan.notes[0].contains("key alone"), "{}", plan.notes[0]);
    assert!(plan.notes[1].contains("mars-1"), "{}", plan.notes[1]);
}

#[test]
fn a_file_that_is_not_litellms_is_refused_without_its_text() {
    assert!(refused("a: [").contains("not valid YAML"));
    assert!(refused("services: {}").contains("model_list"));
    assert!(refused("model_list: [{model_name: x}]").contains("model_list[1]"));
    let text =
        "model_list:\n  - model_name: x\n    litellm_params: {api_key: sk-secret, model: {}\n";
    let says = refused(text);
    assert!(!says.contains("sk-secret") && says.contains("line"), "{says}");
}
