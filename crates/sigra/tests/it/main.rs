//! What only the program itself can promise: killed, stopped and started again, alone or beside others.
//!
//! Each test has a database and processes of its own. The other tests of the API are those of `sigra-api`.

#![cfg(test)]
#![allow(clippy::format_push_string)] // Its speed is nothing to a test.

mod crash;
mod delivery;
mod escalation;
mod eventos;
mod export;
mod files;
mod hostile_input;
mod notifications;
mod scale;
mod schema;
mod sync;
