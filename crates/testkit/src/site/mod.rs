//! A site under test and all that stands around it.

mod blob_store;
pub mod client;
pub mod csv;
mod database;
pub mod files;
pub mod history;
pub mod javascript;
pub mod memory;
mod nodes;
pub mod openapi;
mod people;
mod rng;
mod run;
#[allow(clippy::module_inception)]
mod site;
mod template;

pub use crate::{persona::Persona, process::SECRET};

pub use blob_store::TestFiles;
pub use client::{ApiResponse, TestRequest};
pub use database::{DbKind, DirectConn, TestDb, postgres_server_url};
pub use nodes::{NodeClients, Nodes};
pub use rng::{Rng, random_below, uuid};
pub use run::{iterations, run, run_concurrently, run_with, step_aside};
pub use site::{SiteOptions, TestSite, reporte_in};
