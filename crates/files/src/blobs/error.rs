//! What can go wrong with a place.

use std::{error::Error, io};

#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("el objeto no está")]
    NoEsta(#[source] object_store::Error),
    #[error("no queda espacio para archivos")]
    SinEspacio(#[source] object_store::Error),
    #[error("el objeto es más grande que lo esperado")]
    MuyGrande,
    #[error("el almacén de archivos no responde: {0}")]
    NoDisponible(#[source] object_store::Error),
    #[error("la carpeta de archivos: {0}")]
    Carpeta(#[from] io::Error),
}

impl BlobError {
    /// What a writer says on closing: the same errors, wrapped.
    pub(crate) fn from_write_error(e: io::Error) -> Self {
        match e.downcast::<object_store::Error>() {
            Ok(e) => e.into(),
            Err(e) => Self::Carpeta(e),
        }
    }
}

impl From<object_store::Error> for BlobError {
    fn from(e: object_store::Error) -> Self {
        match e {
            object_store::Error::NotFound { .. } => Self::NoEsta(e),
            _ if is_out_of_space(&e) => Self::SinEspacio(e),
            _ => Self::NoDisponible(e),
        }
    }
}

/// The cause is somewhere in the chain.
fn is_out_of_space(e: &object_store::Error) -> bool {
    let mut causa = Some(e as &dyn Error);
    while let Some(e) = causa {
        if let Some(io) = e.downcast_ref::<io::Error>()
            && matches!(
                io.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            )
        {
            return true;
        }
        causa = e.source();
    }
    false
}
