//! The promises of the contract, over real HTTP, on both databases.
//!
//! One binary: linking costs more than running. Each test has a database and a port of its own.

#![cfg(test)]

mod arnes;
mod auditoria;
mod basico;
mod bytes_ajenos;
mod carreras;
mod desaparece;
mod esquema;
mod guia;
mod lista;
mod login;
mod muerte;
mod openapi;
mod permisos;
mod reportes;
