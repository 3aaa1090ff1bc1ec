//! A database that is restored from a copy: a reader goes on or is told to begin again, and never
//! silently misses a change.

use std::process::Command;

use serde_json::{Value, json};

use super::{
    batch::{send_one, with},
    scope::FeedReader,
};
use sigra_testkit::{DbKind, Persona, TestDb, TestSite, expected_hash, reporte_in, step_aside};

async fn write(sitio: &TestSite, autor: &Persona, n: usize) {
    for _ in 0..n {
        send_one(sitio, autor, &reporte_in(1)).await;
    }
}

/// The same database as it is now, in another place: a copy of SQLite's file while it is in use, a
/// dump and restore of PostgreSQL.
async fn copy(de: &TestDb) -> Option<TestDb> {
    let copia = TestDb::empty(de.motor).await?;
    match de.motor {
        DbKind::Sqlite => {
            let archivo = copia.url.trim_start_matches("sqlite:");
            de.sql(&format!("VACUUM INTO '{archivo}'"))
                .await
                .expect("VACUUM INTO");
        }
        DbKind::Postgres => {
            let Ok(bin) = std::env::var("SIGRA_TEST_PG_BINDIR") else {
                step_aside("aquí no hay programas de PostgreSQL: no se probó una restauración");
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

async fn restore_backup(motor: DbKind) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let antes = TestSite::new(bd).await;
    let (autor, jefa) = (antes.trabajador().await, antes.supervisor(&[1]).await);
    write(&antes, &autor, 5).await;
    let mut atrasado = FeedReader::new(&antes, &autor);
    atrasado.read().await;
    write(&antes, &autor, 5).await;
    let mut justo = FeedReader::new(&antes, &autor);
    justo.read().await;
    let nuevo = reporte_in(1);
    let creado = send_one(&antes, &autor, &nuevo).await;
    justo.read().await;
    let Some(bd) = copy(&antes.bd).await else {
        return;
    };
    write(&antes, &autor, 5).await;
    // An edit that the restored database does not have.
    let perdido = with(&nuevo, &json!({"titulo": "Roca caída", "version_base": 1}));
    let perdido_antes = send_one(&antes, &autor, &perdido).await;
    assert_eq!(perdido_antes["version"], 2, "{perdido_antes}");
    let mut adelantado = FeedReader::new(&antes, &autor);
    adelantado.read().await;
    let cursores = [&atrasado, &justo, &adelantado].map(|l| l.cursor.clone());
    antes.close().await.delete().await;

    let despues = TestSite::new(bd).await;
    let [mut atrasado, mut justo, mut adelantado] = cursores.map(|cursor| {
        let mut lector = FeedReader::new(&despues, &autor);
        lector.cursor = cursor;
        lector
    });
    edit_from_before_restore(&despues, [&autor, &jefa], &creado["id"], &perdido).await;
    assert_eq!(atrasado.read().await.0.len(), 6);
    assert_eq!(justo.read().await.0.len(), 1);
    adelantado
        .request("")
        .await
        .expect_status(410, "cursor_vencido");
    // The new history passes the place where the old one ended.
    for n in [4, 1, 3] {
        write(&despues, &autor, n).await;
        adelantado
            .request("")
            .await
            .expect_status(410, "cursor_vencido");
    }
    assert_eq!(atrasado.read().await.0.len(), 8);
    assert_eq!(justo.read().await.0.len(), 8);
    adelantado.cursor.clear();
    assert_eq!(adelantado.read().await.0.len(), 19);
    despues.assert_consistent().await;
    despues.close().await.delete().await;
}

/// `perdido` is version 2 of the phone, and another one is the server's: what the phone made of its own
/// does not silently undo the other.
async fn edit_from_before_restore(
    sitio: &TestSite,
    [autor, jefa]: [&Persona; 2],
    id: &Value,
    perdido: &Value,
) {
    let cambio = json!({"descripcion": "Ya se retiró.", "version": 1});
    let pedido = sitio.request("PUT", &format!("/reportes/{id}")).by(jefa);
    let r = pedido.json(&cambio).send().await.expect_status(200, "");
    let edicion = with(
        perdido,
        &json!({"severidad_id": 1, "version_base": 2, "sha256_base": expected_hash(perdido)}),
    );
    for _ in 0..2 {
        let r = send_one(sitio, autor, &edicion).await;
        assert_eq!(r["resultado"], "conflicto", "{r}");
        let campos = r["campos"].as_array().expect("campos");
        let campos: Vec<_> = campos.iter().map(|c| [&c["campo"], &c["base"]]).collect();
        let sin_base = ["titulo", "descripcion", "severidad_id"].map(|c| [json!(c), Value::Null]);
        assert_eq!(json!(campos), json!(sin_base), "{r}");
        assert_eq!(r["actual"]["descripcion"], "Ya se retiró.");
    }
    // Of that same version as it is here, it is an edit like any other.
    let conocida = with(
        perdido,
        &json!({"titulo": r.json["titulo"], "descripcion": "Ya se retiró."}),
    );
    let edicion = with(
        &conocida,
        &json!({"severidad_id": 2, "version_base": 2, "sha256_base": expected_hash(&conocida)}),
    );
    let r = send_one(sitio, autor, &edicion).await;
    assert_eq!(r["resultado"], "actualizado", "{r}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phones_recover_from_a_restored_sqlite_copy() {
    restore_backup(DbKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phones_recover_from_a_postgres_restore() {
    restore_backup(DbKind::Postgres).await;
}
