//! Files: their bytes, where they stay, and the reports that have them.

mod check;
mod engine;
mod multipart;
pub mod serve;
mod sweep;
pub mod tus;
mod ver;
mod writes;
