//! What is said in a request or an answer, as a superset of the formats: a reader per format fills it,
//! a writer per format empties it. Whatever a writer cannot say it adds to [`Losses`].

use std::{borrow::Cow, collections::BTreeSet};

use domain::Usage;
use serde_json::value::RawValue;

use crate::{
    Format, Stop,
    json::{Fields, Path, Raw},
    names::Names,
    usage::estimate_tokens,
};

/// Most entries that a list of losses names.
const LOSSES_LIMIT: usize = 32;

/// Field patterns that got lost on the way.
#[derive(Debug)]
pub(crate) struct Losses {
    list: BTreeSet<String>,
    names: &'static Names,
}

impl Losses {
    /// Losses of what is said in this format.
    pub(crate) const fn of(format: Format) -> Self {
        Self { list: BTreeSet::new(), names: Names::of(format) }
    }

    /// What the one who said it calls things.
    pub(crate) const fn names(&self) -> &'static Names {
        self.names
    }

    pub(crate) fn add(&mut self, path: &Path<'_>) {
        self.add_name(path.pattern());
    }

    pub(crate) fn add_name(&mut self, name: impl Into<String>) {
        if self.list.len() < LOSSES_LIMIT {
            self.list.insert(name.into());
        }
    }

    /// Everything that nobody took from an object.
    pub(crate) fn rest<'n>(&mut self, path: &Path<'_>, names: impl Iterator<Item = &'n str>) {
        for name in names {
            self.add(&path.key(name));
        }
    }

    /// Takes members that have no counterpart: lost, unless they say what would be so anyway.
    pub(crate) fn neutral(&mut self, fields: &mut Fields<'_>, all: &[(&str, &[&str])]) {
        for (name, neutral) in all {
            if fields.take(name).is_some_and(|raw| !neutral.contains(&raw.get())) {
                self.add_name(*name);
            }
        }
    }

    pub(crate) fn into_list(self) -> Vec<String> {
        self.list.into_iter().collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
}

pub(crate) struct Turn<'a> {
    pub(crate) role: Role,
    pub(crate) parts: Vec<Part<'a>>,
}

/// Where the bytes of an image or document are.
#[derive(Clone)]
pub(crate) enum Source<'a> {
    /// Base64 and its media type.
    Inline {
        media_type: Cow<'a, str>,
        data: Cow<'a, str>,
    },
    Url(Cow<'a, str>),
}

/// The format that an opaque value belongs to is part of the value: it is only ever given back to the same.
#[derive(Clone)]
pub(crate) enum Body<'a> {
    Text(Cow<'a, str>),
    Image {
        source: Source<'a>,
        /// OpenAI's `detail`, unless it is the default.
        detail: Option<Cow<'a, str>>,
    },
    Document {
        source: Source<'a>,
        title: Option<Cow<'a, str>>,
    },
    Thinking {
        text: Cow<'a, str>,
        signature: Option<Cow<'a, str>>,
    },
    RedactedThinking {
        data: Cow<'a, str>,
    },
    ToolCall {
        id: Cow<'a, str>,
        name: Cow<'a, str>,
        arguments: Cow<'a, str>,
    },
    ToolResult {
        id: Cow<'a, str>,
        parts: Vec<Part<'a>>,
        failed: bool,
    },
    Refusal(Cow<'a, str>),
}

#[derive(Clone)]
pub(crate) struct Part<'a> {
    pub(crate) body: Body<'a>,
    /// Anthropic's `cache_control`, as written.
    pub(crate) cache: Option<Raw<'a>>,
}

impl<'a> From<Body<'a>> for Part<'a> {
    fn from(body: Body<'a>) -> Self {
        Self { body, cache: None }
    }
}

pub(crate) struct Tool<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) description: Option<Cow<'a, str>>,
    /// JSON Schema, as written or as translated.
    pub(crate) schema: Option<Cow<'a, RawValue>>,
    pub(crate) strict: Option<bool>,
    pub(crate) cache: Option<Raw<'a>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice<'a> {
    Auto,
    None,
    Any,
    Tool(Cow<'a, str>),
}

pub(crate) enum Output<'a> {
    Text,
    /// Any JSON object.
    Json,
    Schema {
        name: Option<Cow<'a, str>>,
        description: Option<Cow<'a, str>>,
        schema: Cow<'a, RawValue>,
        /// Whether the provider must enforce it; `None` where the format always does.
        strict: Option<bool>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thinking {
    Off,
    Adaptive,
    /// Tokens.
    Budget(u64),
}

impl Thinking {
    /// The level of effort that usually spends about as many tokens.
    pub(crate) const fn level(tokens: u64) -> &'static str {
        match tokens {
            0..=2048 => "low",
            2049..=8192 => "medium",
            _ => "high",
        }
    }

    /// Tokens that usually suffice for a level.
    pub(crate) fn tokens(effort: &str) -> u64 {
        match effort {
            "minimal" => 512,
            "low" => 2048,
            "medium" => 8192,
            _ => 24_576,
        }
    }
}

pub(crate) struct Request<'a> {
    pub(crate) stream: bool,
    /// How many alternative answers are wanted.
    pub(crate) choices: u64,
    pub(crate) turns: Vec<Turn<'a>>,
    pub(crate) tools: Vec<Tool<'a>>,
    pub(crate) choice: Option<Choice<'a>>,
    pub(crate) parallel: Option<bool>,
    pub(crate) output: Output<'a>,
    /// Tokens.
    pub(crate) max_output: Option<u64>,
    pub(crate) temperature: Option<Raw<'a>>,
    pub(crate) top_p: Option<Raw<'a>>,
    pub(crate) top_k: Option<Raw<'a>>,
    pub(crate) stop: Vec<Cow<'a, str>>,
    pub(crate) effort: Option<Cow<'a, str>>,
    pub(crate) thinking: Option<Thinking>,
    pub(crate) user: Option<Cow<'a, str>>,
    /// OpenAI's `safety_identifier`.
    pub(crate) identifier: Option<Cow<'a, str>>,
    /// Members that OpenAI's formats share under the same name and nobody else has, as written.
    pub(crate) shared: Vec<(&'static str, Raw<'a>)>,
    /// OpenAI's `verbosity`.
    pub(crate) verbosity: Option<Raw<'a>>,
    /// How thinking is to be summed up (`reasoning.summary`).
    pub(crate) summary: Option<Cow<'a, str>>,
    /// Anthropic's top-level `cache_control`.
    pub(crate) cache: Option<Raw<'a>>,
}

/// Why the model stopped, with what belongs to it.
pub(crate) struct Stopped<'a> {
    pub(crate) kind: Stop,
    /// The stop sequence that was met.
    pub(crate) sequence: Option<Cow<'a, str>>,
    /// Why the model refused, in its own words.
    pub(crate) explanation: Option<Cow<'a, str>>,
}

pub(crate) struct Response<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) model: Cow<'a, str>,
    pub(crate) created: Option<u64>,
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) stop: Option<Stopped<'a>>,
    pub(crate) usage: Option<Usage>,
    pub(crate) losses: Losses,
}

impl Response<'_> {
    /// Tokens, from the size of the text.
    pub(crate) fn output_estimate(&self) -> u64 {
        let bytes = |part: &Part<'_>| match &part.body {
            Body::Text(text) | Body::Refusal(text) | Body::Thinking { text, .. } => text.len(),
            Body::ToolCall { name, arguments, .. } => name.len() + arguments.len(),
            Body::RedactedThinking { data } => data.len(),
            Body::Image { .. } | Body::Document { .. } | Body::ToolResult { .. } => 0,
        };
        estimate_tokens(self.parts.iter().map(bytes).sum::<usize>() as u64)
    }
}
