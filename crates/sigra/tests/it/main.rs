//! The promises of the contract, over real HTTP, on both databases.
//!
//! One binary: linking costs more than running. Each test has a database and a port of its own.

#[cfg(test)]
mod arnes;

mod basico;
mod guia;
mod openapi;
