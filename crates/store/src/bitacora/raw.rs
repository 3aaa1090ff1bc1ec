//! Entries as they lie in the tables, to be verified: what was altered may be anything.

use sigra_domain::bitacora::{EntradaRecord, SettingsEntrada};
use sigra_store_macros::FromRow;

use super::verify::PAGE_SIZE;
use crate::{
    ReadConn, StoreError,
    db::{Conn, with_conn},
};

/// Entries of one report read at once: an author may have edited it thousands of times.
pub(super) const ENTRADAS_PER_READ: i64 = 100;

/// An entry whose texts may be any bytes: SQLite keeps what a failing disk makes of them.
#[derive(FromRow)]
struct RawEntrada {
    n: i64,
    version: i64,
    accion: Vec<u8>,
    rut: i64,
    en: i64,
    canonica: Vec<u8>,
    hash: Vec<u8>,
}

pub(super) fn lossy_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) async fn read_stored(
    conn: &mut Conn<'_>,
    reporte_id: i64,
    tras: i64,
) -> Result<Vec<EntradaRecord>, StoreError> {
    let sql = conn.pick(
        "SELECT n, version, rut, en, CAST(accion AS BLOB) AS accion,
            CAST(canonica AS BLOB) AS canonica, CAST(hash AS BLOB) AS hash
         FROM bitacora WHERE reporte_id = $1 AND n > $2 ORDER BY n LIMIT $3",
        "SELECT n, version, rut, en, convert_to(accion, 'UTF8') AS accion,
            convert_to(canonica, 'UTF8') AS canonica, convert_to(hash, 'UTF8') AS hash
         FROM bitacora WHERE reporte_id = $1 AND n > $2 ORDER BY n LIMIT $3",
    );
    let rows: Vec<RawEntrada> = with_conn!(*conn, c => sqlx::query_as(sql).bind(reporte_id).bind(tras)
        .bind(ENTRADAS_PER_READ).fetch_all(&mut **c).await)?;
    Ok(rows
        .into_iter()
        .map(|f| EntradaRecord {
            n: f.n,
            version: f.version,
            accion: lossy_text(&f.accion),
            rut: f.rut,
            en: f.en,
            canonica: lossy_text(&f.canonica),
            hash: lossy_text(&f.hash),
        })
        .collect())
}

/// As [`RawEntrada`], of the bitácora of settings.
#[derive(FromRow)]
pub(super) struct RawSettingsEntrada {
    pub(super) n: i64,
    pub(super) objeto: Vec<u8>,
    pub(super) accion: Vec<u8>,
    pub(super) rut: Option<i64>,
    pub(super) en: i64,
    pub(super) canonica: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl RawSettingsEntrada {
    /// Whether the columns say what the text says.
    pub(super) fn columns_match(&self, canonica: &str) -> bool {
        SettingsEntrada::parse(canonica).is_some_and(|e| {
            (
                e.n,
                e.objeto.as_bytes(),
                e.accion.as_bytes(),
                e.rut.map(sigra_domain::Rut::body),
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

pub(super) async fn settings_after(
    l: &mut ReadConn,
    n: i64,
) -> Result<Vec<RawSettingsEntrada>, StoreError> {
    let mut conn = l.conn();
    let sql = conn.pick(
        "SELECT n, rut, en, CAST(objeto AS BLOB) AS objeto, CAST(accion AS BLOB) AS accion,
            CAST(canonica AS BLOB) AS canonica, CAST(hash AS BLOB) AS hash
         FROM bitacora_ajustes WHERE n > $1 ORDER BY n LIMIT $2",
        "SELECT n, rut, en, convert_to(objeto, 'UTF8') AS objeto,
            convert_to(accion, 'UTF8') AS accion, convert_to(canonica, 'UTF8') AS canonica,
            convert_to(hash, 'UTF8') AS hash
         FROM bitacora_ajustes WHERE n > $1 ORDER BY n LIMIT $2",
    );
    Ok(
        with_conn!(conn, c => sqlx::query_as(sql).bind(n).bind(PAGE_SIZE).fetch_all(&mut **c).await)?,
    )
}
