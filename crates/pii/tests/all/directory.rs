//! A large directory of names against texts with and without them: what is found, and what is wrongly found.

use std::collections::HashSet;

use pii::{Directory, Kind, Names, Scanner};

use crate::dice::Dice;

const FIRST: &[&str] = &[
    "Anna",
    "Søren",
    "Jürgen",
    "Zofia",
    "Noémie",
    "Iñigo",
    "Matteo",
    "Aino",
    "Kateřina",
    "Ioana",
    "Jovana",
    "Teun",
    "Márton",
    "Elif",
    "Brónagh",
    "Nuno",
    "Eglė",
    "Kristjan",
    "Ilze",
    "Борис",
    "Ελένη",
    "Ahmed",
    "Mai Lan",
    "Jean-Luc",
];
const HEADS: &[&str] = &[
    "Brand", "Kval", "Lind", "Novo", "Petr", "Quast", "Rosen", "Szym", "Tvar", "Ulv", "Vester",
    "Wolk", "Zahr", "Mór", "Grøn", "Hägg", "Dvoř", "Kowal", "Iliesc", "Ferr", "Gonç", "Bjerg",
    "Cass", "Eriks",
];
const TAILS: &[&str] = &[
    "gaard", "strand", "holt", "ák", "czyk", "escu", "eira", "sson", "berg", "inen", "ovic",
    "aitis", "quist", "mans", "hout", "elli", "ard", "ez", "oğlu", "thwaite", "vik", "unen",
    "kamp", "dottir",
];

/// Sentences in which a name stands as people write it. `{}` is the name.
const WITH: &[&str] = &[
    "I spoke with {} about the invoice.",
    "Kan du ringe til {} i morgen?",
    "Bitte schicken Sie es an {}, danke.",
    "Le dossier de {} est complet.",
    "El pedido de {} llegó ayer.",
    "Przekaż to: {}.",
    "{} (kl. 14) og resten af holdet",
    "cc: {}; re: budget",
    "\"{}\" said nothing.",
    "- {}\n- and others",
];

/// Ordinary text with capitals, which nobody is named in.
const WITHOUT: &[&str] = &[
    "The Board approved the Budget on Monday, and Berlin was told by e-mail.",
    "Rosengarten, Lindenallee und Bergstraße sind gesperrt.",
    "Vesterbro Torv er lukket; bussen holder ved Strandvejen.",
    "Le Conseil d'Administration se réunit à Bruxelles en mai.",
    "annals of the grand brand, and a strand of hair",
    "Casselberry Quastel Novomoskovsk Petrograd",
    "El Comité de Empresa firmó el Convenio en Sevilla.",
    "Matters of fact: Teunisbrug, Annapolis, Zofiówka.",
];

fn surname(dice: &mut Dice) -> String {
    format!(
        "{}{}{}",
        dice.pick(HEADS),
        dice.pick(&["", "er", "a", "i", "o", "en"]),
        dice.pick(TAILS)
    )
}

fn names(dice: &mut Dice, number: usize) -> Vec<(String, String)> {
    let mut seen = HashSet::new();
    std::iter::repeat_with(|| {
        let first = dice.pick(FIRST);
        let second = if dice.below(3) == 0 { format!("-{}", surname(dice)) } else { String::new() };
        (first.to_owned(), format!("{}{second}", surname(dice)))
    })
    .filter(|name| seen.insert(name.clone()))
    .take(number)
    .collect()
}

/// The name as somebody might write it.
fn written(dice: &mut Dice, (first, last): &(String, String)) -> String {
    match dice.below(6) {
        0 => format!("{last}, {first}"),
        1 => format!("{first} {last}").to_lowercase(),
        2 => format!("{first} {last}").to_uppercase(),
        3 => last.clone(),
        _ => format!("{first} {last}"),
    }
}

#[test]
fn twenty_thousand_names_are_found_and_little_else() {
    let mut dice = Dice::new(11);
    let known = names(&mut dice, 20_000);
    let scanner = Scanner::new();
    let directory =
        Names::of(Directory::new(known.iter().map(|(first, last)| format!("{first} {last}"))));
    let (mut wanted, mut right, mut wrong, mut found) = (0, 0, 0, Vec::new());
    for round in 0..4_000 {
        let at = dice.below(known.len());
        let name = written(&mut dice, &known[at]);
        let text = WITH[round % WITH.len()].replace("{}", &name);
        scanner.scan_with(&directory, &text, &mut found);
        let spans: Vec<_> = found
            .iter()
            .filter(|one| one.kind == Kind::Person)
            .map(|one| &text[one.start..one.end])
            .collect();
        wanted += 1;
        right += usize::from(spans.contains(&name.as_str()));
        wrong += spans.iter().filter(|span| **span != name).count();
    }
    for round in 0..4_000 {
        scanner.scan_with(&directory, WITHOUT[round % WITHOUT.len()], &mut found);
        wrong += found.iter().filter(|one| one.kind == Kind::Person).count();
    }
    let (recall, precision) = (right as f64 / wanted as f64, right as f64 / (right + wrong) as f64);
    println!("recall {recall:.4}, precision {precision:.4} of {wanted}");
    assert!(recall >= 0.98 && precision >= 0.98, "recall {recall:.4}, precision {precision:.4}");
}
