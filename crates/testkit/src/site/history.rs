//! Reports as years of use leave them, many at once: rows without a history of their own.

use std::{ops::RangeInclusive, sync::atomic::Ordering};

use super::{DbKind, Persona, TestSite};

/// How many people write.
const AUTHORS: usize = 41;

/// The first of some people with consecutive numbers.
pub async fn create_authors(sitio: &TestSite) -> Persona {
    let primero = sitio.trabajador().await;
    for _ in 1..AUTHORS {
        sitio.trabajador().await;
    }
    primero
}

/// Most are decided, a few authors wrote them, and their files are mostly there. `autor` is the first of
/// [`create_authors`].
pub async fn fill(sitio: &TestSite, autor: &Persona, cuales: RangeInclusive<usize>) {
    let falso = match sitio.bd.motor {
        DbKind::Sqlite => "0",
        DbKind::Postgres => "FALSE",
    };
    let base = autor.rut.body();
    let (primero, ultimo) = (cuales.start(), cuales.end());
    let sql = format!(
        "INSERT INTO reportes (uuid_cliente, rut, titulo, descripcion, area_id, severidad_id, estado_id,
            fecha_reporte, hora_creado, hora_sincronizado, hora_actualizado, decidido_en, a_tiempo, sync_status,
            sha256_contenido, con_ubicacion, con_manifiesto, version, busqueda, entradas, ultimo_hash)
         WITH RECURSIVE n(i) AS (SELECT {primero} UNION ALL SELECT i + 1 FROM n WHERE i < {ultimo})
         SELECT 'u' || i, {base} + i % {AUTHORS}, 'Roca ' || i, 'texto', 1 + i % 10, 1 + i % 3,
            CASE WHEN i % 20 = 0 THEN 1 WHEN i % 3 = 0 THEN 3 ELSE 2 END,
            '2026-' || CASE WHEN i % 12 < 9 THEN '0' ELSE '' END || (1 + i % 12) || '-' || (10 + i % 18),
            1767225600000 + (i - CAST(i AS BIGINT) * 7919 % 20000) * 60000, 1767225600000 + CAST(i AS BIGINT) * 60000, 0,
            CASE WHEN i % 20 <> 0 THEN 1767225600000 + (i + CAST(i AS BIGINT) * 7919 % 5000) * 60000 END,
            CASE WHEN i % 20 <> 0 THEN NOT {falso} END,
            CASE WHEN i % 50 = 0 THEN 'multimedia_pendiente' ELSE 'completo' END, 'x',
            {falso}, {falso}, 1, 'roca ' || i, 1, 'x' FROM n"
    );
    sitio.bd.sql(&sql).await.expect("llena");
    if sitio.bd.motor == DbKind::Postgres {
        sitio.bd.sql("ANALYZE").await.expect("ANALYZE");
    }
    sitio.bitacora_rota.store(true, Ordering::Relaxed);
}
