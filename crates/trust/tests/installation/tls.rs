//! TLS at the edge, sound and broken. What the prober meets is a relay, which passes on what it gets or is careless with it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::Clock;
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use testkit::Backend;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trust::{evidence::Reason, status::Outcome};
use vault::SelfSigned;
use web::{Door, Tls};

use crate::{
    here::Here,
    sabotage::{healed, red},
};

/// What becomes of a connection.
#[derive(Clone)]
enum Towards {
    /// It is passed on as it is.
    Bytes(SocketAddr),
    /// TLS ends here.
    Ends(Arc<ServerConfig>, SocketAddr),
}

/// An address whose connections can be led elsewhere.
struct Relay {
    address: SocketAddr,
    towards: Arc<Mutex<Towards>>,
}

impl Relay {
    async fn open(to: SocketAddr, tasks: &TaskTracker, stop: &CancellationToken) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let towards = Arc::new(Mutex::new(Towards::Bytes(to)));
        let (shared, stop, inner) = (Arc::clone(&towards), stop.clone(), tasks.clone());
        tasks.spawn(async move {
            while let Some(Ok((stream, _))) = stop.run_until_cancelled(listener.accept()).await {
                let (towards, stop) = (shared.lock().unwrap().clone(), stop.clone());
                inner.spawn(async move { stop.run_until_cancelled(pass(stream, towards)).await });
            }
        });
        Self { address, towards }
    }

    fn lead(&self, towards: Towards) {
        *self.towards.lock().unwrap() = towards;
    }
}

async fn pass(mut outside: TcpStream, towards: Towards) -> Option<()> {
    match towards {
        Towards::Bytes(to) => {
            let mut inside = TcpStream::connect(to).await.ok()?;
            tokio::io::copy_bidirectional(&mut outside, &mut inside).await.ok()?;
        }
        Towards::Ends(config, to) => {
            let mut outside = TlsAcceptor::from(config).accept(outside).await.ok()?;
            let mut inside = TcpStream::connect(to).await.ok()?;
            tokio::io::copy_bidirectional(&mut outside, &mut inside).await.ok()?;
        }
    }
    Some(())
}

/// The side of an installation that faces people, over TLS.
pub(crate) struct Edge {
    pub(crate) tls: Tls,
    pair: SelfSigned,
    secure: Relay,
    redirect: Relay,
    /// Where the server speaks TLS, where it says the way, and where it speaks plain HTTP.
    inside: [SocketAddr; 3],
}

fn made() -> SelfSigned {
    let (now, names) = (Clock::system().now(), ["127.0.0.1".to_owned()]);
    vault::self_signed(&names, now, now.plus(Duration::from_secs(86_400))).unwrap()
}

impl Edge {
    /// Has what is at `plain` served over TLS as well.
    pub(crate) async fn open(
        serve: impl FnOnce(Door),
        plain: SocketAddr,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let pair = made();
        let tls = Tls::new(pair.certificate.as_bytes(), pair.key.expose().as_bytes(), false);
        let tls = tls.unwrap();
        let listen = || async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            (listener, address)
        };
        let ((secure, secure_at), (redirect, redirect_at)) = (listen().await, listen().await);
        let drain = Duration::from_millis(200);
        serve(Door::from(secure).with_tls(Some(tls.clone())));
        let elsewhere = web::redirect("https://ai.example".to_owned());
        tasks.spawn(web::serve(Door::from(redirect).open(), elsewhere, stop.clone(), drain));
        let secure = Relay::open(secure_at, tasks, stop).await;
        let redirect = Relay::open(redirect_at, tasks, stop).await;
        Self { tls, pair, secure, redirect, inside: [secure_at, redirect_at, plain] }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.secure.address)
    }

    pub(crate) const fn redirect(&self) -> SocketAddr {
        self.redirect.address
    }

    fn honest(&self) {
        let [secure, redirect, _] = self.inside;
        self.secure.lead(Towards::Bytes(secure));
        self.redirect.lead(Towards::Bytes(redirect));
    }

    /// Ends TLS in front of the server, with its certificate but otherwise as it likes.
    fn end_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        groups: &[&'static dyn SupportedKxGroup],
    ) {
        let provider =
            CryptoProvider { kx_groups: groups.to_vec(), ..aws_lc_rs::default_provider() };
        let own = CertificateDer::from_pem_slice(self.pair.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.pair.key.expose().as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own], key)
            .unwrap();
        let [_, _, plain] = self.inside;
        self.secure.lead(Towards::Ends(Arc::new(config), plain));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_the_prober_sees_what_it_saw_without() {
    let here = Here::start_over_tls(Backend::sqlite()).await;
    for control in ["ENC-01", "ENC-02", "ENC-03", "GW-01", "GW-03", "KEY-01", "TEN-04"] {
        here.until(control, "verified").await;
    }
    let evidence = format!("{:?}", here.evidence("ENC-03").unwrap());
    assert!(evidence.contains("addresses for plain HTTP"), "{evidence}");
    // The certificate is replaced while everything runs: the prober hears of it.
    let other = made();
    let edge = here.edge.as_ref().unwrap();
    edge.tls.renew(other.certificate.as_bytes(), other.key.expose().as_bytes(), false).unwrap();
    let again = async {
        while here.one("ENC-01").await.outcome != Outcome::Pass {}
        assert_eq!(here.one("AUD-02").await.outcome, Outcome::Pass);
        assert_eq!(here.one("KEY-02").await.outcome, Outcome::Pass);
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.unwrap();
    here.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_is_careless_with_tls_is_noticed() {
    let here = Here::start_over_tls(Backend::sqlite()).await;
    for control in ["ENC-01", "ENC-02", "ENC-03"] {
        here.until(control, "verified").await;
    }
    let edge = here.edge.as_ref().unwrap();
    edge.end_with(&[&TLS13, &TLS12], aws_lc_rs::DEFAULT_KX_GROUPS);
    red(&here, "ENC-01", Reason::OutdatedVersion).await;
    edge.end_with(&[&TLS13], &[aws_lc_rs::kx_group::X25519]);
    red(&here, "ENC-02", Reason::WeakCipher).await;
    edge.honest();
    let [_, _, plain] = edge.inside;
    edge.redirect.lead(Towards::Bytes(plain));
    red(&here, "ENC-03", Reason::AnsweredInClear).await;
    edge.honest();
    for control in ["ENC-01", "ENC-02", "ENC-03"] {
        healed(&here, control).await;
    }
    edge.secure.lead(Towards::Bytes(plain));
    red(&here, "ENC-03", Reason::AnsweredInClear).await;
    here.end().await;
}
