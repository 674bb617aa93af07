//! What leads to people or opens doors: addresses, phones, machines, keys.

use pii::{Kind, Scanner};

use crate::{
    dice::Dice,
    recognisers::{finds, leaves, scan},
};

#[test]
fn emails() {
    finds(
        Kind::Email,
        &[
            "«anna@example.org»",
            "<«Anna.O'Neil+news@mail.example.co.uk»>",
            "skriv til «søren@fødevarer.dk».",
            "mailto:«a_b@ex-ample.com»?subject=x",
            "«a@b.io», «c@d.io»;«e@f.io»",
            "'«jens@firma.dk»'",
        ],
    );
    leaves(&[
        "@anna",
        "anna@localhost",
        "logo@2x.png",
        "a@b",
        "@scope/pkg@1.2.3",
        "git@example.org:group/it.git",
        "a..b@example.org",
        "x@.org",
        "x@example.",
        "x@-a.org",
        "@@@@",
        "@app.route('/x')",
        "pkg@18.2.0",
    ]);
}

#[test]
fn phones() {
    finds(
        Kind::Phone,
        &[
            "«+45 20 12 34 56»",
            "«+4520123456»",
            "Ring på «+45 20123456» i dag",
            "«+44 (0)20 7946 0958»",
            "«0045 20 12 34 56»",
            "«+49 151 23456789»",
            "«+33 6 12 34 56 78» 12 stk",
            "Tlf.: «20 12 34 56»",
            "Tel: «06-12345678»",
            "mobil «0701234567»",
            "«(+45) 20 12 34 56»",
            "телефон «088 812 3456»",
            "«+359 88 812 3456»",
        ],
    );
    leaves(&[
        "+45 20 12 34",
        "+999 20 12 34 56",
        "1+4520123456",
        "20 12 34 56",
        "order 20123456",
        "+1",
        "temp +12 45 67",
        "00:45:20",
        "0000 0000 0000",
    ]);
}

#[test]
fn only_the_regions_of_the_organization_count_for_national_numbers() {
    let scan = |regions: &[&str]| {
        let mut found = Vec::new();
        Scanner::new().with_regions(regions).scan("mobile 0701234567", &mut found);
        found.len()
    };
    assert_eq!((scan(&["SE"]), scan(&["DK"]), scan(&["nowhere"])), (1, 0, 0));
}

#[test]
fn addresses_of_machines() {
    finds(
        Kind::IpAddress,
        &[
            "«192.168.1.17»",
            "from «81.7.3.12»:443",
            "(«10.0.0.1»)",
            "«2001:db8:85a3::8a2e:370:7334»",
            "[«2001:0db8:0000:0000:0000:ff00:0042:8329»]:80",
            "«fe80::1ff:fe23:4567:890a»",
            "log «81.7.3.12», «81.7.3.13».",
        ],
    );
    finds(Kind::MacAddress, &["«00:1A:2b:3C:4d:5E»", "«00-1A-2b-3C-4d-5E»"]);
    leaves(&[
        "127.0.0.1",
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "v1.2.3.4",
        "version 10.0.19045.3570",
        "Section 6.4.2.1",
        "OID 2.5.4.28",
        "6.4.2.1",
        "2.5.29.16",
        "Version: 1.2.3.4",
        "::1",
        "a::b",
        "a1::b2",
        "std::vec::x",
        "12:30:45",
        "0.0.0.0",
        "255.255.255.0",
        "01.02.03.04",
        "dead::beef",
        "00:00:00:00:00:00",
        "firmware 1.20.3.4",
    ]);
}

#[test]
fn passwords_in_urls() {
    finds(
        Kind::UrlCredential,
        &[
            "postgres://«anna:hemmelig@db.example.org:5432»/x",
            "https://«u:p@example.org»",
            "ftp://«jens:Pa55@10.0.0.1»/file",
        ],
    );
    leaves(&[
        "https://example.org/@user",
        "https://example.org:8080/a",
        "postgres://user:$PASSWORD@db.example.org",
        "http://[user[:password]@]proxyhost",
        "https://user:password@host/",
        "https://x@example",
    ]);
}

#[test]
fn keys_of_known_formats() {
    let mut dice = Dice::new(15);
    let word = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let hex = "0123456789abcdef";
    for _ in 0..50 {
        let keys = [
            format!("sk-{}", dice.text(word, 48)),
            format!("sk-proj-{}", dice.text(word, 60)),
            format!("sk-ant-api03-{}", dice.text(word, 93)),
            format!("AKIA{}", dice.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
            format!("AIza{}", dice.text(word, 35)),
            format!("ghp_{}", dice.text(word, 36)),
            format!("glpat-{}", dice.text(word, 20)),
            format!("hf_{}", dice.text(word, 34)),
            format!("sk_live_{}", dice.text(word, 24)),
            format!("xoxb-{}-{}", dice.digits(12), dice.text(word, 24)),
            format!("npm_{}", dice.text(word, 36)),
            format!("dop_v1_{}", dice.text(hex, 64)),
            format!("SG.{}.{}", dice.text(word, 22), dice.text(word, 43)),
            format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}.{}", dice.text(word, 30), dice.text(word, 43)),
        ];
        for key in keys {
            finds(Kind::Secret, &[&format!("use «{key}» now"), &format!("{{\"x\":\"«{key}»\"}}")]);
        }
    }
    leaves(&[
        "sk-your-key-here",
        "AKIASHORT1",
        "ghp_123",
        "task-2024-11-20-something-long",
        "550e8400-e29b-41d4-a716-446655440000",
        "sk-aaaaaaaaaaaaaaaaaaaaaaaa",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "snake_case_name_of_a_thing_2",
    ]);
}

#[test]
fn what_is_named_a_secret() {
    finds(
        Kind::Secret,
        &[
            "password: «Sommer2024!»",
            "DB_PASSWORD=«s3cr3t-value»",
            "\"api_key\": \"«a1b2c3d4e5f6»\"",
            "Adgangskode: «hest12345».",
            "https://example.org/?access_token=«abc123def456»&x=1",
            "Kennwort = «Blume4711x»",
            "client_secret='«Q~8xyz12345»'",
        ],
    );
    leaves(&[
        "password: ${DB_PASSWORD}",
        "token: self.next_token2",
        "token: DIALOG2_TOKEN",
        "secret: vec![42u8; 32]",
        "key_token: Kind::Token2",
        "password: changeme1",
        "token: 2024-11-20T10:00",
        "max_tokens=4096",
        "password: hemmelighed",
        "secret: your-secret-1",
        "the password is long",
        "Password: ",
        "token=",
        "api_key=os.environ['A1']",
    ]);
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nAQAB\n-----END RSA PRIVATE KEY-----";
    assert_eq!(scan(&format!("a\n{key}\nb")), [(Kind::Secret, key)]);
    assert_eq!(
        scan("-----BEGIN PRIVATE KEY-----\nMIIB"),
        [(Kind::Secret, "-----BEGIN PRIVATE KEY-----\nMIIB")]
    );
    leaves(&[
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----",
        "----------",
    ]);
}

#[test]
fn a_word_speaks_of_the_next_number_only() {
    finds(Kind::NlBsn, &["Geen telefoon, BSN «612345002»"]);
    finds(Kind::Phone, &["BSN volgt, telefoon «612345002»"]);
    finds(Kind::Phone, &["Tel. «20 12 34 56», sag 23 45 67 89", "«20123456» (mobil)"]);
    leaves(&["20123456. Ring til mig", "tlf. 13/06/2019"]);
}
