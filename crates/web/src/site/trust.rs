//! The trust centre as pages. They need no script; with one, they follow the events and decay by themselves.

use std::fmt::Write;

use axum::response::Response;
use domain::{Permission, Result as DomainResult, Timestamp, tags::Public, tags::SignedIn};
use store::{AuditFilter, Page};
use trust::page::{AreaView, ControlView, EvidenceView, StripView};

use super::providers::{entry_row, listed};
use crate::{
    App, Cx,
    pages::{
        Fact,
        providers::EntryRow,
        trust::{Area, Change, ClassRow, ControlRow, Count, Index, Posture, Run, Safe},
    },
    refusal::Result,
    route::Routes,
    view::{When, ago, count, label, plural},
};

pub(super) fn routes() -> Routes {
    Routes::new().get("/trust", index).get("/safe", safe)
}

/// The status's colour, by its stable name.
fn tone(status: &str) -> &'static str {
    match status {
        "verified" => "verified",
        "recovering" | "stale" => "waiting",
        "failing" => "failing",
        "attested" | "inherited" => "attested",
        "coming_soon" | "not_applicable" => "quiet",
        _ => "unverified",
    }
}

fn counts(all: &[trust::page::Count], chosen: &str) -> Vec<Count> {
    all.iter()
        .map(|one| Count {
            tone: tone(one.status),
            word: one.words.to_owned(),
            count: one.count,
            href: format!("/trust?status={}", one.status),
            chosen: one.status == chosen,
        })
        .collect()
}

async fn index(cx: Cx<Public>, (): ()) -> Result<Response> {
    let now = cx.now();
    let page = cx.app().trust.page(now)?;
    let chosen = cx.query().text("status");
    let filter =
        page.counts.iter().find(|one| one.status == chosen).map(|one| one.words.to_owned());
    let only = filter.as_ref().map(|_| chosen);
    let areas = page.areas.iter().filter_map(|area| area_view(area, only, now)).collect();
    let view = Index {
        title: "Trust".to_owned(),
        purpose: "What this installation promises, and when each promise was last shown to hold. \
                  Colours come from results in a log; nobody can set one."
            .to_owned(),
        headline: page.headline.clone(),
        issued: When(page.issued),
        valid_until: When(page.valid_until),
        expired: page.valid_until < now,
        counts: counts(&page.counts, chosen),
        labels: page.labels.iter().map(|label| (*label).to_owned()).collect(),
        filter,
        total: page.counts.iter().map(|one| one.count).sum(),
        areas,
        classes: page
            .encryption
            .iter()
            .map(|row| ClassRow {
                name: row.class.to_owned(),
                what: row.what.to_owned(),
                how: row.at_rest.to_owned(),
                moving: row.in_transit.to_owned(),
            })
            .collect(),
        providers: provider_rows(cx.app(), &page),
        changes: page
            .changes
            .iter()
            .map(|change| Change {
                at: When(change.at),
                text: change.text.clone(),
                weaker: change.weaker,
            })
            .collect(),
        limits: page.cannot_prove.iter().map(|line| (*line).to_owned()).collect(),
        verify: format!(
            "curl -s {}/trust/bundle -o trust.tar\nprobity verify trust.tar --root {}",
            cx.app().public_url,
            cx.app().store.log_fingerprint()?
        ),
        facts: facts(&page, cx.app().store.log_fingerprint()?),
        operated_by: cx.app().config.operated_by.clone(),
        contact: cx.app().config.security_contact.is_some(),
    };
    Ok(cx.page("Trust", view).await?)
}

fn facts(page: &trust::TrustPage, log_key: String) -> Vec<Fact> {
    let mut facts = vec![
        Fact::mono("Deployment", page.deployment.clone()),
        Fact::mono("Build", page.build.clone()),
        Fact::mono("Controls", page.registry.clone()),
        Fact::mono("Snapshot", page.snapshot.clone()),
        Fact::mono("Log key", log_key),
    ];
    if let Some(log) = &page.log {
        facts.push(Fact::mono("Log", log.origin.clone()));
        facts.push(Fact::new("Log entries", count(log.size)));
        facts.push(Fact::mono("Log root", log.root.to_string()));
        facts.push(Fact::new("Log head signed", When(log.at).seconds()));
    }
    facts
}

fn provider_rows(app: &App, page: &trust::TrustPage) -> Vec<EntryRow> {
    let catalogue = app.catalogue.current();
    page.providers
        .iter()
        .filter_map(|row| Some((catalogue.provider(&row.id)?, row.in_use)))
        .filter(|(entry, in_use)| listed(app, entry, *in_use))
        .map(|(entry, in_use)| EntryRow { in_use, ..entry_row(entry) })
        .collect()
}

/// `None` when the filter leaves nothing of it.
fn area_view(area: &AreaView, only: Option<&str>, now: Timestamp) -> Option<Area> {
    let wanted =
        area.controls.iter().filter(|control| only.is_none_or(|only| control.status.name == only));
    let controls: Vec<_> = wanted.map(|control| control_row(control, now)).collect();
    (!controls.is_empty()).then(|| Area {
        id: area.id.clone(),
        name: area.title.clone(),
        summary: area.summary.clone(),
        counts: area.counts.clone(),
        controls,
    })
}

fn control_row(control: &ControlView, now: Timestamp) -> ControlRow {
    let status = &control.status;
    let shown = match (status.last_shown, status.name) {
        (Some(at), _) => ago(at, now),
        (None, "coming_soon" | "not_applicable" | "attested" | "inherited") => String::new(),
        (None, _) => "never shown".to_owned(),
    };
    let mut about = vec![
        Fact::mono("Id", format!("{}, revision {}", control.id, control.rev)),
        Fact::new("Weight if false", control.severity),
        Fact::new("Owner", control.owner.clone()),
    ];
    about.extend(control.params.iter().map(|param| {
        Fact::new(param.name.clone(), format!("{} {}", param.value, param.unit).trim().to_owned())
    }));
    if !control.maps.is_empty() {
        about.push(Fact::new("Supports", control.maps.join("; ")));
    }
    ControlRow {
        id: control.id.clone(),
        tone: tone(status.name),
        word: status.label.to_owned(),
        statement: control.statement.clone(),
        shown,
        reason: status.sentence.clone(),
        why: control.why.clone(),
        how: how(control),
        limits: control.limits.clone(),
        evidence: control.evidence.as_ref().map(evidence).unwrap_or_default(),
        about,
        verify: control
            .evidence
            .as_ref()
            .map(|_| format!("probity probe run {}", control.id))
            .unwrap_or_default(),
        strip: runs(&control.strip),
        strip_says: strip_says(&control.strip),
    }
}

fn how(control: &ControlView) -> String {
    let mut text = control.how.clone().unwrap_or_default();
    if !control.cadence.is_empty() {
        let _ = write!(text, " Runs {}.", control.cadence.join("; "));
    }
    text
}

fn evidence(evidence: &EvidenceView) -> Vec<Fact> {
    let mut facts = vec![
        Fact::new("Result", format!("{}: {}", evidence.outcome, evidence.reason)),
        Fact::new("Finished", When(evidence.finished).seconds()),
        Fact::new(
            "Looked at",
            format!(
                "{} of {}",
                count(evidence.subjects),
                plural(evidence.population, "subject", "subjects")
            ),
        ),
        Fact::new(
            "Planted violation",
            if evidence.planted_found {
                "found, so the probe can fail"
            } else {
                "not found: the result does not count"
            },
        ),
    ];
    facts.extend(evidence.measures.iter().map(|(name, value, unit)| {
        Fact::new(label(name), format!("{} {unit}", count(*value)).trim().to_owned())
    }));
    if !evidence.uncovered.is_empty() {
        facts.push(Fact::new("Not covered", evidence.uncovered.join(", ")));
    }
    facts.extend([
        Fact::mono("Probe", format!("{} from {}", evidence.probe, evidence.vantage)),
        Fact::mono("Evidence", evidence.id.clone()),
        Fact::mono("Digest", evidence.digest.clone()),
        Fact::new("Place in the log", count(evidence.log_index)),
    ]);
    if !evidence.scheduled {
        facts.push(Fact::new("Run", "out of schedule: it replaces no promised run"));
    }
    facts
}

/// Neighbouring days of the same state as one piece.
fn runs(strip: &[StripView]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (at, day) in strip.iter().enumerate() {
        let x = u32::try_from(at).unwrap_or(0);
        match runs.last_mut() {
            Some(last) if last.tone == day.state && last.x + last.width == x => last.width += 1,
            _ => runs.push(Run { x, width: 1, tone: day.state }),
        }
    }
    runs.retain(|run| run.tone != "unknown");
    runs
}

fn strip_says(strip: &[StripView]) -> String {
    let known = strip.iter().filter(|day| day.state != "unknown").count();
    let failing = strip.iter().filter(|day| day.state == "failing").count();
    let whole = strip.iter().filter(|day| day.state == "verified").count();
    format!(
        "Of {known} days with results in the last 90: verified nearly all day on {whole}, violated on {failing}"
    )
}

async fn safe(cx: Cx<SignedIn>, (): ()) -> Result<Response> {
    let now = cx.now();
    let page = cx.app().trust.page(now)?;
    let rows: Vec<_> = page
        .areas
        .iter()
        .flat_map(|area| &area.controls)
        .map(|one| control_row(one, now))
        .collect();
    let with =
        |tones: &[&str]| rows.iter().filter(|row| tones.contains(&row.tone)).cloned().collect();
    let view = Safe {
        counts: counts(&page.counts, ""),
        labels: page.labels.iter().map(|label| (*label).to_owned()).collect(),
        digest: page.snapshot.clone(),
        issued: When(page.issued),
        valid_until: When(page.valid_until),
        attention: with(&["failing", "waiting", "unverified"]),
        verified: with(&["verified"]),
        organizations: postures(&cx).await?,
    };
    Ok(cx.page("Am I safe?", view).await?)
}

/// What the page means for each of the person's organizations.
async fn postures(cx: &Cx<SignedIn>) -> DomainResult<Vec<Posture>> {
    let (session, app) = (cx.session()?, cx.app());
    let catalogue = app.catalogue.current();
    let mut all = Vec::new();
    for (organization, _) in app.identity.organizations_list(session).await? {
        let scope = app.identity.enter(session, &organization.slug).await?;
        let providers = app.identity.providers_list(&scope).await?;
        let described: Vec<_> = providers
            .iter()
            .map(|provider| match catalogue.provider(&provider.catalog).map(entry_row) {
                Some(known) => format!(
                    "{} ({}; trains: {}; keeps: {})",
                    provider.name, known.place, known.trains, known.keeps
                ),
                None => format!("{} (your own choice of server)", provider.name),
            })
            .collect();
        let entries = if identity::decide(&scope, Permission::AuditRead, None).is_ok() {
            let mut read = app.store.read(&scope).await?;
            let listed = read.audit_list(&AuditFilter::default(), &Page::first(1)).await?;
            count(listed.data.first().map_or(0, |row| row.seq + 1))
        } else {
            "for admins".to_owned()
        };
        all.push(Posture {
            href: format!("/o/{}", organization.slug),
            name: organization.name,
            providers: described,
            entries,
        });
    }
    Ok(all)
}
