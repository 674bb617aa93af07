//! What is no conversation: each house is as strict as the real one.

use sandbox::Script;
use serde_json::{Value, json};

use crate::house::{start, whole};

#[tokio::test]
async fn each_house_speaks_its_own_dialect() {
    let twin = start(Script::default()).await;
    let document = json!({"model": "sandbox-rerank", "query": "q", "documents": ["q", "x"]});
    for (path, results) in
        [("/v1", "results"), ("/jina/v1", "results"), ("/v2", "results"), ("/voyage/v1", "data")]
    {
        let (status, body) = whole(&twin, &format!("{path}/rerank"), &document).await;
        assert_eq!((status, &body[results][0]["index"]), (200, &json!(0)), "{path}: {body}");
    }
    let with = |name: &str, value: Value| {
        let mut body = document.clone();
        body[name] = value;
        body
    };
    for (path, body) in [
        ("/v2/rerank", with("return_documents", json!(true))),
        ("/v2/rerank", with("documents", json!([{"text": "x"}]))),
        ("/voyage/v1/rerank", with("top_n", json!(1))),
        ("/jina/v1/rerank", with("top_k", json!(1))),
        ("/v1/rerank", with("documents", json!([]))),
        ("/v2/embed", json!({"model": "sandbox-embed", "texts": ["x"]})),
        (
            "/voyage/v1/embeddings",
            json!({"model": "sandbox-embed", "input": "x", "encoding_format": "float"}),
        ),
        ("/v1/embeddings", json!({"model": "sandbox-embed", "input": "x", "input_type": "query"})),
        ("/jina/v1/embeddings", json!({"model": "sandbox-embed", "input": [1]})),
        ("/v1/images/generations", json!({"model": "sandbox-draw", "prompt": "x", "n": 11})),
        ("/v1/audio/speech", json!({"model": "sandbox-speech", "input": "x"})),
        ("/v1/audio/transcriptions", json!({"model": "sandbox-transcribe"})),
        ("/v1/moderations", json!({"input": []})),
        ("/v1/embeddings", json!({"model": "sandbox-echo", "input": "x"})),
    ] {
        let (status, answer) = whole(&twin, path, &body).await;
        assert_eq!(status, 400, "{path} {body}: {answer}");
    }
}

#[tokio::test]
async fn errors_are_in_the_words_of_the_house() {
    let twin = start(Script::default()).await;
    let body =
        json!({"model": "sandbox-error-429", "texts": ["secret"], "input_type": "search_query"});
    let (status, answer) = whole(&twin, "/v2/embed", &body).await;
    assert_eq!(status, 429);
    assert!(answer["message"].as_str().unwrap().contains("secret"), "as careless as real ones");
    let body = json!({"model": "sandbox-error-500", "input": "x"});
    let (_, answer) = whole(&twin, "/v1/embeddings", &body).await;
    assert!(answer["error"]["message"].is_string());
    let chat = json!({"model": "sandbox-embed", "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(whole(&twin, "/v1/chat/completions", &chat).await.0, 400);
}
