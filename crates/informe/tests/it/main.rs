//! Informes as PDFs, read back.

#![cfg(test)]

#[path = "../comun/mod.rs"]
mod comun;
mod datos;
mod fotos;
mod paginas;
mod pdf;
