//! A batch of reports from one phone: its rows and their past are loaded, each item is judged in memory, and
//! what was taken is written at once.

mod apply;
pub(super) mod judge;
mod load;
pub(super) mod reporte_state;
mod response;

pub use apply::{ApplyBatch, Item, ItemOutcome, JudgedItem};
