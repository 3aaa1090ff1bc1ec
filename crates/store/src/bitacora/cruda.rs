//! Entries as they lie in the tables, to be verified: what was altered may be anything.

use sigra_domain::bitacora::{EntradaAjuste, Guardada};
use sqlx::FromRow;

use super::verificar::PAGINA;
use crate::{
    Fallo, Lectura,
    db::{Conn, con},
};

/// Entries of one report read at once: an author may have edited it thousands of times.
pub(super) const TRAMO: i64 = 100;

/// An entry whose texts may be any bytes: SQLite keeps what a failing disk makes of them.
#[derive(FromRow)]
struct FilaCruda {
    n: i64,
    version: i64,
    accion: Vec<u8>,
    rut: i64,
    en: i64,
    canonica: Vec<u8>,
    hash: Vec<u8>,
}

pub(super) fn de_bytes(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) async fn guardadas_de(
    conn: &mut Conn<'_>,
    reporte_id: i64,
    tras: i64,
) -> Result<Vec<Guardada>, Fallo> {
    let sql = conn.elige(
        "SELECT n, version, rut, en, CAST(accion AS BLOB) AS accion,
            CAST(canonica AS BLOB) AS canonica, CAST(hash AS BLOB) AS hash
         FROM bitacora WHERE reporte_id = $1 AND n > $2 ORDER BY n LIMIT $3",
        "SELECT n, version, rut, en, convert_to(accion, 'UTF8') AS accion,
            convert_to(canonica, 'UTF8') AS canonica, convert_to(hash, 'UTF8') AS hash
         FROM bitacora WHERE reporte_id = $1 AND n > $2 ORDER BY n LIMIT $3",
    );
    let filas: Vec<FilaCruda> = con!(*conn, c => sqlx::query_as(sql).bind(reporte_id).bind(tras)
        .bind(TRAMO).fetch_all(&mut **c).await)?;
    Ok(filas
        .into_iter()
        .map(|f| Guardada {
            n: f.n,
            version: f.version,
            accion: de_bytes(&f.accion),
            rut: f.rut,
            en: f.en,
            canonica: de_bytes(&f.canonica),
            hash: de_bytes(&f.hash),
        })
        .collect())
}

/// As [`FilaCruda`], of the bitácora of settings.
#[derive(FromRow)]
pub(super) struct AjusteCrudo {
    pub(super) n: i64,
    pub(super) objeto: Vec<u8>,
    pub(super) accion: Vec<u8>,
    pub(super) rut: Option<i64>,
    pub(super) en: i64,
    pub(super) canonica: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl AjusteCrudo {
    /// Whether the columns say what the text says.
    pub(super) fn columnas(&self, canonica: &str) -> bool {
        EntradaAjuste::lee(canonica).is_some_and(|e| {
            (
                e.n,
                e.objeto.as_bytes(),
                e.accion.as_bytes(),
                e.rut.map(sigra_domain::Rut::cuerpo),
                e.en.0,
            ) == (
                self.n,
                self.objeto.as_slice(),
                self.accion.as_slice(),
                self.rut,
                self.en,
            )
        })
    }
}

pub(super) async fn ajustes_tras(l: &mut Lectura, n: i64) -> Result<Vec<AjusteCrudo>, Fallo> {
    let mut conn = l.conn();
    let sql = conn.elige(
        "SELECT n, rut, en, CAST(objeto AS BLOB) AS objeto, CAST(accion AS BLOB) AS accion,
            CAST(canonica AS BLOB) AS canonica, CAST(hash AS BLOB) AS hash
         FROM bitacora_ajustes WHERE n > $1 ORDER BY n LIMIT $2",
        "SELECT n, rut, en, convert_to(objeto, 'UTF8') AS objeto,
            convert_to(accion, 'UTF8') AS accion, convert_to(canonica, 'UTF8') AS canonica,
            convert_to(hash, 'UTF8') AS hash
         FROM bitacora_ajustes WHERE n > $1 ORDER BY n LIMIT $2",
    );
    Ok(con!(conn, c => sqlx::query_as(sql).bind(n).bind(PAGINA).fetch_all(&mut **c).await)?)
}
