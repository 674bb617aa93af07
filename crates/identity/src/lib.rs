//! Who you are and what you may: sign-in, sessions, organizations, members, grants, keys, provider credentials.

mod base_url;
mod budget;
mod hashing;
mod key_scope;
mod names;
mod password_policy;
mod rights;

pub use key_scope::KeyScope;
pub use names::slug_from;
pub use rights::{Denial, MatrixRow, ROLES, Role, Standing, matrix};
