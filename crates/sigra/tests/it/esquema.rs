//! One schema in two databases: what the migrations make is compared table by table.

mod describe;
mod migraciones;

use std::collections::BTreeMap;

use describe::{Clase, Tabla, postgres, sqlite};
use sigra_store::Migraciones;

use crate::arnes::{Bd, Motor};

/// A migrated database of each kind; `None` when there is no PostgreSQL.
async fn ambas() -> Option<(Bd, Bd)> {
    let postgres = Bd::nueva(Motor::Postgres).await?;
    let sqlite = Bd::nueva(Motor::Sqlite).await.expect("SQLite");
    for bd in [&sqlite, &postgres] {
        Migraciones::todas().aplicar(&bd.url).await.expect("migra");
    }
    Some((sqlite, postgres))
}

type Esquema = BTreeMap<String, Tabla>;

#[tokio::test]
async fn las_dos_bases_tienen_las_mismas_tablas() {
    let Some((bd_sqlite, bd_postgres)) = ambas().await else {
        return;
    };
    let (de_sqlite, de_postgres): (Esquema, Esquema) =
        (sqlite(&bd_sqlite).await, postgres(&bd_postgres).await);
    let nombres = |e: &Esquema| e.keys().cloned().collect::<Vec<_>>();
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
        assert_eq!(s.llave, p.llave, "{nombre}: llave primaria");
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
    assert_eq!(reportes.columnas["lat"].clase, Clase::Real);
    assert_eq!(reportes.columnas["con_ubicacion"].clase, Clase::Logico);
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
        bd.borra().await;
    }
}

#[tokio::test]
async fn las_dos_bases_nacen_con_los_mismos_datos() {
    let Some((sqlite, postgres)) = ambas().await else {
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
        let (s, p) = (sqlite.textos(&sql).await, postgres.textos(&sql).await);
        assert!(!s.is_empty() && s == p, "{tabla}: {s:?} {p:?}");
    }
    // A number that the server gives comes after those that were seeded.
    for tabla in ["areas", "severidades"] {
        let nueva = format!("INSERT INTO {tabla} (nombre) VALUES ('nueva') RETURNING id");
        let (s, p) = (sqlite.entero(&nueva).await, postgres.entero(&nueva).await);
        assert_eq!(s, p, "{tabla}");
    }
    for bd in [sqlite, postgres] {
        bd.borra().await;
    }
}
