//! All of an upload is there and is what was promised.

use super::{
    RechazoSubida,
    objetos::{NuevoObjeto, toma},
    subidas::{carpeta, quita, tira},
};
use crate::{Tx, Write, db::con};

/// How an upload ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Desenlace {
    /// An object of the store holds all of it; its key was noted with [`AnotarClave`](super::AnotarClave) before.
    Bien { clave: String, tipo: String },
    /// Its bytes are not those that were promised, or of a type that is not kept: it is given up, and
    /// can be begun anew.
    Mal,
}

/// Ends an upload: its last bytes, its object and its end in one, or nothing.
#[derive(Debug)]
pub struct TerminarSubida {
    pub id: String,
    /// That of [`TomarTurno`](super::TomarTurno).
    pub turno: i64,
    pub desenlace: Desenlace,
}

impl Write for TerminarSubida {
    /// Whether the new object is not needed, because its bytes were here before.
    type Out = bool;
    type Err = RechazoSubida;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, RechazoSubida> {
        let suya: Option<(i64, String)> = con!(tx.conn, c => sqlx::query_as(
            "UPDATE subidas SET recibidos = bytes, terminada = $3
             WHERE id = $1 AND turno = $2 AND terminada IS NULL RETURNING bytes, sha256")
            .bind(self.id.as_str()).bind(self.turno).bind(tx.ahora.0)
            .fetch_optional(&mut **c).await)?;
        let (bytes, sha256) = suya.ok_or(RechazoSubida::TurnoPerdido)?;
        let Desenlace::Bien { clave, tipo } = &self.desenlace else {
            con!(tx.conn, c => sqlx::query("UPDATE subidas SET terminada = NULL WHERE id = $1")
                .bind(self.id.as_str()).execute(&mut **c).await.map(drop))?;
            quita(tx, &self.id).await?;
            return Ok(false);
        };
        let nuevo = NuevoObjeto {
            sha256: &sha256,
            bytes,
            tipo,
            clave,
        };
        let sobra = toma(tx, &nuevo).await?;
        con!(tx.conn, c => sqlx::query("DELETE FROM piezas WHERE subida_id = $1")
            .bind(self.id.as_str()).execute(&mut **c).await.map(drop))?;
        tira(tx, &carpeta(&self.id)).await?;
        Ok(sobra)
    }
}
