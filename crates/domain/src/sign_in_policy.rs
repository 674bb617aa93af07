//! What an organization asks of the sessions with which its members enter it.

use std::time::Duration;

use crate::{Error, Proofs, Result, Timestamp};

/// Said by an organization; checked whenever one of its members enters it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignInPolicy {
    /// Every member shows a second factor, whatever their role.
    pub second_factor: bool,
    /// How old the first proof of a session may be at most, in hours.
    pub session_hours: Option<u32>,
}

/// The most hours that say anything: no session lasts longer (30 days).
pub const SESSION_HOURS_MOST: u32 = 30 * 24;

impl SignInPolicy {
    /// Whether these proofs are enough.
    ///
    /// # Errors
    /// `Forbidden` with code `second_factor_required`, or `session_too_old` when one has to sign in again.
    pub fn check(&self, proofs: &Proofs, now: Timestamp) -> Result<()> {
        if let Some(hours) = self.session_hours
            && now.since(proofs.at) >= Duration::from_secs(u64::from(hours) * 3600)
        {
            let says = format!(
                "This organization asks its members to sign in anew {}.",
                if hours == 1 { "every hour".to_owned() } else { format!("every {hours} hours") }
            );
            return Err(Error::forbidden(says).with_code("session_too_old"));
        }
        if self.second_factor && proofs.second.is_none() {
            let says = "This organization asks every member for a second factor, which was not shown in this session.";
            return Err(Error::forbidden(says).with_code("second_factor_required"));
        }
        Ok(())
    }

    /// # Errors
    /// `Invalid` with code `invalid_session_hours`.
    pub fn checked(self) -> Result<Self> {
        match self.session_hours {
            Some(hours) if !(1..=SESSION_HOURS_MOST).contains(&hours) => Err(Error::invalid(
                format!("Give a number of hours from 1 to {SESSION_HOURS_MOST}, or nothing."),
            )
            .with_code("invalid_session_hours")),
            _ => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::First;

    fn refused(policy: SignInPolicy, proofs: Proofs, hours: u64) -> &'static str {
        let now = proofs.at.plus(Duration::from_secs(hours * 3600));
        policy.check(&proofs, now).map_or_else(|error| error.code(), |()| "ok")
    }

    #[test]
    fn what_is_not_asked_for_is_not_missed() {
        let weak = Proofs::of(First::Password, Timestamp::from_millis(0));
        assert_eq!(refused(SignInPolicy::default(), weak, 1000), "ok");
    }

    #[test]
    fn a_second_factor_and_an_age_are_asked_for_apart() {
        let weak = Proofs::of(First::Password, Timestamp::from_millis(0));
        let strong = weak.and_second(Timestamp::from_millis(5));
        let both = SignInPolicy { second_factor: true, session_hours: Some(8) };
        assert_eq!(refused(both, weak, 7), "second_factor_required");
        assert_eq!(refused(both, strong, 7), "ok");
        // Showing the second factor again does not make the first proof younger.
        assert_eq!(refused(both, strong, 8), "session_too_old");
    }

    #[test]
    fn hours_are_hours_of_a_session() {
        let of = |hours| SignInPolicy { session_hours: hours, ..SignInPolicy::default() };
        assert!(of(Some(1)).checked().is_ok() && of(None).checked().is_ok());
        assert!(of(Some(0)).checked().is_err() && of(Some(721)).checked().is_err());
    }
}
