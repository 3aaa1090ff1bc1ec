//! A site under test and all that stands around it.

// Whoever calls this is a test, and says what it expects by failing.
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::new_without_default,
    clippy::panic,
    clippy::return_self_not_must_use,
    clippy::unwrap_used
)]

mod blob_store;
pub mod client;
mod contenido;
pub mod csv;
mod database;
pub mod event_stream;
pub mod files;
pub mod gzip;
pub mod history;
pub mod javascript;
pub mod memory;
mod nodes;
pub mod openapi;
mod people;
pub mod process;
pub mod raw_http;
pub mod receiver;
mod reportes;
mod rng;
mod run;
#[allow(clippy::module_inception)]
mod site;
mod template;

pub use blob_store::TestFiles;
pub use client::{ApiResponse, TestRequest};
pub use contenido::expected_hash;
pub use database::{DbKind, DirectConn, TestDb, postgres_server_url};
pub use nodes::{NodeClients, Nodes};
pub use people::Persona;
pub use rng::{Rng, random_below, uuid};
pub use run::{iterations, run, run_concurrently, run_with, step_aside};
pub use site::{SECRET, SiteOptions, TestSite, reporte_in};
