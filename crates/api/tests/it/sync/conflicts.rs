//! Conflicts: who sees them, what each decision leads to, and what is too late.

use serde_json::{Value, json};

use super::batch::{send_one, with};
use sigra_testkit::{
    ApiResponse, Persona, TestSite, both_databases, iterations, reporte_in, run_concurrently, uuid,
};

/// A report with an open conflict about its title; the phone also changed the description, and the
/// supervisor the severity.
struct Fixture<'a> {
    sitio: &'a TestSite,
    autor: Persona,
    jefa: Persona,
    reporte: Value,
    item: Value,
    id: Value,
    conflicto: Value,
}

impl<'a> Fixture<'a> {
    async fn new(sitio: &'a TestSite, archivos: &Value) -> Self {
        let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let reporte = with(&reporte_in(1), &json!({"multimedia": archivos}));
        let id = send_one(sitio, &autor, &reporte).await["id"].clone();
        let cambio = json!({"titulo": "del servidor", "severidad_id": 1, "version": 1});
        let pedido = sitio.request("PUT", &format!("/reportes/{id}")).by(&jefa);
        pedido.json(&cambio).send().await.expect_status(200, "");
        let item = with(
            &reporte,
            &json!({"titulo": "del teléfono", "descripcion": "más", "version_base": 1}),
        );
        let r = send_one(sitio, &autor, &item).await;
        assert_eq!(r["version"], 3, "{r}");
        let conflicto = r["conflicto_id"].clone();
        Self {
            sitio,
            autor,
            jefa,
            reporte,
            item,
            id,
            conflicto,
        }
    }

    async fn resolve(&self, quien: &Persona, cuerpo: &Value) -> ApiResponse {
        let ruta = format!("/sync/conflictos/{}/resolver", self.conflicto);
        self.sitio
            .request("POST", &ruta)
            .by(quien)
            .json(cuerpo)
            .send()
            .await
    }

    async fn get_reporte(&self) -> Value {
        let pedido = self
            .sitio
            .request("GET", &format!("/reportes/{}", self.id))
            .by(&self.autor);
        pedido.send().await.json
    }

    async fn list_conflictos(&self, quien: &Persona) -> Vec<Value> {
        let r = self
            .sitio
            .request("GET", "/sync/conflictos")
            .by(quien)
            .send()
            .await
            .expect_status(200, "");
        r.json["items"].as_array().unwrap().clone()
    }
}

#[both_databases]
async fn each_resolution_has_its_effect(sitio: &TestSite) {
    let archivos = json!([{"uuid_cliente": uuid(), "nombre": "a.jpg", "tipo": "image/jpeg", "bytes": 5,
            "sha256": "9".repeat(64)}]);
    for (cuerpo, titulo, descripcion) in [
        (
            json!({"decision": "servidor"}),
            "del servidor",
            "Planchón suelto sobre el paso de personal.",
        ),
        (json!({"decision": "cliente"}), "del teléfono", "más"),
        (
            json!({"decision": "mezcla", "campos": {"titulo": "servidor"}}),
            "del servidor",
            "más",
        ),
        (
            json!({"decision": "mezcla", "campos": {"titulo": "cliente"}}),
            "del teléfono",
            "más",
        ),
    ] {
        for (archivos, estado) in [
            (json!(null), "completo"),
            (archivos.clone(), "multimedia_pendiente"),
        ] {
            let e = Fixture::new(sitio, &archivos).await;
            let quien = if estado == "completo" {
                &e.autor
            } else {
                &e.jefa
            };
            let r = e
                .resolve(quien, &with(&cuerpo, &json!({"version": 3})))
                .await
                .expect_status(200, "");
            assert_eq!((r.version(), r.header("etag")), (4, "\"4\""));
            let vistos = json!([
                r.json["titulo"],
                r.json["descripcion"],
                r.json["severidad_id"],
                r.json["sync_status"]
            ]);
            assert_eq!(vistos, json!([titulo, descripcion, 1, estado]), "{cuerpo}");
            assert_eq!(e.get_reporte().await, r.json);
            let ruta = format!("/reportes/{}/bitacora", e.id);
            let bitacora = sitio.request("GET", &ruta).by(&e.autor).send().await.json;
            let ultima = bitacora["items"].as_array().unwrap().last().unwrap();
            assert_eq!(
                (&ultima["accion"], &ultima["rut"]),
                (&json!("resolver_conflicto"), &json!(quien.rut.body()))
            );
            // A mixture says the side of each field.
            let lado = cuerpo["campos"]["titulo"]
                .as_str()
                .map(|l| format!(" (titulo: {l})"));
            let dicho = format!(
                "conflicto {}: {}{}",
                e.conflicto,
                cuerpo["decision"].as_str().unwrap(),
                lado.unwrap_or_default()
            );
            assert_eq!(ultima["detalle"], dicho);
            // The phone that has not heard of it.
            let r = send_one(sitio, &e.autor, &e.item).await;
            assert_eq!(
                (&r["resultado"], &r["version"]),
                (&json!("duplicado"), &json!(4)),
                "{cuerpo}: {r}"
            );
            assert!(e.list_conflictos(&e.autor).await.is_empty());
            let eventos = format!(
                "SELECT evento FROM cambios WHERE reporte_id = {} ORDER BY id",
                e.id
            );
            assert_eq!(
                sitio.bd.texts(&eventos).await,
                [
                    "reporte.creado",
                    "reporte.cambiado",
                    "conflicto.creado",
                    "reporte.cambiado"
                ]
            );
        }
    }
}

#[both_databases]
async fn a_conflicto_is_seen_by_those_who_see_the_reporte(sitio: &TestSite) {
    let e = Fixture::new(sitio, &json!(null)).await;
    let (ajeno, otra, admin) = (
        sitio.trabajador().await,
        sitio.supervisor(&[2]).await,
        sitio.administrador().await,
    );
    for (quien, ve) in [
        (&e.autor, true),
        (&e.jefa, true),
        (&admin, true),
        (&ajeno, false),
        (&otra, false),
    ] {
        let lista = e.list_conflictos(quien).await;
        assert_eq!(lista.len(), usize::from(ve), "{:?}", quien.quien);
        if ve {
            assert_eq!(
                (
                    &lista[0]["id"],
                    &lista[0]["actual"]["version"],
                    &lista[0]["version_base"]
                ),
                (&e.conflicto, &json!(3), &json!(1))
            );
            assert_eq!(
                lista[0]["campos"],
                json!([{"campo": "titulo", "base": e.reporte["titulo"],
                    "servidor": "del servidor", "cliente": "del teléfono"}])
            );
        } else {
            e.resolve(quien, &json!({"decision": "servidor", "version": 3}))
                .await
                .expect_status(404, "no_encontrado");
        }
    }
    for id in ["999999", "0", "-1", "x"] {
        let ruta = format!("/sync/conflictos/{id}/resolver");
        let r = sitio
            .request("POST", &ruta)
            .by(&admin)
            .json(&json!({"decision": "servidor", "version": 3}));
        r.send().await.expect_status(404, "no_encontrado");
    }
    let r = sitio
        .request("GET", "/reportes?sync_status=conflicto")
        .by(&e.jefa)
        .send()
        .await
        .json;
    assert_eq!(r["items"][0]["id"], e.id);
    // In pages.
    let otro = with(&e.item, &json!({"titulo": "otro más"}));
    send_one(sitio, &e.autor, &otro).await;
    let pagina = sitio
        .request("GET", "/sync/conflictos?limite=1")
        .by(&e.autor)
        .send()
        .await
        .json;
    let ruta = format!(
        "/sync/conflictos?limite=1&cursor={}",
        pagina["siguiente"].as_str().unwrap()
    );
    let segunda = sitio.request("GET", &ruta).by(&e.autor).send().await.json;
    assert!(
        segunda["siguiente"].is_null() && segunda["items"][0]["id"] != pagina["items"][0]["id"]
    );
    // One of two resolved: the report still waits.
    let r = e
        .resolve(&e.jefa, &json!({"decision": "servidor", "version": 4}))
        .await
        .expect_status(200, "");
    assert_eq!(r.json["sync_status"], "conflicto");
    let retira = json!({"detalle": "de prueba", "version": 5});
    sitio
        .request("DELETE", &format!("/reportes/{}", e.id))
        .by(&admin)
        .json(&retira)
        .send()
        .await
        .expect_status(204, "");
    assert!(e.list_conflictos(&e.autor).await.is_empty());
    e.resolve(&e.autor, &json!({"decision": "servidor", "version": 6}))
        .await
        .expect_status(410, "reporte_retirado");
}

#[both_databases]
async fn a_conflicto_cannot_be_resolved_twice_late_or_wrongly(sitio: &TestSite) {
    let e = Fixture::new(sitio, &json!(null)).await;
    let r = e
        .resolve(&e.jefa, &json!({"decision": "cliente", "version": 2}))
        .await
        .expect_status(412, "version_desfasada");
    assert_eq!(r.json["actual"]["version"], 3);
    e.resolve(&e.jefa, &json!({"decision": "cliente"}))
        .await
        .expect_status(428, "falta_version");
    for (cuerpo, campo, codigo) in [
        (json!({"version": 3}), "decision", "requerido"),
        (
            json!({"decision": "azar", "version": 3}),
            "decision",
            "no_existe",
        ),
        (
            json!({"decision": "mezcla", "version": 3}),
            "campos.titulo",
            "requerido",
        ),
        (
            json!({"decision": "mezcla", "version": 3, "campos": {"titulo": "nadie"}}),
            "campos.titulo",
            "no_existe",
        ),
        (
            json!({"decision": "mezcla", "version": 3, "campos": {"titulo": "cliente", "severidad_id": "cliente"}}),
            "campos.severidad_id",
            "no_en_conflicto",
        ),
        (
            json!({"decision": "mezcla", "version": 3, "campos": {"titulo": "cliente", "estado_id": "cliente"}}),
            "campos",
            "no_en_conflicto",
        ),
    ] {
        let r = e
            .resolve(&e.jefa, &cuerpo)
            .await
            .expect_status(422, "datos_invalidos");
        assert_eq!(
            (
                &r.json["errores"][0]["campo"],
                &r.json["errores"][0]["codigo"]
            ),
            (&json!(campo), &json!(codigo)),
            "{cuerpo}"
        );
    }
    // A newer edit makes it agree in the title and clash in the description.
    let cambio = json!({"titulo": "del teléfono", "descripcion": "otra", "version": 3});
    sitio
        .request("PUT", &format!("/reportes/{}", e.id))
        .by(&e.jefa)
        .json(&cambio)
        .send()
        .await
        .expect_status(200, "");
    let mezcla = |campo: &str, version: i64| json!({"decision": "mezcla", "version": version, "campos": {campo: "cliente"}});
    e.resolve(&e.jefa, &mezcla("titulo", 3))
        .await
        .expect_status(412, "version_desfasada");
    assert_eq!(
        e.list_conflictos(&e.jefa).await[0]["campos"][0]["campo"],
        "descripcion"
    );
    e.resolve(&e.jefa, &mezcla("titulo", 4))
        .await
        .expect_status(422, "datos_invalidos");
    let buena = mezcla("descripcion", 4);
    let r = e.resolve(&e.jefa, &buena).await.expect_status(200, "");
    assert_eq!((r.version(), &r.json["descripcion"]), (5, &json!("más")));
    // The same again, after a lost answer, is the same; anything else is too late.
    let otra_vez = e.resolve(&e.jefa, &buena).await.expect_status(200, "");
    assert_eq!(otra_vez.json, r.json);
    e.resolve(&e.jefa, &json!({"decision": "servidor", "version": 5}))
        .await
        .expect_status(409, "conflicto_resuelto");
    e.resolve(&e.autor, &buena)
        .await
        .expect_status(409, "conflicto_resuelto");
    let otros_lados =
        json!({"decision": "mezcla", "version": 4, "campos": {"descripcion": "servidor"}});
    e.resolve(&e.jefa, &otros_lados)
        .await
        .expect_status(409, "conflicto_resuelto");
    assert_eq!(e.get_reporte().await["version"], 5);
}

#[both_databases]
async fn on_a_decided_reporte_only_the_server_side_can_win(sitio: &TestSite) {
    let e = Fixture::new(sitio, &json!(null)).await;
    sitio.approve_reporte(&e.jefa, &e.id).await;
    for decision in [
        json!({"decision": "cliente", "version": 4}),
        json!({"decision": "mezcla", "version": 4, "campos": {"titulo": "servidor"}}),
    ] {
        e.resolve(&e.jefa, &decision)
            .await
            .expect_status(409, "reporte_decidido");
    }
    let r = e
        .resolve(&e.autor, &json!({"decision": "servidor", "version": 4}))
        .await
        .expect_status(200, "");
    assert_eq!(
        (&r.json["titulo"], &r.json["estado"], &r.json["sync_status"]),
        (
            &json!("del servidor"),
            &json!("Aprobado"),
            &json!("completo")
        )
    );
}

#[both_databases]
async fn of_two_who_resolve_a_conflicto_at_once_one_wins(sitio: &TestSite) {
    for _ in 0..iterations(100) {
        let e = Fixture::new(sitio, &json!(null)).await;
        let ruta = format!("/sync/conflictos/{}/resolver", e.conflicto);
        let pedidos = [
            (&e.autor, "cliente"),
            (&e.jefa, "servidor"),
            (&e.jefa, "servidor"),
        ]
        .map(|(quien, decision)| {
            let cuerpo = json!({"decision": decision, "version": 3});
            sitio.request("POST", &ruta).by(quien).json(&cuerpo).send()
        });
        let rs = run_concurrently(pedidos).await;
        let buenas: Vec<_> = rs.iter().filter(|r| r.status == 200).collect();
        assert!(
            rs.iter()
                .all(|r| r.status == 200 || r.code() == "conflicto_resuelto"),
            "{rs:?}"
        );
        let mismas = rs[1].status == rs[2].status && rs[0].status != rs[1].status;
        assert!(mismas && buenas.iter().all(|r| r.version() == 4), "{rs:?}");
        assert_eq!(e.get_reporte().await, buenas[0].json);
    }
}

#[both_databases]
async fn the_conflictos_of_a_reporte_have_a_limit(sitio: &TestSite) {
    let e = Fixture::new(sitio, &json!(null)).await;
    let lote: Vec<Value> = (0..25)
        .map(|n| with(&e.item, &json!({"titulo": format!("otro {n}")})))
        .collect();
    for _ in 0..2 {
        let r = sitio.push_batch(&e.autor, &lote).await;
        assert_eq!(
            r["resumen"],
            json!({"conflicto": 19, "rechazado": 6}),
            "{r}"
        );
        let error = &r["resultados"][24]["error"];
        assert_eq!(
            (&error["codigo"], &error["permanente"]),
            (&json!("demasiados_conflictos"), &json!(false))
        );
    }
    e.resolve(&e.jefa, &json!({"decision": "servidor", "version": 22}))
        .await
        .expect_status(200, "");
    let r = send_one(sitio, &e.autor, &lote[24]).await;
    assert_eq!(r["resultado"], "conflicto", "{r}");
}
