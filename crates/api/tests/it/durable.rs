//! An answer waits for the commit it rests on.

use serde_json::json;
use sigra_testkit::{DbKind, TestSite, both_databases, reporte_in, uuid};

/// A row that only the COMMIT refuses.
#[both_databases]
async fn an_answer_waits_for_its_commit(sitio: &TestSite) {
    let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let id = sitio.reporte(&autor, 1).await["id"].clone();
    let (falla, sana) = match sitio.bd.motor {
        DbKind::Sqlite => (
            "CREATE TABLE falla (id INTEGER REFERENCES areas (id) DEFERRABLE INITIALLY DEFERRED) STRICT;
             CREATE TRIGGER falla AFTER INSERT ON cambios BEGIN INSERT INTO falla (id) VALUES (999); END",
            "DROP TRIGGER falla; DROP TABLE falla",
        ),
        DbKind::Postgres => (
            "CREATE TABLE falla (id BIGINT REFERENCES areas (id) DEFERRABLE INITIALLY DEFERRED);
             CREATE FUNCTION falla() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN INSERT INTO falla (id) VALUES (999); RETURN NULL; END $$;
             CREATE TRIGGER falla AFTER INSERT ON cambios FOR EACH ROW EXECUTE FUNCTION falla()",
            "DROP TRIGGER falla ON cambios; DROP FUNCTION falla; DROP TABLE falla",
        ),
    };
    sitio.bd.sql(falla).await.expect("falla");
    let crea = sitio.create(&autor, &reporte_in(1)).await;
    let con_clave = sitio.request("POST", "/reportes").by(&autor);
    let con_clave = con_clave
        .idempotency_key(&uuid())
        .json(&reporte_in(1))
        .send()
        .await;
    let cambio = json!({"titulo": "Roca caída", "version": 1});
    let edita = sitio.request("PUT", &format!("/reportes/{id}")).by(&jefa);
    let edita = edita.json(&cambio).send().await;
    let lote = sitio.send_batch(&autor, &[reporte_in(1)]).await;
    for r in [crea, con_clave, edita, lote] {
        assert!(r.status >= 500, "respondió sin COMMIT: {r:?}");
    }
    let versiones = "SELECT CAST(sum(version) AS BIGINT) FROM reportes";
    assert_eq!(sitio.bd.query_i64(versiones).await, 1);
    sitio.bd.sql(sana).await.expect("sana");
    sitio.reporte(&autor, 1).await;
}
