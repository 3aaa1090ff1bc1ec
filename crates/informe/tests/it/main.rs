//! Informes as PDFs, read back.

#![cfg(test)]

#[path = "../comun/mod.rs"]
mod comun;
mod datos;
mod fotos;
#[path = "../comun/lectura.rs"]
mod lectura;
mod paginas;
mod pdf;
