use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// Settings with a data directory of their own.
fn settings(mode: TlsMode) -> (tempfile::TempDir, Config) {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config { data: directory.path().to_owned(), ..Config::default() };
    config.tls.mode = mode;
    (directory, config)
}

fn open(config: &Config, clock: &Clock) -> Result<Keeper> {
    Keeper::open(config, clock).map(|keeper| keeper.expect("TLS is on"))
}

#[test]
fn without_tls_nothing_is_made() {
    let (directory, config) = settings(TlsMode::Off);
    assert!(Keeper::open(&config, &Clock::system()).unwrap().is_none());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_certificate_of_our_own_is_kept_and_replaced_before_it_ends() {
    let (directory, mut config) = settings(TlsMode::SelfSigned);
    let clock = Clock::frozen(Clock::system().now());
    let keeper = open(&config, &clock).unwrap();
    let first = keeper.fingerprint();
    let kept = directory.path().join("tls.pem");
    assert_eq!(fs::metadata(&kept).unwrap().mode() & 0o777, 0o600);
    assert_eq!(open(&config, &clock).unwrap().fingerprint(), first, "it outlives a restart");

    clock.advance(VALID - AHEAD - DAY);
    keeper.reload().unwrap();
    assert_eq!(keeper.fingerprint(), first);
    clock.advance(2 * DAY);
    keeper.reload().unwrap();
    let second = keeper.fingerprint();
    assert_ne!(second, first, "thirty days before its end there is another one");

    config.tls.names = vec!["ai.example".to_owned()];
    let named = open(&config, &clock).unwrap().fingerprint();
    assert_ne!(named, second, "it is for other names");
    fs::write(&kept, "damaged").unwrap();
    assert_ne!(open(&config, &clock).unwrap().fingerprint(), named);
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(open(&config, &clock).is_err());
}

#[test]
fn files_are_read_again_and_the_last_good_ones_stay() {
    let (directory, mut config) = settings(TlsMode::Files);
    let (clock, now) = (Clock::system(), Clock::system().now());
    let at = |name: &str| directory.path().join(name);
    let put = || {
        let made = vault::self_signed(&["ai.example".to_owned()], now, now.plus(VALID)).unwrap();
        fs::write(at("cert.pem"), made.certificate).unwrap();
        fs::write(at("key.pem"), made.key.expose()).unwrap();
    };
    put();
    (config.tls.certificate, config.tls.key) = (Some(at("cert.pem")), Some(at("key.pem")));
    fs::set_permissions(at("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let error = open(&config, &clock).err().unwrap();
    assert!(error.message().contains("chmod 600"), "{error}");
    fs::set_permissions(at("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let keeper = open(&config, &clock).unwrap();
    let first = keeper.fingerprint();

    let other = vault::self_signed(&["ai.example".to_owned()], now, now.plus(VALID)).unwrap();
    fs::write(at("cert.pem"), other.certificate).unwrap();
    assert!(keeper.reload().is_err(), "the key is another certificate's");
    fs::write(at("cert.pem"), "nothing").unwrap();
    assert!(keeper.reload().is_err());
    assert_eq!(keeper.fingerprint(), first);
    put();
    keeper.reload().unwrap();
    assert_ne!(keeper.fingerprint(), first);
}
