//! The probes against a whole installation: green when it is sound, red when the thing itself is broken.

mod front;
mod here;
mod sabotage;
mod sound;
