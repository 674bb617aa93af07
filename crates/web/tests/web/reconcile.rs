//! A provider's export beside what was recorded: by people and by programs, whatever is wrong with the file.

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use crate::house::{Answer, House, Org};

/// Asks once with the organization's key; the tokens that were recorded, and the day.
async fn asked(house: &House, org: &Org) -> (String, u64, u64) {
    let body = json!({"model": "sandbox-echo", "messages": [{"role": "user", "content": "three quiet words"}]});
    let request = Request::post("/v1/chat/completions")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {}", org.key))
        .body(Body::from(body.to_string()))
        .unwrap();
    assert_eq!(house.send(request).await.status, StatusCode::OK);
    house.store.drain().await.unwrap();
    let row = house.api("GET", "/api/v1/usage?limit=1", &org.admin_key, None).await.json()["data"]
        [0]
    .clone();
    let tokens = |name: &str| row["tokens"][name].as_u64().unwrap();
    (row["started"].as_str().unwrap()[..10].to_owned(), tokens("input"), tokens("output"))
}

/// Sends a file as a program does.
async fn sent(house: &House, key: &str, query: &str, file: impl Into<Body>) -> Answer {
    let request = Request::post(format!("/api/v1/usage/reconcile?{query}"))
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "text/csv")
        .body(file.into())
        .unwrap();
    house.send(request).await
}

fn verdicts(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let lines = answer.json()["lines"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines.iter().map(|line| (text(&line["model"]), text(&line["verdict"]))).collect()
}

#[tokio::test]
async fn an_export_is_compared_and_forgotten() {
    let house = House::new().await;
    let (day, input, output) = asked(&house, &house.acme).await;
    let head = "date,model,input_tokens,output_tokens,num_model_requests,user_id";
    let row =
        |input: u64| format!("{day},sandbox-echo-2026-01-01,{input},{output},1,user-canary\n");
    let query = format!("provider={}", house.acme.provider);
    let key = &house.acme.admin_key;
    let same = sent(&house, key, &query, format!("{head}\n{}", row(input))).await;
    assert_eq!(verdicts(&same), [("sandbox-echo".to_owned(), "same".to_owned())]);
    assert_eq!(same.json()["unused"], json!(["user_id"]));
    let other = format!("{head}\n{}{day},gone,1,1,1,x\n", row(input + 7));
    let other = sent(&house, key, "provider=custom", other).await;
    assert_eq!(
        verdicts(&other),
        [
            ("sandbox-echo".to_owned(), "differs".to_owned()),
            ("gone".to_owned(), "only_theirs".to_owned()),
        ]
    );
    let line = &other.json()["lines"][0];
    assert_eq!(
        (&line["difference"]["input"], &line["difference"]["output"]),
        (&json!(-7), &json!(0))
    );
    // What differs from every request, so that the tests of the counts are not about nothing.
    assert!(input > 0 && output > 0);
    let ours = sent(&house, key, &query, format!("{head}\n{day},gone,1,1,1,x\n")).await;
    assert_eq!(
        ours.json()["counted"],
        json!({"differs": 0, "only_ours": 1, "only_theirs": 1, "same": 0})
    );
    house.store.drain().await.unwrap();
    let events = house.api("GET", "/api/v1/audit?action=usage.reconcile", key, None).await;
    assert_eq!(events.json()["data"].as_array().unwrap().len(), 3, "{}", events.text);
    assert!(!events.text.contains("canary") && !events.text.contains("gone"), "{}", events.text);
    // Another's provider is as absent as none at all, and so is its usage.
    for named in [house.acme.provider.as_str(), "pvd_00000000000000000000000000", "openai", ""] {
        let answer =
            sent(&house, &house.other.admin_key, &format!("provider={named}"), row(1)).await;
        assert!(answer.status.is_client_error(), "{named}: {}", answer.text);
    }
    let theirs =
        sent(&house, &house.other.admin_key, "provider=custom", format!("{head}\n{}", row(input)))
            .await;
    assert_eq!(theirs.json()["counted"]["only_theirs"], json!(1), "{}", theirs.text);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_with_its_place() {
    let house = House::new().await;
    let key = &house.acme.admin_key;
    let query = "provider=custom&column=input%3DTokens%20in";
    for (file, code, says) in [
        (
            "date,model,Tokens in\n2026-11-20,m,canary\n",
            "invalid_export",
            "Row 1 (line 2), column Tokens in",
        ),
        ("hello", "unreadable_export", "names of its columns"),
        ("{\"data\":", "unreadable_export", "not valid JSON"),
        ("a,b\n1,2\n", "missing_column", "not recognised: a, b"),
    ] {
        let answer = sent(&house, key, query, file).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
        assert_eq!(answer.json()["code"], code, "{}", answer.text);
        assert!(answer.text.contains(says) && !answer.text.contains("canary"), "{}", answer.text);
    }
    let large = sent(&house, key, query, vec![b'a'; (32 << 20) + 1]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    for wrong in ["column=nothing%3Dx", "column=input", "cached=perhaps", "model=%3Dx"] {
        let answer = sent(&house, key, &format!("provider=custom&{wrong}"), "x").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_person_uploads_or_pastes_an_export() {
    let house = House::new().await;
    let (day, input, output) = asked(&house, &house.acme).await;
    let (path, me) = ("/o/acme/usage/reconcile", Some(&house.owner));
    let empty = house.get(path, me).await;
    assert_eq!(empty.status, StatusCode::OK, "{}", empty.text);
    assert!(empty.text.contains("Compare an export") && empty.text.contains(&house.acme.provider));
    let file = format!(
        "date,model,input_tokens,output_tokens\n{day},sandbox-echo,{input},{}\n",
        output + 50
    );
    let pasted = house.post(path, &[("provider", &house.acme.provider), ("text", &file)], me).await;
    assert_eq!(pasted.status, StatusCode::OK, "{}", pasted.text);
    assert!(pasted.text.contains("Differs") && pasted.text.contains("−50"), "{}", pasted.text);
    let form = format!(
        "--xyz\r\ncontent-disposition: form-data; name=\"provider\"\r\n\r\ncustom\r\n--xyz\r\ncontent-disposition: \
         form-data; name=\"file\"; filename=\"november.csv\"\r\ncontent-type: text/csv\r\n\r\n{file}\r\n--xyz--\r\n"
    );
    let uploaded = house.upload(path, form, me).await;
    assert_eq!(uploaded.status, StatusCode::OK, "{}", uploaded.text);
    assert!(uploaded.text.contains("−50"), "{}", uploaded.text);
    let stranger = house.get(path, Some(&house.stranger)).await;
    assert_eq!(stranger.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_hundred_thousand_rows_are_compared_at_once() {
    let house = House::new().await;
    let mut file = String::from(
        "start_time_iso,model,input_tokens,input_cached_tokens,output_tokens,api_key_id,user_id\n",
    );
    for row in 0..100_000_u32 {
        let (day, hour) = (row % 28 + 1, row % 24);
        file.push_str(&format!(
            "2026-11-{day:02}T{hour:02}:00:00+00:00,model-{},1000,800,20,key_x,user_x\n",
            row % 50
        ));
    }
    let before = std::time::Instant::now();
    let answer = sent(&house, &house.acme.admin_key, "provider=custom", file).await;
    eprintln!("100,000 rows: {:?}", before.elapsed());
    assert_eq!(
        answer.json()["rows"],
        json!(100_000),
        "{}",
        &answer.text[..200.min(answer.text.len())]
    );
    assert!(before.elapsed().as_secs() < 10);
}
