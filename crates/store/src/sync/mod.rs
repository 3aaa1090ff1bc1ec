//! What phones send and ask for: batches, their conflicts, the change feed, the proof that nothing
//! is missing, and the list of phones.

mod cambios;
mod conflictos;
mod dispositivos;
mod estado;
mod expediente;
mod lote;
mod mesa;
mod pasado;
mod reconciliar;
mod resolver;
mod respuesta;
mod secuencia;

pub use cambios::{Cambio, Marca, PaginaCambios, Vencido, cambios};
pub use conflictos::{Conflicto, conflictos};
pub use dispositivos::{Dispositivo, Presencia, dispositivos};
pub use estado::{Estado, Pendiente, estado};
pub use lote::{Juzgado, Recibido, RecibirLote, Suerte};
pub use reconciliar::{Comparacion, Igualdad, Tenido, reconcilia};
pub use resolver::{RechazoConflicto, ResolverConflicto};
pub(crate) use secuencia::Secuencia;
