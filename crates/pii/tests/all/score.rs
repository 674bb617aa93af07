//! How well the scanner does on the set. A finding counts when kind and span are exactly right.

use std::collections::BTreeMap;

use pii::{Finding, Kind};

use crate::{
    evaluation::{SEED, samples},
    recognisers::scanner,
};

const LEAST: f64 = 0.98;

#[derive(Default)]
struct Score {
    right: usize,
    missed: usize,
    wrong: usize,
}

#[test]
fn structured_identifiers_are_found_and_nothing_else() {
    let mut scores: BTreeMap<Kind, Score> = BTreeMap::new();
    let mut found = Vec::new();
    for sample in samples(SEED) {
        scanner().scan(&sample.text, &mut found);
        for wanted in &sample.spans {
            let score = scores.entry(wanted.kind).or_default();
            if found.contains(wanted) {
                score.right += 1;
            } else {
                score.missed += 1;
                println!(
                    "{} {} missed {} in {:?}",
                    sample.language,
                    sample.form,
                    show(&sample.text, wanted),
                    sample.text
                );
            }
        }
        for one in found.iter().filter(|one| !sample.spans.contains(one)) {
            scores.entry(one.kind).or_default().wrong += 1;
            println!(
                "{} {} wrong {} in {:?}",
                sample.language,
                sample.form,
                show(&sample.text, one),
                sample.text
            );
        }
    }
    let (mut right, mut missed, mut wrong) = (0, 0, 0);
    let mut low = Vec::new();
    for (kind, score) in &scores {
        let share = |of: usize| score.right as f64 / (score.right + of).max(1) as f64;
        let (precision, recall) = (share(score.wrong), share(score.missed));
        println!(
            "{:22} precision {precision:.4} recall {recall:.4} of {}",
            kind.name(),
            score.right + score.missed
        );
        if precision < LEAST || recall < LEAST {
            low.push(kind.name());
        }
        right += score.right;
        missed += score.missed;
        wrong += score.wrong;
    }
    println!("all: {right} right, {missed} missed, {wrong} wrong");
    assert!(low.is_empty(), "below {LEAST}: {low:?}");
    assert_eq!(scores.len(), Kind::ALL.len() - 1, "each kind but names is in the set");
}

#[test]
fn the_set_is_the_same_each_time_and_holds_as_many_decoys() {
    let (first, second) = (samples(SEED), samples(SEED));
    assert!(first.iter().zip(&second).all(|(a, b)| a.text == b.text && a.spans == b.spans));
    let spans: usize = first.iter().map(|sample| sample.spans.len()).sum();
    let decoys: usize = first.iter().map(|sample| sample.decoys).sum();
    assert!(decoys >= spans, "{decoys} decoys for {spans}");
}

fn show(text: &str, one: &Finding) -> String {
    format!("{} {:?}", one.kind.name(), &text[one.start..one.end])
}
