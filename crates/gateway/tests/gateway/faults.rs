//! Everything that can go wrong with a provider.

use domain::{Protocol, Provenance, StatedTerms};
use gateway::GatewayConfig;
use llm::Format;
use sandbox::Script;
use serde_json::Value;
use store::NewProvider;

use crate::house::{
    FORMATS, House, PROMPT, PROVIDERS, WAYS, complete, error_code, events, provider, quick,
    request, script, streamed_text, text_of,
};

/// Faults after the first piece: the client is told inside the stream, in its own format.
#[tokio::test]
async fn a_stream_that_breaks_ends_in_an_error_of_the_clients_format() {
    let faults = [
        ("sandbox-cut", "upstream_cut"),
        ("sandbox-reset", "upstream_cut"),
        ("sandbox-stall", "stall_timeout"),
        ("sandbox-malformed-sse", "upstream_malformed"),
        ("sandbox-error-mid-stream", ""),
    ];
    for (fault, code) in faults {
        let house = House::new().await;
        for (provider, _) in PROVIDERS {
            for format in FORMATS {
                let told = house.ask(format, &request(&format!("{provider}/{fault}"), true)).await;
                let what = format!("{provider} {fault} {format:?}: {}", told.text);
                assert_eq!(told.status, 200, "{what}");
                let begun = streamed_text(format, &told.text);
                assert_eq!(begun, "purple giraffe whispers ", "{what}");
                assert!(!complete(format, &told.text), "{what}");
                let last = events(&told.text).pop().unwrap();
                let ended = last["delta"]["finish_reason"] == "ERROR";
                assert!(last.get("error").is_some() || last["type"] == "error" || ended, "{what}");
                if !code.is_empty() {
                    assert_eq!(error_code(format, &last), code, "{what}");
                }
                assert_eq!(told.text.matches("\"error\"").count(), count_of(format), "{what}");
            }
        }
        let rows = house.usage().await;
        assert_eq!(rows.len(), WAYS, "{fault}");
        for row in rows {
            let usage = row.usage.expect("the partial is billed");
            assert_eq!(usage.provenance, Provenance::Estimated, "{fault}");
            assert!(usage.output > 0 && usage.input > 0, "{fault} {usage:?}");
            assert!(row.status >= 500 && row.error_code.is_some(), "{fault} {row:?}");
            assert_eq!(row.attempts, 1, "{fault}: the client has heard the beginning");
        }
    }
}

/// How often the word stands in one error event: Anthropic's says it as its type as well.
const fn count_of(format: Format) -> usize {
    match format {
        Format::OpenAiChat
        | Format::Gemini
        | Format::BedrockConverse
        | Format::Cohere
        | Format::Watsonx => 1,
        Format::AnthropicMessages => 2,
        // The shell of the response at the beginning says that there is none.
        Format::OpenAiResponses => 3,
    }
}

/// Faults before the first piece, and faults of whole answers: an ordinary error, after another attempt.
#[tokio::test]
async fn what_breaks_before_the_first_piece_is_an_ordinary_error() {
    // Most of them are waits, which need not follow each other.
    tokio::join!(
        breaks(("sandbox-cut", false, 502, 2)),
        breaks(("sandbox-reset", false, 502, 2)),
        breaks(("sandbox-malformed-sse", false, 502, 2)),
        breaks(("sandbox-stall", false, 504, 1)),
        breaks(("sandbox-slow-first-token", true, 504, 1)),
        breaks(("sandbox-slow-headers", true, 504, 1)),
        breaks(("sandbox-error-in-200", true, 529, 2)),
        breaks(("sandbox-error-in-200", false, 529, 2)),
    );
}

async fn breaks((fault, stream, status, attempts): (&str, bool, u16, u32)) {
    let house = House::new().await;
    for (provider, _) in PROVIDERS {
        for format in FORMATS {
            let model = format!("{provider}/{fault}");
            let told = house.ask(format, &request(&model, stream)).await;
            let what = format!("{model} {format:?} {stream}: {}", told.text);
            // OpenAI's protocol has no word for overload that a status could be told from.
            let expected = match (status, provider, format) {
                // That service says no such thing in a whole answer: it is no answer.
                (529, "bed", _) if !stream => 502,
                (529, "open" | "resp", _) => 500,
                // Nor has Cohere's any for what went wrong inside of an answer.
                (529, "coh", _) => 502,
                (529, _, format) if format != Format::AnthropicMessages => 503,
                (status, _, _) => status,
            };
            assert_eq!(told.status, expected, "{what}");
            assert_eq!(told.header("content-type"), "application/json", "{what}");
            assert!(!error_code(format, &told.json()).is_empty(), "{what}");
            assert!(!told.text.contains("giraffe"), "{what}");
            let row = house.usage().await.pop().unwrap();
            assert_eq!((row.status, row.attempts), (expected, attempts), "{what}");
        }
    }
}

/// Nothing was sent, so nothing is billed; the client hears it in its own format.
#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_an_ordinary_error() {
    let house = House::new().await;
    // Nobody listens here: the port was given back.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let twin = house.twin.base_url();
    let faults = [
        ("refused", format!("http://{gone}/v1"), "connect_failed", 2),
        ("plain", twin.replace("http://", "https://"), "tls_failed", 1),
        ("nameless", "http://nobody.test/v1".to_owned(), "connect_failed", 2),
    ];
    for (name, base_url, code, attempts) in faults {
        // Companies of the catalogue are called at their own addresses only; this one is nobody's.
        let about = ("eu-test-1", Some(StatedTerms::OWN));
        let new = provider(name, Protocol::OpenAi, &base_url, about);
        house.register(NewProvider { catalog: "custom".to_owned(), ..new }).await;
        for format in FORMATS {
            for stream in [false, true] {
                let ask = request(&format!("{name}/sandbox-echo"), stream);
                let told = house.ask(format, &ask).await;
                let what = format!("{name} {format:?} {stream}: {}", told.text);
                assert_eq!(told.status, 502, "{what}");
                assert_eq!(told.header("content-type"), "application/json", "{what}");
                assert_eq!(error_code(format, &told.json()), code, "{what}");
                assert!(!told.text.contains("giraffe"), "{what}");
                let row = house.usage().await.pop().unwrap();
                assert_eq!((row.status, row.attempts), (502, attempts), "{what}");
                assert_eq!((row.usage, row.cost_nano), (None, None), "{what}");
            }
        }
    }
    assert_eq!(house.twin.inspector().counters().requests, 0);
}

#[tokio::test]
async fn odd_framing_and_large_events_pass() {
    // Nothing here is about patience, and a large answer takes its time on a busy machine.
    let config =
        GatewayConfig { first_token_ms: 10_000, stall_ms: 10_000, total_ms: 30_000, ..quick() };
    let house = House::with(config, Script { keep: 0, ..script() }).await;
    let models = [
        "sandbox-crlf",
        "sandbox-comments",
        "sandbox-split-utf8",
        "sandbox-huge-event",
        "sandbox-no-usage",
        "sandbox-null-usage",
    ];
    for (provider, _) in PROVIDERS {
        for format in FORMATS {
            for model in models {
                let name = format!("{provider}/{model}");
                let told = house.ask(format, &request(&name, true)).await;
                let text = streamed_text(format, &told.text);
                let expected = match model {
                    "sandbox-huge-event" => "x".repeat(1 << 20),
                    "sandbox-split-utf8" => {
                        format!("{PROMPT} naïve 世界 🦀 e\u{301} 👩‍👩‍👧")
                    }
                    _ => PROMPT.to_owned(),
                };
                assert!(text == expected, "{name} {format:?}: {} bytes", text.len());
                assert!(complete(format, &told.text), "{name} {format:?}");
                let whole = house.ask(format, &request(&name, false)).await;
                assert!(text_of(format, &whole.json()) == expected, "{name} {format:?}");
            }
        }
    }
    for row in house.usage().await {
        let usage = row.usage.unwrap();
        let reported = !row.model.ends_with("-usage");
        assert_eq!(usage.provenance == Provenance::Reported, reported, "{row:?}");
        assert!(usage.output > 0, "absent is not zero: {row:?}");
    }
}

#[tokio::test]
async fn the_whole_request_has_an_end() {
    let mut config = quick();
    config.total_ms = 300;
    config.stall_ms = 10_000;
    let house = House::with(config, script()).await;
    let told = house.ask(FORMATS[0], &request("open/sandbox-slow-headers", false)).await;
    assert_eq!(told.status, 504);
    assert_eq!(error_code(FORMATS[0], &told.json()), "total_timeout");
    let told = house.ask(FORMATS[1], &request("open/sandbox-stall", true)).await;
    let last: Value = events(&told.text).pop().unwrap();
    assert_eq!(error_code(FORMATS[1], &last), "total_timeout");
    let counters = house.twin.inspector().wait(|counters| counters.cancelled == 2).await;
    assert_eq!(counters.open, 0, "nobody keeps working");
}

#[tokio::test]
async fn cached_tokens_are_billed_at_their_own_price() {
    let house = House::new().await;
    for (provider, _) in PROVIDERS {
        for format in FORMATS {
            for stream in [false, true] {
                let mut ask = request(&format!("{provider}/sandbox-cached"), stream);
                ask["messages"][0]["content"] = "one two three four".into();
                assert_eq!(house.ask(format, &ask).await.status, 200);
            }
        }
    }
    for row in house.usage().await {
        let usage = row.usage.unwrap();
        assert_eq!((usage.input, usage.cache_read, usage.output), (2, 2, 4), "{row:?}");
        assert_eq!(row.cost_nano, Some(2 * 1000 + 2 * 100 + 4 * 4000));
    }
}
