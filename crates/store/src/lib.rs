//! Where SIGRA keeps things: one SQL dialect over an embedded SQLite file or PostgreSQL.
//!
//! Reads go through [`Store::read`]; every write is a [`Write`] given to [`Store::write`], which
//! runs it in one transaction that its caller can't leave half done.

mod batcher;
mod bitacora;
mod catalogo;
pub mod counters;
mod db;
mod env;
mod error;
pub mod feed;
mod idempotency;
pub mod identity;
mod migrate;
pub mod notifications;
pub mod reportes;
mod sqlite_writer;
pub mod sync;
pub mod uploads;
mod write;

pub use bitacora::{
    BitacoraFilter, ChainFinding, ChainSummary, StoredEntrada, StoredSettingsEntrada,
    VerifySummary, list_bitacora, list_settings_changes, read_bitacora, verify_chain,
};
pub use catalogo::{
    AreaEdit, CatalogoChange, CatalogoItem, CatalogoRefusal, EstadoEdit, SeveridadEdit,
    TransicionEdit,
};
pub use db::{ReadConn, Store, sqlite_file};
pub use env::Env;
pub use error::{FromStoreError, Reason, Refused, StoreError};
pub use idempotency::{Authorize, IdempotencyKey, IdempotencyRefusal, Idempotent, StoredResponse};
pub use migrate::{Migrations, SCHEMA_VERSION};
pub use write::{Tx, Write};
