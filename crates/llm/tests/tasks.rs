//! Requests that are no conversations: what stays byte for byte, what is said in another dialect, what is counted.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bytes::Bytes;
use domain::{Provenance, Units, Usage};
use llm::{
    BadAnswer, BadRequest, Dialect, Head, Prepared, StreamFault, Task, TaskAnswer, TaskAsked,
    TaskStream, UpstreamKind, task_head, task_prepare, task_respond,
};
use serde_json::{Value, json};

const FORM: &str = "multipart/form-data; boundary=xyz";

fn said(task: Task, dialect: Dialect, body: &str) -> Result<Prepared, BadRequest> {
    let body = Bytes::from(body.to_owned());
    let head = task_head(task, None, &body)?;
    task_prepare(task, dialect, &body, &head, ("theirs", false))
}

fn translated(task: Task, dialect: Dialect, body: &Value) -> (Value, Vec<String>) {
    let prepared = said(task, dialect, &body.to_string()).unwrap();
    (serde_json::from_slice(&prepared.body).unwrap(), prepared.dropped)
}

fn answered(
    (task, dialect): (Task, Dialect),
    request: &Value,
    answer: &str,
) -> Result<TaskAnswer, BadAnswer> {
    let body = Bytes::from(request.to_string());
    let head = task_head(task, None, &body).unwrap();
    let asked = TaskAsked { task, dialect, body: &body, head: &head, id: "req_1", created: 7 };
    task_respond(asked, &Bytes::from(answer.to_owned()), true, Some("ours"))
}

fn json_of(answer: &TaskAnswer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn the_same_dialect_changes_nothing_but_the_model_and_the_wishes() {
    let body = "{ \"input\" : [1,2.50, \"\\u0041\"],\t\"model\":\"ours\",\"provider\":{\"zdr\":true},\"x\":{\"y\":1e3} }\n";
    let prepared = said(Task::Embeddings, Dialect::OpenAi, body).unwrap();
    let expected =
        "{ \"input\" : [1,2.50, \"\\u0041\"],\t\"model\":\"theirs\",\"x\":{\"y\":1e3} }\n";
    assert_eq!(prepared.body, expected);
    assert_eq!((&*prepared.path, prepared.dropped.len()), ("/embeddings", 0));
    let bytes = Bytes::from(body);
    let head = task_head(Task::Embeddings, None, &bytes).unwrap();
    assert!(head.wishes.as_ref().unwrap().keep_nothing);
    let kept =
        task_prepare(Task::Embeddings, Dialect::OpenAi, &bytes, &head, ("ours", true)).unwrap();
    assert_eq!(kept.body, body);
    for (task, dialect, path) in [
        (Task::Embed, Dialect::Cohere, "/embed"),
        (Task::Rerank, Dialect::Jina, "/rerank"),
        (Task::RerankV2, Dialect::Cohere, "/rerank"),
        (Task::Moderations, Dialect::OpenAi, "/moderations"),
        (Task::Images, Dialect::OpenAi, "/images/generations"),
        (Task::ImageEdits, Dialect::OpenAi, "/images/edits"),
        (Task::Speech, Dialect::OpenAi, "/audio/speech"),
    ] {
        let body = r#"{"a":[1],"model":"m","input":"x","texts":[],"query":"q","documents":[],"prompt":"p"}"#;
        let prepared = said(task, dialect, body).unwrap();
        assert_eq!(prepared.body, body.replace("\"m\"", "\"theirs\""), "{task:?}");
        assert_eq!(prepared.path, path);
    }
}

#[test]
fn a_model_that_moderation_leaves_out_is_added() {
    let prepared = said(Task::Moderations, Dialect::OpenAi, "{\"input\":\"x\"} ").unwrap();
    assert_eq!(prepared.body, "{\"input\":\"x\",\"model\":\"theirs\"} ");
    let head = task_head(Task::Moderations, None, b"{\"input\":\"x\"}").unwrap();
    assert_eq!(head.model, "omni-moderation-latest");
}

#[test]
fn a_form_keeps_its_bytes_and_its_boundary() {
    let part = |name: &str, text: &str| {
        format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let file = "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nmodel\r\n";
    let body = format!("{file}{}{}--xyz--\r\n", part("model", "whisper"), part("stream", "true"));
    let bytes = Bytes::from(body.clone());
    let head = task_head(Task::Transcriptions, Some(FORM), &bytes).unwrap();
    assert_eq!((head.model.as_str(), head.stream, head.is_form()), ("whisper", true, true));
    let to = ("theirs-1", false);
    let prepared = task_prepare(Task::Transcriptions, Dialect::OpenAi, &bytes, &head, to).unwrap();
    assert_eq!(prepared.body, body.replace("whisper", "theirs-1"));
    assert_eq!(prepared.forwarded, ["content-type"]);

    let edit =
        format!("{}{}{}--xyz--", part("image[]", "PNG"), part("prompt", "p"), part("model", "m"));
    let head = task_head(Task::ImageEdits, Some(FORM), edit.as_bytes()).unwrap();
    assert_eq!(head.units.images, Some(1));
    let code = |task, body: &str| task_head(task, Some(FORM), body.as_bytes()).unwrap_err().code;
    assert_eq!(code(Task::Transcriptions, &edit), "missing_required_parameter");
    let twice = body.replacen("--xyz--", &format!("{}--xyz--", part("model", "other")), 1);
    assert_eq!(code(Task::Transcriptions, &twice), "duplicate_key");
    assert_eq!(code(Task::Transcriptions, "--xyz"), "invalid_form");
    assert_eq!(code(Task::Embeddings, &body), "wrong_content_type");
    let json = task_head(Task::Transcriptions, Some("application/json"), b"{}").unwrap_err();
    assert_eq!(json.code, "wrong_content_type");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let code = |task, body: &str| task_head(task, None, body.as_bytes()).unwrap_err().code;
    for (task, body, expected) in [
        (Task::Embeddings, "[]", "invalid_json"),
        (Task::Embeddings, "{", "invalid_json"),
        (Task::Embeddings, "{\"input\":\"x\"}", "missing_required_parameter"),
        (Task::Embeddings, "{\"model\":\"m\"}", "missing_required_parameter"),
        (
            Task::Embeddings,
            "{\"model\":\"m\",\"input\":\"x\",\"mod\\u0065l\":\"n\"}",
            "duplicate_key",
        ),
        (Task::Embeddings, "{\"model\":7,\"input\":\"x\"}", "invalid_value"),
        (Task::Embed, "{\"model\":\"m\"}", "missing_required_parameter"),
        (Task::Rerank, "{\"model\":\"m\",\"query\":\"q\"}", "missing_required_parameter"),
        (Task::Images, "{\"model\":\"m\",\"prompt\":\"p\",\"stream\":\"yes\"}", "invalid_value"),
        (Task::Speech, "{\"model\":\"m\",\"input\":[]}", "invalid_value"),
    ] {
        assert_eq!(code(task, body), expected, "{task:?} {body}");
    }
    let head = task_head(Task::Speech, None, "{\"model\":\"m\",\"input\":\"né 🦀\"}".as_bytes());
    let head: Head = head.unwrap();
    assert_eq!((head.units.characters, head.stream), (Some(4), true));
}

#[test]
fn embeddings_are_asked_for_in_every_dialect() {
    let openai = json!({
        "model": "ours", "input": ["a", "b"], "encoding_format": "base64", "dimensions": 64,
        "user": "u", "input_type": "query",
    });
    let (body, dropped) = translated(Task::Embeddings, Dialect::Cohere, &openai);
    let expected = json!({
        "model": "theirs", "texts": ["a", "b"], "embedding_types": ["float"],
        "input_type": "search_query", "output_dimension": 64,
    });
    assert_eq!((body, dropped), (expected, vec!["user".to_owned()]));
    let (body, _) = translated(Task::Embeddings, Dialect::Jina, &openai);
    let expected = json!({
        "model": "theirs", "input": ["a", "b"], "task": "retrieval.query",
        "embedding_type": "base64", "dimensions": 64,
    });
    assert_eq!(body, expected);
    let (body, _) = translated(Task::Embeddings, Dialect::Voyage, &openai);
    let expected = json!({
        "model": "theirs", "input": ["a", "b"], "input_type": "query",
        "encoding_format": "base64", "output_dimension": 64,
    });
    assert_eq!(body, expected);
    let plain = json!({"model": "ours", "input": "a", "encoding_format": "float", "task": "odd"});
    let (body, dropped) = translated(Task::Embeddings, Dialect::Voyage, &plain);
    assert_eq!(
        (body, dropped),
        (json!({"model": "theirs", "input": "a"}), vec!["task".to_owned()])
    );
    let tokens = json!({"model": "ours", "input": [[1, 2]]}).to_string();
    let refused = said(Task::Embeddings, Dialect::Cohere, &tokens).unwrap_err();
    assert_eq!((refused.code, refused.param.as_deref()), ("unsupported_parameter", Some("input")));

    let cohere = json!({
        "model": "ours", "texts": ["a"], "input_type": "search_document", "truncate": "END",
        "embedding_types": ["float", "base64"], "output_dimension": 64,
    });
    let (body, dropped) = translated(Task::Embed, Dialect::OpenAi, &cohere);
    let expected = json!({
        "model": "theirs", "input": ["a"], "dimensions": 64, "encoding_format": "float",
    });
    let lost = vec!["input_type".to_owned(), "truncate".to_owned()];
    assert_eq!((body, dropped), (expected, lost));
    let (body, dropped) = translated(Task::Embed, Dialect::Voyage, &cohere);
    let expected = json!({
        "model": "theirs", "input": ["a"], "input_type": "document", "output_dimension": 64,
        "truncation": true,
    });
    assert_eq!((body, dropped.len()), (expected, 0));
    for (name, value) in [("images", json!(["data:"])), ("embedding_types", json!(["int8"]))] {
        let mut body = cohere.clone();
        body[name] = value;
        let refused = said(Task::Embed, Dialect::OpenAi, &body.to_string()).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some(name));
    }
}

#[test]
fn embeddings_are_answered_in_the_clients_shape() {
    let asked = json!({"model": "ours", "input": ["a", "b"]});
    let cohere = r#"{"id":"x","embeddings":{"float":[[0.10,-1e-3],[2,3]]},"texts":["a","b"],
        "meta":{"billed_units":{"input_tokens":7}}}"#;
    let answer = answered((Task::Embeddings, Dialect::Cohere), &asked, cohere).unwrap();
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.contains("[0.10,-1e-3]"), "numbers stay as they were written: {text}");
    let expected = json!({
        "object": "list", "model": "ours", "usage": {"prompt_tokens": 7, "total_tokens": 7},
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.10, -1e-3]},
            {"object": "embedding", "index": 1, "embedding": [2, 3]},
        ],
    });
    assert_eq!(json_of(&answer), expected);
    assert_eq!((answer.usage.input, answer.usage.provenance), (7, Provenance::Reported));
    let packed = json!({"model": "ours", "input": "a", "encoding_format": "base64"});
    let one = r#"{"embeddings":{"float":[[1.0,-2.5]]}}"#;
    let answer = answered((Task::Embeddings, Dialect::Cohere), &packed, one).unwrap();
    assert_eq!(json_of(&answer)["data"][0]["embedding"], "AACAPwAAIMA=");
    assert_eq!(answer.usage, Usage::default(), "absent is not zero");
    assert!(json_of(&answer).get("usage").is_none());

    let openai = r#"{"object":"list","data":[{"index":1,"embedding":[3]},{"index":0,"embedding":[1.0]}],
        "model":"theirs","usage":{"prompt_tokens":5,"total_tokens":5}}"#;
    let asked = json!({"model": "m", "texts": ["a", "b"], "embedding_types": ["float", "base64"]});
    let answer = answered((Task::Embed, Dialect::OpenAi), &asked, openai).unwrap();
    let expected = json!({
        "id": "req_1", "embeddings": {"float": [[1.0], [3]], "base64": ["AACAPw==", "AABAQA=="]},
        "texts": ["a", "b"], "response_type": "embeddings_by_type",
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 5}},
    });
    assert_eq!(json_of(&answer), expected);

    let voyage = "{ \"data\":[{\"embedding\":[1.50]}], \"model\":\"theirs\",\"usage\":{\"total_tokens\":5} }";
    let asked = json!({"model": "ours", "input": "a"});
    let answer = answered((Task::Embeddings, Dialect::Voyage), &asked, voyage).unwrap();
    let expected = "{ \"data\":[{\"embedding\":[1.50]}], \"model\":\"ours\",\"usage\":{\"prompt_tokens\":5,\"total_tokens\":5} }";
    assert_eq!(answer.body, expected);
    assert_eq!(answer.usage.input, 5);
}

#[test]
fn ranking_is_asked_for_and_answered_in_every_dialect() {
    let first = json!({
        "model": "ours", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1,
        "return_documents": true, "rank_fields": ["text"],
    });
    let (body, dropped) = translated(Task::Rerank, Dialect::Cohere, &first);
    let expected = json!({"model": "theirs", "query": "q", "documents": ["a", "b"], "top_n": 1});
    assert_eq!((body, dropped), (expected, vec!["rank_fields".to_owned()]));
    let (body, _) = translated(Task::Rerank, Dialect::Voyage, &first);
    let expected = json!({
        "model": "theirs", "query": "q", "documents": ["a", "b"], "top_k": 1,
        "return_documents": false,
    });
    assert_eq!(body, expected);
    let cohere = r#"{"id":"x","results":[{"index":1,"relevance_score":0.90}],
        "meta":{"billed_units":{"search_units":2}}}"#;
    let answer = answered((Task::Rerank, Dialect::Cohere), &first, cohere).unwrap();
    let expected = json!({
        "id": "req_1", "model": "ours",
        "results": [{"index": 1, "relevance_score": 0.90, "document": {"text": "b"}}],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 2}},
    });
    assert_eq!(json_of(&answer), expected);
    assert_eq!((answer.units.searches, answer.usage), (Some(2), Usage::default()));

    let second =
        json!({"model": "ours", "query": "q", "documents": ["a"], "max_tokens_per_doc": 9});
    let (body, dropped) = translated(Task::RerankV2, Dialect::Jina, &second);
    let expected =
        json!({"model": "theirs", "query": "q", "documents": ["a"], "return_documents": false});
    assert_eq!((body, dropped), (expected, vec!["max_tokens_per_doc".to_owned()]));
    let voyage = r#"{"data":[{"index":0,"relevance_score":1}],"usage":{"total_tokens":4}}"#;
    let answer = answered((Task::RerankV2, Dialect::Voyage), &second, voyage).unwrap();
    let expected = json!({
        "id": "req_1", "results": [{"index": 0, "relevance_score": 1}],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 4}},
    });
    assert_eq!(json_of(&answer), expected);
    assert_eq!(answer.usage.input, 4);
    let objects = json!({"model": "m", "query": "q", "documents": [{"title": "t"}]}).to_string();
    let refused = said(Task::Rerank, Dialect::Cohere, &objects).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("documents"));
}

#[test]
fn every_provider_counts_in_its_own_way() {
    let image = json!({"model": "m", "prompt": "p", "n": 3});
    let counted = |task, request: &Value, answer: &str| {
        let answer = answered((task, Dialect::OpenAi), request, answer).unwrap();
        (answer.usage, answer.units)
    };
    let (usage, units) = counted(
        Task::Images,
        &image,
        r#"{"data":[{},{}],"usage":{"input_tokens":9,"output_tokens":100,"input_tokens_details":{"image_tokens":4}}}"#,
    );
    assert_eq!((usage.input, usage.output, usage.provenance), (9, 100, Provenance::Reported));
    let made = Units { images: Some(2), image_input: 4, image_output: 100, ..Units::default() };
    assert_eq!(units, made);
    let (usage, units) = counted(Task::Images, &image, r#"{"data":[{}]}"#);
    assert_eq!((usage, units.images), (Usage::default(), Some(1)));

    let form = "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--xyz\r\n\
        Content-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--xyz--";
    let form = Bytes::from_static(form.as_bytes());
    let head = task_head(Task::Transcriptions, Some(FORM), &form).unwrap();
    let heard = |answer: &str, is_json| {
        let (task, dialect) = (Task::Transcriptions, Dialect::OpenAi);
        let asked = TaskAsked { task, dialect, body: &form, head: &head, id: "", created: 7 };
        let answer = task_respond(asked, &Bytes::from(answer.to_owned()), is_json, None).unwrap();
        (answer.usage, answer.units)
    };
    let seconds = |milliseconds| Units { milliseconds: Some(milliseconds), ..Units::default() };
    for (answer, expected) in [
        (r#"{"text":"x","usage":{"type":"duration","seconds":2}}"#, seconds(2000)),
        (r#"{"text":"x","duration":"1.25"}"#, seconds(1250)),
        (r#"{"text":"x","duration":0.5}"#, seconds(500)),
        (r#"{"text":"x"}"#, Units::default()),
    ] {
        assert_eq!(heard(answer, true), (Usage::default(), expected), "{answer}");
    }
    let said = r#"{"text":"x","usage":{"type":"tokens","input_tokens":14,"output_tokens":3,"input_token_details":{"audio_tokens":12}}}"#;
    let (usage, units) = heard(said, true);
    assert_eq!((usage.input, usage.output, units.audio_input), (14, 3, 12));
    assert_eq!(heard("plain text", false), (Usage::default(), Units::default()));
}

#[test]
fn what_is_no_answer_is_none() {
    let asked = json!({"model": "m", "input": "x"});
    let of = |answer: &str| answered((Task::Embeddings, Dialect::OpenAi), &asked, answer);
    for answer in ["", "[]", "{}", "<html>", r#"{"object":"list"}"#] {
        assert_eq!(of(answer), Err(BadAnswer::Malformed), "{answer}");
    }
    let Err(BadAnswer::Upstream(error)) =
        of(r#"{"error":{"code":"rate_limit_exceeded","message":"secret"}}"#)
    else {
        panic!("an error inside a 200 is one")
    };
    assert_eq!((error.status, error.kind), (429, UpstreamKind::RateLimited));
    let cohere = answered((Task::Embeddings, Dialect::Cohere), &asked, r#"{"message":"secret"}"#);
    assert_eq!(cohere, Err(BadAnswer::Malformed));
}

const EVENTS: &str = "data: {\"type\":\"speech.audio.delta\",\"audio\":\"AAé=\"}\r\n\r\n: note\n\n\
    data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":4,\"output_tokens\":9}}\n\n";

#[test]
fn events_pass_as_they_are_however_they_are_cut() {
    let all = EVENTS.as_bytes();
    for cut in 0..=all.len() {
        let units = Units { characters: Some(2), ..Units::default() };
        let mut stream = TaskStream::new(Task::Speech, units, 1 << 20);
        let mut out = Vec::new();
        stream.push(&all[..cut], &mut out).unwrap();
        stream.push(&all[cut..], &mut out).unwrap();
        assert!(stream.finish(&mut out).unwrap().done);
        assert_eq!(out, all, "{cut}");
        assert_eq!((stream.usage().input, stream.usage().output), (4, 9));
        assert_eq!((stream.units().characters, stream.units().audio_output), (Some(2), 9));
    }
}

#[test]
fn an_error_in_a_stream_is_not_passed_on() {
    let mut stream = TaskStream::new(Task::Images, Units::default(), 1 << 20);
    let mut out = Vec::new();
    stream.push(b"data: {\"type\":\"image_generation.completed\"}\n\n", &mut out).unwrap();
    assert_eq!(stream.units().images, Some(1));
    let told = out.len();
    let error = "data: {\"type\":\"error\",\"error\":{\"code\":\"server_error\",\"message\":\"secret\"}}\n\n";
    let fault = stream.push(error.as_bytes(), &mut out).unwrap_err();
    assert!(matches!(fault, StreamFault::Upstream(_)));
    assert_eq!(out.len(), told);
    let mut cut = TaskStream::new(Task::Speech, Units::default(), 1 << 20);
    cut.push(b"data: {\"type\":\"x\"}\n\ndata: {\"ty", &mut out).unwrap();
    assert_eq!(cut.finish(&mut out), Err(StreamFault::Truncated));
    let mut none = TaskStream::new(Task::Speech, Units::default(), 1 << 20);
    assert_eq!(none.finish(&mut out), Err(StreamFault::Truncated));
    let mut long = TaskStream::new(Task::Speech, Units::default(), 8);
    assert_eq!(long.push(&[b'x'; 20], &mut out), Err(StreamFault::TooLarge));
}
