//! Requests that are no conversations: what comes back, where they went, what they cost.

use domain::{Protocol, Provenance};
use llm::Task;
use sandbox::Sandbox;
use serde_json::{Value, json};

use crate::house::{FORMATS, House, error_code, quick, read, request, script};

pub(crate) const TEXTS: [&str; 2] = ["purple giraffe whispers", "in the night"];
/// By name, each in a dialect of its own.
pub(crate) const HOUSES: [&str; 4] = ["open", "cohere", "jina", "voyage"];
pub(crate) const BOUNDARY: &str = "multipart/form-data; boundary=xyz";

/// One twin that stands for providers of every dialect.
pub(crate) async fn house() -> House {
    let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap();
    let house = House::bare(quick(), twin).await;
    let base = house.twin.base_url();
    let root = base.trim_end_matches("/v1");
    house.provider("open", Protocol::OpenAi, &base, &[]).await;
    house.provider("cohere", Protocol::Cohere, &format!("{root}/v2"), &[]).await;
    house.provider("jina", Protocol::Rerank, &format!("{root}/jina/v1"), &[]).await;
    let voyage = format!("{root}/voyage/v1");
    house.provider_of(("voyage", "voyage"), Protocol::Rerank, &voyage).await;
    house
}

pub(crate) fn part(name: &str, content: &[u8]) -> Vec<u8> {
    let file = if content.is_ascii() { "" } else { "; filename=\"a\"" };
    let head = format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

pub(crate) fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body: Vec<u8> = parts.iter().flat_map(|(name, content)| part(name, content)).collect();
    body.extend_from_slice(b"--xyz--\r\n");
    body
}

#[tokio::test]
async fn every_provider_embeds_alike() {
    let house = house().await;
    let mut seen: Vec<Value> = Vec::new();
    for name in HOUSES {
        let model = format!("{name}/sandbox-embed");
        let mut ask = json!({"model": model, "input": TEXTS});
        if name != "open" {
            // OpenAI's own refuses what it does not know, and so does its twin.
            ask["input_type"] = "query".into();
        }
        let told = house.ask_task(Task::Embeddings, &ask).await;
        assert_eq!(told.status, 200, "{name}: {}", told.text);
        assert_eq!(told.header("x-probity-provider"), name);
        let answer = told.json();
        assert_eq!(answer["model"], json!(model));
        assert_eq!(answer["usage"], json!({"prompt_tokens": 6, "total_tokens": 6}), "{name}");
        assert_eq!(answer["data"][1]["embedding"].as_array().unwrap().len(), 384);
        seen.push(answer["data"].clone());
        let row = house.usage().await.pop().unwrap();
        let usage = row.usage.unwrap();
        assert_eq!((row.protocol.as_str(), usage.input, usage.output), ("embeddings", 6, 0));
        assert_eq!(usage.provenance, Provenance::Reported);
        let priced = (name != "voyage").then_some(6_000);
        assert_eq!((row.cost_nano, row.status, row.streaming), (priced, 200, false));
        let receipt = house.receipt().await;
        assert_eq!(receipt["client_format"], "embeddings");
        let dialect = if name == "open" { "openai" } else { name };
        assert_eq!(receipt["candidates"][0]["format"], dialect);

        let packed = json!({"model": model, "input": TEXTS[0], "encoding_format": "base64", "dimensions": 8});
        let told = house.ask_task(Task::Embeddings, &packed).await;
        let text = told.json()["data"][0]["embedding"].as_str().unwrap_or_default().len();
        assert_eq!(text, (8_usize * 4).div_ceil(3) * 4, "{name}: {}", told.text);
        let cohere = json!({
            "model": model, "texts": TEXTS, "input_type": "search_query",
            "embedding_types": ["float"],
        });
        let told = house.ask_task(Task::Embed, &cohere).await;
        assert_eq!(told.status, 200, "{name}: {}", told.text);
        let answer = told.json();
        assert_eq!(answer["texts"], json!(TEXTS));
        assert_eq!(answer["meta"]["billed_units"]["input_tokens"], 6);
        assert_eq!(answer["embeddings"]["float"][0], seen[0][0]["embedding"], "{name}");
    }
    assert!(seen.iter().all(|data| data[0]["embedding"] == seen[0][0]["embedding"]));
    let jina = house.twin.inspector().requests();
    let jina = jina.iter().find(|request| request.path.starts_with("/jina")).unwrap();
    assert_eq!(jina.json()["task"], "retrieval.query");
    assert_eq!(jina.header("authorization"), Some("Bearer twin-key"));
}

#[tokio::test]
async fn every_provider_ranks_alike() {
    let house = house().await;
    let documents = ["nothing here", "a purple giraffe", "giraffe"];
    for name in HOUSES {
        let model = format!("{name}/sandbox-rerank");
        let ask = json!({
            "model": model, "query": "purple giraffe", "documents": documents, "top_n": 2,
            "return_documents": true,
        });
        let told = house.ask_task(Task::Rerank, &ask).await;
        assert_eq!(told.status, 200, "{name}: {}", told.text);
        let results = told.json()["results"].clone();
        assert_eq!(results.as_array().unwrap().len(), 2, "{name}");
        assert_eq!(results[0]["index"], 1);
        assert_eq!(results[0]["relevance_score"], 1.0);
        assert_eq!(results[0]["document"]["text"], documents[1], "{name}");
        let row = house.usage().await.pop().unwrap();
        assert_eq!(row.protocol, "rerank");
        let usage = row.usage.unwrap();
        let counted = if name == "cohere" { Provenance::Estimated } else { Provenance::Reported };
        assert_eq!(usage.provenance, counted, "searches are no tokens");
        let second = json!({"model": model, "query": "purple giraffe", "documents": documents});
        let told = house.ask_task(Task::RerankV2, &second).await;
        let answer = told.json();
        assert_eq!(answer["results"][0], json!({"index": 1, "relevance_score": 1.0}), "{name}");
        assert!(answer["meta"]["api_version"]["version"] == "2" && answer["id"].is_string());
    }
    let receipts = house.receipt().await;
    assert_eq!(receipts["client_format"], "rerank");
}

#[tokio::test]
async fn moderation_needs_no_model_of_its_own() {
    let house = house().await;
    house.alias("omni-moderation-latest", "sandbox-moderation").await;
    let told = house.ask_task(Task::Moderations, &json!({"input": "some violence"})).await;
    assert_eq!(told.status, 200, "{}", told.text);
    assert_eq!(told.json()["results"][0]["flagged"], true);
    assert_eq!(told.json()["model"], "omni-moderation-latest");
    let row = house.row().await;
    assert_eq!((row.protocol.as_str(), row.model.as_str()), ("moderation", "sandbox-moderation"));
    assert_eq!(row.usage.unwrap().provenance, Provenance::Estimated);
}

#[tokio::test]
async fn images_are_made_changed_and_paid_by_the_piece() {
    let house = house().await;
    let ask = json!({"model": "open/sandbox-draw", "prompt": "a giraffe", "n": 2});
    let told = house.ask_task(Task::Images, &ask).await;
    assert_eq!(told.status, 200, "{}", told.text);
    let image = told.json()["data"][0]["b64_json"].as_str().unwrap().to_owned();
    assert!(image.starts_with("iVBORw0KGgo"), "a PNG in base64");
    let row = house.usage().await.pop().unwrap();
    assert_eq!((row.protocol.as_str(), row.cost_nano), ("images", Some(80_000_000)));
    assert_eq!(row.usage.unwrap().output, 200);
    assert_eq!(house.receipt().await["units"]["images"], 2);

    let png = b"\x89PNG\r\n\x1a\nrest";
    let body = form(&[
        ("image", png),
        ("prompt", b"a taller giraffe"),
        ("model", b"open/sandbox-draw"),
        ("n", b"1"),
    ]);
    let told = read(house.task(Task::ImageEdits, BOUNDARY, body.clone()).await).await;
    assert_eq!(told.status, 200, "{}", told.text);
    let row = house.usage().await.pop().unwrap();
    assert_eq!((row.protocol.as_str(), row.cost_nano), ("image-edits", Some(40_000_000)));
    let sent = house.twin.inspector().requests().pop().unwrap();
    let expected = String::from_utf8_lossy(&body).replace("open/sandbox-draw", "sandbox-draw");
    assert_eq!(String::from_utf8_lossy(&sent.body), expected, "byte for byte but for the model");

    let ask = json!({"model": "sandbox-draw", "prompt": "x", "stream": true, "partial_images": 2});
    let told = house.ask_task(Task::Images, &ask).await;
    assert!(told.header("content-type").starts_with("text/event-stream"));
    assert_eq!(told.text.matches("image_generation.partial_image").count(), 2, "{}", told.text);
    let row = house.usage().await.pop().unwrap();
    assert_eq!((row.streaming, row.cost_nano), (true, Some(40_000_000)));
    assert_eq!(row.usage.unwrap().output, 100, "as the last event says");
}

#[tokio::test]
async fn speech_is_passed_on_as_it_comes_and_heard_again() {
    let house = house().await;
    let text = "a purple giraffe";
    let ask = json!({
        "model": "open/sandbox-speech", "input": text, "voice": "alloy", "response_format": "wav",
    });
    let response = house.task(Task::Speech, "application/json", ask.to_string()).await;
    assert_eq!(response.headers()["content-type"], "audio/wav");
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    let sound = body.to_bytes();
    assert!(sound.starts_with(b"RIFF") && sound.len() == 44 + 16 * 800);
    let row = house.usage().await.pop().unwrap();
    assert_eq!((row.protocol.as_str(), row.streaming), ("speech", true));
    assert_eq!(row.cost_nano, Some(16 * 15_000), "by the character");
    assert!(row.usage.is_none(), "nobody counted tokens, and absent is not zero");
    assert_eq!(house.receipt().await["units"]["characters"], 16);

    let body = form(&[("file", &sound), ("model", b"sandbox-transcribe")]);
    let told = read(house.task(Task::Transcriptions, BOUNDARY, body).await).await;
    assert_eq!(told.status, 200, "{}", told.text);
    assert_eq!(told.json()["text"], json!(format!("a recording of {} bytes", sound.len())));
    let row = house.usage().await.pop().unwrap();
    assert_eq!((row.protocol.as_str(), row.cost_nano), ("transcription", Some(100_000)));
    assert_eq!(house.receipt().await["units"]["milliseconds"], 1000);

    let body =
        form(&[("file", &sound), ("model", b"sandbox-transcribe"), ("response_format", b"text")]);
    let told = read(house.task(Task::Transcriptions, BOUNDARY, body).await).await;
    assert!(told.text.starts_with("a recording of"));
    assert!(told.header("content-type").starts_with("text/plain"));
    assert_eq!(house.usage().await.pop().unwrap().cost_nano, None, "nobody says how long it was");

    let body = form(&[("file", &sound), ("model", b"sandbox-transcribe"), ("stream", b"true")]);
    let told = read(house.task(Task::Transcriptions, BOUNDARY, body).await).await;
    assert!(told.text.contains("transcript.text.done"), "{}", told.text);
    let usage = house.usage().await.pop().unwrap().usage.unwrap();
    assert_eq!((usage.input, usage.output), (8, 5));

    let ask = json!({
        "model": "sandbox-speech", "input": text, "voice": "alloy", "stream_format": "sse",
    });
    let told = house.ask_task(Task::Speech, &ask).await;
    assert!(told.text.contains("speech.audio.done"), "{}", told.text);
    let row = house.usage().await.pop().unwrap();
    assert_eq!(row.usage.unwrap().output, 16, "as the last event says");
}

#[tokio::test]
async fn a_model_is_asked_where_it_serves() {
    let house = house().await;
    for (task, body) in [
        (Task::Embeddings, json!({"model": "open/sandbox-echo", "input": "x"})),
        (Task::Embed, json!({"model": "sandbox-echo", "texts": ["x"]})),
    ] {
        let told = house.ask_task(task, &body).await;
        assert_eq!(told.status, 400, "{}", told.text);
        assert!(told.text.contains("/v1/chat/completions"), "{}", told.text);
        assert!(told.text.contains("wrong_endpoint"));
    }
    for format in FORMATS {
        for model in ["sandbox-embed", "open/sandbox-embed"] {
            let told = house.ask(format, &request(model, false)).await;
            assert_eq!(
                (told.status, error_code(format, &told.json()).as_str()),
                (400, "wrong_endpoint")
            );
            assert!(told.text.contains("/v1/embeddings"), "{}", told.text);
        }
    }
    let told =
        house.ask_task(Task::Images, &json!({"model": "cohere/sandbox-draw", "prompt": "x"})).await;
    assert_eq!(told.status, 400, "{}", told.text);
    let told = house.ask_task(Task::Embeddings, &json!({"model": "gpt-9", "input": "x"})).await;
    assert_eq!((told.status, told.text.contains("model_not_found")), (404, true));
    assert!(house.usage().await.is_empty());
    assert_eq!(house.twin.inspector().counters().requests, 0);
}

#[tokio::test]
async fn all_kinds_of_models_are_listed() {
    let house = house().await;
    let asked = domain::RequestId::new(house.store.clock().now());
    let told = read(house.gateway.models(&house.key, FORMATS[0], asked).await).await;
    let listed = told.json()["data"].to_string();
    for model in ["sandbox-echo", "sandbox-embed", "sandbox-rerank", "sandbox-speech"] {
        assert!(listed.contains(&format!("\"{model}\"")), "{model}");
    }
}
