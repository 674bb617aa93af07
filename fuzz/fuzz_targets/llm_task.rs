//! Any bytes as a request that is no conversation, and as its answer: no panic; a prepared request has the provider's
//! model, and one of the same dialect is otherwise what it was. Files of requests are taken apart without losing a byte, and
//! what came of a request is one line of JSON.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use llm::{Dialect, Task, TaskAsked, TaskStream, task_head, task_prepare, task_respond};

const FORM: &str = "multipart/form-data; boundary=x";

fuzz_target!(|data: &[u8]| {
    // A request and an answer, divided by a byte that neither text holds.
    let mut both = data.splitn(2, |byte| *byte == 0xff);
    let body = Bytes::copy_from_slice(both.next().unwrap_or_default());
    let answer = Bytes::copy_from_slice(both.next().unwrap_or_default());
    batch(&body, &answer);
    for task in Task::ALL {
        for kind in [None, Some(FORM)] {
            let Ok(head) = task_head(task, kind, &body) else { continue };
            for dialect in Dialect::ALL {
                let to = ("other", false);
                let Ok(prepared) = task_prepare(task, dialect, &body, &head, to) else { continue };
                if dialect == Dialect::Stability && matches!(task, Task::Images | Task::ImageEdits) {
                    // A form of another making, which nobody reads here.
                    assert!(prepared.body.ends_with(b"--\r\n"));
                } else if task.takes_forms() || dialect == Dialect::OpenAi && !task.is_cohere() {
                    let again = task_head(task, kind, &prepared.body).expect("it has a head");
                    assert_eq!(again.model, "other");
                } else {
                    serde_json::from_slice::<serde_json::Value>(&prepared.body).expect("JSON");
                }
                let asked = TaskAsked { task, dialect, body: &body, head: &head, id: "req", created: 7 };
                if let Ok(shown) = task_respond(asked, &answer, true, Some("shown")) {
                    serde_json::from_slice::<serde_json::Value>(&shown.body).expect("JSON");
                }
            }
            let mut stream = TaskStream::new(task, head.units, 1 << 16);
            let mut out = Vec::new();
            let (one, other) = answer.split_at(answer.len() / 2);
            let _ = stream.push(one, &mut out).and_then(|_| stream.push(other, &mut out));
            let _ = stream.finish(&mut out);
        }
    }
});

fn batch(body: &[u8], answer: &[u8]) {
    if let Ok(form) = llm::upload(Some(FORM), body) {
        assert!(body.get(form.content).is_some(), "it lies in the body");
    }
    let pieces = llm::batch_pieces(body, 16);
    assert_eq!(pieces.concat(), body);
    let lines: usize = pieces.iter().map(|piece| llm::batch_lines(piece).count()).sum();
    assert_eq!(lines, llm::batch_lines(body).count());
    for line in llm::batch_lines(body) {
        let Ok(line) = llm::batch_line(line) else { continue };
        let ids = ("id", &*line.custom_id);
        let written = llm::batch_answer(ids, (200, "req"), answer)
            .unwrap_or_else(|| llm::batch_refusal(ids, ("code", "message")));
        assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice::<serde_json::Value>(&written).expect("JSON");
    }
}
