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

mod alarmas;
mod arnes;
mod auditoria;
mod avisos;
mod basico;
mod bytes_ajenos;
mod carreras;
mod catalogo;
mod desaparece;
mod entregas;
mod esquema;
mod eventos;
mod exportar;
mod guia;
mod lista;
mod login;
mod muerte;
mod multimedia;
mod openapi;
mod permisos;
mod reportes;
mod sync;
mod tablero;
mod tamano;
