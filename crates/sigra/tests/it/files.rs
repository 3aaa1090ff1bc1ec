//! Files, and what the server they go to does meanwhile: it falls, its disk fills up, its memory stays small.

mod bombs;
mod disk_full;
mod tus_js;
mod uploads;
