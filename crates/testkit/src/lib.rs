//! What tests need around a server: links that break, an S3 server, and, as the feature `site`, a
//! whole site with its people, processes, client and questions.

pub mod link;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "site")]
mod site;

#[cfg(feature = "site")]
pub use sigra_testkit_macros::{both_databases, on_four_sites};
#[cfg(feature = "site")]
pub use site::*;
