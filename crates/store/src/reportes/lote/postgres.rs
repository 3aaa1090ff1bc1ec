//! One statement writes all rows of all reports: whatever their number, one trip.

use sqlx::PgConnection;

use super::{Archivo, ArchivoEscrito, Escrita, Nueva};
use crate::Fallo;

const INSERTA: &str = "WITH datos AS (
        SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[],
            $6::bigint[], $7::bigint[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[],
            $12::text[], $13::text[], $14::text[], $15::boolean[], $16::float8[], $17::float8[],
            $18::float8[], $19::text[], $20::boolean[], $21::text[], $22::text[], $23::text[],
            $24::text[], $25::text[], $26::bigint[], $27::bigint[])
        AS d (uuid_cliente, rut, titulo, descripcion, area_id, severidad_id, estado_id,
            fecha_reporte, hora_creado, en, last_sync_attempt, device_id, sync_status,
            sha256_contenido, con_ubicacion, lat, lon, precision_m, referencia, con_manifiesto,
            busqueda, accion, canonica, hash, evento, version_base, marca)
    ), fila AS (
        INSERT INTO reportes (uuid_cliente, rut, titulo, descripcion, area_id, severidad_id,
            estado_id, fecha_reporte, hora_creado, hora_sincronizado, hora_actualizado,
            last_sync_attempt, device_id, sync_status, sha256_contenido, con_ubicacion, lat, lon,
            precision_m, referencia, con_manifiesto, version, busqueda, entradas, ultimo_hash)
        SELECT uuid_cliente, rut, titulo, descripcion, area_id, severidad_id, estado_id,
            fecha_reporte, hora_creado, en, en, last_sync_attempt, device_id, sync_status,
            sha256_contenido, con_ubicacion, lat, lon, precision_m, referencia, con_manifiesto, 1,
            busqueda, 1, hash
        FROM datos ORDER BY uuid_cliente COLLATE \"C\"
        ON CONFLICT (uuid_cliente) DO NOTHING RETURNING id, uuid_cliente
    ), b AS (
        INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash)
        SELECT f.id, 1, 1, d.accion, d.rut, d.en, d.canonica, d.hash
        FROM fila f JOIN datos d USING (uuid_cliente)
    ), c AS (
        INSERT INTO cambios (reporte_id, version, rut, area_despues, retirado, marca, en)
        SELECT f.id, 1, d.rut, d.area_id, FALSE, d.marca, d.en
        FROM fila f JOIN datos d USING (uuid_cliente)
    ), o AS (
        INSERT INTO outbox (evento, reporte_id, version, en)
        SELECT d.evento, f.id, 1, d.en FROM fila f JOIN datos d USING (uuid_cliente)
    ), a AS (
        INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version)
        SELECT f.id, d.sha256_contenido, d.version_base, 1
        FROM fila f JOIN datos d USING (uuid_cliente)
    )
    SELECT id, uuid_cliente FROM fila";

pub(super) async fn inserta(
    c: &mut PgConnection,
    nuevas: &[&Nueva],
) -> Result<Vec<Escrita>, Fallo> {
    macro_rules! columna {
        (|$n:ident| $valor:expr) => {
            nuevas.iter().map(|$n| $valor).collect::<Vec<_>>()
        };
    }
    let u = |n: &Nueva| n.reporte.contenido.ubicacion.clone();
    Ok(sqlx::query_as(INSERTA)
        .bind(columna!(|n| n.reporte.uuid_cliente.clone()))
        .bind(columna!(|n| n.reporte.rut.cuerpo()))
        .bind(columna!(|n| n.reporte.contenido.titulo.clone()))
        .bind(columna!(|n| n.reporte.contenido.descripcion.clone()))
        .bind(columna!(|n| n.reporte.contenido.area_id))
        .bind(columna!(|n| n.reporte.contenido.severidad_id))
        .bind(columna!(|n| n.reporte.estado_id))
        .bind(columna!(|n| n.reporte.fecha_reporte.to_string()))
        .bind(columna!(|n| n.reporte.hora_creado.0))
        .bind(columna!(|n| n.registro.entrada().en.0))
        .bind(columna!(|n| n.reporte.last_sync_attempt.map(|t| t.0)))
        .bind(columna!(|n| n.reporte.device_id.clone()))
        .bind(columna!(|n| n.reporte.sync_status.nombre()))
        .bind(columna!(|n| n.reporte.sha256_contenido.clone()))
        .bind(columna!(|n| n.reporte.contenido.ubicacion.is_some()))
        .bind(columna!(|n| u(n).map(|u| u.lat)))
        .bind(columna!(|n| u(n).map(|u| u.lon)))
        .bind(columna!(|n| u(n).and_then(|u| u.precision_m)))
        .bind(columna!(|n| u(n).and_then(|u| u.referencia)))
        .bind(columna!(|n| n.reporte.contenido.multimedia.is_some()))
        .bind(columna!(|n| n.busqueda.clone()))
        .bind(columna!(|n| n.registro.entrada().accion.nombre()))
        .bind(columna!(|n| n.registro.canonica().to_owned()))
        .bind(columna!(|n| n.reporte.cabeza.hash.clone()))
        .bind(columna!(|n| n.registro.evento()))
        .bind(columna!(|n| n.version_base))
        .bind(columna!(|n| n.marca))
        .fetch_all(&mut *c)
        .await?)
}

pub(super) async fn inserta_archivos(
    c: &mut PgConnection,
    archivos: &[Archivo<'_>],
) -> Result<Vec<ArchivoEscrito>, Fallo> {
    macro_rules! columna {
        (|$a:ident| $valor:expr) => {
            archivos.iter().map(|$a| $valor).collect::<Vec<_>>()
        };
    }
    Ok(sqlx::query_as(
        "INSERT INTO multimedia (reporte_id, uuid_cliente, nombre, tipo, bytes, sha256)
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
         RETURNING id, reporte_id, uuid_cliente",
    )
    .bind(columna!(|a| a.reporte_id))
    .bind(columna!(|a| a.archivo.uuid_cliente.clone()))
    .bind(columna!(|a| a.archivo.nombre.clone()))
    .bind(columna!(|a| a.archivo.tipo.clone()))
    .bind(columna!(|a| a.archivo.bytes))
    .bind(columna!(|a| a.archivo.sha256.clone()))
    .fetch_all(&mut *c)
    .await?)
}
