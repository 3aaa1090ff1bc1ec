//! Small copies are made in the background, by whichever server comes first.

use super::{
    objetos::{COLUMNAS, Objeto, borra_nota},
    subidas::tira,
};
use crate::{Fallo, Tx, Write, db::con};

/// How often a file is tried: one that takes its server down with it is left alone after that.
const MAX_INTENTOS: i64 = 3;
/// Milliseconds until the next try when the store does not answer.
const PAUSA: i64 = 30_000;
/// Milliseconds that a server may be at one.
const PLAZO: i64 = 5 * 60_000;

/// Takes a file that has no copies yet.
#[derive(Debug)]
pub struct ReclamarVistas;

impl Write for ReclamarVistas {
    type Out = Option<Objeto>;
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Objeto>, Fallo> {
        con!(tx.conn, c => sqlx::query(
            "UPDATE objetos SET vistas = 'ninguna' WHERE vistas = 'pendientes' AND intentos >= $1
                AND (reclamado_hasta IS NULL OR reclamado_hasta <= $2)")
            .bind(MAX_INTENTOS).bind(tx.ahora.0).execute(&mut **c).await.map(drop))?;
        let solo_uno = tx.conn.elige("", "FOR UPDATE SKIP LOCKED");
        let sql = sqlx::AssertSqlSafe(format!(
            "UPDATE objetos SET reclamado_hasta = $2, intentos = intentos + 1 WHERE sha256 = (
                SELECT sha256 FROM objetos WHERE vistas = 'pendientes'
                    AND (reclamado_hasta IS NULL OR reclamado_hasta <= $1)
                ORDER BY creado, sha256 LIMIT 1 {solo_uno})
             RETURNING {COLUMNAS}"
        ));
        Ok(
            con!(tx.conn, c => sqlx::query_as(sql).bind(tx.ahora.0).bind(tx.ahora.mas(PLAZO).0)
            .fetch_optional(&mut **c).await)?,
        )
    }
}

/// Gives a file back untried: the store did not answer.
#[derive(Debug)]
pub struct DevolverVistas(pub String);

impl Write for DevolverVistas {
    type Out = ();
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fallo> {
        con!(tx.conn, c => sqlx::query(
            "UPDATE objetos SET reclamado_hasta = $2, intentos = intentos - 1
             WHERE sha256 = $1 AND vistas = 'pendientes'")
            .bind(self.0.as_str()).bind(tx.ahora.mas(PAUSA).0).execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}

/// A small copy in the store, whose key was noted with [`AnotarClave`](super::AnotarClave) before.
#[derive(Clone, Debug)]
pub struct Copia {
    pub clave: String,
    pub bytes: i64,
}

/// What came of a file.
#[derive(Debug)]
pub struct GuardarVistas {
    pub sha256: String,
    /// For a list and for a screen.
    pub copias: Option<(Copia, Copia)>,
    /// JSON; `None` when no copy without location can be given.
    pub recortes: Option<String>,
}

impl Write for GuardarVistas {
    /// Whether it was still wanted: if not, the keys stay where they are noted.
    type Out = bool;
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Fallo> {
        let (miniatura, vista) = self.copias.as_ref().map(|(m, v)| (m, v)).unzip();
        let hecho = con!(tx.conn, c => sqlx::query(
            "UPDATE objetos SET vistas = $2, clave_miniatura = $3, bytes_miniatura = $4, clave_vista = $5,
                bytes_vista = $6, recortes = $7, reclamado_hasta = NULL
             WHERE sha256 = $1 AND vistas = 'pendientes'")
            .bind(self.sha256.as_str())
            .bind(if self.copias.is_some() { "listas" } else { "ninguna" })
            .bind(miniatura.map(|c| c.clave.as_str())).bind(miniatura.map(|c| c.bytes))
            .bind(vista.map(|c| c.clave.as_str())).bind(vista.map(|c| c.bytes))
            .bind(self.recortes.as_deref())
            .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        for copia in [miniatura, vista].into_iter().flatten() {
            if hecho == 0 {
                tira(tx, &copia.clave).await?;
            } else {
                borra_nota(tx, &copia.clave).await?;
            }
        }
        Ok(hecho > 0)
    }
}
