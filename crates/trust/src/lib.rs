//! The security page that cannot say more than was shown: controls, probes, evidence, status.
//!
//! Invariants:
//! * a status is a pure function of registry, log and time; nothing sets it and nothing overrides it;
//! * a probe that cannot fail proves nothing: every run finds a violation planted for it, or does not pass;
//! * evidence is signed by the prober and in the log before a page shows it;
//! * an error, silence or an empty result lets the clock run out, and never turns anything green.

mod archive;
mod badge;
pub mod bundle;
mod centre;
mod client;
mod digest;
pub mod dsse;
pub mod evidence;
mod executable;
mod host;
mod link;
pub mod page;
mod probe;
pub mod prober;
pub mod registry;
pub mod scan;
mod seed;
pub mod slots;
pub mod snapshot;
mod stamp;
pub mod status;
mod strip;
pub mod supervisor;
mod tenants;
mod wire;

pub use badge::badge;
pub use centre::{Observed, Published, Settings, Trust, Update};
pub use digest::Digest;
pub use executable::executable;
pub use host::Network;
pub use page::TrustPage;
pub use probe::Route;
pub use snapshot::Snapshot;
