//! The writer is alone: what a statement read is still so when the next one runs.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{Archivo, ArchivoEscrito, Escrita, Nueva};
use crate::Fallo;

/// The most rows of one statement.
const MAX_FILAS: usize = 32;

/// Pieces whose sizes are powers of two: six statement texts in all, so that each stays prepared.
fn tandas<T>(mut filas: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let n = filas.len().min(MAX_FILAS);
        let n = 1 << n.checked_ilog2()?;
        let (tanda, resto) = filas.split_at(n);
        filas = resto;
        Some(tanda)
    })
}

pub(super) async fn inserta(
    c: &mut SqliteConnection,
    nuevas: &[&Nueva],
) -> Result<Vec<Escrita>, Fallo> {
    let mut todas = Vec::with_capacity(nuevas.len());
    for tanda in tandas(nuevas) {
        let escritas: Vec<Escrita> = reportes(tanda).build_query_as().fetch_all(&mut *c).await?;
        let ids: std::collections::HashMap<&str, i64> = escritas
            .iter()
            .map(|e| (e.uuid_cliente.as_str(), e.id))
            .collect();
        let quedaron: Vec<(i64, &Nueva)> = tanda
            .iter()
            .filter_map(|n| Some((*ids.get(n.reporte.uuid_cliente.as_str())?, *n)))
            .collect();
        // Fewer only when a uuid was taken, which is rare.
        for tanda in tandas(&quedaron) {
            consecuencias(tanda).build().execute(&mut *c).await?;
        }
        todas.extend(escritas);
    }
    Ok(todas)
}

fn reportes(tanda: &[&Nueva]) -> QueryBuilder<Sqlite> {
    let mut q = QueryBuilder::new(
        "INSERT INTO reportes (uuid_cliente, rut, titulo, descripcion, area_id, severidad_id,
            estado_id, fecha_reporte, hora_creado, hora_sincronizado, hora_actualizado,
            last_sync_attempt, device_id, sync_status, sha256_contenido, con_ubicacion, lat, lon,
            precision_m, referencia, con_manifiesto, version, busqueda, entradas, ultimo_hash) ",
    );
    q.push_values(tanda, |mut b, n| {
        let (r, k) = (&n.reporte, &n.reporte.contenido);
        let u = k.ubicacion.as_ref();
        b.push_bind(r.uuid_cliente.as_str())
            .push_bind(r.rut.cuerpo())
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
            .push_bind(r.sync_status.nombre())
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

/// What the creations leave behind, in one call.
fn consecuencias(tanda: &[(i64, &Nueva)]) -> QueryBuilder<Sqlite> {
    let mut q = QueryBuilder::new(
        "INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash) ",
    );
    q.push_values(tanda, |mut b, (id, n)| {
        let e = n.registro.entrada();
        b.push_bind(*id)
            .push_bind(e.n)
            .push_bind(e.version)
            .push_bind(e.accion.nombre())
            .push_bind(e.rut.cuerpo())
            .push_bind(e.en.0)
            .push_bind(n.registro.canonica())
            .push_bind(n.reporte.cabeza.hash.as_str());
    });
    q.push(
        "; INSERT INTO cambios (posicion, reporte_id, version, rut, area_antes, area_despues,
            retirado, marca, en) SELECT (SELECT coalesce(max(posicion), 0) FROM cambios) + column1,
            column2, column3, column4, column5, column6, column7, column8, column9 FROM (",
    );
    q.push_values((1_i64..).zip(tanda), |mut b, (i, (id, n))| {
        b.push_bind(i)
            .push_bind(*id)
            .push_bind(n.reporte.version)
            .push_bind(n.reporte.rut.cuerpo())
            .push_bind(n.registro.area_antes())
            .push_bind(n.reporte.contenido.area_id)
            .push_bind(n.reporte.retirado_en.is_some())
            .push_bind(n.marca)
            .push_bind(n.registro.entrada().en.0);
    });
    q.push("); INSERT INTO outbox (evento, reporte_id, version, en) ");
    q.push_values(tanda, |mut b, (id, n)| {
        b.push_bind(n.registro.evento())
            .push_bind(*id)
            .push_bind(n.reporte.version)
            .push_bind(n.registro.entrada().en.0);
    });
    // The content is remembered as accepted, so that it is known when it is sent again.
    q.push("; INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version) ");
    q.push_values(tanda, |mut b, (id, n)| {
        b.push_bind(*id)
            .push_bind(n.reporte.sha256_contenido.as_str())
            .push_bind(n.version_base)
            .push_bind(n.reporte.version);
    });
    q
}

pub(super) async fn inserta_archivos(
    c: &mut SqliteConnection,
    archivos: &[Archivo<'_>],
) -> Result<Vec<ArchivoEscrito>, Fallo> {
    let mut todos = Vec::with_capacity(archivos.len());
    for tanda in tandas(archivos) {
        let mut q: QueryBuilder<Sqlite> = QueryBuilder::new(
            "INSERT INTO multimedia (reporte_id, uuid_cliente, nombre, tipo, bytes, sha256) ",
        );
        q.push_values(tanda, |mut b, a| {
            b.push_bind(a.reporte_id)
                .push_bind(a.archivo.uuid_cliente.as_str())
                .push_bind(a.archivo.nombre.as_str())
                .push_bind(a.archivo.tipo.as_str())
                .push_bind(a.archivo.bytes)
                .push_bind(a.archivo.sha256.as_str());
        });
        q.push(" RETURNING id, reporte_id, uuid_cliente");
        todos.extend(
            q.build_query_as::<ArchivoEscrito>()
                .fetch_all(&mut *c)
                .await?,
        );
    }
    Ok(todos)
}

#[cfg(test)]
mod tests {
    use super::tandas;

    #[test]
    fn pieces_are_powers_of_two_and_keep_the_order() {
        for n in 0..200_usize {
            let filas: Vec<usize> = (0..n).collect();
            let tandas: Vec<&[usize]> = tandas(&filas).collect();
            assert_eq!(tandas.concat(), filas);
            assert!(
                tandas
                    .iter()
                    .all(|t| t.len().is_power_of_two() && t.len() <= 32)
            );
        }
    }
}
