//! What a model answers: the same for all protocols.

use serde_json::{Value, json};

use crate::{
    ask::{Ask, Part, ToolChoice, count},
    behaviour::Behaviour,
    schema,
};

pub(crate) enum Block {
    Thinking { text: String, signature: String },
    Redacted(String),
    Text(String),
    Call { id: String, name: String, arguments: String },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    End,
    Length,
    Tools,
}

/// How usage is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tell {
    Yes,
    Null,
    No,
}

/// Counts in whitespace words. `input` excludes `cached`; `output` includes `thinking`.
#[derive(Clone, Copy)]
pub(crate) struct Count {
    pub input: u64,
    pub cached: u64,
    pub output: u64,
    pub thinking: u64,
    pub tell: Tell,
}

pub(crate) struct Reply {
    pub model: String,
    pub blocks: Vec<Block>,
    pub stop: Stop,
    pub count: Count,
}

/// Builds the answer of `behaviour` to `ask`. `serial` makes tool-call ids unique.
pub(crate) fn reply(ask: &Ask, behaviour: Behaviour, serial: u64) -> Reply {
    let mut blocks = blocks(ask, behaviour, serial);
    let mut stop = Stop::End;
    if blocks.iter().any(|block| matches!(block, Block::Call { .. })) {
        stop = Stop::Tools;
    } else if let Some(limit) = ask.max_output
        && shorten(&mut blocks, limit)
    {
        stop = Stop::Length;
    }
    let count = tally(ask, &blocks, behaviour);
    Reply { model: ask.model.clone(), blocks, stop, count }
}

fn blocks(ask: &Ask, behaviour: Behaviour, serial: u64) -> Vec<Block> {
    let text = ask.last_user_text();
    if let Some(words) = behaviour.words() {
        return vec![Block::Text(cycle(&text, words))];
    }
    if let Some(calls) = calls(ask, behaviour, serial, &text) {
        return prefaced(behaviour, calls);
    }
    let text = match behaviour {
        Behaviour::JsonSchema => ask.schema.as_ref().map_or(text, |schema| {
            serde_json::to_string(&schema::instance(schema)).unwrap_or_default()
        }),
        Behaviour::Image => images(ask),
        Behaviour::SplitUtf8 => format!("{text} naïve 世界 🦀 e\u{301} 👩‍👩‍👧"),
        Behaviour::HugeEvent => "x".repeat(1 << 20),
        Behaviour::Thinking | Behaviour::RedactedThinking => {
            format!("verified {} {text}", genuine(ask))
        }
        _ => text,
    };
    prefaced(behaviour, vec![Block::Text(text)])
}

/// The thinking that precedes an answer, where the model thinks.
fn prefaced(behaviour: Behaviour, rest: Vec<Block>) -> Vec<Block> {
    let mut all = match behaviour {
        Behaviour::Thinking => {
            let text = "Let me think about it.".to_owned();
            vec![Block::Thinking { signature: signature_of(&text), text }]
        }
        Behaviour::RedactedThinking => vec![Block::Redacted("sandbox-redacted-0".to_owned())],
        _ => Vec::new(),
    };
    all.extend(rest);
    all
}

/// How many blocks of thinking came back; those that are not genuine were refused while reading.
fn genuine(ask: &Ask) -> usize {
    ask.parts().filter(|part| matches!(part, Part::Thinking { .. } | Part::Redacted(_))).count()
}

/// The tool calls to make, if any.
fn calls(ask: &Ask, behaviour: Behaviour, serial: u64, text: &str) -> Option<Vec<Block>> {
    let call = |at: usize, name: &str, arguments: &Value| Block::Call {
        id: format!("call_sandbox_{serial}_{at}"),
        name: name.to_owned(),
        arguments: arguments.to_string(),
    };
    let first = ask.tools.first()?;
    let forced = match &ask.choice {
        ToolChoice::Never => return None,
        ToolChoice::One(name) => ask.tools.iter().find(|tool| tool.name == *name),
        ToolChoice::Any => Some(first),
        ToolChoice::Free => None,
    };
    if ask.answers_tools() && forced.is_none() {
        return None;
    }
    match behaviour {
        Behaviour::Tools => {
            Some(vec![call(0, &forced.unwrap_or(first).name, &Value::Object(Default::default()))])
        }
        Behaviour::Thinking => Some(vec![call(0, &first.name, &json!({"text": text}))]),
        Behaviour::ParallelTools => {
            let names = ask.tools.iter().cycle().take(ask.tools.len().max(2));
            let each = names.enumerate();
            let each =
                each.map(|(at, tool)| call(at, &tool.name, &json!({"at": at, "text": text})));
            Some(each.collect())
        }
        _ => forced.map(|tool| vec![call(0, &tool.name, &schema::instance(&tool.schema))]),
    }
}

fn images(ask: &Ask) -> String {
    let seen = ask.parts().filter_map(|part| match part {
        Part::Image(media, size) => Some(format!("{media}:{size}")),
        _ => None,
    });
    let seen: Vec<_> = seen.collect();
    format!("images {} {}", seen.len(), seen.join(" "))
}

/// The words of `text` repeated to exactly `words` words.
fn cycle(text: &str, words: usize) -> String {
    let text = if text.trim().is_empty() { "tick" } else { text };
    text.split_whitespace().cycle().take(words).collect::<Vec<_>>().join(" ")
}

/// Cuts the text to `limit` words; tells whether anything was cut.
fn shorten(blocks: &mut [Block], limit: usize) -> bool {
    for block in blocks {
        if let Block::Text(text) = block
            && text.split_whitespace().count() > limit
        {
            *text = text.split_whitespace().take(limit).collect::<Vec<_>>().join(" ");
            return true;
        }
    }
    false
}

fn tally(ask: &Ask, blocks: &[Block], behaviour: Behaviour) -> Count {
    let mut count_of = Count {
        input: ask.words(),
        cached: 0,
        output: 0,
        thinking: 0,
        tell: match behaviour {
            Behaviour::NoUsage => Tell::No,
            Behaviour::NullUsage => Tell::Null,
            _ => Tell::Yes,
        },
    };
    if behaviour == Behaviour::Cached {
        count_of.cached = count_of.input / 2;
        count_of.input -= count_of.cached;
    }
    for block in blocks {
        let words = match block {
            Block::Thinking { text, .. } => {
                count_of.thinking += count(text);
                count(text)
            }
            Block::Redacted(_) => 0,
            Block::Text(text) | Block::Call { arguments: text, .. } => count(text),
        };
        count_of.output += words;
    }
    count_of
}

/// The signature a twin gives to its own thinking: a plain FNV-1a hash, enough to notice a changed byte.
pub(crate) fn signature_of(text: &str) -> String {
    format!("sandbox-signature-{:016x}", hash(text.as_bytes()))
}

pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
