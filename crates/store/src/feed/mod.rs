//! The change feed: one order of all that happened, the same for every reader, and how far each has read.

mod changes;
mod sequencer;

pub use changes::{CursorExpired, FeedChange, FeedPage, FeedPosition, read_changes};
pub(crate) use sequencer::Sequencer;
