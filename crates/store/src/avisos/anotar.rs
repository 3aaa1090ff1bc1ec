//! How it went: delivered, to be tried again, or given up.

use std::collections::BTreeMap;

use sigra_domain::entrega::{MAX_EDAD, MAX_INTENTOS, espera, pausa};

use super::tomar::{Destino, Tomada};
use crate::{
    Fallo, Tx, Write,
    db::{con, json},
};

/// What is kept of a reason, in characters.
const MAX_ERROR: usize = 500;

/// What came of something that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hecho {
    Entregada,
    Fallo {
        /// In Spanish, for whoever administers the site; no secrets.
        texto: String,
        /// It will never work as it is.
        permanente: bool,
        /// Not before, in milliseconds from now.
        reintentar_en: Option<i64>,
        /// It is about this recipient: whoever else is reached the same way is not concerned.
        solo_suyo: bool,
    },
}

/// Whatever happens to a list of rows: `$1` are their ids.
macro_rules! sobre {
    ($sentencia:literal) => {
        [
            concat!($sentencia, " AND id IN (SELECT value FROM json_each($1))"),
            concat!(
                $sentencia,
                " AND id IN (SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT))"
            ),
        ]
    };
}

#[derive(Debug)]
pub struct Anotar {
    pub tomada: Tomada,
    pub hecho: Hecho,
}

impl Write for Anotar {
    type Out = ();
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fallo> {
        match &self.hecho {
            Hecho::Entregada => self.llego(tx).await,
            Hecho::Fallo {
                texto,
                permanente: true,
                ..
            } => {
                mueren(tx, &self.tomada.ids, texto).await?;
                // Whoever says no is there.
                self.cierra_circuito(tx).await?;
                // A browser that is gone does not come back under that name.
                if let Destino::Push { suscripcion, .. } = &self.tomada.destino {
                    con!(tx.conn, c => sqlx::query("DELETE FROM suscripciones_push WHERE id = $1")
                        .bind(suscripcion).execute(&mut **c).await.map(drop))?;
                }
                Ok(())
            }
            Hecho::Fallo {
                texto,
                reintentar_en,
                solo_suyo,
                ..
            } => {
                let sigue = self.otra_vez(tx, texto, reintentar_en.unwrap_or(0)).await?;
                match (sigue, solo_suyo) {
                    // A worker whose time is over has nothing to say: another is at it.
                    (false, _) => Ok(()),
                    (true, true) => self.cierra_circuito(tx).await,
                    (true, false) => self.abre_circuito(tx).await,
                }
            }
        }
    }
}

impl Anotar {
    /// Whoever else holds it by now: it arrived.
    async fn llego(&self, tx: &mut Tx<'_>) -> Result<(), Fallo> {
        const LLEGO: [&str; 2] = sobre!(
            "UPDATE entregas SET estado = 'entregada', terminada = $2, tomada = NULL, error = NULL
             WHERE estado = 'pendiente'"
        );
        let sql = tx.conn.elige(LLEGO[0], LLEGO[1]);
        con!(tx.conn, c => sqlx::query(sql).bind(json(&self.tomada.ids)?).bind(tx.ahora.0)
            .execute(&mut **c).await.map(drop))?;
        self.cierra_circuito(tx).await
    }

    async fn cierra_circuito(&self, tx: &mut Tx<'_>) -> Result<(), Fallo> {
        con!(tx.conn, c => sqlx::query("DELETE FROM circuitos WHERE circuito = $1")
            .bind(self.tomada.circuito.as_str()).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    async fn abre_circuito(&self, tx: &mut Tx<'_>) -> Result<(), Fallo> {
        let circuito = self.tomada.circuito.as_str();
        let fallos: i64 = con!(tx.conn, c => sqlx::query_scalar(
            "INSERT INTO circuitos (circuito, fallos, abierto_hasta) VALUES ($1, 1, 0)
             ON CONFLICT (circuito) DO UPDATE SET fallos = circuitos.fallos + 1 RETURNING fallos")
            .bind(circuito).fetch_one(&mut **c).await)?;
        con!(tx.conn, c => sqlx::query("UPDATE circuitos SET abierto_hasta = $2 WHERE circuito = $1")
            .bind(circuito).bind(tx.ahora.mas(pausa(fallos)).0)
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Each row waits by its own tries. Whether any is still this worker's.
    async fn otra_vez(&self, tx: &mut Tx<'_>, texto: &str, minimo: i64) -> Result<bool, Fallo> {
        const INTENTOS: [&str; 2] = sobre!(
            "SELECT id, intentos + 1 FROM entregas WHERE estado = 'pendiente' AND tomada = $2"
        );
        const SIGUE: [&str; 2] = sobre!(
            "UPDATE entregas SET intentos = $2, tomada = NULL, error = $3, proximo = $4,
                terminada = CASE WHEN $2 >= $5 OR creada <= $6 THEN $7 END,
                estado = CASE WHEN $2 >= $5 OR creada <= $6 THEN 'muerta' ELSE estado END
             WHERE estado = 'pendiente'"
        );
        let sql = tx.conn.elige(INTENTOS[0], INTENTOS[1]);
        let filas: Vec<(i64, i64)> = con!(tx.conn, c => sqlx::query_as(sql)
            .bind(json(&self.tomada.ids)?).bind(self.tomada.plazo.0)
            .fetch_all(&mut **c).await)?;
        let mut por_intentos: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (id, intentos) in filas {
            por_intentos.entry(intentos).or_default().push(id);
        }
        let ahora = tx.ahora;
        let sql = tx.conn.elige(SIGUE[0], SIGUE[1]);
        for (intentos, ids) in &por_intentos {
            let azar = u64::from_le_bytes(tx.entorno.azar());
            let en = espera(*intentos, azar).unwrap_or(0).max(minimo);
            con!(tx.conn, c => sqlx::query(sql).bind(json(ids)?).bind(intentos).bind(corta(texto))
                .bind(ahora.mas(en).0).bind(MAX_INTENTOS).bind(ahora.mas(-MAX_EDAD).0).bind(ahora.0)
                .execute(&mut **c).await.map(drop))?;
        }
        Ok(!por_intentos.is_empty())
    }
}

/// They are given up; whoever administers the site sees why and can send them again.
pub(super) async fn mueren(tx: &mut Tx<'_>, ids: &[i64], texto: &str) -> Result<(), Fallo> {
    const MUERE: [&str; 2] = sobre!(
        "UPDATE entregas SET estado = 'muerta', terminada = $2, tomada = NULL, error = $3,
            intentos = intentos + 1
         WHERE estado = 'pendiente'"
    );
    if ids.is_empty() {
        return Ok(());
    }
    let sql = tx.conn.elige(MUERE[0], MUERE[1]);
    con!(tx.conn, c => sqlx::query(sql).bind(json(ids)?).bind(tx.ahora.0).bind(corta(texto))
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}

fn corta(texto: &str) -> String {
    texto.chars().take(MAX_ERROR).collect()
}
