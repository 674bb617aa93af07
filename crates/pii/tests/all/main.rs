//! The recognisers against tables and numbers of our own making, masking against cuts at any place.

mod dice;
mod evaluation;
mod ids;
mod masking;
mod names;
mod recognisers;
mod score;
