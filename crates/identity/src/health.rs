//! Health data: the agreements under which providers may receive it, and what a project that holds it may not do.
//!
//! A business associate agreement is what the law of the United States (HIPAA, 45 CFR 164.504(e)) wants of whoever
//! handles such data for somebody else.

use std::time::Duration;

use domain::{Error, HealthAgreement, ProjectId, Result, RoutingPolicy, Timestamp, after_day};
use store::Write;

use crate::contract;

const DAY: Duration = Duration::from_secs(86_400);

/// The first day on which it holds, as it was entered.
#[must_use]
pub fn signed(baa: HealthAgreement) -> String {
    domain::last_day(baa.signed.plus(DAY))
}

/// The agreement as it was entered; what is not said stays as it was `before`.
///
/// # Errors
/// `Invalid` with code `invalid_baa_signed` or `invalid_baa_until`.
pub(crate) fn agreement(
    before: Option<HealthAgreement>,
    (signed, until): (Option<&str>, Option<&str>),
) -> Result<Option<HealthAgreement>> {
    let first = match signed.map(str::trim) {
        None => before.map(|baa| baa.signed),
        Some("") => None,
        Some(day) => Some(first_moment(day)?),
    };
    let until = match until {
        None => before.and_then(|baa| baa.until),
        Some(day) => contract::until(day).map_err(|_| {
            Error::invalid("Say the last day of the agreement as a day such as 2027-11-03.")
                .with_code("invalid_baa_until")
        })?,
    };
    match (first, until) {
        (Some(signed), Some(until)) if until <= signed => {
            Err(Error::invalid("An agreement ends after the day on which it was signed.")
                .with_code("invalid_baa_until"))
        }
        (Some(signed), until) => Ok(Some(HealthAgreement { signed, until })),
        (None, Some(_)) if signed != Some("") => {
            Err(Error::invalid("Say also when the agreement was signed.")
                .with_code("invalid_baa_signed"))
        }
        (None, _) => Ok(None),
    }
}

/// The change of an agreement; `None` where it stays. What was agreed about one host does not hold for another.
pub(crate) fn changed(
    before: Option<HealthAgreement>,
    (signed, until): (Option<String>, Option<String>),
    elsewhere: bool,
) -> Result<Option<Option<HealthAgreement>>> {
    let before = before.filter(|_| !elsewhere);
    if signed.is_none() && until.is_none() {
        return Ok(elsewhere.then_some(None));
    }
    agreement(before, (signed.as_deref(), until.as_deref())).map(Some)
}

fn first_moment(day: &str) -> Result<Timestamp> {
    after_day(day).map(|after| after.minus(DAY)).ok_or_else(|| {
        Error::invalid("Say the day on which the agreement was signed as a day such as 2026-11-03.")
            .with_code("invalid_baa_signed")
    })
}

/// Whoever may hold health data stores nothing: what is stored has to go first.
///
/// # Errors
/// `Conflict` with code `storage_on`.
pub(crate) async fn stores_nothing(
    write: &mut Write,
    rules: &RoutingPolicy,
    project: Option<ProjectId>,
) -> Result<()> {
    if !rules.health_data {
        return Ok(());
    }
    let stores = match project {
        Some(project) => write.content_storage(project).await?,
        None => !write.content_storage_projects().await?.is_empty(),
    };
    if !stores {
        return Ok(());
    }
    Err(Error::conflict(
        "Files and batches are stored here, and nothing with health data is. Switch that off first, in the project under \
         Batches; what is stored is then destroyed.",
    )
    .with_code("storage_on"))
}

/// Whether the rules of the organization or of the project say that it may hold health data.
pub(crate) async fn holds_health_data(write: &mut Write, project: ProjectId) -> Result<bool> {
    for rules in [write.routing_policy(None).await?, write.routing_policy(Some(project)).await?] {
        if rules.is_some_and(|rules| rules.health_data) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(
        signed: Option<&str>,
        until: Option<&str>,
    ) -> std::result::Result<String, &'static str> {
        let words = |baa: HealthAgreement| {
            format!(
                "{} to {}",
                super::signed(baa),
                baa.until.map(domain::last_day).unwrap_or_default()
            )
        };
        let read = agreement(None, (signed, until)).map_err(|error| error.code());
        read.map(|baa| baa.map(words).unwrap_or_default())
    }

    #[test]
    fn an_agreement_has_a_first_day_and_may_have_a_last() {
        assert_eq!(said(None, None).as_deref(), Ok(""));
        assert_eq!(said(Some(""), Some("")).as_deref(), Ok(""));
        assert_eq!(said(Some("2026-11-03"), None).as_deref(), Ok("2026-11-03 to "));
        let whole = said(Some("2026-11-03"), Some("2027-11-02"));
        assert_eq!(whole.as_deref(), Ok("2026-11-03 to 2027-11-02"));
        assert_eq!(said(Some("soon"), None), Err("invalid_baa_signed"));
        assert_eq!(said(None, Some("2027-11-02")), Err("invalid_baa_signed"));
        assert_eq!(said(Some("2026-11-03"), Some("late")), Err("invalid_baa_until"));
        assert_eq!(said(Some("2026-11-03"), Some("2026-11-02")), Err("invalid_baa_until"));
    }

    #[test]
    fn what_is_not_said_stays_and_another_host_has_none() {
        let before = agreement(None, (Some("2026-11-03"), Some("2027-11-02"))).unwrap();
        assert_eq!(changed(before, (None, None), false).unwrap(), None);
        assert_eq!(changed(before, (None, None), true).unwrap(), Some(None));
        let open = changed(before, (None, Some(String::new())), false).unwrap().flatten().unwrap();
        assert_eq!((signed(open).as_str(), open.until), ("2026-11-03", None));
        let none = changed(before, (Some(String::new()), None), false).unwrap();
        assert_eq!(none, Some(None));
        assert!(changed(before, (None, Some("2028-01-01".to_owned())), true).is_err());
    }

    #[test]
    fn it_holds_from_its_first_day_through_its_last() {
        let baa = agreement(None, (Some("2026-11-03"), Some("2026-11-04"))).unwrap().unwrap();
        let at = |hours: u64| baa.signed.plus(Duration::from_secs(hours * 3_600));
        assert!(!baa.holds(baa.signed.minus(Duration::from_secs(1))));
        assert!(baa.holds(at(0)) && baa.holds(at(47)) && !baa.holds(at(48)));
    }
}
