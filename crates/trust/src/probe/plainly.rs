//! One request and its answer with every header, as a browser on this machine would see them: the door through which
//! everything else leaves says nothing about answers that lead on, and those are the ones that set cookies.

use std::{net::Ipv4Addr, time::Duration};

use domain::{Error, Result};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream, lookup_host},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);
/// No answer that is looked at here is longer.
const LONGEST: u64 = 1 << 20;

/// An address that speaks plain HTTP.
pub(super) struct Door {
    host: String,
    port: u16,
}

/// An answer, as far as it is looked at.
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) cookies: Vec<String>,
}

impl Door {
    /// `None` for an address that does not speak plain HTTP.
    pub(super) fn of(base: &str) -> Option<Self> {
        let url = url::Url::parse(base).ok().filter(|url| url.scheme() == "http")?;
        Some(Self { host: url.host_str()?.to_owned(), port: url.port_or_known_default()? })
    }

    /// Sends a form, or asks for a page, with these lines of a header besides; `from` is the address it comes from.
    pub(super) async fn ask(
        &self,
        from: Option<Ipv4Addr>,
        (method, path): (&str, &str),
        headers: &str,
        form: &str,
    ) -> Result<Said> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}:{}\r\nsec-fetch-site: same-origin\r\n{headers}\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{form}",
            self.host,
            self.port,
            form.len()
        );
        let exchange = async {
            let mut stream = self.connect(from).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.take(LONGEST).read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let silent = || Error::upstream("The installation did not answer.");
        let answer = timeout(PATIENCE, exchange).await.map_err(|_| silent())?;
        said(&answer.map_err(|error| silent().with_source(error))?).ok_or_else(silent)
    }

    async fn connect(&self, from: Option<Ipv4Addr>) -> std::io::Result<TcpStream> {
        let Some(from) = from else {
            return TcpStream::connect((self.host.as_str(), self.port)).await;
        };
        let mut all = lookup_host((self.host.as_str(), self.port)).await?;
        let to = all.find(std::net::SocketAddr::is_ipv4);
        let to = to.ok_or(std::io::ErrorKind::AddrNotAvailable)?;
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(to).await
    }
}

fn said(answer: &[u8]) -> Option<Said> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let cookies = headers.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let cookies = cookies.map(|(_, value)| value.trim().to_owned()).collect();
    Some(Said { status, cookies })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cookie_of_an_answer_is_seen() {
        let answer = b"HTTP/1.1 303 See Other\r\nset-cookie: a=b; Path=/\r\nSet-Cookie:c=d\r\n\r\nset-cookie: e=f";
        let said = said(answer).unwrap();
        assert_eq!(
            (said.status, said.cookies),
            (303, vec!["a=b; Path=/".to_owned(), "c=d".to_owned()])
        );
        assert!(Door::of("https://ai.example").is_none());
        assert_eq!(Door::of("http://127.0.0.1:81/").unwrap().port, 81);
    }
}
