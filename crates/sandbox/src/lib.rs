//! Provider twins: small servers that speak the real protocols of OpenAI (Chat Completions and Responses; embeddings,
//! images, sound, moderation and sessions), Anthropic, Gemini, Amazon Bedrock (Converse), Cohere (Chat, embeddings, ranking), Google Vertex AI, IBM watsonx.ai, Jina, Voyage,
//! Stability AI and Replicate over a real socket, with the places that give tokens to some of them, and misbehave on request. They are the demo's provider, the probes' sink and the
//! tests' upstream.
//!
//! [`Mailbox`] stands for a mail server in the same way.
//!
//! Invariants: what a twin answers depends only on what it was asked (usage is counted in whitespace words);
//! it writes nothing to disk or log; received bodies are kept in memory only when the script asks for it.
//! A twin is as strict as the provider it stands for where translators go wrong: required fields, tool results
//! that answer a call, thinking signatures. As it keeps nothing, every id of a stored thing is unknown to it. Its error messages repeat the prompt on purpose, so that tests can
//! show that nobody passes them on.

mod admit;
mod anthropic;
mod ask;
mod ask_anthropic;
mod ask_bedrock;
mod ask_cohere;
mod ask_gemini;
mod ask_openai;
mod ask_responses;
mod bedrock;
mod behaviour;
mod cohere;
mod embed;
mod gemini;
mod grant;
mod inspect;
mod openai;
mod play;
mod predict;
mod realtime;
mod refusal;
mod reply;
mod responses;
mod route;
mod schema;
mod script;
mod seal;
mod server;
mod settings;
mod signed;
mod smtp;
mod task;
mod vertex;
mod watsonx;
mod way;

pub use behaviour::MODELS;
pub use grant::Grants;
pub use inspect::{Counters, Inspector, Recorded};
pub use script::Script;
pub use server::{Running, Sandbox};
pub use smtp::{Fault, MailScript, Mailbox, Received};

/// Which provider's protocol a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenAi,
    Responses,
    Anthropic,
    Gemini,
    Bedrock,
    Cohere,
    Watsonx,
}
