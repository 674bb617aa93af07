//! The probes against a whole installation: green when it is sound, red when the thing itself is broken.

mod access;
mod browsers;
mod bundle;
mod front;
mod here;
mod outside;
mod sabotage;
mod sound;
mod terms;
