use super::*;

const DAY: Duration = Duration::from_secs(86_400);
const MONTH: Duration = Duration::from_secs(30 * 86_400);
const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn file(id: &str, entity: &str, regions: &[&str], behind: &[&str]) -> (String, String) {
    let mut text = format!(
        "id = \"{id}\"\nname = \"{id}\"\nlegal_entity = \"{entity}\"\ncountry = \"SE\"\nfamily = \"openai\"\nauth = \"bearer\"\n"
    );
    for region in regions {
        text += &format!(
            "[[endpoints]]\nid = \"{region}\"\nbase_url = \"https://{region}.example\"\nregion = \"{region}\"\nserves = [\"chat\"]\n"
        );
    }
    for name in behind {
        text += &format!(
            "[[subprocessors]]\nname = \"{name}\"\ncountry = \"IE\"\npurpose = \"hosting\"\n"
        );
    }
    (id.to_owned(), text + "[[postures]]\n")
}

fn catalogue(files: &[(String, String)]) -> Catalogue {
    Catalogue::parse(files.iter().map(|(id, text)| (id.as_str(), text.as_str()))).unwrap()
}

/// The rows so far, with what the catalogue makes of them at `now` put behind.
fn announce(rows: &mut Vec<Announcement>, files: &[(String, String)], now: Timestamp) -> Register {
    let news = Register::replay(rows.clone()).news(&catalogue(files), now, MONTH);
    rows.extend(news);
    Register::replay(rows.clone())
}

fn acme() -> (String, String) {
    file("acme", "Acme AB", &["EU"], &["Cloud"])
}

#[test]
fn what_was_there_from_the_beginning_waits_for_nothing() {
    let mut rows = Vec::new();
    let register = announce(&mut rows, &[acme()], START);
    assert_eq!(register.gate("acme", Some("EU"), None, START), Gate::Open);
    assert_eq!(register.gate("other", None, None, START), Gate::NotAnnounced);
    assert_eq!(register.changes().len(), 1);
    assert_eq!(register.changes()[0].cause, Cause::Installed);
    let again = register.news(&catalogue(&[acme()]), START.plus(DAY), MONTH);
    assert!(again.is_empty(), "the same again is no news: {again:?}");
}

#[test]
fn a_place_that_names_of_models_stand_for_holds_up_every_region() {
    let mut rows = Vec::new();
    announce(&mut rows, &[acme()], START);
    let (id, text) = acme();
    let placed = text + "[[places]]\nmodels = \"jp.\"\nplace = \"JP\"\n";
    let register = announce(&mut rows, &[(id, placed)], START.plus(DAY));
    let from = START.plus(DAY).plus(MONTH);
    assert_eq!(register.gate("acme", Some("EU"), None, START.plus(DAY)), Gate::Until(from));
    assert_eq!(register.gate("acme", Some("EU"), None, from), Gate::Open);
    let listing = register.listing("acme").unwrap();
    assert!(listing.sheet.regions.contains("JP"), "it is told of");
}

#[test]
fn what_is_new_waits_unless_it_was_accepted_and_is_never_used_against_an_objection() {
    let mut rows = Vec::new();
    announce(&mut rows, &[acme()], START);
    let late = file("late", "Late Ltd", &["EU"], &[]);
    let register = announce(&mut rows, &[acme(), late], START.plus(DAY));
    let from = START.plus(DAY).plus(MONTH);
    let gate = |decision, now| register.gate("late", Some("EU"), decision, now);
    assert_eq!(gate(None, START.plus(DAY)), Gate::Until(from));
    assert_eq!(gate(None, from.minus(Duration::from_millis(1))), Gate::Until(from));
    assert_eq!(gate(None, from), Gate::Open);
    assert_eq!(gate(Some(Decision::Accepted { revision: 1 }), START.plus(DAY)), Gate::Open);
    for now in [START, from, from.plus(MONTH)] {
        assert_eq!(gate(Some(Decision::Objected), now), Gate::Objected);
    }
    assert_eq!(register.gate("acme", Some("EU"), None, START.plus(DAY)), Gate::Open);
    let listing = register.listing("late").unwrap();
    assert_eq!((listing.announced, listing.usable_from()), (START.plus(DAY), from));
}

#[test]
fn a_new_region_holds_up_that_region_only() {
    let mut rows = Vec::new();
    announce(&mut rows, &[acme()], START);
    let wider = file("acme", "Acme AB", &["EU", "US"], &["Cloud"]);
    let now = START.plus(DAY);
    let register = announce(&mut rows, &[wider], now);
    let until = Gate::Until(now.plus(MONTH));
    assert_eq!(register.gate("acme", Some("EU"), None, now), Gate::Open);
    assert_eq!(register.gate("acme", Some("US"), None, now), until);
    assert_eq!(register.gate("acme", None, None, now), until, "which region is not known");
    assert_eq!(register.gate("acme", Some("rack-2"), None, now), until);
    let accepted = |revision| Some(Decision::Accepted { revision });
    assert_eq!(register.gate("acme", Some("US"), accepted(1), now), until);
    assert_eq!(register.gate("acme", Some("US"), accepted(2), now), Gate::Open);
    assert_eq!(register.listing("acme").unwrap().announced, START);
}

#[test]
fn another_company_behind_or_in_front_waits_and_one_less_does_not() {
    for (changed, says) in [
        (file("acme", "Acme Inc", &["EU"], &["Cloud"]), "New about acme: Acme Inc (SE) runs it."),
        (
            file("acme", "Acme AB", &["EU"], &["Cloud", "Edge"]),
            "New about acme: Edge (IE) stands behind it.",
        ),
    ] {
        let mut rows = Vec::new();
        announce(&mut rows, &[acme()], START);
        let now = START.plus(DAY);
        let register = announce(&mut rows, &[changed], now);
        assert_eq!(register.gate("acme", Some("EU"), None, now), Gate::Until(now.plus(MONTH)));
        assert_eq!(register.changes()[1].cause, Cause::Changed);
        let said = register.changes()[1].sentence();
        assert!(said.starts_with(says), "{said}");
    }
    let mut rows = Vec::new();
    announce(&mut rows, &[acme()], START);
    let register = announce(&mut rows, &[file("acme", "Acme AB", &["EU"], &[])], START.plus(DAY));
    assert_eq!(register.gate("acme", Some("EU"), None, START.plus(DAY)), Gate::Open);
    assert_eq!(register.changes()[1].cause, Cause::Corrected);
}

#[test]
fn what_was_taken_off_the_list_waits_again_when_it_comes_back() {
    let mut rows = Vec::new();
    announce(&mut rows, &[acme()], START);
    let gone = announce(&mut rows, &[], START.plus(DAY));
    assert_eq!(gone.gate("acme", None, None, START.plus(DAY)), Gate::NotAnnounced);
    let back = announce(&mut rows, &[acme()], START.plus(2 * DAY));
    let until = Gate::Until(START.plus(2 * DAY).plus(MONTH));
    assert_eq!(back.gate("acme", Some("EU"), None, START.plus(2 * DAY)), until);
    let accepted = Some(Decision::Accepted { revision: 1 });
    assert_eq!(back.gate("acme", Some("EU"), accepted, START.plus(2 * DAY)), until);
    assert_eq!(back.listing("acme").unwrap().revision, 3);
}

#[test]
fn it_is_always_too_early_for_the_drill() {
    let mut rows = Vec::new();
    for day in 0..200 {
        let now = START.plus(DAY * day);
        let register = announce(&mut rows, &[], now);
        assert!(matches!(register.gate(DRILL, None, None, now), Gate::Until(_)), "day {day}");
        assert_eq!(register.notice(), Some(MONTH));
        assert!(register.listings().next().is_none() && register.changes().is_empty());
    }
    assert!(rows.len() < 20, "{}", rows.len());
}
