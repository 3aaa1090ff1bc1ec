//! The bitácoras: reading them, and the entries of settings. Re-computing them: [`verificar`].

mod cruda;
mod verificar;

use sigra_domain::{
    Instante,
    bitacora::{Accion, Entrada, EntradaAjuste, Valores, encadena},
};
use sqlx::FromRow;

pub use self::verificar::{Cadena, Hallazgo, Resumen, cadena_de};
use crate::{
    Fallo, Lectura, Tx,
    db::{Conn, con},
};

/// One entry of a report's bitácora, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct EntradaLeida {
    pub id: i64,
    pub reporte_id: i64,
    pub entrada: Entrada,
    /// The canonical text that the hash is of.
    pub canonica: String,
    pub hash: String,
}

#[derive(FromRow)]
struct Fila {
    id: i64,
    reporte_id: i64,
    canonica: String,
    hash: String,
}

impl Fila {
    fn leida(self) -> Result<EntradaLeida, Fallo> {
        let entrada = serde_json::from_str(&self.canonica)
            .map_err(|_| Fallo::Dato(format!("bitácora: entrada {}", self.id)))?;
        Ok(EntradaLeida {
            id: self.id,
            reporte_id: self.reporte_id,
            entrada,
            canonica: self.canonica,
            hash: self.hash,
        })
    }
}

/// A report's whole bitácora, oldest first.
pub async fn bitacora_de(
    lectura: &mut Lectura,
    reporte_id: i64,
) -> Result<Vec<EntradaLeida>, Fallo> {
    filas_de(&mut lectura.conn(), reporte_id)
        .await?
        .into_iter()
        .map(Fila::leida)
        .collect()
}

pub(crate) async fn entradas_de(
    conn: &mut Conn<'_>,
    reporte_id: i64,
) -> Result<Vec<Entrada>, Fallo> {
    let filas = filas_de(conn, reporte_id).await?;
    filas
        .into_iter()
        .map(|f| f.leida().map(|l| l.entrada))
        .collect()
}

async fn filas_de(conn: &mut Conn<'_>, reporte_id: i64) -> Result<Vec<Fila>, Fallo> {
    Ok(con!(*conn, c => sqlx::query_as(
        "SELECT id, reporte_id, canonica, hash FROM bitacora
         WHERE reporte_id = $1 ORDER BY n")
        .bind(reporte_id).fetch_all(&mut **c).await)?)
}

/// Which entries of all reports; `None` means any.
#[derive(Clone, Debug, Default)]
pub struct FiltroBitacora {
    pub reporte_id: Option<i64>,
    pub rut: Option<i64>,
    pub accion: Option<Accion>,
    pub desde: Option<Instante>,
    pub hasta: Option<Instante>,
    /// Only entries before this one: the list is newest first.
    pub antes_de: Option<i64>,
}

/// A page of all reports' entries, newest first.
pub async fn lista_bitacora(
    lectura: &mut Lectura,
    f: &FiltroBitacora,
    limite: i64,
) -> Result<Vec<EntradaLeida>, Fallo> {
    let filas: Vec<Fila> = con!(lectura.conn(), c => sqlx::query_as(
        "SELECT id, reporte_id, canonica, hash FROM bitacora
         WHERE ($1 IS NULL OR reporte_id = $1) AND ($2 IS NULL OR rut = $2)
           AND ($3 IS NULL OR accion = $3) AND ($4 IS NULL OR en >= $4) AND ($5 IS NULL OR en < $5)
           AND id < $6
         ORDER BY id DESC LIMIT $7")
        .bind(f.reporte_id).bind(f.rut).bind(f.accion.map(Accion::nombre))
        .bind(f.desde.map(|t| t.0)).bind(f.hasta.map(|t| t.0))
        .bind(f.antes_de.unwrap_or(i64::MAX)).bind(limite)
        .fetch_all(&mut **c).await)?;
    filas.into_iter().map(Fila::leida).collect()
}

/// One entry of the bitácora of settings.
#[derive(Clone, Debug)]
pub struct AjusteLeido {
    pub entrada: EntradaAjuste,
    pub hash: String,
}

#[derive(FromRow)]
struct FilaAjuste {
    n: i64,
    canonica: String,
    hash: String,
}

/// A page of the bitácora of settings, newest first; `objeto` as `usuario:RUT`, `area:ID`.
pub async fn lista_ajustes(
    lectura: &mut Lectura,
    objeto: Option<&str>,
    antes_de: Option<i64>,
    limite: i64,
) -> Result<Vec<AjusteLeido>, Fallo> {
    let filas: Vec<FilaAjuste> = con!(lectura.conn(), c => sqlx::query_as(
        "SELECT n, canonica, hash FROM bitacora_ajustes
         WHERE ($1 IS NULL OR objeto = $1) AND n < $2 ORDER BY n DESC LIMIT $3")
        .bind(objeto).bind(antes_de.unwrap_or(i64::MAX)).bind(limite)
        .fetch_all(&mut **c).await)?;
    filas
        .into_iter()
        .map(|f| {
            let entrada = serde_json::from_str(&f.canonica)
                .map_err(|_| Fallo::Dato(format!("bitácora de ajustes: entrada {}", f.n)))?;
            Ok(AjusteLeido {
                entrada,
                hash: f.hash,
            })
        })
        .collect()
}

impl Tx<'_> {
    /// Waits, on PostgreSQL, until no other setting is being changed: the first thing that such a
    /// change does, so that all of them wait in one order. SQLite's writer is alone anyway.
    pub(crate) async fn bloquea_ajustes(&mut self) -> Result<(), Fallo> {
        if let Conn::Postgres(c) = &mut self.conn {
            sqlx::query("SELECT 1 FROM bitacora_ajustes_cabeza WHERE id = 1 FOR UPDATE")
                .execute(&mut **c)
                .await?;
        }
        Ok(())
    }

    /// Notes a change of a setting: who (`None`: from the server's console), what, from, to. One
    /// chain for all of them: they are rare, so its head is no queue.
    pub(crate) async fn anota_ajuste(
        &mut self,
        objeto: String,
        accion: &'static str,
        rut: Option<sigra_domain::Rut>,
        (antes, despues): (Valores, Valores),
    ) -> Result<(), Fallo> {
        let sql = self.conn.elige(
            "SELECT entradas, ultimo_hash FROM bitacora_ajustes_cabeza WHERE id = 1",
            "SELECT entradas, ultimo_hash FROM bitacora_ajustes_cabeza WHERE id = 1 FOR UPDATE",
        );
        let (entradas, ultimo): (i64, String) =
            con!(self.conn, c => sqlx::query_as(sql).fetch_one(&mut **c).await)?;
        let entrada = EntradaAjuste {
            n: entradas + 1,
            objeto,
            accion: accion.to_owned(),
            rut,
            en: self.ahora,
            antes,
            despues,
        };
        let canonica = entrada.canonica().map_err(|e| Fallo::Dato(e.to_string()))?;
        let hash = encadena(&ultimo, &canonica);
        con!(self.conn, c => sqlx::query(
            "INSERT INTO bitacora_ajustes (n, objeto, accion, rut, en, canonica, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(entrada.n).bind(entrada.objeto.as_str()).bind(accion)
            .bind(rut.map(sigra_domain::Rut::cuerpo)).bind(self.ahora.0)
            .bind(canonica.as_str()).bind(hash.as_str())
            .execute(&mut **c).await.map(drop))?;
        con!(self.conn, c => sqlx::query(
            "UPDATE bitacora_ajustes_cabeza SET entradas = $1, ultimo_hash = $2 WHERE id = 1")
            .bind(entrada.n).bind(hash.as_str())
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}
