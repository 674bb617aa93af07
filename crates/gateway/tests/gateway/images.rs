//! Images at providers with ways of their own: Stability AI's forms, Replicate's predictions. And recordings told in
//! English.

use std::time::Duration;

use domain::{Protocol, Secret, StatedTerms};
use llm::Task;
use sandbox::Sandbox;
use serde_json::{Value, json};
use store::NewProvider;

use crate::house::{self, House, PROMPT, quick, read, script};

const KIND: &str = "multipart/form-data; boundary=xyz";

async fn house_of(catalog: &str) -> House {
    let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap();
    let house = House::bare(quick(), twin).await;
    let (path, protocol) = match catalog {
        "stability" => ("", Protocol::Stability),
        _ => ("/v1", Protocol::Replicate),
    };
    let base = format!("http://{}{path}", house.twin.addr);
    let about = ("eu-test-1", Some(StatedTerms::OWN));
    house
        .register(NewProvider {
            catalog: catalog.to_owned(),
            secret: Some(Secret::new("twin-key".to_owned())),
            ..house::provider(catalog, protocol, &base, about)
        })
        .await;
    house
}

fn part(name: &str, more: &str, content: &str) -> String {
    format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{content}\r\n")
}

#[tokio::test]
async fn stability_draws_what_an_openai_client_asks_for() {
    let house = house_of("stability").await;
    for model in ["stable-image-core", "stable-image-ultra", "sd3.5-large"] {
        let body = json!({
            "model": format!("stability/{model}"), "prompt": PROMPT, "size": "1536x1024",
            "quality": "high",
        });
        let told = house.ask_task(Task::Images, &body).await;
        assert_eq!(told.status, 200, "{model}: {}", told.text);
        let image = told.json()["data"][0]["b64_json"].as_str().unwrap().to_owned();
        assert!(image.starts_with("iVBORw0KGgo"), "{image}");
        assert!(told.json()["created"].as_u64().unwrap() > 1_700_000_000);
        assert_eq!(told.header("x-probity-dropped"), "quality");
        let row = house.usage().await.pop().unwrap();
        let price = (model == "stable-image-core").then_some(30_000_000);
        assert_eq!(row.cost_nano, price, "{model}");
    }
    let seen = house.twin.inspector().requests().remove(0);
    assert_eq!(seen.header("authorization"), Some("Bearer twin-key"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert!(String::from_utf8_lossy(&seen.body).contains("\r\n\r\n3:2\r\n"));
}

#[tokio::test]
async fn stability_paints_where_an_image_is_transparent() {
    let house = house_of("stability").await;
    let form = part("model", "", "stability/inpaint")
        + &part("prompt", "", PROMPT)
        + &part("image", "; filename=\"a.png\"\r\nContent-Type: image/png", "\u{89}PNG");
    // The first byte of a PNG is none of UTF-8's.
    let mut bytes = (form + "--xyz--\r\n").into_bytes();
    let at = bytes.windows(2).position(|two| two == [0xc2, 0x89]).unwrap();
    bytes.remove(at);
    let told = read(house.task(Task::ImageEdits, KIND, bytes).await).await;
    assert_eq!(told.status, 200, "{}", told.text);
    assert!(told.json()["data"][0]["b64_json"].is_string());
    let seen = house.twin.inspector().requests().pop().unwrap();
    assert_eq!(seen.path, "/v2beta/stable-image/edit/inpaint");
}

#[tokio::test]
async fn what_stability_will_not_draw_is_an_error() {
    let house = house_of("stability").await;
    for (model, prompt, status) in [
        ("stable-image-core", "unspeakable giraffe", 400),
        ("sd3-sandbox-error-500", PROMPT, 500),
        ("sd3-sandbox-error-429", PROMPT, 429),
        ("sd3-sandbox-error-401", PROMPT, 401),
    ] {
        let body = json!({"model": format!("stability/{model}"), "prompt": prompt});
        let told = house.ask_task(Task::Images, &body).await;
        assert_eq!(told.status, status, "{model}: {}", told.text);
        assert!(!told.text.contains("giraffe") && !told.text.contains("data"), "{}", told.text);
    }
    for more in [json!({"n": 2}), json!({"stream": true})] {
        let mut body = json!({"model": "stability/stable-image-core", "prompt": PROMPT});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(house.ask_task(Task::Images, &body).await.status, 400);
    }
}

fn predict(more: &Value) -> Value {
    let mut body = json!({"model": "replicate/sandbox/sandbox-draw", "prompt": PROMPT});
    body["input"] = more.clone();
    body
}

fn asked_after(house: &House) -> usize {
    let seen = house.twin.inspector().requests();
    seen.iter().filter(|one| one.method == "GET").count()
}

#[tokio::test]
async fn a_prediction_is_asked_after_until_it_is_done() {
    let house = house_of("replicate").await;
    let quick = house.ask_task(Task::Images, &predict(&json!({"go_fast": true}))).await;
    assert_eq!((quick.status, asked_after(&house)), (200, 0), "{}", quick.text);
    let mut body = predict(&json!({}));
    body["n"] = json!(2);
    let told = house.ask_task(Task::Images, &body).await;
    assert_eq!((told.status, asked_after(&house)), (200, 2), "{}", told.text);
    let answer = told.json();
    let all = answer["data"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    assert!(all[1]["url"].as_str().unwrap().ends_with("/out-1.webp"), "{answer}");
    let seen = house.twin.inspector().requests();
    assert_eq!(seen[0].path, "/v1/models/sandbox/sandbox-draw/predictions");
    assert!(seen[0].header("prefer").unwrap().starts_with("wait"));
    assert!(seen.iter().all(|one| one.header("authorization") == Some("Bearer twin-key")));
    assert!(
        !seen.iter().any(|one| one.path.ends_with("/cancel")),
        "what is done is not called off"
    );
}

#[tokio::test]
async fn a_prediction_that_fails_is_an_error_without_its_words() {
    let house = house_of("replicate").await;
    for (why, status) in [("NSFW content detected", 400), ("out of memory", 502)] {
        let told = house.ask_task(Task::Images, &predict(&json!({"fail": why}))).await;
        assert_eq!(told.status, status, "{}", told.text);
        assert!(!told.text.contains("giraffe") && !told.text.contains("memory"), "{}", told.text);
    }
    let mut body = predict(&json!({}));
    body["response_format"] = json!("b64_json");
    assert_eq!(house.ask_task(Task::Images, &body).await.status, 400);
}

#[tokio::test]
async fn a_prediction_that_nobody_waits_for_is_called_off() {
    let house = house_of("replicate").await;
    let body = predict(&json!({"forever": true}));
    let asked = house.twin.inspector().wait(|now| now.requests >= 3);
    tokio::select! {
        told = house.ask_task(Task::Images, &body) => panic!("{}", told.text),
        _ = asked => {}
    }
    let seen = || house.twin.inspector().requests();
    let called_off = async {
        let mut now = house.twin.inspector().counters();
        while !seen().iter().any(|one| one.path.ends_with("/cancel")) {
            let before = now.requests;
            now = house.twin.inspector().wait(|now| now.requests > before).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), called_off).await.expect("it is called off");
    assert_eq!(house.row().await.status, 499);
}

#[tokio::test]
async fn recordings_are_told_in_english() {
    let house = House::new().await;
    let mut wav = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wav.extend([0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0]);
    wav.extend(b"data\x80\x3e\0\0");
    let model = "open/sandbox-transcribe";
    let mut form =
        (part("model", "", model) + &part("response_format", "", "verbose_json")).into_bytes();
    form.extend(
        b"--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n",
    );
    form.extend(&wav);
    form.extend(b"\r\n--xyz--\r\n");
    let told = read(house.task(Task::Translations, KIND, form).await).await;
    assert_eq!((told.status, &told.json()["task"]), (200, &json!("translate")), "{}", told.text);
    let row = house.row().await;
    assert_eq!((row.protocol.as_str(), row.cost_nano), ("translation", Some(100_000)));
    let seen = house.twin.inspector().requests().pop().unwrap();
    assert_eq!(seen.path, "/v1/audio/translations");
}
