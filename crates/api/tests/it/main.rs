//! The promises of the contract, over real HTTP, on both databases.
//!
//! One binary: linking costs more than running. Each test has a database and a port of its own.

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

mod audit;
mod basics;
mod catalogo;
mod dashboard;
mod delivery;
mod disconnects;
mod durable;
mod escalation;
mod eventos;
mod export;
mod files;
mod guide;
mod hostile_input;
mod list;
mod login;
mod notifications;
mod openapi;
mod permissions;
mod races;
mod reportes;
mod scale;
mod sync;
