//! The client's side of SMTP (RFC 5321), over a connection that the door out has opened.
//!
//! One letter per connection. Replies are read for their codes; their texts may repeat what was sent and go nowhere.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use domain::Secret;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use crate::Problem;

/// How long a reply may take; the one to the letter itself takes longer (RFC 5321, 4.5.3.2).
const REPLY: Duration = Duration::from_secs(60);
const ACCEPT: Duration = Duration::from_secs(300);

/// No honest reply is longer.
const LONGEST: usize = 16 << 10;

/// A reply: its code, and the lines without it.
struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    /// Whether a word begins one of the lines, as capabilities do.
    fn line(&self, word: &str) -> Option<&str> {
        self.lines.iter().map(String::as_str).find(|line| {
            let first = line.split([' ', '=']).next().unwrap_or_default();
            first.eq_ignore_ascii_case(word)
        })
    }

    fn expect(self, codes: &[u16], problem: &'static str) -> Result<Self, Problem> {
        match self.code {
            code if codes.contains(&code) => Ok(self),
            // A 5 is the server's last word on it (RFC 5321, 4.2.1).
            code @ 500..=599 => Err(Problem::lasting(problem, Some(code))),
            code => Err(Problem::passing(problem, Some(code))),
        }
    }

    /// The same where the server's last word is about the installation and not about the letter: somebody may mend it.
    fn expect_mendable(self, codes: &[u16], problem: &'static str) -> Result<Self, Problem> {
        let code = self.code;
        self.expect(codes, problem).map_err(|_| Problem::passing(problem, Some(code)))
    }
}

/// A conversation.
pub(crate) struct Talk<S> {
    stream: S,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// The server's first words.
    pub(crate) async fn welcome(&mut self) -> Result<(), Problem> {
        self.reply(REPLY).await?.expect_mendable(&[220], "mail_refused").map(drop)
    }

    /// The connection, once the server is ready for TLS. Words that came before their time are not believed:
    /// they were said in the clear.
    pub(crate) async fn upgrade(mut self, name: &str) -> Result<S, Problem> {
        let capabilities = self.hello(name).await?;
        if capabilities.line("STARTTLS").is_none() {
            return Err(Problem::passing("mail_without_tls", None));
        }
        self.command("STARTTLS").await?.expect_mendable(&[220], "mail_without_tls")?;
        if self.read.is_empty() { Ok(self.stream) } else { Err(broken("mail_protocol")) }
    }

    async fn hello(&mut self, name: &str) -> Result<Reply, Problem> {
        self.command(&format!("EHLO {name}")).await?.expect_mendable(&[250], "mail_refused")
    }

    /// Hands one letter over; returns the code with which the server took it.
    pub(crate) async fn deliver(
        &mut self,
        (name, user): (&str, Option<&(String, Secret<String>)>),
        (from, to): (&str, &str),
        letter: &[u8],
    ) -> Result<u16, Problem> {
        let capabilities = self.hello(name).await?;
        if let Some((user, password)) = user {
            self.sign_in(&capabilities, user, password).await?;
        }
        let sender = self.command(&format!("MAIL FROM:<{from}>")).await?;
        sender.expect_mendable(&[250], "sender_refused")?;
        let recipient = self.command(&format!("RCPT TO:<{to}>")).await?;
        recipient.expect(&[250, 251], "recipient_refused")?;
        self.command("DATA").await?.expect(&[354], "message_refused")?;
        self.say(&stuffed(letter)).await?;
        let taken = self.reply(ACCEPT).await?.expect(&[250], "message_refused")?;
        // It is theirs now: whatever happens to the farewell, it is not sent again.
        let _ = self.command("QUIT").await;
        Ok(taken.code)
    }

    async fn sign_in(
        &mut self,
        capabilities: &Reply,
        user: &str,
        password: &Secret<String>,
    ) -> Result<(), Problem> {
        const REFUSED: &str = "mail_sign_in_refused";
        let ways = capabilities.line("AUTH").unwrap_or_default().to_ascii_uppercase();
        let offered = |way: &str| ways.split([' ', '=']).any(|one| one == way);
        if offered("PLAIN") {
            let both = BASE64.encode(format!("\0{user}\0{}", password.expose()));
            let answer = self.command(&format!("AUTH PLAIN {both}")).await?;
            return answer.expect_mendable(&[235], REFUSED).map(drop);
        }
        if offered("LOGIN") {
            self.command("AUTH LOGIN").await?.expect_mendable(&[334], REFUSED)?;
            self.command(&BASE64.encode(user)).await?.expect_mendable(&[334], REFUSED)?;
            let answer = self.command(&BASE64.encode(password.expose())).await?;
            return answer.expect_mendable(&[235], REFUSED).map(drop);
        }
        Err(Problem::passing("mail_sign_in_unknown", None))
    }

    async fn command(&mut self, text: &str) -> Result<Reply, Problem> {
        self.say(format!("{text}\r\n").as_bytes()).await?;
        self.reply(REPLY).await
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let said = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout(ACCEPT, said).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(broken("mail_connection_lost")),
            Err(_) => Err(broken("mail_timeout")),
        }
    }

    async fn reply(&mut self, within: Duration) -> Result<Reply, Problem> {
        timeout(within, self.lines()).await.unwrap_or_else(|_| Err(broken("mail_timeout")))
    }

    /// One reply of one or more lines: `250-first`, `250 last`.
    async fn lines(&mut self) -> Result<Reply, Problem> {
        let mut lines = Vec::new();
        let mut size = 0;
        loop {
            let line = self.line().await?;
            size += line.len();
            let code = line.get(..3).and_then(|text| text.parse().ok());
            let code = code.ok_or(broken("mail_protocol"))?;
            let last = !line.get(3..).is_some_and(|rest| rest.starts_with('-'));
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if last {
                return Ok(Reply { code, lines });
            }
            if size > LONGEST {
                return Err(broken("mail_protocol"));
            }
        }
    }

    async fn line(&mut self) -> Result<String, Problem> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                let text = String::from_utf8(line).map_err(|_| broken("mail_protocol"))?;
                return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
            }
            if self.read.len() > LONGEST {
                return Err(broken("mail_protocol"));
            }
            let mut more = [0; 1024];
            match self.stream.read(&mut more).await {
                Ok(0) | Err(_) => return Err(broken("mail_connection_lost")),
                Ok(count) => self.read.extend_from_slice(more.get(..count).unwrap_or_default()),
            }
        }
    }
}

const fn broken(code: &'static str) -> Problem {
    Problem::passing(code, None)
}

/// The letter with its end. A line that begins with a dot gets another one (RFC 5321, 4.5.2); bare line feeds would
/// be read differently by different servers and become whole line ends.
fn stuffed(letter: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(letter.len() + 64);
    let ended = letter.strip_suffix(b"\n").unwrap_or(letter);
    for line in ended.split(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        out.extend(line.iter().copied().filter(|byte| *byte != b'\r'));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_letter_ends_it() {
        let text = |letter: &str| String::from_utf8(stuffed(letter.as_bytes())).unwrap();
        assert_eq!(text("a\r\n.\r\n..b\r\n"), "a\r\n..\r\n...b\r\n.\r\n");
        assert_eq!(text("a\n.\nb"), "a\r\n..\r\nb\r\n.\r\n", "bare line feeds neither");
        assert_eq!(text("a\r.\r\n"), "a.\r\n.\r\n");
    }

    #[tokio::test]
    async fn words_said_before_tls_are_not_believed() {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let served = async {
            theirs.write_all(b"250-twin\r\n250 STARTTLS\r\n").await.unwrap();
            theirs.write_all(b"220 go\r\n250 injected\r\n").await.unwrap();
        };
        let (refused, ()) = tokio::join!(Talk::new(ours).upgrade("client.example"), served);
        assert_eq!(refused.err().map(|problem| problem.code), Some("mail_protocol"));
    }
}
