//! Every page over made-up data: a golden snapshot of each, and rules that hold for all.

use askama::Template as _;
use web::view::Theme;

use crate::samples::samples;

#[test]
fn every_page_looks_as_agreed() {
    for sample in samples() {
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(sample.name, sample.fragment);
        });
    }
}

#[test]
fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    for sample in samples() {
        let page = sample.document(Theme::Dark);
        for forbidden in [
            " style=",
            "<style",
            "javascript:",
            " onclick=",
            " onsubmit=",
            " onload=",
            "<iframe",
            "src=\"http",
        ] {
            assert!(!page.contains(forbidden), "{} has {forbidden}", sample.name);
        }
        // The one script is a file of our own.
        assert_eq!(page.matches("<script").count(), 1, "{}", sample.name);
        assert!(page.contains("<script type=\"module\" src=\"/assets/app."), "{}", sample.name);
    }
}

#[test]
fn every_field_has_a_label_and_every_page_one_heading() {
    for sample in samples() {
        let page = &sample.fragment;
        assert_eq!(page.matches("<h1").count(), 1, "{}", sample.name);
        for (at, _) in page.match_indices("<input class=\"input") {
            let id = page[at..].split("id=\"").nth(1).unwrap().split('"').next().unwrap();
            assert!(
                page.contains(&format!("<label for=\"{id}\"")),
                "{}: {id} has no label",
                sample.name
            );
        }
        let ids: Vec<_> = page
            .match_indices(" id=\"")
            .map(|(at, _)| page[at + 5..].split('"').next().unwrap())
            .collect();
        let mut unique = ids.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(ids.len(), unique.len(), "{} uses an id twice: {ids:?}", sample.name);
    }
}

#[test]
fn what_people_type_stays_text() {
    let page = web::pages::home::New {
        problems: Vec::new(),
        name: web::view::Field::new("\"><script>alert(1)</script>"),
        slug: web::view::Field::default(),
    };
    let text = page.render().unwrap();
    assert!(!text.contains("<script>"), "{text}");
}
