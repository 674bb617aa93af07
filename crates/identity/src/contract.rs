//! What was agreed with a provider, as far as it decides whether anything is sent there at all: a free tier, a contract
//! that nobody knows, one that has ended and an address that is not the company's let nothing through, whatever the rules
//! say.

use domain::{
    Catalogue, DRILL, Error, OWN_CONTRACT, ProviderEntry, Result, STANDARD_CONTRACT, Timestamp,
    after_day, is_free_tier,
};

use crate::{CUSTOM, Refusal, Registered, base_url, egress::refusal, provider};

/// Nothing is paid for what goes there.
pub const FREE_TIER: Refusal = refusal("free_tier", "is a free tier");
const NO_CONTRACT: Refusal =
    refusal("no_contract", "is registered under a contract that the catalogue does not know");
const ENDED: Refusal = refusal("contract_ended", "is under a contract that ended on");
const UNLISTED: Refusal =
    refusal("unlisted_host", "is registered at an address that is not the company's");

/// What speaks against a registered provider because of its contract or its address.
#[must_use]
pub fn contract_refusal(
    catalogue: &Catalogue,
    row: &Registered<'_>,
    now: Timestamp,
) -> Option<Refusal> {
    if is_free_tier(row.contract) {
        return Some(FREE_TIER);
    }
    if let Some(end) = contract_end(catalogue, row).filter(|end| *end <= now) {
        // The day that people know is the last one on which it held.
        let last = Timestamp::from_millis(end.as_millis().saturating_sub(1));
        return Some(Refusal { until: Some(last), ..ENDED });
    }
    // A server of the organization's own choice is its own affair, and so is the one that notices are tried with.
    if row.catalog == CUSTOM || row.catalog == DRILL {
        return None;
    }
    let Some(entry) = catalogue.provider(row.catalog) else { return Some(NO_CONTRACT) };
    if !entry.has_contract(row.contract) {
        return Some(NO_CONTRACT);
    }
    (!is_theirs(entry, row)).then_some(UNLISTED)
}

/// The first moment at which the contract no longer holds, as the organization or the catalogue says; the earlier one.
#[must_use]
pub fn contract_end(catalogue: &Catalogue, row: &Registered<'_>) -> Option<Timestamp> {
    let entry = catalogue.provider(row.catalog);
    let known = entry.and_then(|entry| entry.contract_end(row.contract));
    known.into_iter().chain(row.contract_until).min()
}

/// Whether the address is one that the catalogue lists for the company. What stands in for it inside the own network
/// is nobody else's.
fn is_theirs(entry: &ProviderEntry, row: &Registered<'_>) -> bool {
    let Ok(url) = base_url::check(row.base_url, row.allow_private) else { return false };
    url.private || provider::endpoint(entry, &url).is_some()
}

/// The contract that a credential names: of a provider of the catalogue one that it offers, its ordinary terms when
/// nobody says which.
///
/// # Errors
/// `Invalid` with code `free_tier`, or `invalid_contract` for one that nobody knows.
pub(crate) fn contract(known: Option<&ProviderEntry>, given: Option<&str>) -> Result<String> {
    let Some(name) = given.map(str::trim).filter(|name| !name.is_empty()) else {
        let usual = if known.is_some() { STANDARD_CONTRACT } else { OWN_CONTRACT };
        return Ok(usual.to_owned());
    };
    not_free(given)?;
    let own = known.is_none() && name == OWN_CONTRACT;
    if own || known.is_some_and(|known| known.has_contract(name)) {
        return Ok(name.to_owned());
    }
    let contracts = known.map(ProviderEntry::contracts).unwrap_or_default();
    let all = contracts.into_iter().collect::<Vec<_>>().join(", ");
    let says = if all.is_empty() {
        "The catalogue knows no contracts for this provider. Say what was agreed under terms."
            .to_owned()
    } else {
        format!("The contracts known for this provider are: {all}.")
    };
    Err(Error::invalid(says).with_code("invalid_contract"))
}

/// Whatever else is wrong with a credential, it is not for a free tier.
///
/// # Errors
/// `Invalid` with code `free_tier`.
pub(crate) fn not_free(given: Option<&str>) -> Result<()> {
    if !given.is_some_and(|name| is_free_tier(name.trim())) {
        return Ok(());
    }
    Err(Error::invalid(
        "Nothing is sent to free tiers and trials: what is sent there is often paid for with data. Use a paid account.",
    )
    .with_code(FREE_TIER.reason))
}

/// Until when it was agreed; nothing left is without an end.
///
/// # Errors
/// `Invalid` with code `invalid_contract_until`.
pub(crate) fn until(text: &str) -> Result<Option<Timestamp>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    after_day(text).map(Some).ok_or_else(|| {
        Error::invalid("Say the last day of the contract as a day such as 2027-11-03.")
            .with_code("invalid_contract_until")
    })
}

/// No model for which nothing is paid.
///
/// # Errors
/// `Invalid` with code `free_tier`.
pub(crate) fn paid(known: Option<&ProviderEntry>, models: &[String]) -> Result<()> {
    let free = models.iter().find(|model| known.is_some_and(|known| known.is_free_model(model)));
    free.map_or(Ok(()), |model| {
        let says = format!("{model} is a free variant. Only paid ones are used.");
        Err(Error::invalid(says).with_code(FREE_TIER.reason))
    })
}

#[cfg(test)]
mod tests {
    use domain::Protocol;

    use super::*;

    const FILE: &str = r#"
        id = "acme"
        name = "Acme"
        legal_entity = "Acme AB"
        country = "SE"
        family = "openai"
        auth = "bearer"
        free_models = [":free"]
        [[endpoints]]
        id = "eu"
        base_url = "https://eu.acme.example/v1"
        serves = ["chat"]
        [[contracts]]
        id = "our-2026"
        expires = "2026-11-30"
        [[postures]]
        when = { contract = "zero-retention" }
        [[postures]]
        when = { contract = "free-tier" }
        [[postures]]
    "#;

    fn acme() -> Catalogue {
        Catalogue::parse([("acme", FILE)]).unwrap()
    }

    fn row<'a>(contract: &'a str, base_url: &'a str) -> Registered<'a> {
        Registered {
            catalog: "acme",
            protocol: Protocol::OpenAi,
            base_url,
            region: None,
            allow_private: false,
            contract,
            contract_until: None,
            terms: None,
            baa: None,
        }
    }

    const AT: &str = "https://eu.acme.example/v1";
    /// 2026-11-30T12:00:00Z.
    const NOON: Timestamp = Timestamp::from_millis(1_796_040_000_000);

    fn reason(row: &Registered<'_>, now: Timestamp) -> &'static str {
        contract_refusal(&acme(), row, now).map_or("none", |refusal| refusal.reason)
    }

    #[test]
    fn only_what_is_paid_known_and_in_force_lets_requests_through() {
        for good in ["standard", "zero-retention", "our-2026"] {
            assert_eq!(reason(&row(good, AT), NOON), "none", "{good}");
        }
        assert_eq!(reason(&row("free-tier", AT), NOON), "free_tier");
        assert_eq!(reason(&row("unnamed", AT), NOON), "no_contract");
        let later = Timestamp::from_millis(NOON.as_millis() + 12 * 3_600_000);
        assert_eq!(reason(&row("our-2026", AT), later), "contract_ended");
        let ended = contract_refusal(&acme(), &row("our-2026", AT), later).unwrap();
        assert_eq!(ended.words(), "is under a contract that ended on 30 Nov 2026");
        let stated = Registered { contract_until: Some(NOON), ..row("standard", AT) };
        assert_eq!(reason(&stated, NOON), "contract_ended");
        assert_eq!(contract_end(&acme(), &row("our-2026", AT)), Some(later));
    }

    #[test]
    fn a_company_is_reached_at_its_own_addresses_only() {
        assert_eq!(reason(&row("standard", "https://evil.example/v1"), NOON), "unlisted_host");
        let inside = row("standard", "http://127.0.0.1:9/v1");
        assert_eq!(reason(&inside, NOON), "unlisted_host", "nobody allowed it");
        assert_eq!(reason(&Registered { allow_private: true, ..inside }, NOON), "none");
        let own = Registered { catalog: CUSTOM, ..row("own", "https://evil.example/v1") };
        assert_eq!(reason(&own, NOON), "none");
        let gone = Registered { catalog: "gone", ..row("standard", AT) };
        assert_eq!(reason(&gone, NOON), "no_contract");
    }

    #[test]
    fn what_a_credential_may_name() {
        let catalogue = acme();
        let known = catalogue.provider("acme");
        let said = |given: Option<&str>| contract(known, given).map_err(|error| error.code());
        assert_eq!(said(None).as_deref(), Ok("standard"));
        assert_eq!(said(Some(" ")).as_deref(), Ok("standard"));
        assert_eq!(said(Some("our-2026")).as_deref(), Ok("our-2026"));
        for free in ["free-tier", "free", "trial-30"] {
            assert_eq!(said(Some(free)), Err("free_tier"), "{free}");
        }
        assert_eq!(said(Some("nobodys")), Err("invalid_contract"));
        assert_eq!(contract(None, None).unwrap(), "own");
        assert_eq!(contract(None, Some("standard")).unwrap_err().code(), "invalid_contract");
        assert_eq!(until("2026-13-01").unwrap_err().code(), "invalid_contract_until");
        assert!(paid(known, &["acme-1".to_owned()]).is_ok());
        assert_eq!(paid(known, &["acme-1:FREE".to_owned()]).unwrap_err().code(), "free_tier");
    }
}
