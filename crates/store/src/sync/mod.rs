//! What phones send and ask for: batches, their conflicts, the proof that nothing is missing, and the list
//! of phones.

mod batch;
mod conflicts;
mod devices;
mod reconcile;
mod resolve;
mod status;

pub use batch::{ApplyBatch, Item, ItemOutcome, JudgedItem};
pub use conflicts::{Conflicto, conflictos};
pub use devices::{Dispositivo, Presence, dispositivos};
pub use reconcile::{Comparison, ComparisonResult, HeldReporte, reconcile};
pub use resolve::{ConflictoRefusal, ResolveConflicto};
pub use status::{PendingReporte, SyncState, load_status};
