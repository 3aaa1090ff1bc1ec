//! What tests need around a server: links that break; an S3 server; the real program as a process,
//! with people who sign in (the feature `process`); a whole site with its client and questions (`site`).

// Whoever calls these is a test, and says what it expects by failing.
#![cfg_attr(
    feature = "process",
    allow(
        clippy::expect_used,
        clippy::missing_panics_doc,
        clippy::new_without_default,
        clippy::panic,
        clippy::return_self_not_must_use,
        clippy::unwrap_used
    )
)]

pub mod link;
#[cfg(feature = "process")]
pub mod persona;
#[cfg(feature = "process")]
pub mod process;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "site")]
mod site;

#[cfg(feature = "site")]
pub use sigra_testkit_macros::{both_databases, on_four_sites};
#[cfg(feature = "site")]
pub use site::*;
