//! The writer is alone: what a statement read is still so when the next one runs.

use sigra_domain::reporte::Archivo;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{ReporteWrite, WrittenArchivo, WrittenRow, acciones_json, with_last_flag};
use crate::StoreError;

/// The most rows of one statement.
const MAX_ROWS: usize = 32;

/// Pieces whose sizes are powers of two: six statement texts in all, so that each stays prepared.
fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let n = rows.len().min(MAX_ROWS);
        let n = 1 << n.checked_ilog2()?;
        let (chunk, resto) = rows.split_at(n);
        rows = resto;
        Some(chunk)
    })
}

pub(super) async fn insert(
    c: &mut SqliteConnection,
    nuevas: &[&ReporteWrite],
) -> Result<Vec<WrittenRow>, StoreError> {
    let mut todas = Vec::with_capacity(nuevas.len());
    for chunk in chunks(nuevas) {
        let escritas: Vec<WrittenRow> = reportes(chunk).build_query_as().fetch_all(&mut *c).await?;
        let ids: std::collections::HashMap<&str, i64> = escritas
            .iter()
            .map(|e| (e.uuid_cliente.as_str(), e.id))
            .collect();
        let quedaron: Vec<(i64, &ReporteWrite)> = chunk
            .iter()
            .filter_map(|n| Some((*ids.get(n.reporte.uuid_cliente.as_str())?, *n)))
            .collect();
        write_side_effects(c, &quedaron).await?;
        todas.extend(escritas);
    }
    Ok(todas)
}

fn reportes(chunk: &[&ReporteWrite]) -> QueryBuilder<Sqlite> {
    let mut q = QueryBuilder::new(
        "INSERT INTO reportes (uuid_cliente, rut, titulo, descripcion, area_id, severidad_id,
            estado_id, fecha_reporte, hora_creado, hora_sincronizado, hora_actualizado,
            last_sync_attempt, device_id, desfase_reloj_ms, sync_status, sha256_contenido,
            con_ubicacion, lat, lon, precision_m, referencia, con_manifiesto, version, busqueda,
            entradas, ultimo_hash) ",
    );
    q.push_values(chunk, |mut b, n| {
        let (r, k) = (&n.reporte, &n.reporte.contenido);
        let u = k.ubicacion.as_ref();
        b.push_bind(r.uuid_cliente.as_str())
            .push_bind(r.rut.body())
            .push_bind(k.titulo.as_str())
            .push_bind(k.descripcion.as_deref())
            .push_bind(k.area_id)
            .push_bind(k.severidad_id)
            .push_bind(r.estado_id)
            .push_bind(r.fecha_reporte.to_string())
            .push_bind(r.hora_creado.0)
            .push_bind(r.hora_sincronizado.0)
            .push_bind(r.hora_actualizado.0)
            .push_bind(r.last_sync_attempt.map(|t| t.0))
            .push_bind(r.device_id.as_deref())
            .push_bind(n.desfase_reloj_ms)
            .push_bind(r.sync_status.name())
            .push_bind(r.sha256_contenido.as_str())
            .push_bind(u.is_some())
            .push_bind(u.map(|u| u.lat))
            .push_bind(u.map(|u| u.lon))
            .push_bind(u.and_then(|u| u.precision_m))
            .push_bind(u.and_then(|u| u.referencia.as_deref()))
            .push_bind(k.multimedia.is_some())
            .push_bind(r.version)
            .push_bind(n.busqueda.as_str())
            .push_bind(r.cabeza.entradas)
            .push_bind(r.cabeza.hash.as_str());
    });
    q.push(" ON CONFLICT (uuid_cliente) DO NOTHING RETURNING id, uuid_cliente");
    q
}

/// What changes leave behind, in one call.
fn side_effects_query(chunk: &[(i64, &ReporteWrite)]) -> QueryBuilder<Sqlite> {
    let mut q = QueryBuilder::new(
        "INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash) ",
    );
    q.push_values(chunk, |mut b, (id, n)| {
        let e = n.registro.entrada();
        b.push_bind(*id)
            .push_bind(e.n)
            .push_bind(e.version)
            .push_bind(e.accion.name())
            .push_bind(e.rut.body())
            .push_bind(e.en.0)
            .push_bind(n.registro.canonical_json())
            .push_bind(n.reporte.cabeza.hash.as_str());
    });
    q.push(
        "; INSERT INTO cambios (posicion, reporte_id, version, rut, area_antes, area_despues,
            retirado, marca, en, evento)
         SELECT (SELECT coalesce(max(posicion), 0) FROM cambios) + column1,
            column2, column3, column4, column5, column6, column7, column8, column9, column10 FROM (",
    );
    q.push_values((1_i64..).zip(chunk), |mut b, (i, (id, n))| {
        b.push_bind(i)
            .push_bind(*id)
            .push_bind(n.reporte.version)
            .push_bind(n.reporte.rut.body())
            .push_bind(n.registro.previous_area())
            .push_bind(n.reporte.contenido.area_id)
            .push_bind(n.reporte.retirado_en.is_some())
            .push_bind(n.epoch)
            .push_bind(n.registro.entrada().en.0)
            .push_bind(n.registro.evento().name());
    });
    q.push(")");
    // All or none of them, as a rule: only a mixture is a statement that was not prepared before.
    let aceptados = chunk
        .iter()
        .filter_map(|(id, n)| Some((id, n, n.aceptado.as_ref()?)));
    if aceptados.clone().next().is_some() {
        q.push("; INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version) ");
        q.push_values(aceptados, |mut b, (id, n, a)| {
            b.push_bind(*id)
                .push_bind(a.sha256_contenido.as_str())
                .push_bind(a.version_base)
                .push_bind(n.reporte.version);
        });
    }
    q
}

async fn write_side_effects(
    c: &mut SqliteConnection,
    cambios: &[(i64, &ReporteWrite)],
) -> Result<(), StoreError> {
    for chunk in chunks(cambios) {
        side_effects_query(chunk).build().execute(&mut *c).await?;
    }
    Ok(())
}

pub(super) async fn update(
    c: &mut SqliteConnection,
    cambios: &[&ReporteWrite],
) -> Result<(), StoreError> {
    for (e, _) in with_last_flag(cambios).iter().filter(|(_, ultima)| *ultima) {
        let (r, k) = (&e.reporte, &e.reporte.contenido);
        let u = k.ubicacion.as_ref();
        let rows = sqlx::query(
            "UPDATE reportes SET titulo = $2, descripcion = $3, area_id = $4, severidad_id = $5,
                estado_id = $6, hora_actualizado = $7, last_sync_attempt = $8,
                desfase_reloj_ms = coalesce($9, desfase_reloj_ms), sync_status = $10,
                sha256_contenido = $11, con_ubicacion = $12, lat = $13, lon = $14,
                precision_m = $15, referencia = $16, con_manifiesto = $17, version = $18,
                busqueda = $19, retirado_en = $20, entradas = $21, ultimo_hash = $22,
                decidido_en = $23, a_tiempo = $24, comentarios = $25, acciones = $26
             WHERE id = $1",
        )
        .bind(r.id)
        .bind(k.titulo.as_str())
        .bind(k.descripcion.as_deref())
        .bind(k.area_id)
        .bind(k.severidad_id)
        .bind(r.estado_id)
        .bind(r.hora_actualizado.0)
        .bind(r.last_sync_attempt.map(|t| t.0))
        .bind(e.desfase_reloj_ms)
        .bind(r.sync_status.name())
        .bind(r.sha256_contenido.as_str())
        .bind(u.is_some())
        .bind(u.map(|u| u.lat))
        .bind(u.map(|u| u.lon))
        .bind(u.and_then(|u| u.precision_m))
        .bind(u.and_then(|u| u.referencia.as_deref()))
        .bind(k.multimedia.is_some())
        .bind(r.version)
        .bind(e.busqueda.as_str())
        .bind(r.retirado_en.map(|t| t.0))
        .bind(r.cabeza.entradas)
        .bind(r.cabeza.hash.as_str())
        .bind(r.decision.map(|d| d.en.0))
        .bind(r.decision.map(|d| d.a_tiempo))
        .bind(r.comentarios)
        .bind(acciones_json(r))
        .execute(&mut *c)
        .await?;
        if rows.rows_affected() != 1 {
            return Err(StoreError::Interno(
                "un reporte que se escribía desapareció",
            ));
        }
    }
    let cambios: Vec<_> = cambios.iter().map(|e| (e.reporte.id, *e)).collect();
    write_side_effects(c, &cambios).await
}

pub(super) async fn insert_archivos(
    c: &mut SqliteConnection,
    archivos: &[(i64, &Archivo)],
) -> Result<Vec<WrittenArchivo>, StoreError> {
    let mut todos = Vec::with_capacity(archivos.len());
    for chunk in chunks(archivos) {
        let mut q: QueryBuilder<Sqlite> = QueryBuilder::new(
            "INSERT INTO multimedia (reporte_id, uuid_cliente, nombre, tipo, bytes, sha256) ",
        );
        q.push_values(chunk, |mut b, (reporte_id, a)| {
            b.push_bind(*reporte_id)
                .push_bind(a.uuid_cliente.as_str())
                .push_bind(a.nombre.as_str())
                .push_bind(a.tipo.as_str())
                .push_bind(a.bytes)
                .push_bind(a.sha256.as_str());
        });
        q.push(" RETURNING id, reporte_id, uuid_cliente");
        todos.extend(
            q.build_query_as::<WrittenArchivo>()
                .fetch_all(&mut *c)
                .await?,
        );
    }
    Ok(todos)
}

#[cfg(test)]
mod tests {
    use super::chunks;

    #[test]
    fn pieces_are_powers_of_two_and_keep_the_order() {
        for n in 0..200_usize {
            let rows: Vec<usize> = (0..n).collect();
            let chunks: Vec<&[usize]> = chunks(&rows).collect();
            assert_eq!(chunks.concat(), rows);
            assert!(
                chunks
                    .iter()
                    .all(|t| t.len().is_power_of_two() && t.len() <= 32)
            );
        }
    }
}
