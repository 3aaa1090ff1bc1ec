//! A database that is restored from a copy: a reader goes on or is told to begin again, and never
//! silently misses a change.

use std::process::Command;

use super::{alcance::Lector, lote::uno};
use crate::arnes::{Bd, Motor, Persona, Sitio, reporte_en};

async fn escribe(sitio: &Sitio, autor: &Persona, n: usize) {
    for _ in 0..n {
        uno(sitio, autor, &reporte_en(1)).await;
    }
}

/// The same database as it is now, in another place: a copy of SQLite's file while it is in use, a
/// dump and restore of PostgreSQL.
async fn copia(de: &Bd) -> Option<Bd> {
    let copia = Bd::nueva(de.motor).await?;
    match de.motor {
        Motor::Sqlite => {
            let archivo = copia.url.trim_start_matches("sqlite:");
            de.sql(&format!("VACUUM INTO '{archivo}'"))
                .await
                .expect("VACUUM INTO");
        }
        Motor::Postgres => {
            let Ok(bin) = std::env::var("SIGRA_TEST_PG_BINDIR") else {
                eprintln!("aquí no hay programas de PostgreSQL: no se probó una restauración");
                return None;
            };
            let archivo = tempfile::NamedTempFile::new().expect("archivo");
            let ruta = archivo.path().display().to_string();
            for (programa, args) in [
                ("pg_dump", ["-Fc", "-f", &ruta, &de.url]),
                ("pg_restore", ["--no-owner", "-d", &copia.url, &ruta]),
            ] {
                let estado = Command::new(format!("{bin}/{programa}"))
                    .args(args)
                    .status();
                assert!(estado.expect(programa).success(), "{programa}");
            }
        }
    }
    Some(copia)
}

async fn restaura(motor: Motor) {
    let Some(bd) = Bd::nueva(motor).await else {
        return;
    };
    let antes = Sitio::nuevo(bd).await;
    let autor = antes.trabajador().await;
    escribe(&antes, &autor, 5).await;
    let mut atrasado = Lector::nuevo(&antes, &autor);
    atrasado.lee().await;
    escribe(&antes, &autor, 5).await;
    let mut justo = Lector::nuevo(&antes, &autor);
    justo.lee().await;
    let Some(bd) = copia(&antes.bd).await else {
        return;
    };
    escribe(&antes, &autor, 5).await;
    let mut adelantado = Lector::nuevo(&antes, &autor);
    adelantado.lee().await;
    let cursores = [&atrasado, &justo, &adelantado].map(|l| l.cursor.clone());
    antes.cierra().await.borra().await;

    let despues = Sitio::nuevo(bd).await;
    let [mut atrasado, mut justo, mut adelantado] = cursores.map(|cursor| {
        let mut lector = Lector::nuevo(&despues, &autor);
        lector.cursor = cursor;
        lector
    });
    assert_eq!(atrasado.lee().await.0.len(), 5);
    assert_eq!(justo.lee().await.0.len(), 0);
    adelantado.pide("").await.espera(410, "cursor_vencido");
    // The new history passes the place where the old one ended.
    for n in [4, 1, 3] {
        escribe(&despues, &autor, n).await;
        adelantado.pide("").await.espera(410, "cursor_vencido");
    }
    assert_eq!(atrasado.lee().await.0.len(), 8);
    assert_eq!(justo.lee().await.0.len(), 8);
    adelantado.cursor.clear();
    assert_eq!(adelantado.lee().await.0.len(), 18);
    despues.en_orden().await;
    despues.cierra().await.borra().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn una_copia_de_sqlite() {
    restaura(Motor::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn una_restauracion_de_postgres() {
    restaura(Motor::Postgres).await;
}
