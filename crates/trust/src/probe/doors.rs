//! GW-03: every socket on which the server waits is tried from every address of this machine. What answers another
//! machine without encryption stands open.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use domain::{Error, Result};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Finding, Findings, Run, off_thread, transport::leads_to_tls};
use crate::{
    evidence::{Reason, Verdict},
    host,
};

const CONTROL: &str = "GW-03";
/// A connection on the own machine is there at once or never.
const CONNECT: Duration = Duration::from_millis(800);
const ANSWER: Duration = Duration::from_secs(2);
/// Whoever turns a stranger away does it at once.
const TURNED_AWAY: Duration = Duration::from_millis(500);
/// A greeting of TLS that is cut short: whoever speaks TLS says so in a record of TLS.
const HELLO: &[u8] = &[0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00];

/// What is behind an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    Nothing,
    Tls,
    /// Plain HTTP that says where TLS is spoken, and nothing else.
    Redirect,
    /// Something that speaks without encryption, or does not say.
    Open,
}

/// The sockets of the server and of this prober, and what came of trying them.
#[derive(Default)]
struct Looked {
    doors: BTreeSet<SocketAddr>,
    tries: u64,
    open: BTreeSet<SocketAddr>,
    tls: BTreeSet<SocketAddr>,
    redirect: BTreeSet<SocketAddr>,
}

/// What the kernel says before anything is tried.
struct Seen {
    doors: BTreeSet<SocketAddr>,
    /// Where other programs wait.
    others: BTreeSet<SocketAddr>,
    /// Where another machine would come to.
    from: BTreeSet<IpAddr>,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let pid = cx.site.server_pid;
    let mut seen = off_thread(move || seen(pid)).await??;
    seen.from.insert(IpAddr::V4(other_loopback(cx)));
    let looked = look(&seen).await;
    // The planted violation: a door of the prober's own that is open to everybody.
    let planted = Planted::open().await?;
    let own =
        look(&Seen { doors: [planted.address].into(), others: BTreeSet::new(), ..seen }).await;
    let found = own.open.contains(&planted.address);
    drop(planted);
    Ok(vec![(CONTROL, judge(cx, &looked, found))])
}

/// The sockets that wait for connections, and the addresses of the machine.
fn seen(server: u32) -> Result<Seen> {
    let mut doors = BTreeSet::new();
    for pid in BTreeSet::from([server, std::process::id()]) {
        let all = host::sockets(pid)?;
        doors.extend(all.into_iter().filter(|one| one.listens).map(|one| one.local));
    }
    let others = host::listeners(server).difference(&doors).copied().collect();
    Ok(Seen { doors, others, from: host::addresses(server) })
}

/// Another address of this machine's own network: what waits at one address only is not there, what waits at all is.
fn other_loopback(cx: Run<'_>) -> Ipv4Addr {
    let part = |name: &str| u8::try_from(cx.seed.below(name, 250)).unwrap_or(0) + 2;
    Ipv4Addr::new(127, part("second"), part("third"), part("fourth"))
}

/// Tries the port of each door at every address that another machine could come to, whatever address it waits at:
/// something may pass connections on.
async fn look(seen: &Seen) -> Looked {
    let mut looked = Looked { doors: seen.doors.clone(), ..Looked::default() };
    for door in &seen.doors {
        for ip in &seen.from {
            let at = SocketAddr::new(*ip, door.port());
            // Another program with the same port at another address.
            if seen.others.iter().any(|other| covers(*other, at)) && !covers(*door, at) {
                continue;
            }
            looked.tries += 1;
            match behind(at).await {
                Behind::Nothing => {}
                Behind::Tls => {
                    looked.tls.insert(*door);
                }
                Behind::Redirect => {
                    looked.redirect.insert(*door);
                }
                Behind::Open => {
                    looked.open.insert(*door);
                }
            }
        }
    }
    looked
}

/// Whether whoever waits at `door` is who answers at `at`.
fn covers(door: SocketAddr, at: SocketAddr) -> bool {
    door.port() == at.port() && (door.ip() == at.ip() || door.ip().is_unspecified())
}

/// Asks in plain HTTP; whoever does not answer in it has to answer in TLS.
async fn behind(address: SocketAddr) -> Behind {
    let Some(answer) = said(address, b"GET /healthz HTTP/1.1\r\nhost: probity\r\n\r\n").await
    else {
        return Behind::Nothing;
    };
    if leads_to_tls(&answer) {
        return Behind::Redirect;
    }
    if answer.starts_with(b"HTTP/") {
        return Behind::Open;
    }
    let greeted = said(address, HELLO).await.unwrap_or_default();
    // Records of TLS begin with their kind, a handshake or an alert, and the version.
    if matches!(greeted.as_slice(), [0x15 | 0x16, 0x03, ..]) {
        return Behind::Tls;
    }
    let mute = answer.is_empty() && greeted.is_empty();
    if mute && turned_away(address).await { Behind::Nothing } else { Behind::Open }
}

/// Whether a connection is closed before anything was said on it, as it is for those who are not on a list.
async fn turned_away(address: SocketAddr) -> bool {
    let Ok(Ok(mut stream)) = timeout(CONNECT, TcpStream::connect(address)).await else {
        return false;
    };
    let ended = timeout(TURNED_AWAY, stream.read(&mut [0; 1])).await;
    matches!(ended, Ok(Ok(0) | Err(_)))
}

/// The beginning of what is answered to that; `None` when nobody takes the connection.
async fn said(address: SocketAddr, what: &[u8]) -> Option<Vec<u8>> {
    let mut stream = timeout(CONNECT, TcpStream::connect(address)).await.ok()?.ok()?;
    let mut answer = vec![0; 1_024];
    let exchange = async {
        stream.write_all(what).await.ok()?;
        stream.read(&mut answer).await.ok()
    };
    let count = timeout(ANSWER, exchange).await.ok().flatten().unwrap_or(0);
    answer.truncate(count);
    Some(answer)
}

fn judge(cx: Run<'_>, looked: &Looked, found: bool) -> Finding {
    let subjects = looked.doors.len() as u64;
    let port = url::Url::parse(cx.site.client.base()).ok().and_then(|url| url.port());
    let itself = looked.doors.iter().any(|door| Some(door.port()) == port);
    let verdict = if !looked.open.is_empty() {
        Verdict::Fail(Reason::OpenDoor)
    } else if !itself {
        // The server waits somewhere else than in the process that was looked at.
        Verdict::Inconclusive(Reason::Unreachable)
    } else {
        Verdict::held(found, subjects, subjects, cx.floor(CONTROL))
    };
    Finding::new(verdict, found, (subjects, subjects))
        .measure("sockets that wait for connections", subjects, "sockets")
        .measure("of them with TLS, open to other machines", looked.tls.len() as u64, "sockets")
        .measure("of them that only lead to TLS", looked.redirect.len() as u64, "sockets")
        .measure("attempts to connect", looked.tries, "attempts")
        .uncovered(["what a router or a container host passes on to this machine".to_owned()])
}

/// Answers everybody in plain HTTP until it is dropped.
struct Planted {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Planted {
    async fn open() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await;
        let listener = listener.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        TaskTracker::new().spawn(async move {
            let accept = async {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let answer =
                        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                    let mut asked = [0; 256];
                    // One visitor after another: it is here for a moment only.
                    let exchange = async {
                        // What it asks does not matter, only that it asked.
                        if stream.read(&mut asked).await? == 0 {
                            return Ok(());
                        }
                        stream.write_all(answer).await
                    };
                    drop(timeout(ANSWER, exchange).await);
                }
            };
            stopped.run_until_cancelled(accept).await;
        });
        Ok(Self { address, stop })
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is behind a listener that reads a little of what it is told, where it is to, and gives this answer.
    async fn looks(answer: &'static [u8], reads: bool) -> Behind {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async {
            while let Ok((mut stream, _)) = listener.accept().await {
                if reads {
                    let _however_much = stream.read(&mut [0; 256]).await.unwrap();
                }
                stream.write_all(answer).await.unwrap();
            }
        };
        tokio::select! {
            () = serve => panic!("it stopped listening"),
            seen = behind(address) => seen,
        }
    }

    #[tokio::test]
    async fn what_says_the_way_and_what_turns_strangers_away_is_no_open_door() {
        let way =
            b"HTTP/1.1 308 Permanent Redirect\r\nlocation: https://ai.example/healthz\r\n\r\n";
        assert_eq!(looks(way, true).await, Behind::Redirect);
        assert_eq!(looks(b"", false).await, Behind::Nothing);
        assert_eq!(looks(b"\x15\x03\x03\x00\x02\x02\x32", true).await, Behind::Tls);
        assert_eq!(looks(b"HTTP/1.1 200 OK\r\n\r\n", true).await, Behind::Open);
        assert_eq!(looks(b"", true).await, Behind::Open, "it listens to strangers");
        assert_eq!(looks(b"220 hello\r\n", false).await, Behind::Open);
    }
}
