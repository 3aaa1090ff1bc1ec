//! The bitácoras: reading them, and the entries of settings. Re-computing them: [`verificar`].

mod raw;
mod verify;

use sigra_domain::{
    Instante,
    bitacora::{Accion, Entrada, FieldValues, SettingsEntrada, chain_hash},
};
use sigra_store_macros::FromRow;

pub use self::verify::{ChainFinding, ChainSummary, VerifySummary, verify_chain};
use crate::{
    ReadConn, StoreError, Tx,
    db::{Conn, with_conn},
};

/// One entry of a report's bitácora, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEntrada {
    pub id: i64,
    pub reporte_id: i64,
    pub entrada: Entrada,
    /// The canonical text that the hash is of.
    pub canonica: String,
    pub hash: String,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    reporte_id: i64,
    canonica: String,
    hash: String,
}

impl Row {
    fn decode(self) -> Result<StoredEntrada, StoreError> {
        let entrada = serde_json::from_str(&self.canonica)
            .map_err(|_| StoreError::Dato(format!("bitácora: entrada {}", self.id)))?;
        Ok(StoredEntrada {
            id: self.id,
            reporte_id: self.reporte_id,
            entrada,
            canonica: self.canonica,
            hash: self.hash,
        })
    }
}

/// A report's whole bitácora, oldest first.
pub async fn read_bitacora(
    lectura: &mut ReadConn,
    reporte_id: i64,
) -> Result<Vec<StoredEntrada>, StoreError> {
    read_rows(&mut lectura.conn(), reporte_id)
        .await?
        .into_iter()
        .map(Row::decode)
        .collect()
}

pub(crate) async fn read_entradas(
    conn: &mut Conn<'_>,
    reporte_id: i64,
) -> Result<Vec<Entrada>, StoreError> {
    let rows = read_rows(conn, reporte_id).await?;
    rows.into_iter()
        .map(|f| f.decode().map(|l| l.entrada))
        .collect()
}

async fn read_rows(conn: &mut Conn<'_>, reporte_id: i64) -> Result<Vec<Row>, StoreError> {
    Ok(with_conn!(*conn, c => sqlx::query_as(
        "SELECT id, reporte_id, canonica, hash FROM bitacora
         WHERE reporte_id = $1 ORDER BY n")
        .bind(reporte_id).fetch_all(&mut **c).await)?)
}

/// Which entries of all reports; `None` means any.
#[derive(Clone, Debug, Default)]
pub struct BitacoraFilter {
    pub reporte_id: Option<i64>,
    pub rut: Option<i64>,
    pub accion: Option<Accion>,
    pub desde: Option<Instante>,
    pub hasta: Option<Instante>,
    /// Only entries before this one: the list is newest first.
    pub antes_de: Option<i64>,
}

/// A page of all reports' entries, newest first.
pub async fn list_bitacora(
    lectura: &mut ReadConn,
    f: &BitacoraFilter,
    limite: i64,
) -> Result<Vec<StoredEntrada>, StoreError> {
    let rows: Vec<Row> = with_conn!(lectura.conn(), c => sqlx::query_as(
        "SELECT id, reporte_id, canonica, hash FROM bitacora
         WHERE ($1 IS NULL OR reporte_id = $1) AND ($2 IS NULL OR rut = $2)
           AND ($3 IS NULL OR accion = $3) AND ($4 IS NULL OR en >= $4) AND ($5 IS NULL OR en < $5)
           AND id < $6
         ORDER BY id DESC LIMIT $7")
        .bind(f.reporte_id).bind(f.rut).bind(f.accion.map(Accion::name))
        .bind(f.desde.map(|t| t.0)).bind(f.hasta.map(|t| t.0))
        .bind(f.antes_de.unwrap_or(i64::MAX)).bind(limite)
        .fetch_all(&mut **c).await)?;
    rows.into_iter().map(Row::decode).collect()
}

/// One entry of the bitácora of settings.
#[derive(Clone, Debug)]
pub struct StoredSettingsEntrada {
    pub entrada: SettingsEntrada,
    pub hash: String,
}

#[derive(FromRow)]
struct SettingsEntradaRow {
    n: i64,
    canonica: String,
    hash: String,
}

/// A page of the bitácora of settings, newest first; `objeto` as `usuario:RUT`, `area:ID`.
pub async fn list_settings_changes(
    lectura: &mut ReadConn,
    objeto: Option<&str>,
    antes_de: Option<i64>,
    limite: i64,
) -> Result<Vec<StoredSettingsEntrada>, StoreError> {
    let rows: Vec<SettingsEntradaRow> = with_conn!(lectura.conn(), c => sqlx::query_as(
        "SELECT n, canonica, hash FROM bitacora_ajustes
         WHERE ($1 IS NULL OR objeto = $1) AND n < $2 ORDER BY n DESC LIMIT $3")
        .bind(objeto).bind(antes_de.unwrap_or(i64::MAX)).bind(limite)
        .fetch_all(&mut **c).await)?;
    rows.into_iter()
        .map(|f| {
            let entrada = serde_json::from_str(&f.canonica)
                .map_err(|_| StoreError::Dato(format!("bitácora de ajustes: entrada {}", f.n)))?;
            Ok(StoredSettingsEntrada {
                entrada,
                hash: f.hash,
            })
        })
        .collect()
}

impl Tx<'_> {
    /// Waits, on PostgreSQL, until no other setting is being changed: the first thing that such a
    /// change does, so that all of them wait in one order. SQLite's writer is alone anyway.
    pub(crate) async fn lock_settings(&mut self) -> Result<(), StoreError> {
        if let Conn::Postgres(c) = &mut self.conn {
            sqlx::query("SELECT 1 FROM bitacora_ajustes_cabeza WHERE id = 1 FOR UPDATE")
                .execute(&mut **c)
                .await?;
        }
        Ok(())
    }

    /// Notes a change of a setting: who (`None`: from the server's console), what, from, to. One
    /// chain for all of them: they are rare, so its head is no queue.
    pub(crate) async fn record_setting_change(
        &mut self,
        objeto: String,
        accion: &'static str,
        rut: Option<sigra_domain::Rut>,
        (antes, despues): (FieldValues, FieldValues),
    ) -> Result<(), StoreError> {
        let sql = self.conn.pick(
            "SELECT entradas, ultimo_hash FROM bitacora_ajustes_cabeza WHERE id = 1",
            "SELECT entradas, ultimo_hash FROM bitacora_ajustes_cabeza WHERE id = 1 FOR UPDATE",
        );
        let (entradas, ultimo): (i64, String) =
            with_conn!(self.conn, c => sqlx::query_as(sql).fetch_one(&mut **c).await)?;
        let entrada = SettingsEntrada {
            n: entradas + 1,
            objeto,
            accion: accion.to_owned(),
            rut,
            en: self.ahora,
            antes,
            despues,
        };
        let canonica = entrada
            .canonical_json()
            .map_err(|e| StoreError::Dato(e.to_string()))?;
        let hash = chain_hash(&ultimo, &canonica);
        with_conn!(self.conn, c => sqlx::query(
            "INSERT INTO bitacora_ajustes (n, objeto, accion, rut, en, canonica, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(entrada.n).bind(entrada.objeto.as_str()).bind(accion)
            .bind(rut.map(sigra_domain::Rut::body)).bind(self.ahora.0)
            .bind(canonica.as_str()).bind(hash.as_str())
            .execute(&mut **c).await.map(drop))?;
        with_conn!(self.conn, c => sqlx::query(
            "UPDATE bitacora_ajustes_cabeza SET entradas = $1, ultimo_hash = $2 WHERE id = 1")
            .bind(entrada.n).bind(hash.as_str())
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}
