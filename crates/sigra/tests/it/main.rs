//! What only the program itself can promise: killed, stopped and started again, alone or beside others.
//!
//! Each test has a database and processes of its own. The other tests of the API are those of `sigra-api`.

#![cfg(test)]
// Lints about speed and habit that a test has no use for.
#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    clippy::items_after_statements,
    clippy::many_single_char_names,
    clippy::needless_for_each,
    // Tables of cases are long and their rows are tuples.
    clippy::too_many_lines,
    clippy::type_complexity
)]

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
