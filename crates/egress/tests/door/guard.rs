//! What must not leave.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::Clock;
use egress::{Config, Deadlines, Destination, Egress, ErrorKind, Resolver};

use crate::{
    NAME, destination, door, request, send, text,
    twin::{Certificate, Twin},
};

fn plain() -> Config {
    Config::default()
}

#[tokio::test]
async fn an_unknown_or_forgotten_destination_is_refused() {
    let twin = Twin::plain().await;
    let egress = door(&twin.http(), twin.address, &plain());
    let unknown =
        egress.send("other", request("/x", ""), Deadlines::default()).await.err().unwrap();
    assert_eq!(unknown.kind(), ErrorKind::Unknown);
    assert!(!unknown.sent());

    egress.unregister("twin");
    assert_eq!(send(&egress, "/x", "").await.err().unwrap().kind(), ErrorKind::Unknown);
    assert_eq!(twin.seen.connections(), 0);
}

#[tokio::test]
async fn a_private_address_is_refused_unless_allowed() {
    let twin = Twin::plain().await;
    let bases = [
        twin.http(),
        twin.https(),
        format!("http://127.0.0.1:{}", twin.address.port()),
        format!("http://2130706433:{}", twin.address.port()),
        format!("http://[::ffff:127.0.0.1]:{}", twin.address.port()),
    ];
    for base in bases {
        let egress = door(&base, twin.address, &plain());
        let guarded = Destination { allow_private: false, ..destination(&base) };
        egress.register(guarded).unwrap();
        let error = send(&egress, "/x", "").await.err().unwrap();
        assert!(matches!(error.kind(), ErrorKind::Refused(_)), "{base}: {error:?}");
    }
    assert_eq!(twin.seen.connections(), 0);
}

#[tokio::test]
async fn metadata_is_refused_even_where_private_is_allowed() {
    let address: SocketAddr = "169.254.169.254:80".parse().unwrap();
    for base in [format!("http://{NAME}/"), "http://[::ffff:a9fe:a9fe]/".to_owned()] {
        let error = send(&door(&base, address, &plain()), "/x", "").await.err().unwrap();
        assert!(matches!(error.kind(), ErrorKind::Refused(_)), "{base}: {error:?}");
    }
}

#[tokio::test]
async fn the_internet_is_never_spoken_to_in_clear() {
    let address: SocketAddr = "1.1.1.1:80".parse().unwrap();
    let error =
        send(&door("http://one.example/", address, &plain()), "/x", "").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Plaintext);
}

/// A name server that answers well first and points at the metadata service afterwards.
#[tokio::test]
async fn a_second_answer_of_the_name_server_is_checked_too() {
    let twin = Twin::plain().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let (counter, good) = (Arc::clone(&asked), twin.address);
    let resolver: Resolver = Arc::new(move |name, port| {
        assert_eq!(name, NAME);
        let first = counter.fetch_add(1, Ordering::SeqCst) == 0;
        let answer = if first { good } else { SocketAddr::from(([169, 254, 169, 254], port)) };
        Box::pin(async move { Ok(vec![answer]) })
    });
    let egress = Egress::with_resolver(&plain(), Clock::system(), resolver).unwrap();
    egress.register(destination(&twin.http())).unwrap();

    // One look-up for one connection: there is no moment in which a second answer could slip in.
    assert!(send(&egress, "/close", "").await.is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let error = send(&egress, "/x", "").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Refused([169, 254, 169, 254].into()));
    assert!(!error.sent());
}

#[tokio::test]
async fn one_bad_address_among_good_ones_refuses_them_all() {
    let twin = Twin::plain().await;
    let good = twin.address;
    let resolver: Resolver = Arc::new(move |_, port| {
        Box::pin(async move { Ok(vec![good, SocketAddr::from(([169, 254, 169, 254], port))]) })
    });
    let egress = Egress::with_resolver(&plain(), Clock::system(), resolver).unwrap();
    egress.register(destination(&twin.http())).unwrap();
    let error = send(&egress, "/x", "").await.err().unwrap();
    assert!(matches!(error.kind(), ErrorKind::Refused(_)));
    assert_eq!(twin.seen.connections(), 0);
}

#[tokio::test]
async fn a_redirect_is_an_error_that_names_no_address() {
    let twin = Twin::plain().await;
    let egress = door(&twin.http(), twin.address, &plain());
    let error = send(&egress, "/redirect", "").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert!(error.sent());
    let told = format!("{error} {error:?}") + &domain::Error::from(error).causes();
    assert!(!told.contains("169.254") && !told.contains("http:"), "{told}");
}

#[tokio::test]
async fn a_request_for_another_host_or_path_is_refused() {
    let twin = Twin::plain().await;
    let egress = door(&twin.http(), twin.address, &plain());
    for uri in ["http://evil.example/v1/x", "/../admin", "/%2e%2e/admin"] {
        assert_eq!(send(&egress, uri, "").await.err().unwrap().kind(), ErrorKind::Outside, "{uri}");
    }
    assert_eq!(twin.seen.connections(), 0);
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused() {
    let certificate = Certificate::new();
    let twin = Twin::secure(&certificate, &["h2", "http/1.1"]).await;
    let error = send(&door(&twin.https(), twin.address, &plain()), "/x", "").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert!(!error.sent());

    let trusting = Config { extra_ca: Some(certificate.file()), ..plain() };
    let elsewhere = format!("https://other.example:{}/v1", twin.address.port());
    let error = send(&door(&elsewhere, twin.address, &trusting), "/x", "").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Tls);
}

#[tokio::test]
async fn an_unusable_file_of_certificates_refuses_to_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("empty.pem");
    std::fs::write(&file, "nothing here").unwrap();
    for path in [file, directory.path().join("absent.pem")] {
        let config = Config { extra_ca: Some(path), ..plain() };
        assert!(Egress::new(&config, Clock::system()).is_err());
    }
}

#[tokio::test]
async fn slow_headers_and_slow_connections_time_out() {
    let twin = Twin::plain().await;
    let egress = door(&twin.http(), twin.address, &plain());
    let short = Deadlines { headers: Duration::from_millis(30), ..Deadlines::default() };
    let error = egress.send("twin", request("/hang", ""), short).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::HeadersTimeout);
    assert!(error.sent());
    twin.seen.cancellations(1).await;

    let silent: Resolver = Arc::new(|_, _| Box::pin(std::future::pending()));
    let egress = Egress::with_resolver(&plain(), Clock::system(), silent).unwrap();
    egress.register(destination(&twin.http())).unwrap();
    let short = Deadlines { connect: Duration::from_millis(30), ..Deadlines::default() };
    let error = egress.send("twin", request("/x", ""), short).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
    assert!(!error.sent());
}

#[tokio::test]
async fn a_closed_port_is_a_failure_to_connect() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let base = format!("http://{NAME}:{}/", address.port());
    let error = send(&door(&base, address, &plain()), "/x", "").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Connect);
}

#[tokio::test]
async fn the_record_counts_requests_bytes_and_errors() {
    let twin = Twin::plain().await;
    let egress = door(&twin.http(), twin.address, &plain());
    assert_eq!(egress.records()[0].last, None);
    assert_eq!(text(send(&egress, "/echo", "four").await.unwrap()).await, "four");
    assert!(send(&egress, "/redirect", "six___").await.is_err());
    let record = egress.records().remove(0);
    assert_eq!((record.requests, record.errors), (2, 1));
    assert_eq!((record.bytes_out, record.bytes_in), (10, 4));
    assert_eq!(record.last.map(|at| at.as_millis()), Some(1_000));
    assert_eq!(record.host, NAME);
}
