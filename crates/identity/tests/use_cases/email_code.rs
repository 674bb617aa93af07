//! Signing in with a code that comes by letter.

use std::{net::IpAddr, time::Duration};

use domain::{Channel, First, Letter, OrgRole};
use futures::future::join_all;
use identity::{CodeAsked, Config, SignInStep, SignedIn};
use store::Cargo;
use testkit::{Backend, each_backend};

use crate::house::{House, code, home};

const KNOWN: &str = "operator@example.org";
const MINUTE: Duration = Duration::from_secs(60);

impl House {
    /// A house that can send letters, with an operator.
    async fn with_mail(backend: Backend) -> Self {
        let house = Self::new(backend).await;
        house.store.set_mail(Some("notices@example.org".to_owned()));
        house.password_operator().await;
        house
    }

    /// The codes in the letters that wait to leave, as they are read by whoever gets them.
    async fn letters(&self) -> Vec<(String, String)> {
        let lease = Duration::from_secs(1);
        let mut found = Vec::new();
        for message in self.store.messages_claim(&[Channel::Mail], 64, lease).await.unwrap() {
            let Cargo::Letter { to, letter } = &message.cargo else { continue };
            let letter: Letter = serde_json::from_str(letter.expose()).unwrap();
            found.push((to.expose().clone(), letter.paragraphs[0].clone()));
            self.store.message_delivered(&message, 250).await.unwrap();
        }
        found
    }

    /// Asks for a code and reads the letter.
    async fn ask(&self, email: &str) -> (CodeAsked, String) {
        let asked = self.identity.code_ask(email, home()).await.unwrap();
        let letters = self.letters().await;
        let [(to, code)] = letters.as_slice() else { panic!("{} letters", letters.len()) };
        assert_eq!(to, email);
        (asked, code.clone())
    }

    async fn enter(&self, asked: &CodeAsked, code: &str) -> domain::Result<SignInStep> {
        self.identity.code_enter(&asked.token, (code, false), home()).await
    }

    async fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }
}

fn done(step: domain::Result<SignInStep>) -> SignedIn {
    match step.unwrap() {
        SignInStep::Done(signed_in) => signed_in,
        SignInStep::SecondFactor(_) => panic!("no second factor is set up"),
    }
}

/// Another code of the same length.
fn other_than(code: &str) -> String {
    code.chars().map(|one| if one == '1' { '2' } else { '1' }).collect()
}

each_backend! {
    async fn the_code_signs_in_once_and_only_where_it_was_asked_for(backend: Backend) {
        let house = House::with_mail(backend).await;
        let (asked, right) = house.ask(KNOWN).await;
        let elsewhere = house.identity.code_ask(KNOWN, IpAddr::from([192, 0, 2, 9])).await.unwrap();
        assert_eq!(code(house.enter(&elsewhere, &right).await), "wrong_code");
        let signed_in = done(house.enter(&asked, &right).await);
        let session = house.session(&signed_in).await;
        assert_eq!(session.proofs().first, First::Email);
        assert_eq!(code(house.enter(&asked, &right).await), "code_over");
    }

    async fn it_is_typed_as_people_type(backend: Backend) {
        let house = House::with_mail(backend).await;
        let (asked, right) = house.ask(KNOWN).await;
        done(house.enter(&asked, &format!(" {} ", right.replace(' ', "-"))).await);
    }

    async fn it_holds_for_ten_minutes(backend: Backend) {
        let house = House::with_mail(backend).await;
        let (asked, right) = house.ask(KNOWN).await;
        house.wait(MINUTE * 10).await;
        assert_eq!(code(house.enter(&asked, &right).await), "code_over");
        let (asked, right) = house.ask(KNOWN).await;
        house.wait(MINUTE * 10 - Duration::from_secs(1)).await;
        done(house.enter(&asked, &right).await);
    }

    async fn five_guesses_are_compared_however_many_come_at_once(backend: Backend) {
        let house = House::with_mail(backend).await;
        let (asked, right) = house.ask(KNOWN).await;
        let wrong = other_than(&right);
        // Without the budget that codes and passwords share, which few of them would pass.
        let most = 10_000;
        let config = Config {
            failures_per_account: most,
            failures_per_address: most,
            ..Config::default()
        };
        let lenient = house.configured(config).await;
        let guess = || lenient.code_enter(&asked.token, (&wrong, false), home());
        let tries = join_all((0..1600).map(|_| guess())).await;
        let compared = tries.into_iter().filter(|one| {
            one.as_ref().is_err_and(|error| error.code() == "wrong_code")
        });
        assert_eq!(compared.count(), 5);
        assert_eq!(code(house.enter(&asked, &right).await), "code_over");
    }

    async fn after_ten_wrong_ones_six_digits_are_not_enough(backend: Backend) {
        let house = House::with_mail(backend).await;
        for _ in 0..2 {
            let (asked, right) = house.ask(KNOWN).await;
            assert_eq!(right.len(), 7);
            for _ in 0..5 {
                assert_eq!(code(house.enter(&asked, &other_than(&right)).await), "wrong_code");
            }
            house.wait(MINUTE * 20).await;
        }
        let (asked, right) = house.ask(KNOWN).await;
        assert_eq!((right.len(), right.find('-')), (9, Some(4)), "{right}");
        done(house.enter(&asked, &right.to_ascii_uppercase()).await);
        house.wait(MINUTE * 60 * 24 * 31).await;
        assert_eq!(house.ask(KNOWN).await.1.len(), 7, "wrong ones are forgotten after a month");
    }

    async fn a_short_code_of_before_is_no_longer_taken_then(backend: Backend) {
        let house = House::with_mail(backend).await;
        // Wrong codes share the budget of passwords, which would end it before.
        let config = Config { failures_per_account: 100, ..Config::default() };
        let lenient = house.configured(config).await;
        let (early, right) = house.ask(KNOWN).await;
        for network in [8, 9] {
            let stranger = IpAddr::from([198, 51, 100, network]);
            let asked = lenient.code_ask(KNOWN, stranger).await.unwrap();
            for _ in 0..5 {
                let tried = lenient.code_enter(&asked.token, ("aaaaaa", false), stranger).await;
                assert_eq!(code(tried), "wrong_code");
            }
        }
        let tried = lenient.code_enter(&early.token, (&right, false), home()).await;
        assert_eq!(code(tried), "code_over");
    }

    async fn nobody_learns_who_has_an_account(backend: Backend) {
        let house = House::with_mail(backend).await;
        let asked = house.identity.code_ask("nobody@example.org", home()).await.unwrap();
        assert!(house.letters().await.is_empty());
        assert!(house.identity.code_waits(&asked.token).await.unwrap());
        assert_eq!(code(house.enter(&asked, "123456").await), "wrong_code");
        let soon = house.identity.code_ask("nobody@example.org", home()).await;
        assert_eq!(code(soon), "too_many_codes");
        assert_eq!(code(house.identity.code_ask("no address", home()).await), "invalid_email");
    }

    async fn letters_to_one_address_have_an_end(backend: Backend) {
        let house = House::with_mail(backend).await;
        let stranger = |at| IpAddr::from([198, 51, 100, at]);
        for _ in 0..3 {
            house.identity.code_ask(KNOWN, stranger(1)).await.unwrap();
            house.wait(MINUTE).await;
        }
        assert_eq!(code(house.identity.code_ask(KNOWN, stranger(1)).await), "too_many_codes");
        house.identity.code_ask(KNOWN, home()).await.unwrap();
        for at in 2..10 {
            house.identity.code_ask(KNOWN, stranger(at)).await.unwrap();
        }
        assert_eq!(code(house.identity.code_ask(KNOWN, stranger(20)).await), "too_many_codes");
        assert_eq!(house.letters().await.len(), 12);
        house.wait(MINUTE * 61).await;
        house.identity.code_ask(KNOWN, home()).await.unwrap();
    }

    async fn a_second_factor_is_asked_for_all_the_same(backend: Backend) {
        let house = House::with_mail(backend).await;
        let signed_in = house.sign_in(KNOWN, crate::house::PASSWORD, home()).await.unwrap();
        let (_, app) = house.strong(&house.session(&signed_in).await).await;
        let (asked, right) = house.ask(KNOWN).await;
        let Ok(SignInStep::SecondFactor(half)) = house.enter(&asked, &right).await else {
            panic!("half way");
        };
        house.wait(MINUTE).await;
        let shown = app.code(house.clock.now());
        let given = (shown.expose().as_str(), false);
        let signed_in = house.identity.sign_in_finish(&half.token, given, home()).await.unwrap();
        let proofs = house.session(&signed_in).await.proofs();
        assert_eq!((proofs.first, proofs.second), (First::Email, Some(house.clock.now())));
    }

    async fn whoever_is_disabled_gets_none_and_uses_none(backend: Backend) {
        let house = House::new(backend).await;
        house.store.set_mail(Some("notices@example.org".to_owned()));
        let operator = house.operator().await;
        let (_, scope) = house.organization(&operator, "acme").await;
        let bob = house.member(&scope, "bob", OrgRole::Member).await;
        // The invitation.
        house.letters().await;
        let (asked, right) = house.ask("bob@example.org").await;
        let deployment = house.store.deployment(store::Authority::Operator(&operator)).await;
        let mut write = deployment.unwrap().write().await.unwrap();
        write.user_disable(bob.user(), true).await.unwrap();
        write.commit(domain::Event::new(domain::Action::UserCreate)).await.unwrap();
        assert_eq!(code(house.enter(&asked, &right).await), "code_over");
        house.wait(MINUTE).await;
        house.identity.code_ask("bob@example.org", home()).await.unwrap();
        assert!(house.letters().await.is_empty());
    }

    async fn without_a_mail_server_there_are_none(backend: Backend) {
        let house = House::new(backend).await;
        assert!(!house.identity.offers_codes());
        assert_eq!(code(house.identity.code_ask(KNOWN, home()).await), "no_codes");
    }
}
