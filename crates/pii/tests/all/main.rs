//! The recognisers against tables and numbers of our own making, masking against cuts at any place.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod dice;
mod directory;
mod doors;
mod evaluation;
mod ids;
mod masking;
mod names;
mod recognisers;
mod score;
