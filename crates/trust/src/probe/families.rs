//! GW-13: every format in which providers are asked, asked in every format of clients. Each answer must hold what the
//! client's format promises: a text, who answered, and how many tokens.

use domain::Result;
use serde_json::{Value, json};

use super::{
    Finding, Findings, Run,
    routing::{
        Project,
        places::{BROKEN, FAMILIES, SERVED},
    },
};
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
};

const CONTROL: &str = "GW-13";
const QUESTION: &str = "Which way is it to the river?";

/// How a client asks, and where in its answers things stand.
struct Door {
    path: fn(&str, bool) -> String,
    body: fn(&str, bool) -> Value,
    text: &'static str,
    tokens: [&'static str; 2],
    /// What the last event of a stream holds.
    end: &'static str,
}

fn chat(model: &str, stream: bool) -> Value {
    let messages = json!([{"role": "user", "content": QUESTION}]);
    json!({"model": model, "stream": stream, "max_tokens": 50, "messages": messages})
}

/// Chat Completions say at the end of a stream how many tokens it took only when they are asked to.
fn counted(model: &str, stream: bool) -> Value {
    let mut body = chat(model, stream);
    if let Some(members) = body.as_object_mut().filter(|_| stream) {
        members.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    body
}

const DOORS: [Door; 4] = [
    Door {
        path: |_, _| "/v1/chat/completions".to_owned(),
        body: counted,
        text: "/choices/0/message/content",
        tokens: ["/usage/prompt_tokens", "/usage/completion_tokens"],
        end: "data: [DONE]",
    },
    Door {
        path: |_, _| "/v1/messages".to_owned(),
        body: chat,
        text: "/content/0/text",
        tokens: ["/usage/input_tokens", "/usage/output_tokens"],
        end: "\"type\":\"message_stop\"",
    },
    Door {
        path: |_, _| "/v1/responses".to_owned(),
        body: |model, stream| json!({"model": model, "stream": stream, "input": QUESTION}),
        text: "/output/0/content/0/text",
        tokens: ["/usage/input_tokens", "/usage/output_tokens"],
        end: "response.completed",
    },
    Door {
        path: |model, stream| {
            let how = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            format!("/v1beta/models/{model}:{how}")
        },
        body: |_, _| json!({"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]}),
        text: "/candidates/0/content/parts/0/text",
        tokens: ["/usageMetadata/promptTokenCount", "/usageMetadata/candidatesTokenCount"],
        end: "\"finishReason\":\"STOP\"",
    },
];

/// What came of one request.
struct Told {
    answered: bool,
    /// Whether it holds everything that it should.
    whole: bool,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let places = cx.site.visit().await;
    let house = &cx.houses.second;
    let project = Project::of(cx, house, "families", json!({"allow_training": true})).await?;
    let mut told = Vec::new();
    for (name, _) in FAMILIES {
        for door in &DOORS {
            for stream in [false, true] {
                told.push(ask(cx, &project, door, (name, SERVED), stream).await?);
            }
        }
    }
    told.push(embed(cx, &project).await?);
    // A provider whose answers are errors in disguise: they must not pass for answers.
    let mut planted = true;
    for door in &DOORS {
        planted &= !ask(cx, &project, door, ("fam-openai", BROKEN), false).await?.whole;
    }
    drop(places);
    let population = told.len() as u64;
    let subjects = told.iter().filter(|told| told.whole).count() as u64;
    let verdict = if told.iter().any(|told| !told.answered) {
        Verdict::Fail(Reason::NotAnswered)
    } else if subjects < population {
        Verdict::Fail(Reason::AnswerInvalid)
    } else {
        Verdict::held(planted, subjects, population, cx.floor(CONTROL))
    };
    let finding = Finding::new(verdict, planted, (subjects, population))
        .measure("formats in which providers are asked", FAMILIES.len() as u64, "formats")
        .measure("formats in which clients ask", DOORS.len() as u64, "formats");
    Ok(vec![(CONTROL, finding)])
}

async fn ask(
    cx: Run<'_>,
    project: &Project,
    door: &Door,
    (name, model): (&str, &str),
    stream: bool,
) -> Result<Told> {
    let asked = format!("{name}/{model}");
    let (path, body) = ((door.path)(&asked, stream), (door.body)(&asked, stream));
    let (auth, payload) = (Auth::Key(project.key()), Payload::Json(body));
    let answer = cx.site.client.send("POST", &path, auth, payload).await?;
    let answered = answer.status == 200 && answer.header("x-probity-provider") == Some(name);
    let text = String::from_utf8_lossy(&answer.body);
    let whole = match stream {
        true => {
            text.contains(door.end)
                && (text.contains("_tokens\":") || text.contains("TokenCount\":"))
        }
        false => serde_json::from_str::<Value>(&text).is_ok_and(|said| holds(&said, door)),
    };
    Ok(Told { answered, whole: answered && whole })
}

/// Whether it says something, and how many tokens that took.
fn holds(said: &Value, door: &Door) -> bool {
    let text = said.pointer(door.text).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let count = |at: &&str| said.pointer(at).and_then(Value::as_u64).is_some_and(|count| count > 0);
    text && door.tokens.iter().all(count)
}

async fn embed(cx: Run<'_>, project: &Project) -> Result<Told> {
    let body = json!({"model": "sandbox-embed", "input": QUESTION});
    let (auth, payload) = (Auth::Key(project.key()), Payload::Json(body));
    let answer = cx.site.client.send("POST", "/v1/embeddings", auth, payload).await?;
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let vector = said.pointer("/data/0/embedding").and_then(Value::as_array);
    let whole = vector.is_some_and(|vector| !vector.is_empty());
    Ok(Told { answered: answer.status == 200, whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_text_or_count_is_not_whole() {
        let [door, ..] = &DOORS;
        let said = json!({
            "choices": [{"message": {"content": "Left."}}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 2},
        });
        assert!(holds(&said, door));
        for (at, value) in [
            ("/choices/0/message/content", json!("")),
            ("/choices/0/message/content", Value::Null),
            ("/usage/prompt_tokens", json!(0)),
            ("/usage/completion_tokens", json!("2")),
        ] {
            let mut wrong = said.clone();
            *wrong.pointer_mut(at).unwrap() = value;
            assert!(!holds(&wrong, door), "{wrong}");
        }
    }
}
