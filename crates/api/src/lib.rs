//! SIGRA over HTTP: routes, their permissions, and the description of both.

mod admin;
mod app;
mod auth;
mod body;
mod catalogos;
pub mod code;
mod docs;
mod download;
mod drain_body;
mod files;
mod health;
mod idempotent;
mod name_list;
mod notifications;
mod openapi;
mod page;
mod passwords;
mod problem;
mod reportes;
mod router;
mod server;
mod sync;
mod tokens;
mod usuarios;
mod worker_health;

pub use app::{App, AppOptions};
pub use auth::guard::Permission;
pub use openapi::description;
pub use passwords::hash_password;
pub use server::serve;
pub use tokens::{AUD_API, AUD_BROWSER, SigningKey, Tokens, new_signing_key};
pub use worker_health::{WorkerHealth, WorkerStatus, WorkerStatuses};
