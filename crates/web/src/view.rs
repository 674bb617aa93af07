//! What templates print: values made ready, so that a template only loops and branches.

mod chart;
mod chrome;
mod form;
mod meter;
mod number;
mod qr;
mod stack;
mod when;

pub use chart::{Bar, Bucket, Chart, Label, Part, Tick};
pub use chrome::{Chrome, Link, OrganizationNav, Person, ProjectNav, Theme};
pub use form::{Choice, Field, Problem};
pub use meter::Meter;
pub use number::{bytes, count, label, millis, money, plural};
pub use qr::Qr;
pub use stack::{Key, Series, Stack, StackRow};
pub use when::{When, ago, date, span};
