//! Informes as PDFs, read back.

#![cfg(test)]

mod data;
mod pages;
mod pdf;
mod photos;
#[path = "../support/reading.rs"]
mod reading;
#[path = "../support/mod.rs"]
mod support;
