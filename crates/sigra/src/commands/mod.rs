//! One file for each command.

pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod keys;
pub(crate) mod media;
pub(crate) mod migrate;
pub(crate) mod recount;
pub(crate) mod serve;
pub(crate) mod user;
