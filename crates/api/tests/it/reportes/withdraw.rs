//! `DELETE /reportes/{id}`: a tombstone, never an erased row.

use serde_json::{Value, json};

use super::{decide, edit, error_codes, get_reporte};
use sigra_testkit::{ApiResponse, Persona, TestRequest, TestSite, both_databases, reporte_in};

fn retirar(sitio: &TestSite, quien: &Persona, id: i64, cuerpo: &Value) -> TestRequest {
    sitio
        .request("DELETE", &format!("/reportes/{id}"))
        .by(quien)
        .json(cuerpo)
}

async fn count_reportes(sitio: &TestSite, quien: &Persona, consulta: &str) -> usize {
    let r: ApiResponse = sitio
        .request("GET", &format!("/reportes{consulta}"))
        .by(quien)
        .send()
        .await;
    r.json["items"].as_array().unwrap().len()
}

#[both_databases]
async fn a_withdrawn_reporte_disappears_and_its_history_stays(sitio: &TestSite) {
    let (autor, jefe, admin, otro_admin) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.administrador().await,
        sitio.administrador().await,
    );
    for decidido in [false, true] {
        let cuerpo = reporte_in(1);
        let r = sitio.create(&autor, &cuerpo).await;
        let (id, uuid) = (r.id(), r.json["uuid_cliente"].as_str().unwrap().to_owned());
        let mut version = 1;
        if decidido {
            decide(sitio, &jefe, id, "aprobar").send().await;
            version = 2;
        }
        let retiro = json!({"detalle": "reporte de prueba", "version": version});
        let vieja = retirar(sitio, &admin, id, &json!({"detalle": "x", "version": 9}));
        vieja.send().await.expect_status(412, "version_desfasada");
        let r = retirar(sitio, &admin, id, &retiro).send().await;
        assert_eq!((r.status, r.texto.as_str()), (204, ""));

        // The same withdrawal again is the same answer; another one is too late.
        for pedido in [retirar(sitio, &admin, id, &retiro), {
            let sin_version = json!({"detalle": "reporte de prueba"});
            retirar(sitio, &admin, id, &sin_version).if_match(version)
        }] {
            assert_eq!(pedido.send().await.status, 204);
        }
        let otra_version = json!({"detalle": "reporte de prueba", "version": version + 1});
        for pedido in [
            retirar(sitio, &otro_admin, id, &retiro),
            retirar(
                sitio,
                &admin,
                id,
                &json!({"detalle": "x", "version": version}),
            ),
            retirar(sitio, &admin, id, &otra_version),
            edit(
                sitio,
                &autor,
                id,
                &json!({"titulo": "Otro", "version": version}),
            ),
            edit(
                sitio,
                &jefe,
                id,
                &json!({"estado_id": 2, "version": version + 1}),
            ),
            decide(sitio, &jefe, id, "aprobar"),
            decide(sitio, &admin, id, "rechazar"),
            sitio
                .request("GET", &format!("/reportes/{id}"))
                .by(&autor)
                .header("if-none-match", "*"),
            sitio.request("GET", &format!("/reportes/{id}")).by(&admin),
            sitio
                .request("GET", &format!("/reportes/uuid/{uuid}/"))
                .by(&jefe),
            sitio.request("POST", "/reportes/").by(&autor).json(&cuerpo),
        ] {
            let r = pedido.send().await.expect_status(410, "reporte_retirado");
            assert!(!r.texto.contains("galería"), "{}", r.texto);
        }
        // Who could not see it learns nothing now either.
        let ajeno = sitio.trabajador().await;
        get_reporte(sitio, &ajeno, id)
            .await
            .expect_status(404, "no_encontrado");
        let r = sitio
            .create(&ajeno, &cuerpo)
            .await
            .expect_status(409, "uuid_en_conflicto");
        assert!(r.json.get("actual").is_none());

        for quien in [&autor, &jefe, &admin] {
            for consulta in ["", "?estado=1&estado=2", "?q=roca", "?orden=id&area_id=1"] {
                assert_eq!(
                    count_reportes(sitio, quien, consulta).await,
                    0,
                    "{consulta}"
                );
            }
            let entradas = sitio.bitacora(quien, id).await;
            assert_eq!(entradas.len(), if decidido { 3 } else { 2 });
            let ultima = entradas.last().unwrap();
            for (campo, valor) in [
                ("accion", json!("retirar")),
                ("detalle", json!("reporte de prueba")),
                ("rut", json!(admin.rut)),
                ("version", json!(version + 1)),
            ] {
                assert_eq!(ultima[campo], valor, "{campo}");
            }
            assert_eq!(ultima["despues"], json!({"retirado": true}));
        }
        let fila =
            format!("SELECT count(*) FROM reportes WHERE id = {id} AND retirado_en IS NOT NULL");
        assert_eq!(sitio.bd.query_i64(&fila).await, 1);
    }
}

#[both_databases]
async fn withdrawing_requires_a_reason_and_a_version(sitio: &TestSite) {
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    for (cuerpo, codigo) in [
        (json!({"version": 1}), "requerido"),
        (json!({"detalle": null, "version": 1}), "requerido"),
        (json!({"detalle": "  ", "version": 1}), "largo"),
        (json!({"detalle": 5, "version": 1}), "tipo"),
        (json!({"detalle": "x".repeat(2_001), "version": 1}), "largo"),
    ] {
        let r = retirar(sitio, &admin, id, &cuerpo)
            .send()
            .await
            .expect_status(422, "datos_invalidos");
        assert_eq!(error_codes(&r), [("detalle", codigo)], "{cuerpo}");
    }
    retirar(sitio, &admin, id, &json!({"detalle": "x"}))
        .send()
        .await
        .expect_status(428, "falta_version");
    let ninguno = retirar(
        sitio,
        &admin,
        987_654,
        &json!({"detalle": "x", "version": 1}),
    );
    ninguno.send().await.expect_status(404, "no_encontrado");
    assert_eq!(get_reporte(sitio, &autor, id).await.status, 200);
    let largo = json!({"detalle": "x".repeat(2_000), "version": 1});
    assert_eq!(retirar(sitio, &admin, id, &largo).send().await.status, 204);
}

#[both_databases]
async fn the_database_refuses_to_delete_a_reporte(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    // Its dependants gone, nothing but the database's own refusal is left.
    for sql in [
        format!("DELETE FROM reportes WHERE id = {id}"),
        "DELETE FROM reportes".to_owned(),
    ] {
        let e = sitio.bd.sql(&sql).await.unwrap_err().to_string();
        assert!(e.contains("se retira, no se borra"), "{e}");
    }
    assert_eq!(get_reporte(sitio, &autor, id).await.status, 200);
}
