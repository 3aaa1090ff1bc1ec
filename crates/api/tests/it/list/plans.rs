//! How each database answers the list at some thousand rows: by an index in the order asked for.

use sigra_domain::{Fecha, Quien, Rut, reporte::SyncStatus};
use sigra_store::reportes::{ReporteFilter, SortOrder, explain_list};

use sigra_testkit::{DbKind, TestSite, both_databases, history};

/// Enough for PostgreSQL to leave sequential scans.
const ROWS: usize = 20_000;

async fn fill(sitio: &TestSite) -> (Quien, Quien, Quien) {
    let autor = history::create_authors(sitio).await;
    let (jefe, admin) = (sitio.supervisor(&[1, 2]).await, sitio.administrador().await);
    history::fill(sitio, &autor, 1..=ROWS).await;
    (autor.quien, jefe.quien, admin.quien)
}

async fn plan(sitio: &TestSite, quien: &Quien, filtro: &ReporteFilter, orden: SortOrder) -> String {
    let mut lectura = sitio.store.read().await.unwrap();
    explain_list(&mut lectura, quien, filtro, orden)
        .await
        .unwrap()
}

/// The filters of one value that people use, each with the index that serves it in the order that
/// people use.
fn filters(rut: Rut) -> Vec<(&'static str, ReporteFilter)> {
    let f = ReporteFilter::default;
    vec![
        ("idx_reportes_hora", f()),
        (
            "idx_reportes_estado",
            ReporteFilter {
                estados: vec![1],
                ..f()
            },
        ),
        (
            "idx_reportes_area",
            ReporteFilter {
                areas: vec![3],
                ..f()
            },
        ),
        (
            "idx_reportes_severidad",
            ReporteFilter {
                severidades: vec![3],
                ..f()
            },
        ),
        (
            "idx_reportes_rut",
            ReporteFilter {
                ruts: vec![rut.body()],
                ..f()
            },
        ),
        (
            "idx_reportes_sync",
            ReporteFilter {
                sync_status: vec![SyncStatus::MultimediaPendiente],
                ..f()
            },
        ),
    ]
}

/// Rows sorted before the first one can be shown; the files of one report do not count.
fn sorts_everything(plan: &str) -> bool {
    plan.contains("TEMP B-TREE FOR ORDER BY")
        || plan.contains("TEMP B-TREE FOR LAST")
        || plan
            .lines()
            .any(|l| l.contains("Sort  (") && !l.starts_with("     "))
}

#[both_databases]
async fn each_list_is_answered_from_an_index(sitio: &TestSite) {
    let (autor, jefe, admin) = fill(sitio).await;
    for (nombre, orden) in SortOrder::all() {
        for quien in [&autor, &jefe, &admin] {
            for (_, filtro) in filters(autor.rut) {
                let p = plan(sitio, quien, &filtro, orden).await;
                let indice = match sitio.bd.motor {
                    // The row's id is the table's own order.
                    DbKind::Sqlite => {
                        p.contains("r USING INDEX")
                            || (nombre.ends_with("id") && p.contains("SCAN r"))
                    }
                    DbKind::Postgres => p.contains("Index") && !p.contains("Seq Scan on reportes"),
                };
                assert!(indice, "{:?} {nombre} {filtro:?}\n{p}", quien.rol);
            }
        }
    }
}

#[both_databases]
async fn the_default_list_does_not_sort_what_the_index_has_in_order(sitio: &TestSite) {
    let (autor, jefe, admin) = fill(sitio).await;
    for nombre in ["hora_creado", "-hora_creado"] {
        let orden = SortOrder::from_name(nombre).unwrap();
        for (indice, filtro) in filters(autor.rut) {
            let p = plan(sitio, &admin, &filtro, orden).await;
            assert!(
                p.contains(indice) && !sorts_everything(&p),
                "{nombre} {filtro:?}\n{p}"
            );
            // PostgreSQL weighs: it may sort the few rows that it expects to find.
            if sitio.bd.motor == DbKind::Sqlite {
                let p = plan(sitio, &jefe, &filtro, orden).await;
                assert!(
                    p.contains(indice) && !sorts_everything(&p),
                    "supervisor {nombre} {filtro:?}\n{p}"
                );
                let p = plan(sitio, &autor, &filtro, orden).await;
                let propio = p.contains("idx_reportes_rut") && !sorts_everything(&p);
                assert!(propio, "trabajador {nombre} {filtro:?}\n{p}");
            }
        }
    }
}

#[both_databases]
async fn without_filters_each_order_walks_its_index(sitio: &TestSite) {
    let (_, jefe, admin) = fill(sitio).await;
    for (nombre, orden) in SortOrder::all() {
        for quien in [&jefe, &admin] {
            let p = plan(sitio, quien, &ReporteFilter::default(), orden).await;
            assert!(!sorts_everything(&p), "{:?} {nombre}\n{p}", quien.rol);
        }
    }
    let filtro = ReporteFilter {
        desde: Fecha::parse("2026-03-10"),
        hasta: Fecha::parse("2026-03-20"),
        ..ReporteFilter::default()
    };
    for nombre in ["fecha_reporte", "-fecha_reporte"] {
        let p = plan(
            sitio,
            &admin,
            &filtro,
            SortOrder::from_name(nombre).unwrap(),
        )
        .await;
        assert!(
            p.contains("idx_reportes_fecha") && !sorts_everything(&p),
            "{nombre}\n{p}"
        );
    }
}
