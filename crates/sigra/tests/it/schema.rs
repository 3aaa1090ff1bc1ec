//! One schema in two databases: what the migrations make is compared table by table.

mod describe;
mod migrations;

use std::collections::BTreeMap;

use describe::{ColumnKind, Table, postgres, sqlite};
use sigra_store::Migrations;

use sigra_testkit::{DbKind, TestDb};

/// A migrated database of each kind; `None` when there is no PostgreSQL.
async fn migrated_databases() -> Option<(TestDb, TestDb)> {
    let postgres = TestDb::empty(DbKind::Postgres).await?;
    let sqlite = TestDb::empty(DbKind::Sqlite).await.expect("SQLite");
    for bd in [&sqlite, &postgres] {
        Migrations::all().apply(&bd.url).await.expect("migra");
    }
    Some((sqlite, postgres))
}

type Schema = BTreeMap<String, Table>;

#[tokio::test]
async fn both_databases_have_the_same_tables() {
    let Some((bd_sqlite, bd_postgres)) = migrated_databases().await else {
        return;
    };
    let (de_sqlite, de_postgres): (Schema, Schema) =
        (sqlite(&bd_sqlite).await, postgres(&bd_postgres).await);
    let nombres = |e: &Schema| e.keys().cloned().collect::<Vec<_>>();
    assert_eq!(nombres(&de_sqlite), nombres(&de_postgres));
    assert!(de_sqlite.len() >= 18, "{:?}", nombres(&de_sqlite));
    for (nombre, s) in &de_sqlite {
        let p = &de_postgres[nombre];
        assert_eq!(
            s.columnas.keys().collect::<Vec<_>>(),
            p.columnas.keys().collect::<Vec<_>>(),
            "{nombre}"
        );
        for (columna, cs) in &s.columnas {
            assert_eq!(cs, &p.columnas[columna], "{nombre}.{columna}");
        }
        assert_eq!(s.orden, p.orden, "{nombre}: orden de las columnas");
        assert_eq!(s.key, p.key, "{nombre}: llave primaria");
        assert_eq!(s.unicas, p.unicas, "{nombre}: únicas");
        assert_eq!(s.foraneas, p.foraneas, "{nombre}: llaves foráneas");
        assert_eq!(s.indices, p.indices, "{nombre}: índices");
        assert_eq!(
            s.valores_permitidos, p.valores_permitidos,
            "{nombre}: CHECK"
        );
        assert_eq!(s.guardas, p.guardas, "{nombre}: guardas");
    }
    // What the comparison itself must be able to see.
    let reportes = &de_sqlite["reportes"];
    assert_eq!(reportes.columnas["lat"].clase, ColumnKind::Real);
    assert_eq!(reportes.columnas["con_ubicacion"].clase, ColumnKind::Logico);
    assert!(
        !reportes.columnas["descripcion"].obligatoria && reportes.columnas["titulo"].obligatoria
    );
    assert_eq!(
        de_sqlite["areas"].columnas["activa"].defecto.as_deref(),
        Some("1")
    );
    assert!(reportes.indices["idx_reportes_sync"].1.is_some() && reportes.foraneas.len() == 4);
    assert!(
        de_sqlite["bitacora"]
            .unicas
            .contains(&vec!["reporte_id".into(), "n".into()])
    );
    for bd in [bd_sqlite, bd_postgres] {
        bd.delete().await;
    }
}

#[tokio::test]
async fn both_databases_start_with_the_same_data() {
    let Some((sqlite, postgres)) = migrated_databases().await else {
        return;
    };
    for (tabla, columnas) in [
        (
            "areas",
            "id || nombre || CASE WHEN activa THEN 1 ELSE 0 END",
        ),
        (
            "severidades",
            "id || nombre || CASE WHEN activa THEN 1 ELSE 0 END",
        ),
        (
            "estados",
            "id || nombre || CASE WHEN es_final THEN 1 ELSE 0 END",
        ),
        ("transiciones", "desde || ' ' || hacia || roles"),
        ("catalogo_version", "id || ' ' || version"),
        (
            "bitacora_ajustes_cabeza",
            "id || ' ' || entradas || ultimo_hash",
        ),
    ] {
        let sql = format!("SELECT {columnas} FROM {tabla} ORDER BY 1");
        let (s, p) = (sqlite.texts(&sql).await, postgres.texts(&sql).await);
        assert!(!s.is_empty() && s == p, "{tabla}: {s:?} {p:?}");
    }
    // A number that the server gives comes after those that were seeded.
    for tabla in ["areas", "severidades"] {
        let nueva = format!("INSERT INTO {tabla} (nombre) VALUES ('nueva') RETURNING id");
        let (s, p) = (
            sqlite.query_i64(&nueva).await,
            postgres.query_i64(&nueva).await,
        );
        assert_eq!(s, p, "{tabla}");
    }
    for bd in [sqlite, postgres] {
        bd.delete().await;
    }
}
