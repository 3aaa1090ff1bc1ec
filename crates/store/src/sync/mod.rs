//! What phones send and ask for: batches, their conflicts, the change feed, the proof that nothing
//! is missing, and the list of phones.

mod apply;
mod conflicts;
mod devices;
mod feed;
mod judge;
mod load;
mod reconcile;
mod reporte_state;
mod resolve;
mod response;
mod sequencer;
mod status;

pub use apply::{ApplyBatch, Item, ItemOutcome, JudgedItem};
pub use conflicts::{Conflicto, conflictos};
pub use devices::{Dispositivo, Presence, dispositivos};
pub use feed::{CursorExpired, FeedChange, FeedPage, FeedPosition, read_changes};
pub use reconcile::{Comparison, ComparisonResult, HeldReporte, reconcile};
pub use resolve::{ConflictoRefusal, ResolveConflicto};
pub(crate) use sequencer::Sequencer;
pub use status::{PendingReporte, SyncState, load_status};
