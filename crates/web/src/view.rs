//! What templates print: values made ready, so that a template only loops and branches.

mod chart;
mod chrome;
mod form;
mod meter;
mod number;
mod when;

pub use chart::{Bar, Bucket, Chart};
pub use chrome::{Chrome, Link, OrganizationNav, Person, ProjectNav, Theme};
pub use form::{Choice, Field, Problem};
pub use meter::Meter;
pub use number::{bytes, count, label, millis, money, plural};
pub use when::{When, ago, date, span};
