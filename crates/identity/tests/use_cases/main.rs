//! The use-cases on a real store. One binary; every test on every engine.

mod account;
mod audit;
mod house;
mod keys;
mod matrix;
mod people;
mod projects;
mod providers;
mod rights;
mod sign_in;
