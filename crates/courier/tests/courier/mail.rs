//! Letters, and everything that can go wrong with a mail server.

use sandbox::{Fault, MailScript};
use testkit::{Backend, each_backend};

use crate::house::{Certificate, House, Mail};

const TO: &str = "ada@example.org";

fn faults(faults: &[Fault]) -> MailScript {
    MailScript { faults: faults.to_vec(), ..MailScript::default() }
}

/// A deployment with one letter on its way.
async fn waiting(backend: Backend, mail: &Mail) -> House {
    let house = House::new(backend, Some(mail)).await;
    house.write_to(TO).await;
    house
}

/// The ids of the letters that arrived.
fn ids(mail: &Mail) -> Vec<String> {
    let id = |letter: &str| {
        let line = letter.lines().find(|line| line.starts_with("Message-ID: "));
        line.unwrap().to_owned()
    };
    mail.twin.letters().iter().map(|one| id(&one.letter)).collect()
}

each_backend! {
    async fn a_letter_arrives_once(backend: Backend) {
        let mail = Mail::plain(MailScript::default()).await;
        let house = waiting(backend, &mail).await;
        assert_eq!((house.deliver().await, house.deliver().await), (1, 0));
        let letters = mail.twin.letters();
        assert_eq!(letters.len(), 1);
        assert_eq!((letters[0].from.as_str(), letters[0].to.as_str()), ("notices@example.org", TO));
        assert!(letters[0].letter.contains("https://ai.example/subprocessors/confirm/x"), "{}", letters[0].letter);
        assert_eq!(house.after(10 * 86_400).await, 0, "nothing of it is left");
    }

    async fn without_a_mail_server_no_letter_is_kept(backend: Backend) {
        let house = House::new(backend, None).await;
        house.write_to(TO).await;
        assert_eq!(house.deliver().await, 0);
        let mail = Mail::plain(MailScript::default()).await;
        let later = House::courier(&house.backend, &house.store, Some(&mail));
        assert_eq!(later.deliver().await.unwrap(), 0, "nor sent once there is one");
    }

    async fn what_is_refused_for_now_is_tried_again(backend: Backend) {
        let mail = Mail::plain(faults(&[Fault::Later, Fault::Later])).await;
        let house = waiting(backend, &mail).await;
        assert_eq!(house.deliver().await, 1);
        assert_eq!(house.after(4).await, 0, "not before its time");
        assert_eq!(house.after(1).await, 1);
        assert_eq!(house.after(299).await, 0, "later each time");
        assert_eq!(house.after(1).await, 1);
        assert_eq!(mail.twin.letters().len(), 1);
        assert_eq!(mail.twin.connections(), 3);
    }

    async fn a_letter_that_never_arrives_has_an_end(backend: Backend) {
        let mail = Mail::plain(faults(&[Fault::Later; 40])).await;
        let house = waiting(backend, &mail).await;
        let mut tried = 0;
        for _ in 0..200 {
            tried += house.after(3_600).await;
        }
        assert_eq!((tried, mail.twin.connections()), (10, 10));
        assert!(mail.twin.letters().is_empty());
    }

    async fn a_cut_in_the_letter_sends_it_again_and_one_after_it_too(backend: Backend) {
        // A letter whose taking was not said has to be sent again (RFC 5321, 4.2.5): its id tells the two apart.
        let mail = Mail::plain(faults(&[Fault::CutInLetter, Fault::CutAfterLetter])).await;
        let house = waiting(backend, &mail).await;
        house.deliver().await;
        assert!(mail.twin.letters().is_empty(), "half a letter is none");
        house.after(5).await;
        assert_eq!(mail.twin.letters().len(), 1, "kept, and not said so");
        house.after(300).await;
        let ids = ids(&mail);
        assert_eq!(ids.len(), 2);
        assert_eq!(ids[0], ids[1], "whoever gets both can tell");
        assert_eq!(house.after(86_400).await, 0, "no more than that");
    }
}

#[tokio::test]
async fn a_cut_at_the_farewell_changes_nothing() {
    let mail = Mail::plain(faults(&[Fault::CutAtFarewell])).await;
    let house = waiting(Backend::sqlite(), &mail).await;
    house.deliver().await;
    house.after(86_400).await;
    assert_eq!(mail.twin.letters().len(), 1);
}

#[tokio::test]
async fn a_recipient_or_letter_that_is_refused_for_good_is_given_up() {
    for fault in [Fault::NoSuchRecipient, Fault::Spam] {
        let mail = Mail::plain(faults(&[fault])).await;
        let house = waiting(Backend::sqlite(), &mail).await;
        assert_eq!(house.deliver().await, 1);
        assert_eq!(house.after(86_400).await, 0, "{fault:?}");
        assert!(mail.twin.letters().is_empty());
    }
}

#[tokio::test]
async fn starttls_comes_before_everything() {
    let certificate = Certificate::new();
    let script = MailScript {
        starttls: Some(certificate.server()),
        user: Some(("ada".to_owned(), "p@ss word".to_owned())),
        ..MailScript::default()
    };
    let mail = Mail::at("smtp://ada:p%40ss%20word@", script, &certificate).await;
    let house = waiting(Backend::sqlite(), &mail).await;
    house.deliver().await;
    let letters = mail.twin.letters();
    assert!(letters[0].secure && letters[0].signed_in);
    let clear = mail.twin.said_in_the_clear();
    assert_eq!(clear, ["EHLO ai.example", "STARTTLS"], "nothing else was said in the clear");
}

#[tokio::test]
async fn implicit_tls_and_both_ways_to_sign_in() {
    let certificate = Certificate::new();
    for login_only in [false, true] {
        let script = MailScript {
            implicit: Some(certificate.server()),
            user: Some(("ada".to_owned(), "secret".to_owned())),
            login_only,
            ..MailScript::default()
        };
        let mail = Mail::at("smtps://ada:secret@", script, &certificate).await;
        let house = waiting(Backend::sqlite(), &mail).await;
        house.deliver().await;
        let letters = mail.twin.letters();
        assert!(letters[0].secure && letters[0].signed_in, "{login_only}");
    }
}

/// Neither a server without TLS, nor one with somebody else's certificate, nor one that says more than it should
/// before TLS is told anything; each may be mended, so the letter waits.
#[tokio::test]
async fn nothing_is_said_to_a_server_that_cannot_be_trusted() {
    let (ours, theirs) = (Certificate::new(), Certificate::new());
    let tls = |certificate: &Certificate| MailScript {
        starttls: Some(certificate.server()),
        ..MailScript::default()
    };
    let injected = MailScript { faults: vec![Fault::Injected], ..tls(&ours) };
    for script in [MailScript::default(), tls(&theirs), injected] {
        let mail = Mail::at("smtp://", script, &ours).await;
        let house = waiting(Backend::sqlite(), &mail).await;
        assert_eq!(house.deliver().await, 1);
        assert!(mail.twin.letters().is_empty());
        let clear = mail.twin.said_in_the_clear();
        assert!(
            clear.iter().all(|line| ["EHLO ai.example", "STARTTLS"].contains(&line.as_str())),
            "{clear:?}"
        );
        assert_eq!(house.after(5).await, 1, "it waits");
    }
}

#[tokio::test]
async fn a_wrong_password_waits_for_somebody_to_mend_it() {
    let certificate = Certificate::new();
    let script = MailScript {
        implicit: Some(certificate.server()),
        user: Some(("ada".to_owned(), "right".to_owned())),
        ..MailScript::default()
    };
    let mail = Mail::at("smtps://ada:wrong@", script, &certificate).await;
    let house = waiting(Backend::sqlite(), &mail).await;
    assert_eq!(house.deliver().await, 1);
    assert_eq!(house.after(5).await, 1);
    assert!(mail.twin.letters().is_empty());
}
