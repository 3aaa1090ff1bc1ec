//! Phones come back into coverage: batches, the change feed, conflicts, the proof that nothing is
//! missing.

mod lote;
