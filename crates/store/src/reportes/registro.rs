//! What every change of a report leaves behind: its bitácora entry, its place in the change feed and
//! its row in the outbox, in the transaction of the change itself.

use sigra_domain::{
    Instante, Quien,
    bitacora::{Accion, Cabeza, Entrada, Valores, encadena},
    reporte::Reporte,
};

use crate::Fallo;

/// One change of a report, ready to be written.
#[derive(Debug)]
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

    pub(super) fn entrada(&self) -> &Entrada {
        &self.entrada
    }

    pub(super) fn canonica(&self) -> &str {
        &self.canonica
    }

    pub(super) fn area_antes(&self) -> Option<i64> {
        self.area_antes
    }

    pub(super) fn evento(&self) -> &'static str {
        self.evento
    }
}

/// One statement for the report's row and what its change leaves behind: a change of a report is one
/// trip to the database. `$fila` writes the row of the report with uuid `$1`; where it wrote none,
/// nothing else is written. Both texts take the same values: `$1` to `$14` are those of [`ata`], the
/// rest the caller's. Answers the report's id.
macro_rules! con_registro {
    ($fila:literal) => {
        [
            // SQLite runs several statements in one call; each goes on only if the one before wrote
            // its row. Its writer is alone, so the next position is one more than the last.
            concat!(
                $fila, "; ",
                "INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash) ",
                "SELECT (SELECT id FROM reportes WHERE uuid_cliente = $1), $2, $3, $4, $5, $6, $7, $8 ",
                "WHERE changes() = 1; ",
                "INSERT INTO cambios (posicion, reporte_id, version, rut, area_antes, area_despues, ",
                "retirado, marca, en) ",
                "SELECT (SELECT coalesce(max(posicion), 0) + 1 FROM cambios), ",
                "(SELECT id FROM reportes WHERE uuid_cliente = $1), $3, $9, $10, $11, $12, $13, $6 ",
                "WHERE changes() = 1; ",
                "INSERT INTO outbox (evento, reporte_id, version, en) ",
                "SELECT $14, (SELECT id FROM reportes WHERE uuid_cliente = $1), $3, $6 ",
                "WHERE changes() = 1; ",
                "SELECT id FROM reportes WHERE uuid_cliente = $1 AND changes() = 1"
            ),
            concat!(
                "WITH fila AS (", $fila, " RETURNING id), b AS (",
                "INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash) ",
                "SELECT id, $2, $3, $4, $5, $6, $7, $8 FROM fila), c AS (",
                "INSERT INTO cambios (reporte_id, version, rut, area_antes, area_despues, retirado, ",
                "marca, en) SELECT id, $3, $9, $10, $11, $12, $13, $6 FROM fila), o AS (",
                "INSERT INTO outbox (evento, reporte_id, version, en) ",
                "SELECT $14, id, $3, $6 FROM fila)",
                " SELECT id FROM fila"
            ),
        ]
    };
}
pub(super) use con_registro;

/// Binds `$1` to `$14` of [`con_registro`].
macro_rules! ata {
    ($consulta:expr, $reporte:expr, $registro:expr, $marca:expr) => {{
        let (r, e) = ($reporte, $registro.entrada());
        $consulta
            .bind(r.uuid_cliente.clone())
            .bind(e.n)
            .bind(e.version)
            .bind(e.accion.nombre())
            .bind(e.rut.cuerpo())
            .bind(e.en.0)
            .bind($registro.canonica().to_owned())
            .bind(r.cabeza.hash.clone())
            .bind(r.rut.cuerpo())
            .bind($registro.area_antes())
            .bind(r.contenido.area_id)
            .bind(r.retirado_en.is_some())
            .bind($marca)
            .bind($registro.evento())
    }};
}
pub(super) use ata;
