//! Phones come back into coverage: batches, the change feed, conflicts, the proof that nothing is
//! missing.

mod alcance;
mod cortes;
mod feed;
mod lectura;
mod lote;
mod malos;
mod modelo;
mod muere;
mod restaurada;
