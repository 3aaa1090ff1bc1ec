//! A database that is restored from a copy: a reader goes on or is told to begin again, and never
//! silently misses a change.

use std::process::Command;

use serde_json::{Value, json};

use super::{
    alcance::Lector,
    lote::{con, uno},
};
use crate::{
    arnes::{Bd, Motor, Persona, Sitio, reporte_en},
    reportes::contenido::esperado,
};

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
    let (autor, jefa) = (antes.trabajador().await, antes.supervisor(&[1]).await);
    escribe(&antes, &autor, 5).await;
    let mut atrasado = Lector::nuevo(&antes, &autor);
    atrasado.lee().await;
    escribe(&antes, &autor, 5).await;
    let mut justo = Lector::nuevo(&antes, &autor);
    justo.lee().await;
    let nuevo = reporte_en(1);
    let creado = uno(&antes, &autor, &nuevo).await;
    justo.lee().await;
    let Some(bd) = copia(&antes.bd).await else {
        return;
    };
    escribe(&antes, &autor, 5).await;
    // An edit that the restored database does not have.
    let perdido = con(&nuevo, &json!({"titulo": "Roca caída", "version_base": 1}));
    let perdido_antes = uno(&antes, &autor, &perdido).await;
    assert_eq!(perdido_antes["version"], 2, "{perdido_antes}");
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
    una_edicion_de_antes(&despues, [&autor, &jefa], &creado["id"], &perdido).await;
    assert_eq!(atrasado.lee().await.0.len(), 6);
    assert_eq!(justo.lee().await.0.len(), 1);
    adelantado.pide("").await.espera(410, "cursor_vencido");
    // The new history passes the place where the old one ended.
    for n in [4, 1, 3] {
        escribe(&despues, &autor, n).await;
        adelantado.pide("").await.espera(410, "cursor_vencido");
    }
    assert_eq!(atrasado.lee().await.0.len(), 8);
    assert_eq!(justo.lee().await.0.len(), 8);
    adelantado.cursor.clear();
    assert_eq!(adelantado.lee().await.0.len(), 19);
    despues.en_orden().await;
    despues.cierra().await.borra().await;
}

/// `perdido` is version 2 of the phone, and another one is the server's: what the phone made of its own
/// does not silently undo the other.
async fn una_edicion_de_antes(
    sitio: &Sitio,
    [autor, jefa]: [&Persona; 2],
    id: &Value,
    perdido: &Value,
) {
    let cambio = json!({"descripcion": "Ya se retiró.", "version": 1});
    let pedido = sitio.pide("PUT", &format!("/reportes/{id}")).como(jefa);
    let r = pedido.json(&cambio).envia().await.espera(200, "");
    let edicion = con(
        perdido,
        &json!({"severidad_id": 1, "version_base": 2, "sha256_base": esperado(perdido)}),
    );
    for _ in 0..2 {
        let r = uno(sitio, autor, &edicion).await;
        assert_eq!(r["resultado"], "conflicto", "{r}");
        let campos = r["campos"].as_array().expect("campos");
        let campos: Vec<_> = campos.iter().map(|c| [&c["campo"], &c["base"]]).collect();
        let sin_base = ["titulo", "descripcion", "severidad_id"].map(|c| [json!(c), Value::Null]);
        assert_eq!(json!(campos), json!(sin_base), "{r}");
        assert_eq!(r["actual"]["descripcion"], "Ya se retiró.");
    }
    // Of that same version as it is here, it is an edit like any other.
    let conocida = con(
        perdido,
        &json!({"titulo": r.json["titulo"], "descripcion": "Ya se retiró."}),
    );
    let edicion = con(
        &conocida,
        &json!({"severidad_id": 2, "version_base": 2, "sha256_base": esperado(&conocida)}),
    );
    let r = uno(sitio, autor, &edicion).await;
    assert_eq!(r["resultado"], "actualizado", "{r}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn una_copia_de_sqlite() {
    restaura(Motor::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn una_restauracion_de_postgres() {
    restaura(Motor::Postgres).await;
}
