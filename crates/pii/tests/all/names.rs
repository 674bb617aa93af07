//! Names: those the organization knows, and strangers behind a cue.

use std::sync::LazyLock;

use pii::{Directory, Kind, Names, Scanner};

static KNOWN: LazyLock<Scanner> = LazyLock::new(|| {
    let people = [
        "Anna Jensen",
        "Søren Ærø-Møller",
        "Will Smith",
        "Kowalska, Zofia",
        "Иван Петров",
        "Li Na Chen",
    ];
    Scanner::new().with(Names::of(Directory::new(people)))
});
static STRANGERS: LazyLock<Scanner> =
    LazyLock::new(|| Scanner::new().with(Names::of(Directory::default()).and_strangers()));

fn finds(scanner: &Scanner, texts: &[&str]) {
    for marked in texts {
        let text = marked.replace(['«', '»'], "");
        let wanted: Vec<&str> =
            marked.split('«').skip(1).map(|rest| rest.split('»').next().unwrap()).collect();
        let mut found = Vec::new();
        scanner.scan(&text, &mut found);
        let names = found.iter().filter(|one| one.kind == Kind::Person);
        let names: Vec<&str> = names.map(|one| &text[one.start..one.end]).collect();
        assert_eq!(names, wanted, "in {text:?}");
    }
}

#[test]
fn people_of_the_directory() {
    finds(
        &KNOWN,
        &[
            "«Ærø-Møller, Søren» og «ærø-møller»",
            "«Anna Jensen» wrote to «Soren Aero-Moller».",
            "anna uden efternavn, men «anna jensen» og «JENSEN, ANNA»",
            "«Annas» bil, «Jensens» hus",
            "spotkanie z «Zofią Kowalską» i «Kowalskiej»",
            "«Ивана Петрова» няма",
            "«Will Smith» will come; Will he? «Smith» did.",
            "«Li Na Chen» and banana",
            "no one here: annals, jensenist, Annapolis",
        ],
    );
}

#[test]
fn strangers_behind_a_cue_and_after_a_first_name() {
    finds(
        &STRANGERS,
        &[
            "Hr. «Thorvald Grøn» ringede",
            "mit navn er «Thora Bek».",
            "Sehr geehrte Frau «Quandt», danke",
            "ik heet «Teun van der Berg» en",
            "My name is «Zed Quux»",
            "je m'appelle «Odile Prat»",
            "Me llamo «Iker Sanz»",
            "казвам се «Божидар Тотев»",
            "Kind regards,\n«Zed Quux»",
            "Then «Maria Lindqvist» left",
        ],
    );
    finds(
        &STRANGERS,
        &[
            "my name is not important",
            "Frau des Hauses",
            "the herring is here",
            "Herr Direktor, danke",
            "In May Rose bloomed",
            "m: Mutability",
            "customer: None",
            "Dr OK",
            "Maria went home",
            "this is The End",
        ],
    );
}

#[test]
fn what_has_a_structure_comes_before_a_name() {
    let mut found = Vec::new();
    KNOWN.scan("Anna.Jensen@example.org", &mut found);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, Kind::Email);
}
