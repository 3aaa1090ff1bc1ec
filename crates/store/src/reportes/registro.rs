//! What every change of a report leaves behind: its bitácora entry, its place in the change feed and
//! its row in the outbox, in the transaction of the change itself.

use sigra_domain::{
    Instante, Quien,
    bitacora::{Accion, Cabeza, Entrada, Valores, encadena},
    reporte::Reporte,
};

use crate::{Fallo, Tx, db::con};

/// One change of a report, ready to be written.
pub(super) struct Registro {
    entrada: Entrada,
    canonica: String,
    area_antes: Option<i64>,
    evento: &'static str,
}

/// What was done to a report.
pub(super) struct Hecho {
    pub(super) accion: Accion,
    pub(super) detalle: Option<String>,
    /// The fields that changed, before and after.
    pub(super) cambios: (Valores, Valores),
    pub(super) area_antes: Option<i64>,
    /// For the outbox.
    pub(super) evento: &'static str,
}

impl Registro {
    /// The entry that makes `reporte` what it is, chained to its bitácora: moves the report's
    /// `cabeza` forward. `reporte.version` is already the new one.
    pub(super) fn nuevo(
        reporte: &mut Reporte,
        quien: &Quien,
        ahora: Instante,
        hecho: Hecho,
    ) -> Result<Self, Fallo> {
        let (antes, despues) = hecho.cambios;
        let entrada = Entrada {
            uuid_cliente: reporte.uuid_cliente.clone(),
            n: reporte.cabeza.entradas + 1,
            version: reporte.version,
            accion: hecho.accion,
            rut: quien.rut,
            en: ahora,
            detalle: hecho.detalle,
            antes,
            despues,
        };
        let canonica = entrada.canonica().map_err(|e| Fallo::Dato(e.to_string()))?;
        reporte.cabeza = Cabeza {
            entradas: entrada.n,
            hash: encadena(&reporte.cabeza.hash, &canonica),
        };
        Ok(Self {
            entrada,
            canonica,
            area_antes: hecho.area_antes,
            evento: hecho.evento,
        })
    }
}

impl Tx<'_> {
    /// Writes the change's entry, feed row and outbox row; the report's own row is the caller's.
    pub(super) async fn registra(&mut self, reporte: &Reporte, r: &Registro) -> Result<(), Fallo> {
        let e = &r.entrada;
        con!(self.conn, c => sqlx::query(
            "INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(reporte.id).bind(e.n).bind(e.version).bind(e.accion.nombre())
            .bind(e.rut.cuerpo()).bind(e.en.0).bind(r.canonica.as_str())
            .bind(reporte.cabeza.hash.as_str())
            .execute(&mut **c).await.map(drop))?;
        // SQLite's writer is alone, so its next id is also the next position.
        let sql = self.conn.elige(
            "INSERT INTO cambios (posicion, reporte_id, version, rut, area_antes, area_despues, retirado, marca, en)
             VALUES ((SELECT coalesce(max(id), 0) + 1 FROM cambios), $1, $2, $3, $4, $5, $6, $7, $8)",
            "INSERT INTO cambios (reporte_id, version, rut, area_antes, area_despues, retirado, marca, en)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        );
        let marca = self.entorno.azar_i64();
        con!(self.conn, c => sqlx::query(sql)
            .bind(reporte.id).bind(reporte.version).bind(reporte.rut.cuerpo())
            .bind(r.area_antes).bind(reporte.contenido.area_id)
            .bind(reporte.retirado_en.is_some()).bind(marca).bind(e.en.0)
            .execute(&mut **c).await.map(drop))?;
        con!(self.conn, c => sqlx::query(
            "INSERT INTO outbox (evento, reporte_id, version, en) VALUES ($1, $2, $3, $4)")
            .bind(r.evento).bind(reporte.id).bind(reporte.version).bind(e.en.0)
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}
