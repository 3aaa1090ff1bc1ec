//! Phones come back into coverage: batches, the change feed, conflicts, the proof that nothing is
//! missing.

mod alcance;
mod cortes;
mod dispositivos;
mod estado;
mod feed;
mod freno;
mod lectura;
mod lote;
mod malos;
mod modelo;
mod muere;
mod reconciliar;
mod restaurada;
