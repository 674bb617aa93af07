//! ENC-01, ENC-02, ENC-03: the server's address is greeted in outdated versions, with weak ciphers and in plain HTTP, none
//! of which may get anywhere, and in TLS 1.3, which has to agree on a hybrid key exchange.

mod hello;
mod modern;
mod plain;
mod plant;

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use domain::Result;

use super::{Finding, Findings, Run, off_thread};
use crate::{
    evidence::{Reason, Verdict},
    host,
};
use hello::{Answer, Offer};
pub(super) use plain::leads_to_tls;
use plant::Planted;

const VERSIONS: &str = "ENC-01";
const CIPHERS: &str = "ENC-02";
const PLAIN: &str = "ENC-03";

/// What came of trying one thing at several addresses.
#[derive(Default)]
struct Tried {
    /// Attempts that were decided, one way or the other.
    subjects: u64,
    population: u64,
    /// What was let through and must not be.
    bad: u64,
    /// Whether the planted violation was found.
    planted: bool,
}

impl Tried {
    /// `None` is an attempt that was not decided: it counts for nothing.
    fn note(&mut self, bad: Option<bool>) {
        self.population += 1;
        self.subjects += u64::from(bad.is_some());
        self.bad += u64::from(bad == Some(true));
    }

    fn verdict(&self, cx: Run<'_>, control: &str, reason: Reason) -> Verdict {
        if self.bad > 0 {
            Verdict::Fail(reason)
        } else {
            Verdict::held(self.planted, self.subjects, self.population, cx.floor(control))
        }
    }

    fn finding(&self, verdict: Verdict) -> Finding {
        Finding::new(verdict, self.planted, (self.subjects, self.population))
    }
}

/// Where the server is met.
struct Front {
    /// Where TLS has to be spoken.
    tls: BTreeSet<SocketAddr>,
    /// Where plain HTTP may say the way to it.
    redirect: Option<SocketAddr>,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let certificate = cx.site.certificate.read().clone();
    let (Some(certificate), Some(front)) = (certificate, front(cx).await?) else {
        let nothing = Verdict::Inconclusive(Reason::NothingThere);
        let finding = || {
            Finding::new(nothing, false, (0, 0)).uncovered([
                "this server encrypts nothing itself: what stands in front of it is not seen"
                    .to_owned(),
            ])
        };
        return Ok([VERSIONS, CIPHERS, PLAIN].map(|control| (control, finding())).into());
    };
    Ok(vec![
        (VERSIONS, versions(cx, &front, &certificate).await?),
        (CIPHERS, ciphers(cx, &front, &certificate).await?),
        (PLAIN, plain_http(cx, &front).await?),
    ])
}

/// `None` where the server does not speak TLS.
async fn front(cx: Run<'_>) -> Result<Option<Front>> {
    let url = url::Url::parse(cx.site.client.base()).ok();
    let url = url.filter(|url| url.scheme() == "https");
    let Some((ip, port)) = url.and_then(|url| Some((ip(&url)?, url.port_or_known_default()?)))
    else {
        return Ok(None);
    };
    let (pid, redirect) = (cx.site.server_pid, cx.site.redirect);
    let sockets = off_thread(move || host::sockets(pid)).await??;
    // What else is open to other machines has to hold to the same.
    let known = [Some(port), redirect.map(|at| at.port())];
    let open = |at: &SocketAddr| !at.ip().is_loopback() && !known.contains(&Some(at.port()));
    let more = sockets.into_iter().filter(|one| one.listens).map(|one| one.local).filter(open);
    let mut tls: BTreeSet<_> = more.map(here).collect();
    tls.insert(SocketAddr::new(ip, port));
    Ok(Some(Front { tls, redirect }))
}

fn ip(url: &url::Url) -> Option<IpAddr> {
    match url.host()? {
        url::Host::Ipv4(ip) => Some(ip.into()),
        url::Host::Ipv6(ip) => Some(ip.into()),
        url::Host::Domain(_) => None,
    }
}

/// How this machine reaches what waits at all of its addresses.
fn here(at: SocketAddr) -> SocketAddr {
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, at.port())
}

async fn versions(cx: Run<'_>, front: &Front, certificate: &[u8]) -> Result<Finding> {
    let mut tried = Tried { planted: true, ..Tried::default() };
    let mut modern = 0;
    for at in &front.tls {
        for version in hello::OUTDATED {
            tried.note(hello::greet(*at, &Offer::outdated(cx.seed, version)).await.bad());
        }
        let agreed = modern::agree(*at, certificate, &modern::everything()).await;
        modern += u64::from(agreed.is_some());
        tried.note(agreed.map(|_| false));
    }
    // A real server that speaks TLS 1.2, and one that says yes to all that it is offered.
    let (old, yes) = (Planted::speaking_tls12(cx).await?, Planted::agreeing().await?);
    let twelve = Offer::outdated(cx.seed, hello::TLS12);
    tried.planted &= hello::greet(old.address, &twelve).await == Answer::Accepted;
    for version in hello::OUTDATED {
        let offer = Offer::outdated(cx.seed, version);
        tried.planted &= hello::greet(yes.address, &offer).await == Answer::Accepted;
    }
    let verdict = tried.verdict(cx, VERSIONS, Reason::OutdatedVersion);
    Ok(tried
        .finding(verdict)
        .measure("addresses", front.tls.len() as u64, "addresses")
        .measure("of them that speak TLS 1.3", modern, "addresses")
        .measure("outdated versions accepted", tried.bad, "handshakes"))
}

async fn ciphers(cx: Run<'_>, front: &Front, certificate: &[u8]) -> Result<Finding> {
    let mut tried = Tried { planted: true, ..Tried::default() };
    let (mut hybrid, mut accepted) = (0, 0);
    for at in &front.tls {
        let agreed = modern::agree(*at, certificate, &modern::everything()).await;
        hybrid += u64::from(agreed.is_some_and(|agreed| agreed.is_hybrid()));
        tried.note(agreed.map(|agreed| !agreed.is_hybrid() || !agreed.is_listed()));
        for provider in modern::one_suite_each() {
            // Refusing some of them is nobody's loss.
            let agreed = modern::agree(*at, certificate, &provider).await;
            accepted += u64::from(agreed.is_some());
        }
        for offer in Offer::weak(cx.seed) {
            tried.note(hello::greet(*at, &offer).await.bad());
        }
    }
    let (classical, yes) = (Planted::without_hybrid(cx).await?, Planted::agreeing().await?);
    let (at, theirs) = (classical.address, &classical.certificate);
    let agreed = modern::agree(at, theirs, &modern::everything()).await;
    tried.planted &= agreed.is_some_and(|agreed| !agreed.is_hybrid());
    for offer in Offer::weak(cx.seed) {
        tried.planted &= hello::greet(yes.address, &offer).await == Answer::Accepted;
    }
    let verdict = tried.verdict(cx, CIPHERS, Reason::WeakCipher);
    Ok(tried
        .finding(verdict)
        .measure("addresses", front.tls.len() as u64, "addresses")
        .measure("of them that agree on X25519MLKEM768", hybrid, "addresses")
        .measure("suites of TLS 1.3 accepted", accepted, "suites"))
}

async fn plain_http(cx: Run<'_>, front: &Front) -> Result<Finding> {
    let mut tried = Tried::default();
    let asks = plain::asks(cx.seed);
    for ask in &asks {
        for at in &front.tls {
            tried.note(plain::said(*at, ask).await.map(|answer| plain::is_http(&answer)));
        }
        if let Some(at) = front.redirect {
            tried.note(plain::said(at, ask).await.map(|answer| !leads_to_tls(&answer)));
        }
    }
    let careless = Planted::serving_plain_http().await?;
    let mut found = true;
    for ask in &asks {
        let answer = plain::said(careless.address, ask).await.unwrap_or_default();
        found &= plain::is_http(&answer) && !leads_to_tls(&answer);
    }
    tried.planted = found;
    let verdict = tried.verdict(cx, PLAIN, Reason::AnsweredInClear);
    Ok(tried
        .finding(verdict)
        .measure("addresses for TLS", front.tls.len() as u64, "addresses")
        .measure("addresses for plain HTTP", u64::from(front.redirect.is_some()), "addresses")
        .measure("requests answered in clear", tried.bad, "requests"))
}
