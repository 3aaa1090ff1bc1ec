//! A site under test and all that stands around it.

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
pub mod raw_http;
pub mod receiver;
mod reportes;
mod rng;
mod run;
#[allow(clippy::module_inception)]
mod site;
mod template;

pub use crate::{persona::Persona, process::SECRET};

pub use blob_store::TestFiles;
pub use client::{ApiResponse, TestRequest};
pub use contenido::expected_hash;
pub use database::{DbKind, DirectConn, TestDb, postgres_server_url};
pub use nodes::{NodeClients, Nodes};
pub use rng::{Rng, random_below, uuid};
pub use run::{iterations, run, run_concurrently, run_with, step_aside};
pub use site::{SiteOptions, TestSite, reporte_in};
