//! The reference: the rows that SIGRA writes for a report, one report or many per transaction, on one
//! connection, by the shortest way that the database offers. No HTTP, no token, no validation, no
//! hash: all of that is made beforehand.

mod plantilla;
mod postgres;
mod sqlite;

use std::{sync::Arc, time::Duration};

use crate::{
    base::Motor,
    datos::Caso,
    error::Error,
    medida::{RondaDirecta, real},
};
use plantilla::plantillas;

pub enum Directa {
    Sqlite(Box<sqlite::Directa>),
    Postgres(Box<postgres::Directa>),
}

impl Directa {
    /// On a copy of a database that SIGRA filled.
    pub async fn abre(motor: Motor, url: &str, casos: &[Caso]) -> Result<Self, Error> {
        let plantillas = Arc::new(plantillas(motor, url, casos).await?);
        Ok(match motor {
            Motor::Sqlite => Self::Sqlite(Box::new(sqlite::Directa::abre(url, plantillas)?)),
            Motor::Postgres => {
                Self::Postgres(Box::new(postgres::Directa::abre(url, plantillas).await?))
            }
        })
    }

    /// Writes for that long, so many reports in each transaction; with several goes the phone's row,
    /// as with a batch.
    pub async fn ronda(
        self,
        duracion: Duration,
        por_transaccion: usize,
    ) -> Result<(Self, RondaDirecta), Error> {
        let (yo, reportes, tiempo) = match self {
            Self::Sqlite(mut d) => {
                let tarea = move || {
                    d.ronda(duracion, por_transaccion)
                        .map(|(n, t)| (Self::Sqlite(d), n, t))
                };
                tokio::task::spawn_blocking(tarea).await??
            }
            Self::Postgres(mut d) => {
                let (n, t) = d.ronda(duracion, por_transaccion).await?;
                (Self::Postgres(d), n, t)
            }
        };
        Ok((
            yo,
            RondaDirecta {
                hechos: reportes,
                por_segundo: real(reportes) / tiempo.as_secs_f64(),
            },
        ))
    }
}
