//! The security page that cannot say more than was shown: controls, probes, evidence, status.
//!
//! Invariants:
//! * a status is a pure function of registry, log and time; nothing sets it and nothing overrides it;
//! * a probe that cannot fail proves nothing: every run finds a violation planted for it, or does not pass;
//! * evidence is signed by the prober and in the log before a page shows it;
//! * an error, silence or an empty result lets the clock run out, and never turns anything green.

mod badge;
mod centre;
mod digest;
pub mod dsse;
pub mod evidence;
pub mod page;
pub mod registry;
pub mod scan;
pub mod slots;
pub mod snapshot;
mod stamp;
pub mod status;
mod strip;

pub use badge::badge;
pub use centre::{Published, Settings, Trust, Update};
pub use digest::Digest;
pub use page::TrustPage;
pub use snapshot::Snapshot;
