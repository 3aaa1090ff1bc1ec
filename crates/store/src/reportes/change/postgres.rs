//! One statement writes all rows of all reports: whatever their number, one trip.

use sigra_domain::reporte::{Archivo, Ubicacion};
use sqlx::{PgConnection, Postgres, postgres::PgArguments, query::QueryAs};

use super::{ReporteWrite, WrittenArchivo, WrittenRow, acciones_json, with_last_flag};
use crate::StoreError;

/// `$fila` writes the reports' rows from `datos` and returns `id, uuid_cliente`. Several changes of
/// one report are several rows of `datos`, of which one is the `ultima`.
macro_rules! with_side_effects {
    ($row:literal) => {
        concat!(
            "WITH datos AS (SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], ",
            "$5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::bigint[], $10::bigint[], ",
            "$11::bigint[], $12::bigint[], $13::text[], $14::bigint[], $15::text[], $16::text[], ",
            "$17::boolean[], $18::float8[], $19::float8[], $20::float8[], $21::text[], ",
            "$22::boolean[], $23::bigint[], $24::text[], $25::bigint[], $26::bigint[], $27::text[], ",
            "$28::bigint[], $29::text[], $30::text[], $31::text[], $32::bigint[], $33::bigint[], ",
            "$34::text[], $35::bigint[], $36::boolean[], $37::bigint[], $38::boolean[], $39::bigint[], $40::text[]) AS d (uuid_cliente, rut, titulo, ",
            "descripcion, area_id, severidad_id, estado_id, fecha_reporte, hora_creado, ",
            "hora_sincronizado, en, last_sync_attempt, device_id, desfase_reloj_ms, sync_status, ",
            "sha256_contenido, con_ubicacion, lat, lon, precision_m, referencia, con_manifiesto, ",
            "version, busqueda, retirado_en, n, accion, quien, canonica, hash, evento, area_antes, ",
            "marca, aceptado, version_base, ultima, decidido_en, a_tiempo, comentarios, acciones)), fila AS (", $row, "), b AS (",
            "INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash) ",
            "SELECT f.id, d.n, d.version, d.accion, d.quien, d.en, d.canonica, d.hash ",
            "FROM fila f JOIN datos d USING (uuid_cliente) ORDER BY d.n), c AS (",
            "INSERT INTO cambios (reporte_id, version, rut, area_antes, area_despues, retirado, ",
            "marca, en, evento) SELECT f.id, d.version, d.rut, d.area_antes, d.area_id, ",
            "d.retirado_en IS NOT NULL, d.marca, d.en, d.evento ",
            "FROM fila f JOIN datos d USING (uuid_cliente) ORDER BY d.n), a AS (",
            "INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version) ",
            "SELECT f.id, d.aceptado, d.version_base, d.version ",
            "FROM fila f JOIN datos d USING (uuid_cliente) WHERE d.aceptado IS NOT NULL) ",
            "SELECT id, uuid_cliente FROM fila"
        )
    };
}

const INSERT: &str = with_side_effects!(
    "INSERT INTO reportes (uuid_cliente, rut, titulo, descripcion, area_id, severidad_id,
        estado_id, fecha_reporte, hora_creado, hora_sincronizado, hora_actualizado,
        last_sync_attempt, device_id, desfase_reloj_ms, sync_status, sha256_contenido,
        con_ubicacion, lat, lon, precision_m, referencia, con_manifiesto, version, busqueda,
        entradas, ultimo_hash)
     SELECT uuid_cliente, rut, titulo, descripcion, area_id, severidad_id, estado_id,
        fecha_reporte, hora_creado, hora_sincronizado, en, last_sync_attempt, device_id,
        desfase_reloj_ms, sync_status, sha256_contenido, con_ubicacion, lat, lon, precision_m,
        referencia, con_manifiesto, version, busqueda, n, hash
     FROM datos ORDER BY uuid_cliente COLLATE \"C\"
     ON CONFLICT (uuid_cliente) DO NOTHING RETURNING id, uuid_cliente"
);

const UPDATE: &str = with_side_effects!(
    "UPDATE reportes r SET titulo = d.titulo, descripcion = d.descripcion, area_id = d.area_id,
        severidad_id = d.severidad_id, estado_id = d.estado_id, hora_actualizado = d.en,
        last_sync_attempt = d.last_sync_attempt,
        desfase_reloj_ms = coalesce(d.desfase_reloj_ms, r.desfase_reloj_ms),
        sync_status = d.sync_status, sha256_contenido = d.sha256_contenido,
        con_ubicacion = d.con_ubicacion, lat = d.lat, lon = d.lon, precision_m = d.precision_m,
        referencia = d.referencia, con_manifiesto = d.con_manifiesto, version = d.version,
        busqueda = d.busqueda, retirado_en = d.retirado_en, entradas = d.n, ultimo_hash = d.hash,
        decidido_en = d.decidido_en, a_tiempo = d.a_tiempo, comentarios = d.comentarios, acciones = d.acciones
     FROM datos d WHERE r.uuid_cliente = d.uuid_cliente AND d.ultima
     RETURNING r.id, r.uuid_cliente"
);

pub(super) async fn insert(
    c: &mut PgConnection,
    nuevas: &[&ReporteWrite],
) -> Result<Vec<WrittenRow>, StoreError> {
    let rows: Vec<_> = nuevas.iter().map(|e| (*e, true)).collect();
    Ok(bind_columns(INSERT, &rows).fetch_all(&mut *c).await?)
}

pub(super) async fn update(
    c: &mut PgConnection,
    cambios: &[&ReporteWrite],
) -> Result<(), StoreError> {
    let rows = with_last_flag(cambios);
    let esperadas = rows.iter().filter(|(_, ultima)| *ultima).count();
    let escritas = bind_columns(UPDATE, &rows).fetch_all(&mut *c).await?;
    if escritas.len() == esperadas {
        Ok(())
    } else {
        Err(StoreError::Interno(
            "un reporte que se escribía desapareció",
        ))
    }
}

/// Binds a column for each value; with each change, whether it is the last of its report.
fn bind_columns<'a>(
    sql: &'static str,
    rows: &'a [(&'a ReporteWrite, bool)],
) -> QueryAs<'a, Postgres, WrittenRow, PgArguments> {
    macro_rules! column {
        (|$e:ident| $valor:expr) => {
            rows.iter().map(|($e, _)| $valor).collect::<Vec<_>>()
        };
    }
    fn ubicacion(e: &ReporteWrite) -> Option<&Ubicacion> {
        e.reporte.contenido.ubicacion.as_ref()
    }
    sqlx::query_as(sql)
        .bind(column!(|e| e.reporte.uuid_cliente.as_str()))
        .bind(column!(|e| e.reporte.rut.body()))
        .bind(column!(|e| e.reporte.contenido.titulo.as_str()))
        .bind(column!(|e| e.reporte.contenido.descripcion.as_deref()))
        .bind(column!(|e| e.reporte.contenido.area_id))
        .bind(column!(|e| e.reporte.contenido.severidad_id))
        .bind(column!(|e| e.reporte.estado_id))
        .bind(column!(|e| e.reporte.fecha_reporte.to_string()))
        .bind(column!(|e| e.reporte.hora_creado.0))
        .bind(column!(|e| e.reporte.hora_sincronizado.0))
        .bind(column!(|e| e.registro.entrada().en.0))
        .bind(column!(|e| e.reporte.last_sync_attempt.map(|t| t.0)))
        .bind(column!(|e| e.reporte.device_id.as_deref()))
        .bind(column!(|e| e.desfase_reloj_ms))
        .bind(column!(|e| e.reporte.sync_status.name()))
        .bind(column!(|e| e.reporte.sha256_contenido.as_str()))
        .bind(column!(|e| e.reporte.contenido.ubicacion.is_some()))
        .bind(column!(|e| ubicacion(e).map(|u| u.lat)))
        .bind(column!(|e| ubicacion(e).map(|u| u.lon)))
        .bind(column!(|e| ubicacion(e).and_then(|u| u.precision_m)))
        .bind(column!(
            |e| ubicacion(e).and_then(|u| u.referencia.as_deref())
        ))
        .bind(column!(|e| e.reporte.contenido.multimedia.is_some()))
        .bind(column!(|e| e.reporte.version))
        .bind(column!(|e| e.busqueda.as_str()))
        .bind(column!(|e| e.reporte.retirado_en.map(|t| t.0)))
        .bind(column!(|e| e.registro.entrada().n))
        .bind(column!(|e| e.registro.entrada().accion.name()))
        .bind(column!(|e| e.registro.entrada().rut.body()))
        .bind(column!(|e| e.registro.canonical_json()))
        .bind(column!(|e| e.reporte.cabeza.hash.as_str()))
        .bind(column!(|e| e.registro.evento().name()))
        .bind(column!(|e| e.registro.previous_area()))
        .bind(column!(|e| e.epoch))
        .bind(column!(|e| e
            .aceptado
            .as_ref()
            .map(|a| a.sha256_contenido.as_str())))
        .bind(column!(|e| e
            .aceptado
            .as_ref()
            .map_or(0, |a| a.version_base)))
        .bind(rows.iter().map(|(_, u)| *u).collect::<Vec<_>>())
        .bind(column!(|e| e.reporte.decision.map(|d| d.en.0)))
        .bind(column!(|e| e.reporte.decision.map(|d| d.a_tiempo)))
        .bind(column!(|e| e.reporte.comentarios))
        .bind(column!(|e| acciones_json(&e.reporte)))
}

pub(super) async fn insert_archivos(
    c: &mut PgConnection,
    archivos: &[(i64, &Archivo)],
) -> Result<Vec<WrittenArchivo>, StoreError> {
    macro_rules! column {
        (|$a:ident| $valor:expr) => {
            archivos.iter().map(|(_, $a)| $valor).collect::<Vec<_>>()
        };
    }
    Ok(sqlx::query_as(
        "INSERT INTO multimedia (reporte_id, uuid_cliente, nombre, tipo, bytes, sha256)
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
         RETURNING id, reporte_id, uuid_cliente",
    )
    .bind(archivos.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(column!(|a| a.uuid_cliente.as_str()))
    .bind(column!(|a| a.nombre.as_str()))
    .bind(column!(|a| a.tipo.as_str()))
    .bind(column!(|a| a.bytes))
    .bind(column!(|a| a.sha256.as_str()))
    .fetch_all(&mut *c)
    .await?)
}
