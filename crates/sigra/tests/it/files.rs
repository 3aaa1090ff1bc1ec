//! Files: their bytes, where they stay, and the reports that have them.

mod bombs;
mod check;
mod disk_full;
mod engine;
mod multipart;
pub mod serve;
mod sweep;
pub mod tus;
mod tus_js;
mod uploads;
mod ver;
mod writes;
