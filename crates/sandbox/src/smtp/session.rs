//! One connection of the mail server's twin.

use std::{io, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use super::{Fault, Inner, Received};

/// Longer lines are no mail.
const LONGEST: usize = 4096;

/// What a connection has come to.
#[derive(Default)]
struct State {
    hello: bool,
    signed_in: bool,
    from: Option<String>,
    to: Option<String>,
}

struct Session<'a, S> {
    stream: BufReader<S>,
    inner: &'a Inner,
    state: State,
    fault: Option<Fault>,
    secure: bool,
}

/// How a conversation ended.
enum End {
    Left,
    /// The client goes on over TLS.
    Upgrade,
}

fn cut<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the script says so"))
}

pub(super) async fn begin(stream: TcpStream, inner: &Arc<Inner>) -> io::Result<()> {
    let fault = inner.faults.lock().pop_front();
    let mut session = Session::new(stream, inner, fault, false);
    session.say("220 twin.example ESMTP").await?;
    match (session.talk().await?, inner.script.starttls.clone()) {
        (End::Upgrade, Some(tls)) => {
            let stream = session.stream.into_inner();
            let secure = TlsAcceptor::from(tls).accept(stream).await?;
            // The client begins anew, and the server has already said hello.
            Session::new(secure, inner, fault, true).talk().await.map(drop)
        }
        _ => Ok(()),
    }
}

pub(super) async fn secure<S>(stream: S, inner: &Arc<Inner>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let fault = inner.faults.lock().pop_front();
    let mut session = Session::new(stream, inner, fault, true);
    session.say("220 twin.example ESMTP").await?;
    session.talk().await.map(drop)
}

/// The address between the angle brackets of `MAIL FROM:<…>`.
fn address(line: &str, word: &str) -> Option<String> {
    let rest = line.get(word.len()..)?.strip_prefix('<')?;
    Some(rest.split_once('>')?.0.to_owned())
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    fn new(stream: S, inner: &'a Inner, fault: Option<Fault>, secure: bool) -> Self {
        let stream = BufReader::new(stream);
        Self { stream, inner, state: State::default(), fault, secure }
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await?;
        self.stream.get_mut().flush().await
    }

    /// A line without its end; `None` when the client left.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        loop {
            let part = self.stream.fill_buf().await?;
            if part.is_empty() {
                return Ok(None);
            }
            let end = part.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(part.len(), |end| end + 1);
            line.extend_from_slice(part.get(..taken).unwrap_or_default());
            self.stream.consume(taken);
            if end.is_some() {
                break;
            }
            if line.len() > LONGEST {
                return cut();
            }
        }
        // Only the whole line end counts: a bare line feed would let a letter end early.
        let Some(line) = line.strip_suffix(b"\r\n") else { return cut() };
        let line = String::from_utf8_lossy(line).into_owned();
        if !self.secure {
            self.inner.clear.lock().push(line.clone());
        }
        Ok(Some(line))
    }

    async fn talk(&mut self) -> io::Result<End> {
        while let Some(line) = self.line().await? {
            let upper = line.to_ascii_uppercase();
            let word = upper.split([' ', ':']).next().unwrap_or_default();
            match word {
                "EHLO" => self.hello().await?,
                "STARTTLS" if self.may_upgrade() => {
                    let injected = self.fault == Some(Fault::Injected);
                    let more = if injected { "\r\n250 twin.example" } else { "" };
                    self.say(&format!("220 go ahead{more}")).await?;
                    return Ok(End::Upgrade);
                }
                "AUTH" => self.sign_in(&line).await?,
                "MAIL" => self.sender(&line).await?,
                "RCPT" => self.recipient(&line).await?,
                "DATA" => self.letter().await?,
                "RSET" | "NOOP" => self.say("250 ok").await?,
                "QUIT" => {
                    if self.fault == Some(Fault::CutAtFarewell) {
                        return cut();
                    }
                    self.say("221 bye").await?;
                    return Ok(End::Left);
                }
                _ => self.say("502 not known here").await?,
            }
        }
        Ok(End::Left)
    }

    fn may_upgrade(&self) -> bool {
        !self.secure && self.state.hello && self.inner.script.starttls.is_some()
    }

    async fn hello(&mut self) -> io::Result<()> {
        self.state = State { hello: true, ..State::default() };
        let script = &self.inner.script;
        let mut lines = vec!["twin.example".to_owned(), "8BITMIME".to_owned()];
        if self.may_upgrade() {
            lines.push("STARTTLS".to_owned());
        }
        // A server that asks for TLS takes no passwords before it.
        if script.user.is_some() && (self.secure || script.starttls.is_none()) {
            let ways = if script.login_only { "LOGIN" } else { "PLAIN LOGIN" };
            lines.push(format!("AUTH {ways}"));
        }
        let last = lines.len().saturating_sub(1);
        for (at, line) in lines.iter().enumerate() {
            let sign = if at == last { ' ' } else { '-' };
            self.say(&format!("250{sign}{line}")).await?;
        }
        Ok(())
    }

    async fn sign_in(&mut self, line: &str) -> io::Result<()> {
        let given = match line.split(' ').collect::<Vec<_>>().as_slice() {
            [_, way, coded]
                if way.eq_ignore_ascii_case("PLAIN") && !self.inner.script.login_only =>
            {
                let plain = BASE64.decode(coded).unwrap_or_default();
                let text = String::from_utf8_lossy(&plain).into_owned();
                let mut parts = text.split('\0').skip(1).map(str::to_owned);
                parts.next().zip(parts.next())
            }
            [_, way] if way.eq_ignore_ascii_case("LOGIN") => {
                let user = self.asked("VXNlcm5hbWU6").await?;
                let password = self.asked("UGFzc3dvcmQ6").await?;
                user.zip(password)
            }
            _ => return self.say("504 not offered").await,
        };
        self.state.signed_in = given.is_some() && given == self.inner.script.user;
        let answer = if self.state.signed_in { "235 welcome" } else { "535 not known here" };
        self.say(answer).await
    }

    async fn asked(&mut self, question: &str) -> io::Result<Option<String>> {
        self.say(&format!("334 {question}")).await?;
        let line = self.line().await?;
        let plain = line.and_then(|line| BASE64.decode(line).ok());
        Ok(plain.and_then(|plain| String::from_utf8(plain).ok()))
    }

    async fn sender(&mut self, line: &str) -> io::Result<()> {
        let script = &self.inner.script;
        if script.starttls.is_some() && !self.secure {
            return self.say("530 use STARTTLS first").await;
        }
        if script.user.is_some() && !self.state.signed_in {
            return self.say("530 sign in first").await;
        }
        self.state.from = self.state.hello.then(|| address(line, "MAIL FROM:")).flatten();
        let answer = if self.state.from.is_some() { "250 ok" } else { "503 not now" };
        self.say(answer).await
    }

    async fn recipient(&mut self, line: &str) -> io::Result<()> {
        match self.fault {
            Some(Fault::Later) => return self.say("451 come again").await,
            // The address is in the answer, as real servers have it: nobody may pass that on.
            Some(Fault::NoSuchRecipient) => {
                let words = line.get(8..).unwrap_or_default().to_owned();
                return self.say(&format!("550 no such user {words}")).await;
            }
            _ => {}
        }
        self.state.to = self.state.from.as_ref().and_then(|_| address(line, "RCPT TO:"));
        let answer = if self.state.to.is_some() { "250 ok" } else { "503 not now" };
        self.say(answer).await
    }

    async fn letter(&mut self) -> io::Result<()> {
        let (Some(from), Some(to)) = (self.state.from.take(), self.state.to.take()) else {
            return self.say("503 not now").await;
        };
        self.say("354 go ahead").await?;
        if self.fault == Some(Fault::CutInLetter) {
            self.line().await?;
            return cut();
        }
        let mut letter = String::new();
        loop {
            let Some(line) = self.line().await? else { return cut() };
            if line == "." {
                break;
            }
            letter.push_str(line.strip_prefix('.').unwrap_or(&line));
            letter.push_str("\r\n");
        }
        if self.fault == Some(Fault::Spam) {
            return self.say("554 not wanted").await;
        }
        let signed_in = self.state.signed_in;
        let received = Received { from, to, letter, secure: self.secure, signed_in };
        self.inner.letters.lock().push(received);
        self.inner.arrived.notify_waiters();
        if self.fault == Some(Fault::CutAfterLetter) {
            return cut();
        }
        self.say("250 taken").await
    }
}
