//! A site adds its own states and steps between them, and sets its targets.

use serde_json::{Value, json};
use sigra_domain::Instante;

use sigra_testkit::{ApiResponse, Persona, TestSite, both_databases};

async fn send(sitio: &TestSite, quien: &Persona, op: &str, cuerpo: Value) -> ApiResponse {
    let (metodo, ruta) = op.split_once(' ').expect("op");
    let pedido = sitio.request(metodo, ruta).by(quien);
    if cuerpo.is_null() {
        return pedido.send().await;
    }
    pedido.json(&cuerpo).send().await
}

async fn change_estado(sitio: &TestSite, quien: &Persona, id: i64, estado: i64) -> ApiResponse {
    let ver = sitio
        .request("GET", &format!("/reportes/{id}"))
        .by(quien)
        .send()
        .await;
    let cuerpo = json!({"estado_id": estado, "version": ver.json["version"]});
    send(sitio, quien, &format!("PUT /reportes/{id}"), cuerpo).await
}

#[both_databases]
async fn a_faena_can_define_its_own_estados_and_transiciones(sitio: &TestSite) {
    let (autor, otro) = (sitio.trabajador().await, sitio.trabajador().await);
    let (jefe, admin) = (sitio.supervisor(&[1]).await, sitio.administrador().await);
    let antes = sitio.request("GET", "/catalogos").send().await.json;
    let crea = async |nombre: &str, es_final: bool| {
        let r = send(
            sitio,
            &admin,
            "POST /catalogos/estados",
            json!({"nombre": nombre, "final": es_final}),
        )
        .await;
        let r = r.expect_status(201, "");
        assert_eq!(
            (&r.json["nombre"], &r.json["final"]),
            (&json!(nombre), &json!(es_final))
        );
        r.id()
    };
    let terreno = crea("En terreno", false).await;
    let resuelto = crea("Resuelto", true).await;
    send(
        sitio,
        &admin,
        "POST /catalogos/estados",
        json!({"nombre": "Resuelto", "final": true}),
    )
    .await
    .expect_status(409, "nombre_repetido");
    let paso = async |desde: i64, hacia: i64, roles: Value| {
        send(
            sitio,
            &admin,
            &format!("PUT /catalogos/transiciones/{desde}/{hacia}"),
            json!({"roles": roles}),
        )
        .await
    };
    paso(1, terreno, json!(["supervisor"]))
        .await
        .expect_status(200, "");
    paso(terreno, resuelto, json!(["trabajador", "administrador"]))
        .await
        .expect_status(200, "");
    for (desde, hacia) in [(1, 99), (99, 1), (1, 1), (-1, 2)] {
        paso(desde, hacia, json!(["supervisor"]))
            .await
            .expect_status(404, "no_encontrado");
    }
    let despues = sitio.request("GET", "/catalogos").send().await.json;
    assert_eq!(
        despues["version"].as_i64().unwrap(),
        antes["version"].as_i64().unwrap() + 4
    );
    assert_eq!(despues["estados"].as_array().unwrap().len(), 5);
    assert!(despues["transiciones"].as_array().unwrap().contains(
        &json!({"desde": terreno, "hacia": resuelto, "roles": ["trabajador", "administrador"]})
    ));

    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    change_estado(sitio, &autor, id, terreno)
        .await
        .expect_status(403, "sin_permiso");
    change_estado(sitio, &admin, id, terreno)
        .await
        .expect_status(403, "sin_permiso");
    change_estado(sitio, &jefe, id, resuelto)
        .await
        .expect_status(409, "transicion_no_permitida");
    change_estado(sitio, &jefe, id, terreno)
        .await
        .expect_status(200, "");
    // Not decided yet: its author may still correct it, and only they of all workers close it.
    let version = json!({"titulo": "Roca suelta, dos metros", "version": 2});
    send(sitio, &autor, &format!("PUT /reportes/{id}"), version)
        .await
        .expect_status(200, "");
    change_estado(sitio, &jefe, id, resuelto)
        .await
        .expect_status(403, "sin_permiso");
    let ajeno = json!({"estado_id": resuelto, "version": 3});
    send(sitio, &otro, &format!("PUT /reportes/{id}"), ajeno)
        .await
        .expect_status(404, "no_encontrado");
    change_estado(sitio, &autor, id, resuelto)
        .await
        .expect_status(200, "");
    send(
        sitio,
        &autor,
        &format!("PUT /reportes/{id}"),
        json!({"titulo": "No", "version": 4}),
    )
    .await
    .expect_status(409, "reporte_decidido");

    // Taken away, nobody makes it again; what was decided stays.
    let quita = format!("DELETE /catalogos/transiciones/1/{terreno}");
    send(sitio, &admin, &quita, Value::Null)
        .await
        .expect_status(204, "");
    send(sitio, &admin, &quita, Value::Null)
        .await
        .expect_status(404, "no_encontrado");
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    change_estado(sitio, &jefe, id, terreno)
        .await
        .expect_status(409, "transicion_no_permitida");

    let r = send(
        sitio,
        &admin,
        &format!("PATCH /catalogos/estados/{terreno}"),
        json!({"nombre": "En faena"}),
    )
    .await;
    assert_eq!(
        r.expect_status(200, "").json,
        json!({"id": terreno, "nombre": "En faena", "final": false})
    );
    let ajustes = send(
        sitio,
        &admin,
        "GET /admin/bitacora/ajustes?limite=5",
        Value::Null,
    )
    .await
    .json;
    let dichos: Vec<_> = ajustes["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| {
            (
                a["objeto"].as_str().unwrap(),
                a["accion"].as_str().unwrap(),
                &a["antes"],
                &a["despues"],
            )
        })
        .take(2)
        .collect();
    let (objeto, de) = (
        format!("estado:{terreno}"),
        format!("transicion:1-{terreno}"),
    );
    assert_eq!(
        dichos,
        [
            (
                &*objeto,
                "editar",
                &json!({"nombre": "En terreno"}),
                &json!({"nombre": "En faena"})
            ),
            (
                &*de,
                "eliminar",
                &json!({"roles": "supervisor"}),
                &json!({})
            ),
        ]
    );
}

/// A target holds for what is decided from then on.
#[both_databases]
async fn targets_can_be_changed(sitio: &TestSite) {
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let dos = [
        sitio.reporte(&autor, 1).await,
        sitio.reporte(&autor, 1).await,
    ];
    sitio.store.env().advance(30 * Instante::HOUR);
    let admin = Persona {
        rut: admin.rut,
        ..sitio.administrador().await
    };
    let decide = async |r: &Value| {
        let ruta = format!("POST /admin/reportes/{}/aprobar", r["id"]);
        send(sitio, &admin, &ruta, json!({}))
            .await
            .expect_status(200, "");
    };
    let a_tiempo = async || {
        let t = sitio
            .request("GET", "/admin/dashboard")
            .by(&admin)
            .send()
            .await
            .json;
        (
            t["por_severidad"][2]["a_tiempo"].clone(),
            t["por_severidad"][2]["meta_horas"].clone(),
        )
    };
    decide(&dos[0]).await;
    assert_eq!(a_tiempo().await, (json!(0), json!(24)));
    let r = send(
        sitio,
        &admin,
        "PATCH /catalogos/severidades/3",
        json!({"meta_horas": 31}),
    )
    .await;
    assert_eq!(
        r.expect_status(200, "").json,
        json!({"id": 3, "nombre": "Alta", "activa": true, "meta_horas": 31, "urgente": true})
    );
    decide(&dos[1]).await;
    assert_eq!(a_tiempo().await, (json!(1), json!(31)));
    let nueva = send(
        sitio,
        &admin,
        "POST /catalogos/severidades",
        json!({"nombre": "Crítica"}),
    )
    .await;
    assert_eq!(nueva.expect_status(201, "").json["meta_horas"], 168);
}
