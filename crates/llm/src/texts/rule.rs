//! Which members of a document hold texts.

use std::ops::Range;

/// Where in a document the walk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// The document's own members.
    Root,
    /// Turns, instructions and their parts.
    Content,
    /// What a tool answered: the answer itself is free in form.
    Reply,
    /// Free in form: arguments, results and labels. Names of members and numbers count as texts here.
    Free,
    /// Tools and settings.
    Config,
    /// A JSON schema.
    Schema,
    /// A JSON schema, or an object that holds one beside its name.
    Named,
    /// What a piece of an answer rests on.
    Source,
}

impl Context {
    pub(super) const fn holds_texts(self) -> bool {
        !matches!(self, Self::Schema | Self::Named)
    }
}

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Walk(Context),
    Skip,
    /// No text, but it says what its siblings are.
    Note,
    /// A string that is a text or not, depending on its siblings.
    Wait(Waiting),
    /// A JSON text in a string.
    Arguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Of a participant, or of a tool.
    Name,
    /// A text, or a file in Base64.
    Data,
    /// A text, or an image in Base64.
    Result,
}

/// What the members of one object say about each other.
#[derive(Default)]
pub(super) struct Siblings {
    kind: String,
    role: String,
    /// It says which kind of file it is.
    file: bool,
    pub(super) waiting: Vec<(Waiting, Range<usize>)>,
}

impl Siblings {
    pub(super) fn note(&mut self, key: &str, said: String) {
        match key {
            "type" => self.kind = said,
            "role" => self.role = said,
            _ => self.file = true,
        }
    }

    pub(super) fn is_text(&self, waiting: Waiting) -> bool {
        match waiting {
            Waiting::Name => {
                matches!(self.role.as_str(), "user" | "system" | "developer" | "assistant")
            }
            Waiting::Data => {
                let encoded = self.kind == "base64"
                    || self.kind == "redacted_thinking"
                    || self.kind.ends_with("encrypted");
                !encoded && (!self.file || self.kind == "text")
            }
            Waiting::Result => self.kind != "image_generation_call",
        }
    }
}

/// Members of the document that hold tools and settings.
const CONFIG: [&str; 14] = [
    "tools",
    "functions",
    "tool_choice",
    "function_call",
    "toolConfig",
    "tool_config",
    "mcp_servers",
    "provider",
    "response_format",
    "text",
    "output_config",
    "output_format",
    "generationConfig",
    "generation_config",
];

/// What to do with a member whose value begins with this byte.
pub(super) fn rule(context: Context, key: &str, begins: Option<u8>) -> Rule {
    match context {
        Context::Root if CONFIG.contains(&key) && begins != Some(b'"') => {
            Rule::Walk(Context::Config)
        }
        Context::Root | Context::Content | Context::Reply => content(context, key, begins),
        Context::Free => Rule::Walk(Context::Free),
        Context::Config => config(key, begins),
        Context::Schema => schema(key, begins),
        Context::Named => match key {
            "schema" => Rule::Walk(Context::Schema),
            _ => schema(key, begins),
        },
        Context::Source => match key {
            "document" | "tool_output" if begins == Some(b'{') => Rule::Walk(Context::Free),
            _ => content(context, key, begins),
        },
    }
}

fn content(context: Context, key: &str, begins: Option<u8>) -> Rule {
    let (string, object) = (begins == Some(b'"'), begins == Some(b'{'));
    match key {
        "type" | "role" | "mimeType" | "mime_type" | "media_type" | "format" if string => {
            Rule::Note
        }
        "name" if string => Rule::Wait(Waiting::Name),
        "data" if string => Rule::Wait(Waiting::Data),
        "result" if string => Rule::Wait(Waiting::Result),
        "arguments" if string => Rule::Arguments,
        "arguments" | "input" | "args" | "metadata" | "labels" | "data" if object => {
            Rule::Walk(Context::Free)
        }
        "sources" => Rule::Walk(Context::Source),
        "response" if context == Context::Reply => Rule::Walk(Context::Free),
        "functionResponse" | "function_response" => Rule::Walk(Context::Reply),
        _ if string && is_no_text(key) => Rule::Skip,
        _ => Rule::Walk(Context::Content),
    }
}

/// Ids, names of models, addresses of files, and what only its maker can read.
fn is_no_text(key: &str) -> bool {
    key == "id"
        || key.ends_with("_id")
        || matches!(
            key,
            "model"
                | "url"
                | "uri"
                | "image_url"
                | "file_url"
                | "fileUri"
                | "file_uri"
                | "server_url"
                | "file_data"
                | "b64_json"
                | "partial_image_b64"
                | "signature"
                | "thoughtSignature"
                | "thought_signature"
                | "encrypted_content"
                | "encrypted_index"
                | "encrypted_stdout"
                | "cachedContent"
                | "cached_content"
        )
}

fn config(key: &str, begins: Option<u8>) -> Rule {
    let string = begins == Some(b'"');
    match key {
        "type" | "responseMimeType" | "response_mime_type" if string => Rule::Note,
        "parameters"
        | "input_schema"
        | "schema"
        | "responseSchema"
        | "response_schema"
        | "responseJsonSchema"
        | "response_json_schema"
        | "parametersJsonSchema"
        | "parameters_json_schema"
        | "output_schema" => Rule::Walk(Context::Schema),
        "json_schema" => Rule::Walk(Context::Named),
        "input_examples" => Rule::Walk(Context::Free),
        "name" if string => Rule::Skip,
        // What a provider needs to call somebody else's server.
        "allowed_tools" | "headers" | "authorization" | "authorization_token" => Rule::Skip,
        _ if string && is_no_text(key) => Rule::Skip,
        _ => Rule::Walk(Context::Config),
    }
}

/// The shape of a schema stays; what it says to the model, and the values it allows, are texts.
fn schema(key: &str, begins: Option<u8>) -> Rule {
    match key {
        "description" | "title" | "$comment" if begins == Some(b'"') => {
            Rule::Walk(Context::Content)
        }
        "enum" | "const" | "default" | "example" | "examples" => Rule::Walk(Context::Free),
        _ => Rule::Walk(Context::Schema),
    }
}

/// Whether a setting asks for an answer that is a JSON text.
pub(super) fn asks_for_json(key: &str, said: &str) -> bool {
    match key {
        "type" => matches!(said, "json_schema" | "json_object"),
        _ => said == "application/json",
    }
}

/// A file in a URL of its own.
pub(super) fn is_encoded_file(text: &str) -> bool {
    const MARK: &str = ";base64,";
    text.starts_with("data:")
        && text.split_once(MARK).is_some_and(|(kind, rest)| kind.len() < 160 && is_encoded(rest))
}

/// Whether it can be Base64, of either alphabet, or a token made of such.
pub(super) fn is_encoded(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-.".contains(&byte))
}
