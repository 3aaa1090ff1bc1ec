//! Who may do what with whose report.

use serde_json::{Value, json};

use super::{decide, edit, get_reporte};
use sigra_testkit::{Persona, TestSite, both_databases};

/// What each request on a new report is answered.
async fn attempt(sitio: &TestSite, autor: &Persona, quien: &Persona) -> [u16; 8] {
    let nuevo = async || sitio.reporte(autor, 1).await;
    let id = |r: &Value| r["id"].as_i64().unwrap();
    let r = nuevo().await;
    let uuid = r["uuid_cliente"].as_str().unwrap();
    let por_uuid = sitio.request("GET", &format!("/reportes/uuid/{uuid}"));
    let retira = sitio.request("DELETE", &format!("/reportes/{}", id(&nuevo().await)));
    [
        get_reporte(sitio, quien, id(&r)).await.status,
        por_uuid.by(quien).send().await.status,
        sitio
            .request("GET", &format!("/reportes/{}/bitacora", id(&r)))
            .by(quien)
            .send()
            .await
            .status,
        edit(
            sitio,
            quien,
            id(&nuevo().await),
            &json!({"titulo": "Otro", "version": 1}),
        )
        .send()
        .await
        .status,
        edit(
            sitio,
            quien,
            id(&nuevo().await),
            &json!({"estado_id": 2, "version": 1}),
        )
        .send()
        .await
        .status,
        decide(sitio, quien, id(&nuevo().await), "aprobar")
            .send()
            .await
            .status,
        decide(sitio, quien, id(&nuevo().await), "rechazar")
            .send()
            .await
            .status,
        retira
            .by(quien)
            .json(&json!({"detalle": "x", "version": 1}))
            .send()
            .await
            .status,
    ]
}

#[both_databases]
async fn everyone_can_do_what_their_rol_allows(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let ajeno = sitio.supervisor(&[2]).await;
    for (que, de, quien, esperado) in [
        (
            "el autor",
            &autor,
            autor.clone(),
            [200, 200, 200, 200, 403, 403, 403, 403],
        ),
        (
            "otro trabajador",
            &autor,
            sitio.trabajador().await,
            [404, 404, 404, 404, 404, 403, 403, 403],
        ),
        (
            "supervisor del área",
            &autor,
            sitio.supervisor(&[3, 1]).await,
            [200, 200, 200, 200, 200, 200, 200, 403],
        ),
        (
            "supervisor de otra",
            &autor,
            sitio.supervisor(&[2, 3]).await,
            [404, 404, 404, 404, 404, 404, 404, 403],
        ),
        (
            "supervisor sin áreas",
            &autor,
            sitio.supervisor(&[]).await,
            [404, 404, 404, 404, 404, 404, 404, 403],
        ),
        (
            "autor y supervisor de otra",
            &ajeno,
            ajeno.clone(),
            [200, 200, 200, 200, 403, 403, 403, 403],
        ),
        (
            "administrador",
            &autor,
            sitio.administrador().await,
            [200, 200, 200, 200, 200, 200, 200, 204],
        ),
    ] {
        assert_eq!(attempt(sitio, de, &quien).await, esperado, "{que}");
    }
}

/// A report moves with its area from one supervisor to the other; its author keeps it.
#[both_databases]
async fn the_area_decides_who_sees_it(sitio: &TestSite) {
    let (autor, uno, dos) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.supervisor(&[2]).await,
    );
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    let visto = async |quien: &Persona| {
        let lista = sitio.request("GET", "/reportes").by(quien).send().await;
        let items = lista.json["items"].as_array().unwrap().len();
        (get_reporte(sitio, quien, id).await.status, items)
    };
    assert_eq!((visto(&uno).await, visto(&dos).await), ((200, 1), (404, 0)));
    let r = edit(sitio, &autor, id, &json!({"area_id": 2, "version": 1}))
        .send()
        .await;
    assert_eq!(
        (r.status, r.json["area"].as_str()),
        (200, Some("Carga y Transporte"))
    );
    assert_eq!((visto(&uno).await, visto(&dos).await), ((404, 0), (200, 1)));
    assert_eq!(visto(&autor).await, (200, 1));
    decide(sitio, &uno, id, "aprobar")
        .send()
        .await
        .expect_status(404, "no_encontrado");
    assert_eq!(decide(sitio, &dos, id, "aprobar").send().await.status, 200);
    assert_eq!(sitio.bitacora(&dos, id).await.len(), 3);
}

#[both_databases]
async fn what_may_not_be_seen_is_not_named(sitio: &TestSite) {
    let (autor, otro) = (sitio.trabajador().await, sitio.trabajador().await);
    let creado = sitio.reporte(&autor, 1).await;
    let id = creado["id"].as_i64().unwrap();
    // What is another's and what is not there are told alike, to the last byte.
    let pide = async |id: i64| {
        let r = sitio
            .request("GET", &format!("/reportes/{id}"))
            .by(&otro)
            .send()
            .await;
        r.expect_status(404, "no_encontrado")
            .texto
            .replace(&id.to_string(), "N")
    };
    assert_eq!(pide(id).await, pide(987_654).await);
    for ruta in [
        "/reportes/0",
        "/reportes/-1",
        "/reportes/9223372036854775808",
        "/reportes/x",
        "/reportes/1.0",
        "/reportes/uuid/x",
        "/reportes/uuid/00000000-0000-0000-0000-000000000000",
    ] {
        sitio
            .request("GET", ruta)
            .by(&autor)
            .send()
            .await
            .expect_status(404, "no_encontrado");
    }
}
