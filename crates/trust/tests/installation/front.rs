//! What stands between the world and the server: honest at first, and careless in several ways when told so.

mod changed;

use std::{
    collections::HashMap,
    fs::OpenOptions,
    io::Write as _,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use changed::{contracted, forgetful, introduced, lent, remembered, welcomed};

/// How the front mistreats what passes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Care {
    #[default]
    Honest,
    /// Writes everything that passes to this file.
    Logs(PathBuf),
    /// Keeps answers by path alone, whoever asked.
    Caches,
    /// Answers 403 instead of 404 about what it knows to exist.
    Hints,
    /// Puts a piece of every prompt into an invitation: encrypted, but kept.
    Invites,
    /// Sends every prompt a second time, to a model named after a piece of it.
    Labels,
    /// Says that rules were set, and sets none.
    Forgets,
    /// Tells the provider for whom it works, with every chat.
    Introduces,
    /// Does not let requests for models through.
    Breaks,
    /// Takes the counts of tokens out of whole answers.
    Omits,
    /// Says that consent was withdrawn or refused, and passes nothing on but consent.
    Consents,
    /// Says "paid" where a free tier was asked for.
    Signs,
    /// Leaves out when a contract ends.
    Prolongs,
    /// Asks with the key of somebody who was answered, whoever asks.
    Lends,
    /// Leaves the first company out of the public list.
    Hides,
    /// Says on the page that the list was changed at another time.
    Dates,
    /// Puts what was asked before in front of the next question.
    Remembers,
    /// Has a picture made of what is talked about.
    Paints,
    /// Names the project after every key it sees being made.
    Names,
    /// Says of every request that a page of this server asked for it.
    Welcomes,
    /// Lets pages run scripts from everywhere.
    Loosens,
    /// Lets scripts read cookies.
    Bares,
    /// Makes browsers keep cookies.
    Lingers,
    /// Says that keys were revoked, and passes nothing of it on.
    Retains,
    /// Leaves everything out of the log that an owner reads.
    Silences,
    /// Says that the password was wrong, without asking.
    Snubs,
    /// Tells whoever looks at a provider the secret that it saw being stored last.
    Reveals,
}

#[derive(Default)]
struct State {
    care: Care,
    /// Answers by path.
    answers: HashMap<String, Vec<u8>>,
    /// The cookie and organization of the last person who used the control plane.
    person: Option<(String, String)>,
    /// The secret that was stored last with a provider.
    secret: String,
    /// The authorization of the last request for a model that was answered.
    lent: Option<String>,
    /// A piece of the last request for a model.
    asked: Option<String>,
}

pub(crate) struct Front {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl Front {
    pub(crate) async fn open(
        origin: SocketAddr,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, stop, inner) = (Arc::clone(&state), stop.clone(), tasks.clone());
        tasks.spawn(async move {
            while let Some(Ok((stream, _))) = stop.run_until_cancelled(listener.accept()).await {
                let (state, stop) = (Arc::clone(&shared), stop.clone());
                inner.spawn(async move {
                    let passing = Passing { origin, state };
                    stop.run_until_cancelled(passing.pass(stream)).await
                });
            }
        });
        Self { url, state }
    }

    pub(crate) fn care(&self, care: Care) {
        self.state.lock().unwrap().care = care;
    }
}

/// One request on its way.
struct Passing {
    origin: SocketAddr,
    state: Arc<Mutex<State>>,
}

/// A request as it came, with the little that is read from it.
struct Asked {
    bytes: Vec<u8>,
    text: String,
    path: String,
}

/// Whether it takes consent back, or refuses it.
fn refuses(asked: &Asked) -> bool {
    asked.path == "/api/v1/subprocessors"
        && (asked.text.starts_with("DELETE") || asked.text.contains("\"objected\""))
}

/// Whether it ends a key.
fn revokes(asked: &Asked) -> bool {
    asked.text.starts_with("DELETE") && asked.path.starts_with("/api/v1/keys/")
}

/// Other words in the head of an answer, as long as those before.
fn loosen(care: &Care, head: &mut [u8]) {
    let (own, all): (&[u8], &[u8]) = match care {
        Care::Loosens => (b"script-src 'self'", b"script-src https:"),
        Care::Bares => (b"; HttpOnly;", b"; Readable;"),
        Care::Lingers => (b"; HttpOnly;", b"; Max-Age=9"),
        _ => return,
    };
    if let Some(at) = head.windows(own.len()).position(|window| window == own) {
        head[at..at + own.len()].copy_from_slice(all);
    }
}

fn between<'a>(text: &'a str, before: &str, until: &[char]) -> Option<&'a str> {
    text.split_once(before)?.1.split(until).next()
}

impl Passing {
    fn care(&self) -> Care {
        self.state.lock().unwrap().care.clone()
    }

    async fn pass(self, mut client: TcpStream) -> Option<()> {
        let asked = read(&mut client).await?;
        let care = self.care();
        self.look(&asked, &care).await;
        let known = self.state.lock().unwrap().answers.get(&asked.path).cloned();
        if let (Care::Caches, Some(answer)) = (&care, &known) {
            client.write_all(answer).await.ok()?;
            return client.shutdown().await.ok();
        }
        let asked = match care {
            Care::Forgets => forgetful(asked),
            Care::Welcomes => welcomed(asked),
            Care::Signs | Care::Prolongs => contracted(asked, &care),
            Care::Lends => {
                let key = self.state.lock().unwrap().lent.clone();
                lent(asked, key)
            }
            Care::Remembers => {
                let piece = between(&asked.text, "\"content\":\"", &['"']).map(str::to_owned);
                let before = match piece {
                    Some(piece) => self.state.lock().unwrap().asked.replace(piece),
                    None => None,
                };
                remembered(asked, before.as_deref())
            }
            Care::Introduces => {
                let person = self.state.lock().unwrap().person.clone();
                let organization = person.map(|(_, organization)| organization).unwrap();
                introduced(asked, &organization)
            }
            _ => asked,
        };
        if care == Care::Breaks
            && (asked.path == "/v1/chat/completions" || asked.path == "/v1/messages")
        {
            let gone = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            client.write_all(gone).await.ok()?;
            return client.shutdown().await.ok();
        }
        if care == Care::Snubs && asked.path == "/sign-in" {
            let wrong =
                b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            client.write_all(wrong).await.ok()?;
            return client.shutdown().await.ok();
        }
        if (care == Care::Consents && refuses(&asked)) || (care == Care::Retains && revokes(&asked))
        {
            let done = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            client.write_all(done).await.ok()?;
            return client.shutdown().await.ok();
        }
        if let Some(retold) = self.retell(&asked, &care).await {
            client.write_all(&retold).await.ok()?;
            return client.shutdown().await.ok();
        }
        let hints = care == Care::Hints && known.is_some();
        let mut server = TcpStream::connect(self.origin).await.ok()?;
        let (mut from, mut to) = server.split();
        let mut answer = Vec::new();
        let send = async {
            // The server may have said no before it has read everything.
            let _ = to.write_all(&asked.bytes).await;
            std::future::pending::<()>().await
        };
        let receive = async {
            let mut part = vec![0; 1 << 16];
            while let Ok(count @ 1..) = from.read(&mut part).await {
                if hints && answer.is_empty() && part.starts_with(b"HTTP/1.1 404") {
                    part[9..12].copy_from_slice(b"403");
                }
                if answer.is_empty() {
                    loosen(&care, &mut part[..count]);
                }
                answer.extend_from_slice(&part[..count]);
                if care == Care::Names
                    && answer.windows(10).any(|window| window == b"\"secret\":\"")
                {
                    self.name(&asked, &String::from_utf8_lossy(&answer)).await;
                }
                client.write_all(&part[..count]).await.ok()?;
            }
            Some(())
        };
        tokio::select! {
            _ = receive => {}
            () = send => {}
        }
        self.keep(&asked, &answer, &care);
        client.shutdown().await.ok()
    }

    /// What a careless front does with a request.
    async fn look(&self, asked: &Asked, care: &Care) {
        if let (Some(cookie), Some(organization)) = (
            between(&asked.text, "probity-session=", &[';', '\r']),
            between(&asked.text, "organization=", &['&', ' ']),
        ) {
            let person = (cookie.to_owned(), organization.to_owned());
            self.state.lock().unwrap().person = Some(person);
        }
        if asked.path.starts_with("/api/v1/providers/")
            && let Some(secret) = between(&asked.text, "\"secret\":\"", &['"'])
        {
            self.state.lock().unwrap().secret = secret.to_owned();
        }
        if *care == Care::Paints && asked.text.contains("the map of today") {
            let key = between(&asked.text, "authorization: ", &['\r']).unwrap();
            let body = "{\"model\":\"auto/image\",\"prompt\":\"What they talk about.\"}";
            let path = "/v1/images/generations";
            self.ask("POST", path, &format!("authorization: {key}"), body).await;
        }
        let piece = between(&asked.text, "Dear assistant, ", &[' ']);
        let person = self.state.lock().unwrap().person.clone();
        let (Some(piece), Some((cookie, organization))) = (piece, person) else { return };
        match care {
            Care::Invites => {
                let path = format!("/api/v1/invitations?organization={organization}");
                let body = format!("{{\"email\":\"{piece}@guest.example\",\"role\":\"member\"}}");
                self.ask("POST", &path, &session(&cookie), &body).await;
            }
            Care::Labels => {
                let path = format!("/api/v1/aliases?organization={organization}");
                let body = format!("{{\"name\":\"{piece}\",\"target\":\"sandbox-echo\"}}");
                self.ask("PUT", &path, &session(&cookie), &body).await;
                let key = between(&asked.text, "authorization: ", &['\r']).unwrap();
                let body = format!(
                    "{{\"model\":\"{piece}\",\"messages\":[{{\"role\":\"user\",\"content\":\"again\"}}]}}"
                );
                let path = "/v1/chat/completions";
                self.ask("POST", path, &format!("authorization: {key}"), &body).await;
            }
            _ => {}
        }
    }

    /// The public list as a dishonest front tells it.
    async fn retell(&self, asked: &Asked, care: &Care) -> Option<Vec<u8>> {
        let secret = self.state.lock().unwrap().secret.clone();
        let change: Box<dyn Fn(&str) -> String + Send> = match (care, asked.path.as_str()) {
            (Care::Reveals, path) if path.starts_with("/api/v1/providers/") => {
                Box::new(move |body| {
                    body.replace(
                        "\"secret_last_four\":",
                        &format!("\"told\":\"{secret}\",\"secret_last_four\":"),
                    )
                })
            }
            (Care::Hides, "/subprocessors.json") => Box::new(|body| {
                let mut list: serde_json::Value = serde_json::from_str(body).unwrap();
                list["data"].as_array_mut().unwrap().remove(0);
                list.to_string()
            }),
            (Care::Silences, "/api/v1/audit") => {
                Box::new(|_| "{\"data\":[],\"next\":null}".to_owned())
            }
            (Care::Omits, "/v1/chat/completions") if !asked.text.contains("\"stream\":true") => {
                Box::new(|body| body.replace("_tokens\":", "_tokens_are\":"))
            }
            (Care::Dates, "/subprocessors") => Box::new(|body| {
                let (before, rest) = body.split_once("id=\"updated\"").unwrap();
                let other = rest.replacen("datetime=\"20", "datetime=\"19", 1);
                format!("{before}id=\"updated\"{other}")
            }),
            _ => return None,
        };
        let mut server = TcpStream::connect(self.origin).await.ok()?;
        server.write_all(&asked.bytes).await.ok()?;
        let mut answer = String::new();
        server.read_to_string(&mut answer).await.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let body = change(body);
        let lines = head.lines().filter(|line| !line.to_lowercase().starts_with("content-length"));
        let head = lines.collect::<Vec<_>>().join("\r\n");
        Some(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
    }

    /// Renames the project a key was made for to the key itself.
    async fn name(&self, asked: &Asked, answer: &str) {
        let person = self.state.lock().unwrap().person.clone();
        let (Some((cookie, organization)), Some(secret), Some(project)) = (
            person,
            between(answer, "\"secret\":\"", &['"']),
            between(&asked.text, "\"project\":\"", &['"']),
        ) else {
            return;
        };
        let path = format!("/api/v1/projects/{project}?organization={organization}");
        self.ask("PATCH", &path, &session(&cookie), &format!("{{\"name\":\"{secret}\"}}")).await;
    }

    /// A request of the front's own, with the credentials of somebody it saw.
    async fn ask(&self, method: &str, path: &str, credentials: &str, body: &str) {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{credentials}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.origin,
            body.len()
        );
        let mut server = TcpStream::connect(self.origin).await.unwrap();
        server.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        server.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "the sabotage itself was refused: {answer}");
    }

    fn keep(&self, asked: &Asked, answer: &[u8], care: &Care) {
        if let Care::Logs(path) = care {
            let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
            file.write_all(&asked.bytes).unwrap();
            file.write_all(answer).unwrap();
        }
        if asked.path == "/v1/chat/completions"
            && *care != Care::Lends
            && answer.starts_with(b"HTTP/1.1 200")
        {
            let key = between(&asked.text, "authorization: ", &['\r']).map(str::to_owned);
            self.state.lock().unwrap().lent = key;
        }
        let worth =
            asked.text.starts_with("GET /api/v1/projects/") && answer.starts_with(b"HTTP/1.1 200");
        if worth {
            let mut state = self.state.lock().unwrap();
            state.answers.insert(asked.path.clone(), answer.to_vec());
        }
    }
}

fn session(cookie: &str) -> String {
    format!("cookie: probity-session={cookie}\r\nsec-fetch-site: same-origin")
}

/// A whole request, told to close its connection afterwards.
async fn read(client: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut part = vec![0; 1 << 16];
    let (head, length) = loop {
        let count = client.read(&mut part).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length =
            between(&head, "content-length: ", &['\r']).map_or(0, |text| text.parse().unwrap());
        break (end, end + 4 + length);
    };
    while bytes.len() < length {
        let count = client.read(&mut part).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
    }
    bytes.splice(head..head, b"\r\nconnection: close".iter().copied());
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let path = text.split_whitespace().nth(1)?.split('?').next()?.to_owned();
    Some(Asked { bytes, text, path })
}
