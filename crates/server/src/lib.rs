//! The composition root: from typed settings to open services, and from those to workers and a listener.
//! Whoever runs SIGRA (`sigra serve`, the demo, the benchmark, the tests) puts it together here.

mod error;
mod server;
mod services;
mod settings;
pub mod workers;

pub use error::OpenError;
pub use server::Server;
pub use services::Services;
pub use settings::{
    BlobSettings, DatabaseSettings, DeliverySettings, EmailSettings, EscalationSettings,
    FileSettings, Settings,
};
