//! Wire formats of model providers: requests, answers, streams, usage and errors, without any I/O.
//!
//! Five formats are spoken, in both directions: OpenAI Chat Completions, Anthropic Messages, OpenAI Responses, Gemini
//! and Cohere Chat. Two more, Amazon Bedrock's Converse and IBM's watsonx.ai, are spoken to providers only. When both sides speak the same one, bytes stay as they are but for the model's name, the option
//! that makes a stream report its usage, and the one that keeps an answer from being stored. Otherwise a reader
//! turns the text into a superset of the formats and a writer turns that into the other one; what cannot be
//! said there is listed in the client's own names, and what must not be lost silently (an image that cannot be
//! sent, several choices) is refused.
//!
//! Decisions:
//! - JSON-schema output: `response_format` and Anthropic's `output_config.format`, both documented and
//!   enforced by the provider. The schema's name travels as its `title`. Not a forced tool: that would
//!   change the shape of the answer and forbid real tools.
//! - Thinking: `reasoning_content` (text) and `reasoning_details` (text with signature, or encrypted data,
//!   tagged `probity/anthropic-v1` or `probity/openai-responses-v1`) in Chat; a `thinking` block with a signature
//!   of our own making in Messages; a reasoning item whose `encrypted_content` is of our own making in Responses.
//!   Each is taken back in the next turn and given only to the provider family it came from.
//! - Gemini signs parts of any kind. Such a signature travels as thinking without text before its part, sealed with
//!   `probity.gemini.v1/` or tagged `probity/gemini-v1`, and is put back on the part that follows. Other families'
//!   thinking reaches its clients as a thought whose signature is ours in base64, as signatures are bytes there.
//!   Calls that another model made are sent to newer ones with the word that the format documents for them.
//!   Its path names the model and whether the answer is a stream, so its requests are read with [`head_at`].
//! - Cohere signs nothing. Its thoughts, and the plan before its calls, travel as thinking under `probity.cohere.v1/`
//!   or tagged `probity/cohere-v1`, and go back to where they stood. Its documents become texts elsewhere; which words
//!   rest on them only its own clients hear of its own models. What it bills counts, not what its service adds to prompts.
//! - Nothing is stored. A Responses request that asks for a store (`store`, `background`,
//!   `previous_response_id`, `conversation`, an item reference) is refused and told to send the items again; one
//!   that says nothing gets `store: false`, as the format stores by default. Where the model reasons, the same edit
//!   asks for `reasoning.encrypted_content`, without which the next turn would have to think again. A client that
//!   says `store: false` itself has decided about `include` too, so its request is not touched.
//! - Responses answers that are translated repeat the format's defaults where the provider's would repeat the
//!   request: an answer is read without its request. Hosted tools go to their own family only and are listed
//!   otherwise; free-form (`custom`) tools are refused between formats, as their calls could not be told from others.
//! - Tool arguments are passed on as the text they were written in.
//! - What is no conversation ([`Task`]: embeddings, ranking, images, sound, …) has a path of its own, as it has nothing of
//!   a conversation to translate: see `task.rs`. So have sessions in both directions: see `realtime.rs`.
//!
//! Invariants: no input makes this crate panic; no error or list holds a value of the request or the answer;
//! the output of a stream does not depend on how its bytes were cut.

mod answer;
mod anthropic;
mod balance;
mod batch;
mod beginning;
mod cap;
mod carrier;
mod cohere;
mod conversation;
mod converse;
mod demand;
mod edit;
mod fault;
mod force;
mod format;
mod gemini;
mod head;
mod json;
mod models;
mod names;
mod needs;
mod openai;
mod person;
mod prepare;
mod quirks;
mod realtime;
mod refusal;
mod responses;
mod restore;
mod segment;
mod stream;
mod strip;
mod task;
mod texts;
mod upstream;
mod usage;
mod venue;
mod watsonx;
mod wishes;
mod write;

pub use answer::{Answer, Show, Stop, respond};
pub use batch::{
    BatchLine, Upload, batch_answer, batch_line, batch_lines, batch_pieces, batch_refusal, upload,
};
pub use beginning::beginning;
pub use cap::cap_output;
pub use fault::{BadAnswer, BadRequest, StreamFault};
pub use force::force;
pub use format::Format;
pub use head::{Head, head, head_at};
pub use models::{ModelRow, model_body, models_list};
pub use needs::{is_too_long, shows_images};
pub use person::person;
pub use prepare::{Prepared, prepare};
pub use quirks::{Quirks, ThinkingStyle};
pub use realtime::{
    Asked as RealtimeAsked, Names as RealtimeNames, REALTIME_CANCEL, Spent, Told as RealtimeTold,
    What as RealtimeWhat, realtime_asks, realtime_error, realtime_head, realtime_tells,
};
pub use refusal::{Refusal, error_body};
pub use restore::{Channel, Escape, Restore, Step};
pub use stream::{Progress, StreamOptions, StreamTranslator};
pub use task::{
    Dialect, Prediction, Task, TaskAnswer, TaskAsked, TaskStream, cohere_error, endpoint_of,
    prediction, task_head, task_prepare, task_respond,
};
pub use texts::{Form, Found, Rewritten, rewrite};
pub use upstream::{UpstreamError, UpstreamKind, aws_error, retry_after, upstream_error};
pub use usage::{estimate_tokens, estimated};
pub use venue::Venue;
pub use wishes::Wishes;
