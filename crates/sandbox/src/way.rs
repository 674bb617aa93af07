//! What a path says: in whose words a request is, and what else stands there.

use bytes::Bytes;
use http::HeaderMap;

use crate::{Dialect, predict, refusal::Refusal, vertex::Place, watsonx};

pub(crate) struct Way<'p> {
    /// Without what stands before the version.
    pub whole: &'p str,
    /// Without the version.
    pub path: &'p str,
    pub dialect: Dialect,
    pub azure: bool,
    pub vertex: Option<Place<'p>>,
    /// The model and whether the answer is a stream, where the path says so.
    pub said: Option<(&'p str, bool)>,
    /// Whether it is a stream in a format that has two kinds of them.
    gemini_stream: bool,
}

impl<'p> Way<'p> {
    pub(crate) fn of(path: &'p str, headers: &HeaderMap) -> Self {
        // Azure's is OpenAI's at another place, IBM's is one level below.
        let azure = path.starts_with("/openai/");
        let whole = path.strip_prefix("/openai").unwrap_or(path);
        let whole = whole.strip_prefix("/ml").unwrap_or(whole);
        let versions = ["/v1beta", "/v1", "/v2"];
        let path = versions.iter().find_map(|version| whole.strip_prefix(version)).unwrap_or(whole);
        let vertex = Place::of(path);
        let there = vertex.map(|place| (place.model, place.stream));
        let claude = vertex.is_some_and(|place| place.claude);
        let gemini = named(path).or(there.filter(|_| !claude));
        let bedrock = modelled(path);
        let watsonx = watsonx::stream_of(path);
        let said = gemini.or(there).or(bedrock).or(watsonx.map(|stream| ("", stream)));
        let dialect = match path {
            _ if bedrock.is_some() => Dialect::Bedrock,
            _ if watsonx.is_some() => Dialect::Watsonx,
            _ if claude => Dialect::Anthropic,
            _ if gemini.is_some() || headers.contains_key("x-goog-api-key") => Dialect::Gemini,
            "/messages" | "/messages/count_tokens" => Dialect::Anthropic,
            "/responses" => Dialect::Responses,
            "/chat" => Dialect::Cohere,
            "/models" if headers.contains_key("anthropic-version") => Dialect::Anthropic,
            _ => Dialect::OpenAi,
        };
        Self {
            whole,
            path,
            dialect,
            azure,
            vertex,
            said: said.or(predict::named(path).map(|name| (name, false))),
            gemini_stream: gemini.is_some_and(|(_, stream)| stream),
        }
    }

    /// The request as the format itself has it, once what the host adds to it was right.
    pub(crate) fn plain(&self, query: Option<&str>, body: Bytes) -> Result<Bytes, Refusal> {
        if self.gemini_stream && query != Some("alt=sse") {
            return Err(Refusal::invalid("alt", "without alt=sse the answer would be one array"));
        }
        if self.dialect == Dialect::Watsonx {
            watsonx::versioned(query)?;
        }
        match self.vertex {
            Some(place) => place.plain(&body),
            None => Ok(body),
        }
    }
}

/// The model of a Gemini path, and whether the answer is to be a stream.
fn named(path: &str) -> Option<(&str, bool)> {
    let (model, call) = path.strip_prefix("/models/")?.split_once(':')?;
    match call {
        "generateContent" => Some((model, false)),
        "streamGenerateContent" => Some((model, true)),
        _ => None,
    }
}

/// The model of a Bedrock path, and whether the answer is to be a stream.
fn modelled(path: &str) -> Option<(&str, bool)> {
    let (model, call) = path.strip_prefix("/model/")?.split_once('/')?;
    match call {
        "converse" => Some((model, false)),
        "converse-stream" => Some((model, true)),
        _ => None,
    }
}
