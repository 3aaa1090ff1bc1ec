//! What tests need around a server: links that break, an S3 server.

pub mod link;
#[cfg(feature = "s3")]
pub mod s3;
