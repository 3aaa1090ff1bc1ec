//! With the guards on, the database itself refuses: no ordinary statement changes or removes an
//! entry, or removes a report.

use super::{findings, history};
use sigra_testkit::{DbKind, Rng, TestSite, both_databases};

/// What both databases understand.
const ON_BOTH: &[&str] = &[
    "UPDATE bitacora SET canonica = canonica || ' '",
    "UPDATE bitacora SET en = en + 1 WHERE id = 1",
    "UPDATE bitacora SET hash = hash",
    "UPDATE bitacora SET reporte_id = 1, n = 99 WHERE id = 2",
    "UPDATE bitacora SET n = -n FROM reportes r WHERE r.id = bitacora.reporte_id",
    "DELETE FROM bitacora",
    "DELETE FROM bitacora WHERE id = 1",
    "DELETE FROM bitacora WHERE n = (SELECT max(n) FROM bitacora)",
    "INSERT INTO bitacora SELECT * FROM bitacora WHERE true ON CONFLICT (id) DO UPDATE SET hash = 'no'",
    "INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash)
        SELECT reporte_id, n, 1, 'editar', rut, en, 'no', 'no' FROM bitacora WHERE true
        ON CONFLICT (reporte_id, n) DO UPDATE SET canonica = excluded.canonica",
    "UPDATE bitacora_ajustes SET canonica = canonica || ' '",
    "UPDATE bitacora_ajustes SET rut = 1 WHERE n = 1",
    "UPDATE bitacora_ajustes SET n = n + 100",
    "DELETE FROM bitacora_ajustes",
    "DELETE FROM bitacora_ajustes WHERE n = 1",
    "INSERT INTO bitacora_ajustes SELECT * FROM bitacora_ajustes WHERE true
        ON CONFLICT (n) DO UPDATE SET hash = 'no'",
    "DELETE FROM reportes",
    "DELETE FROM reportes WHERE id = 1",
    "UPDATE reportes SET id = id + 1000",
    "UPDATE reportes SET uuid_cliente = 'no' WHERE id = 1",
];

const ON_SQLITE: &[&str] = &[
    "INSERT OR REPLACE INTO bitacora SELECT * FROM bitacora",
    "REPLACE INTO bitacora SELECT id, reporte_id, n, version, accion, rut, en, 'no', 'no' FROM bitacora",
    // A row of its own that collides by its second key.
    "REPLACE INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash)
        SELECT reporte_id, n, version, accion, rut, en, 'no', 'no' FROM bitacora",
    "UPDATE OR REPLACE bitacora SET id = 1 WHERE id = 2",
    "UPDATE OR IGNORE bitacora SET hash = 'no'",
    "UPDATE OR FAIL bitacora SET hash = 'no'",
    "UPDATE OR ROLLBACK bitacora SET hash = 'no'",
    "INSERT OR REPLACE INTO bitacora_ajustes SELECT n, objeto, accion, rut, en, 'no', 'no' FROM bitacora_ajustes",
    "REPLACE INTO bitacora_ajustes SELECT * FROM bitacora_ajustes WHERE n = 1",
    "UPDATE OR REPLACE bitacora_ajustes SET n = 1 WHERE n = 2",
    "REPLACE INTO reportes SELECT * FROM reportes WHERE id = 1",
    "UPDATE OR REPLACE reportes SET id = 1 WHERE id = 2",
    "UPDATE OR REPLACE reportes SET rowid = 1 WHERE rowid = 2",
    "UPDATE OR REPLACE reportes SET uuid_cliente = (SELECT uuid_cliente FROM reportes WHERE id = 1)
        WHERE id = 2",
];

const ON_POSTGRES: &[&str] = &[
    "TRUNCATE bitacora",
    "TRUNCATE bitacora_ajustes",
    "TRUNCATE bitacora RESTART IDENTITY CASCADE",
    "TRUNCATE reportes CASCADE",
    "TRUNCATE usuarios CASCADE",
    "TRUNCATE areas, estados, severidades CASCADE",
    "WITH d AS (DELETE FROM bitacora RETURNING 1) SELECT count(*) FROM d",
    "WITH u AS (UPDATE bitacora SET hash = 'no' RETURNING 1) SELECT count(*) FROM u",
    "MERGE INTO bitacora b USING reportes r ON r.id = b.reporte_id WHEN MATCHED THEN DELETE",
    "MERGE INTO bitacora b USING reportes r ON r.id = b.reporte_id
        WHEN MATCHED THEN UPDATE SET canonica = 'no'",
];

/// A report with the uuid of another. SQLite would delete the other one to make room for it, where
/// foreign keys are off as they are in its own shell; so the row is left out instead.
const DUPLICATE_UUID: &str = "INSERT OR REPLACE INTO reportes
    (uuid_cliente, rut, titulo, area_id, severidad_id, estado_id, fecha_reporte, hora_creado,
     hora_sincronizado, hora_actualizado, sync_status, sha256_contenido, con_ubicacion,
     con_manifiesto, version, busqueda, entradas, ultimo_hash)
    SELECT uuid_cliente, rut, 'otro', area_id, severidad_id, estado_id, fecha_reporte, hora_creado,
     hora_sincronizado, hora_actualizado, sync_status, sha256_contenido, con_ubicacion,
     con_manifiesto, version, busqueda, entradas, ultimo_hash FROM reportes";

/// Every entry and report, as text.
async fn snapshot(sitio: &TestSite) -> Vec<String> {
    let mut todo = Vec::new();
    for (tabla, columnas) in [
        (
            "bitacora",
            "id || ' ' || reporte_id || ' ' || n || ' ' || version || accion || rut || ' ' || en || canonica || hash",
        ),
        (
            "bitacora_ajustes",
            "n || objeto || accion || COALESCE(rut, 0) || ' ' || en || canonica || hash",
        ),
        (
            "reportes",
            "id || ' ' || uuid_cliente || titulo || version || ' ' || entradas || ultimo_hash",
        ),
    ] {
        todo.extend(
            sitio
                .bd
                .texts(&format!("SELECT {columnas} FROM {tabla} ORDER BY 1"))
                .await,
        );
    }
    todo
}

/// As a shell of SQLite's own would run it: foreign keys are not enforced there.
async fn without_foreign_keys(sitio: &TestSite, sql: &str) -> Result<(), sqlx::Error> {
    sitio
        .bd
        .sql(&format!("PRAGMA foreign_keys = OFF; {sql}"))
        .await
}

#[both_databases]
async fn no_ordinary_statement_touches_what_is_recorded(sitio: &TestSite) {
    let mut azar = Rng::new();
    history::reportes(sitio, &mut azar, 5).await;
    let antes = snapshot(sitio).await;
    let propias = if sitio.bd.motor == DbKind::Sqlite {
        ON_SQLITE
    } else {
        ON_POSTGRES
    };
    for sql in ON_BOTH.iter().chain(propias) {
        sitio.bd.sql(sql).await.expect_err(sql);
        if sitio.bd.motor == DbKind::Sqlite {
            let e = without_foreign_keys(sitio, sql)
                .await
                .expect_err(sql)
                .to_string();
            assert!(e.contains("no se"), "{sql}: {e}");
        }
        assert_eq!(snapshot(sitio).await, antes, "{sql}");
    }
    if sitio.bd.motor == DbKind::Sqlite {
        without_foreign_keys(sitio, DUPLICATE_UUID).await.ok();
        assert_eq!(snapshot(sitio).await, antes, "{DUPLICATE_UUID}");
    }
    assert_eq!(findings(&sitio.store).await, []);
    // The guards are in nobody's way.
    history::reportes(sitio, &mut azar, 2).await;
}
