//! The report's row and its files, altered: they no longer hold what the entries lead to.

use sigra_domain::bitacora::BreakReason;

use super::{TamperTarget, Tampering};
use crate::audit::ChainRef;
use sigra_testkit::{DbKind, Rng, uuid};

pub fn row(v: &TamperTarget, azar: &mut Rng) -> Tampering {
    let (largo, verdadero) = (
        v.entry_count(),
        if v.motor == DbKind::Sqlite {
            "1"
        } else {
            "TRUE"
        },
    );
    let valores = [
        "titulo = titulo || '.'",
        "descripcion = 'nada'",
        "descripcion = NULL",
        "area_id = area_id % 10 + 1",
        "area_id = 999",
        "severidad_id = severidad_id % 3 + 1",
        "estado_id = estado_id % 3 + 1",
        "rut = rut + 1",
        "rut = 99999999",
        "rut = 0",
        "device_id = 'otro'",
        "fecha_reporte = '1999-12-31'",
        "fecha_reporte = 'nunca'",
        "hora_creado = hora_creado - 1",
        "hora_sincronizado = hora_sincronizado + 1",
        "sha256_contenido = 'no'",
        "con_manifiesto = NOT con_manifiesto",
        "version = version + 1",
        "version = version - 1",
    ];
    match azar.below(valores.len() + 8) {
        0 => v.row("entradas = entradas + 1", largo + 1, BreakReason::Falta),
        1 => v.row("entradas = entradas - 1", largo, BreakReason::Sobra),
        2 => v.row("ultimo_hash = sha256_contenido", largo, BreakReason::Cabeza),
        3 => v.row(
            &format!("uuid_cliente = '{}'", uuid()),
            1,
            BreakReason::Columnas,
        ),
        4 => v.set_columns("retirado_en = CASE WHEN retirado_en IS NULL THEN 1 END"),
        5 => v.set_columns(&format!(
            "con_ubicacion = {verdadero}, lat = 1.5, lon = 2, referencia = 'aquí'"
        )),
        6 => v.set_columns(&format!(
            "con_ubicacion = {verdadero}, lat = NULL, lon = NULL"
        )),
        7 => {
            let sql = format!("DELETE FROM reportes WHERE id = {}", v.id);
            (sql, vec![(ChainRef::SinReporte(v.id), 1, "")])
        }
        i => v.set_columns(valores[i - 8]),
    }
}

/// The manifest is part of the content.
pub fn manifest(v: &TamperTarget, azar: &mut Rng) -> Tampering {
    let verdadero = if v.motor == DbKind::Sqlite {
        "1"
    } else {
        "TRUE"
    };
    let nuevo = format!(
        "DELETE FROM multimedia WHERE reporte_id = {0}; UPDATE reportes SET con_manifiesto = {verdadero}
             WHERE id = {0};
         INSERT INTO multimedia (reporte_id, uuid_cliente, nombre, tipo, bytes, sha256)
             VALUES ({0}, '{1}', 'otra.jpg', 'image/jpeg', {2}, 'no')",
        v.id, uuid(), azar.below(9),
    );
    (nuevo, v.expected_at(v.entry_count(), BreakReason::Fila))
}
