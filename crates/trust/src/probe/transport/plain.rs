//! Plain HTTP, and what may be answered to it.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::seed::Seed;

const PATIENCE: Duration = Duration::from_secs(5);
/// More than a redirect needs.
const LARGEST: u64 = 4_096;

/// Requests for pages, for the APIs and for nothing.
pub(super) fn asks(seed: Seed) -> Vec<String> {
    let nothing = format!("GET /{}", seed.text("path", 12));
    let known = [
        "GET /",
        "GET /sign-in",
        "GET /trust",
        "GET /healthz",
        "GET /v1/models",
        "GET /api/v1/projects",
        "POST /v1/chat/completions",
    ];
    known.into_iter().map(str::to_owned).chain([nothing]).collect()
}

/// What is answered to method and path; empty when the connection is closed without a word, `None` when nobody is
/// there or nobody says anything.
pub(super) async fn said(at: SocketAddr, ask: &str) -> Option<Vec<u8>> {
    let request =
        format!("{ask} HTTP/1.1\r\nhost: {at}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let exchange = async {
        let mut stream = TcpStream::connect(at).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        // What came before the connection broke counts.
        let _ended = stream.take(LARGEST).read_to_end(&mut answer).await;
        Some(answer)
    };
    timeout(PATIENCE, exchange).await.ok().flatten()
}

pub(super) fn is_http(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/")
}

/// Whether an answer says where TLS is spoken, and nothing else.
pub(in crate::probe) fn leads_to_tls(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let place = lines.filter_map(|line| line.split_once(':'));
    let mut place = place.filter(|(name, _)| name.eq_ignore_ascii_case("location"));
    let place = place.next().map(|(_, value)| value.trim()).unwrap_or_default();
    status == Some("308") && place.starts_with("https://") && body.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_way_to_tls_may_be_told() {
        let told = |text: &str| leads_to_tls(text.as_bytes());
        assert!(told("HTTP/1.1 308 Permanent Redirect\r\nLocation: https://ai.example/x\r\n\r\n"));
        assert!(!told("HTTP/1.1 308 Permanent Redirect\r\nlocation: http://ai.example/x\r\n\r\n"));
        assert!(!told("HTTP/1.1 308 Permanent Redirect\r\nlocation: https://x/\r\n\r\n<p>Hello"));
        assert!(!told("HTTP/1.1 200 OK\r\nlocation: https://ai.example/\r\n\r\n"));
        assert!(!told("HTTP/1.1 308 Permanent Redirect\r\n\r\n"));
        assert!(!told(""));
    }
}
