//! Why there are no results, as a sentence for whoever started the measurement.

use sigra_store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What would be measured is not what the results would say.
    #[error("{0}")]
    Negado(String),
    #[error("falló la base de datos: {0}")]
    Base(#[from] StoreError),
    #[error("falló la base de datos: {0}")]
    Sql(#[from] sqlx::Error),
    #[error("falló la base SQLite de referencia: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("{0}")]
    Sitio(#[from] sigra_server::OpenError),
    #[error("error de archivo o de red: {0}")]
    Io(#[from] std::io::Error),
    #[error("no se entienden los datos de demostración: {0}")]
    Datos(String),
    #[error("el servidor no arrancó: {0}")]
    Servidor(String),
    #[error("el servidor contestó {status} donde debía contestar {esperado}: {cuerpo}")]
    Respuesta {
        status: u16,
        esperado: u16,
        cuerpo: String,
    },
    #[error("el servidor contestó algo que este programa no lee: {0}")]
    Http(&'static str),
    /// An acknowledged report is not there, or the bitácora is broken.
    #[error("resultados anulados: {0}")]
    Deshonesto(String),
    #[error("la medición se interrumpió")]
    Interrumpida,
    #[error("error interno: {0}")]
    Interno(&'static str),
}

/// A task that panicked or was cancelled.
impl From<tokio::task::JoinError> for Error {
    fn from(_: tokio::task::JoinError) -> Self {
        Self::Interno("una tarea se interrumpió")
    }
}

impl From<serde_json::Error> for Error {
    fn from(e: serde_json::Error) -> Self {
        Self::Datos(e.to_string())
    }
}
