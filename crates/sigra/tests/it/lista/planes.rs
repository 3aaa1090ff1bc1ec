//! How each database answers the list at some thousand rows: by an index in the order asked for.

use sigra_domain::{Fecha, Quien, Rut, reporte::SyncStatus};
use sigra_store::reportes::{Filtro, Orden, plan_de_lista};

use crate::{
    arnes::{Motor, Sitio, historia},
    en_ambas,
};

/// Enough for PostgreSQL to leave sequential scans.
const FILAS: usize = 20_000;

async fn llena(sitio: &Sitio) -> (Quien, Quien, Quien) {
    let autor = historia::autores(sitio).await;
    let (jefe, admin) = (sitio.supervisor(&[1, 2]).await, sitio.administrador().await);
    historia::llena(sitio, &autor, 1..=FILAS).await;
    (autor.quien, jefe.quien, admin.quien)
}

async fn plan(sitio: &Sitio, quien: &Quien, filtro: &Filtro, orden: Orden) -> String {
    let mut lectura = sitio.store.leer().await.unwrap();
    plan_de_lista(&mut lectura, quien, filtro, orden)
        .await
        .unwrap()
}

/// The filters of one value that people use, each with the index that serves it in the order that
/// people use.
fn filtros(rut: Rut) -> Vec<(&'static str, Filtro)> {
    let f = Filtro::default;
    vec![
        ("idx_reportes_hora", f()),
        (
            "idx_reportes_estado",
            Filtro {
                estados: vec![1],
                ..f()
            },
        ),
        (
            "idx_reportes_area",
            Filtro {
                areas: vec![3],
                ..f()
            },
        ),
        (
            "idx_reportes_severidad",
            Filtro {
                severidades: vec![3],
                ..f()
            },
        ),
        (
            "idx_reportes_rut",
            Filtro {
                ruts: vec![rut.cuerpo()],
                ..f()
            },
        ),
        (
            "idx_reportes_sync",
            Filtro {
                sync_status: vec![SyncStatus::MultimediaPendiente],
                ..f()
            },
        ),
    ]
}

/// Rows sorted before the first one can be shown; the files of one report do not count.
fn ordena_todo(plan: &str) -> bool {
    plan.contains("TEMP B-TREE FOR ORDER BY")
        || plan.contains("TEMP B-TREE FOR LAST")
        || plan
            .lines()
            .any(|l| l.contains("Sort  (") && !l.starts_with("     "))
}

en_ambas! {
    async fn cada_lista_se_responde_por_un_indice(sitio: &Sitio) {
        let (autor, jefe, admin) = llena(sitio).await;
        for (nombre, orden) in Orden::todos() {
            for quien in [&autor, &jefe, &admin] {
                for (_, filtro) in filtros(autor.rut) {
                    let p = plan(sitio, quien, &filtro, orden).await;
                    let indice = match sitio.bd.motor {
                        // The row's id is the table's own order.
                        Motor::Sqlite => {
                            p.contains("r USING INDEX") || (nombre.ends_with("id") && p.contains("SCAN r"))
                        }
                        Motor::Postgres => p.contains("Index") && !p.contains("Seq Scan on reportes"),
                    };
                    assert!(indice, "{:?} {nombre} {filtro:?}\n{p}", quien.rol);
                }
            }
        }
    }

    async fn la_lista_normal_no_ordena_lo_que_el_indice_ya_tiene_en_orden(sitio: &Sitio) {
        let (autor, jefe, admin) = llena(sitio).await;
        for nombre in ["hora_creado", "-hora_creado"] {
            let orden = Orden::de_nombre(nombre).unwrap();
            for (indice, filtro) in filtros(autor.rut) {
                let p = plan(sitio, &admin, &filtro, orden).await;
                assert!(p.contains(indice) && !ordena_todo(&p), "{nombre} {filtro:?}\n{p}");
                // PostgreSQL weighs: it may sort the few rows that it expects to find.
                if sitio.bd.motor == Motor::Sqlite {
                    let p = plan(sitio, &jefe, &filtro, orden).await;
                    assert!(p.contains(indice) && !ordena_todo(&p), "supervisor {nombre} {filtro:?}\n{p}");
                    let p = plan(sitio, &autor, &filtro, orden).await;
                    let propio = p.contains("idx_reportes_rut") && !ordena_todo(&p);
                    assert!(propio, "trabajador {nombre} {filtro:?}\n{p}");
                }
            }
        }
    }

    async fn sin_filtros_cada_orden_camina_por_su_indice(sitio: &Sitio) {
        let (_, jefe, admin) = llena(sitio).await;
        for (nombre, orden) in Orden::todos() {
            for quien in [&jefe, &admin] {
                let p = plan(sitio, quien, &Filtro::default(), orden).await;
                assert!(!ordena_todo(&p), "{:?} {nombre}\n{p}", quien.rol);
            }
        }
        let filtro = Filtro {
            desde: Fecha::parse("2026-03-10"),
            hasta: Fecha::parse("2026-03-20"),
            ..Filtro::default()
        };
        for nombre in ["fecha_reporte", "-fecha_reporte"] {
            let p = plan(sitio, &admin, &filtro, Orden::de_nombre(nombre).unwrap()).await;
            assert!(p.contains("idx_reportes_fecha") && !ordena_todo(&p), "{nombre}\n{p}");
        }
    }
}
