//! Any bytes as a provider's export, and as a table of names: no panic, no overflow, nothing of a cell in an error, and
//! a comparison with itself is the same throughout.
#![no_main]

use domain::{
    export::{Cached, Column, Export, Reading},
    names_in_csv, names_in_lines,
    reconcile::{Own, Verdict, reconcile},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let columns = [(Column::Day, "d"), (Column::Model, "m"), (Column::Input, "i"), (Column::Cost, "c")];
    let by_hand = Reading {
        columns: columns.map(|(column, name)| (column, name.to_owned())).into_iter().collect(),
        models: [("x".to_owned(), "y".to_owned())].into_iter().collect(),
        cached: None,
        usual: Cached::Apart,
    };
    for reading in [Reading::default(), by_hand] {
        let Ok(export) = Export::read(data, &reading) else { continue };
        assert!(export.rows > 0 && !export.counts.is_empty());
        let fresh = |counts: &domain::export::Counts| {
            counts.input.saturating_sub(counts.cache_read).saturating_sub(counts.cache_write)
        };
        let own: Vec<_> = export
            .counts
            .iter()
            .map(|((day, model), counts)| {
                let own = Own {
                    model: model.clone(),
                    requests: counts.requests,
                    input: if export.measures.contains(&domain::export::Measure::FreshInput) {
                        counts.input
                    } else {
                        fresh(counts)
                    },
                    cache_read: counts.cache_read,
                    cache_write: counts.cache_write,
                    output: counts.output,
                    cost_nano: counts.cost_nano,
                    absent: 0,
                    unpriced: 0,
                };
                (*day, own)
            })
            .collect();
        // Sums that reached their end cannot be taken apart again.
        let huge = |counts: &domain::export::Counts| {
            [counts.input, counts.cache_read, counts.cache_write].iter().any(|sum| *sum > i64::MAX / 4)
        };
        let whole = !export.counts.values().any(huge);
        let result = reconcile(export, own);
        if whole {
            assert!(result.lines.iter().all(|line| line.verdict == Verdict::Same), "{result:?}");
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = (names_in_lines(text), names_in_csv(text));
    }
});
