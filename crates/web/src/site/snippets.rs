//! How to point an SDK at this server, as text to copy.

use crate::pages::project::{Snippet, SnippetGroup};

/// Snippets for the server at `url`, asking for `model`.
pub(super) fn groups(url: &str, model: &str) -> Vec<SnippetGroup> {
    let one = |id: &str, title: &str, text: &str| Snippet {
        id: id.to_owned(),
        title: title.to_owned(),
        text: text.replace("{url}", url).replace("{model}", model),
    };
    vec![
        SnippetGroup {
            title: "OpenAI SDK".to_owned(),
            items: vec![
                one("openai-python", "Python", OPENAI_PYTHON),
                one("openai-node", "Node", OPENAI_NODE),
                one("openai-curl", "curl", OPENAI_CURL),
            ],
        },
        SnippetGroup {
            title: "Anthropic SDK".to_owned(),
            items: vec![
                one("anthropic-python", "Python", ANTHROPIC_PYTHON),
                one("anthropic-node", "Node", ANTHROPIC_NODE),
                one("anthropic-curl", "curl", ANTHROPIC_CURL),
            ],
        },
    ]
}

const OPENAI_PYTHON: &str = r#"import os
from openai import OpenAI

client = OpenAI(base_url="{url}/v1", api_key=os.environ["PROBITY_KEY"])

answer = client.chat.completions.create(
    model="{model}",
    messages=[{"role": "user", "content": "Say hello."}],
)
print(answer.choices[0].message.content)"#;

const OPENAI_NODE: &str = r#"import OpenAI from "openai";

const client = new OpenAI({ baseURL: "{url}/v1", apiKey: process.env.PROBITY_KEY });

const answer = await client.chat.completions.create({
  model: "{model}",
  messages: [{ role: "user", content: "Say hello." }],
});
console.log(answer.choices[0].message.content);"#;

const OPENAI_CURL: &str = r#"curl {url}/v1/chat/completions \
  -H "authorization: Bearer $PROBITY_KEY" \
  -H "content-type: application/json" \
  -d '{"model": "{model}", "messages": [{"role": "user", "content": "Say hello."}]}'"#;

const ANTHROPIC_PYTHON: &str = r#"import os
from anthropic import Anthropic

client = Anthropic(base_url="{url}", api_key=os.environ["PROBITY_KEY"])

answer = client.messages.create(
    model="{model}",
    max_tokens=200,
    messages=[{"role": "user", "content": "Say hello."}],
)
print(answer.content[0].text)"#;

const ANTHROPIC_NODE: &str = r#"import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: "{url}", apiKey: process.env.PROBITY_KEY });

const answer = await client.messages.create({
  model: "{model}",
  max_tokens: 200,
  messages: [{ role: "user", content: "Say hello." }],
});
console.log(answer.content[0].text);"#;

const ANTHROPIC_CURL: &str = r#"curl {url}/v1/messages \
  -H "x-api-key: $PROBITY_KEY" \
  -H "anthropic-version: 2023-06-01" \
  -H "content-type: application/json" \
  -d '{"model": "{model}", "max_tokens": 200, "messages": [{"role": "user", "content": "Say hello."}]}'"#;
