//! `/reportes/{id}/acciones`: what is done after a report was approved.

use serde_json::{Value, json};
use sigra_domain::Instante;

use crate::escalation::{check, notificaciones_of};
use sigra_testkit::{ApiResponse, Persona, TestSite, both_databases, run_concurrently};

async fn create_aprobado(sitio: &TestSite, autor: &Persona, jefe: &Persona) -> i64 {
    let id = sitio.reporte(autor, 1).await["id"].as_i64().unwrap();
    sitio.approve_reporte(jefe, id).await;
    id
}

/// Some days from now.
fn plazo_in(sitio: &TestSite, dias: i64) -> String {
    sitio
        .store
        .env()
        .now()
        .plus(dias * Instante::DAY)
        .to_string()[..10]
        .to_owned()
}

fn body(sitio: &TestSite, responsable: &Persona, descripcion: &str) -> Value {
    json!({"descripcion": descripcion, "responsable_rut": responsable.rut, "plazo": plazo_in(sitio, 10)})
}

async fn request(sitio: &TestSite, quien: &Persona, id: i64, cuerpo: &Value) -> ApiResponse {
    let pedido = sitio
        .request("POST", &format!("/reportes/{id}/acciones"))
        .by(quien);
    pedido.json(cuerpo).send().await
}

async fn set_accion_estado(
    sitio: &TestSite,
    quien: &Persona,
    id: i64,
    n: i64,
    estado: &str,
) -> ApiResponse {
    let pedido = sitio
        .request("PATCH", &format!("/reportes/{id}/acciones/{n}"))
        .by(quien);
    pedido.json(&json!({"estado": estado})).send().await
}

async fn estados(sitio: &TestSite, quien: &Persona, id: i64) -> Vec<(i64, String, bool)> {
    let r = sitio
        .request("GET", &format!("/reportes/{id}/acciones"))
        .by(quien)
        .send()
        .await;
    let r = r.expect_status(200, "");
    let una = |a: &Value| {
        let estado = a["estado"].as_str().unwrap().to_owned();
        (
            a["n"].as_i64().unwrap(),
            estado,
            a["vencida"].as_bool().unwrap(),
        )
    };
    r.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(una)
        .collect()
}

#[both_databases]
async fn an_accion_goes_from_requested_to_verified(sitio: &TestSite) {
    let (autor, ajeno) = (sitio.trabajador().await, sitio.trabajador().await);
    let (jefe, otra) = (sitio.supervisor(&[1]).await, sitio.supervisor(&[1]).await);
    let pendiente = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    let malla = body(sitio, &autor, "Poner malla");
    request(sitio, &jefe, pendiente, &malla)
        .await
        .expect_status(409, "reporte_sin_aprobar");
    let id = create_aprobado(sitio, &autor, &jefe).await;
    let cursor = sitio
        .request("GET", "/sync/changes")
        .by(&autor)
        .send()
        .await
        .json["cursor"]
        .clone();
    request(sitio, &autor, id, &malla)
        .await
        .expect_status(403, "sin_permiso");
    request(sitio, &ajeno, id, &malla)
        .await
        .expect_status(404, "no_encontrado");
    // Whoever may not see the report can't be asked.
    let r = request(sitio, &jefe, id, &body(sitio, &ajeno, "Poner malla"))
        .await
        .expect_status(422, "datos_invalidos");
    assert_eq!(r.json["errores"][0]["campo"], "responsable_rut");
    let r = request(sitio, &jefe, id, &malla)
        .await
        .expect_status(201, "");
    assert_eq!(
        (&r.json["n"], &r.json["estado"], &r.json["creada_por"]),
        (&json!(1), &json!("abierta"), &json!(jefe.rut))
    );
    assert_eq!(r.header("etag"), "\"3\"");
    // The same again is the same.
    let otra_vez = request(sitio, &jefe, id, &malla)
        .await
        .expect_status(200, "");
    assert_eq!(
        (otra_vez.json, otra_vez.headers["etag"].to_str().unwrap()),
        (r.json, "\"3\"")
    );
    request(sitio, &jefe, id, &body(sitio, &otra, "Acuñar"))
        .await
        .expect_status(201, "");

    for (quien, n, estado, status, codigo) in [
        (&ajeno, 1, "hecha", 404, "no_encontrado"),
        (&autor, 2, "hecha", 403, "sin_permiso"),
        (&autor, 3, "hecha", 404, "no_encontrado"),
        (&jefe, 1, "verificada", 409, "paso_no_permitido"),
    ] {
        set_accion_estado(sitio, quien, id, n, estado)
            .await
            .expect_status(status, codigo);
    }
    // Its author does it, and one who decides verifies it.
    let r = set_accion_estado(sitio, &autor, id, 1, "hecha")
        .await
        .expect_status(200, "");
    assert_eq!(r.json["hecha_por"], json!(autor.rut));
    for (quien, n, estado, status, codigo) in [
        (&autor, 1, "verificada", 403, "sin_permiso"),
        (&jefe, 1, "abierta", 200, ""),
        (&autor, 1, "hecha", 200, ""),
        (&jefe, 1, "verificada", 200, ""),
        (&jefe, 1, "verificada", 200, ""),
        (&jefe, 1, "abierta", 409, "paso_no_permitido"),
        // Whoever did it does not verify it.
        (&otra, 2, "hecha", 200, ""),
        (&otra, 2, "verificada", 403, "quien_la_hizo"),
    ] {
        set_accion_estado(sitio, quien, id, n, estado)
            .await
            .expect_status(status, codigo);
    }
    assert_eq!(
        estados(sitio, &autor, id).await,
        [(1, "verificada".into(), false), (2, "hecha".into(), false)]
    );
    set_accion_estado(sitio, &jefe, id, 2, "verificada")
        .await
        .expect_status(200, "");

    let ver = sitio
        .request("GET", &format!("/reportes/{id}"))
        .by(&autor)
        .send()
        .await
        .json;
    assert_eq!(
        (&ver["acciones_abiertas"], &ver["version"]),
        (&json!(0), &json!(10))
    );
    // Each is an entry, and phones hear of it.
    let entradas = sitio.bitacora(&autor, id).await;
    let acciones: Vec<&str> = entradas
        .iter()
        .map(|e| e["accion"].as_str().unwrap())
        .collect();
    assert_eq!(acciones[2..4], ["pedir_accion", "pedir_accion"]);
    assert_eq!(acciones[4..], ["mover_accion"; 6]);
    assert_eq!(entradas[4]["antes"]["accion_1"]["estado"], "abierta");
    let cambios = sitio
        .request(
            "GET",
            &format!("/sync/changes?cursor={}", cursor.as_str().unwrap()),
        )
        .by(&autor)
        .send()
        .await;
    assert_eq!(cambios.json["reportes"][0]["version"], 10);

    // Who was told of what.
    check(sitio).await;
    let cuantas =
        async |quien: &Persona, evento: &str| notificaciones_of(sitio, quien, evento).await.len();
    assert_eq!(
        (
            cuantas(&autor, "accion.pedida").await,
            cuantas(&otra, "accion.pedida").await
        ),
        (2, 1)
    );
    assert_eq!(
        (
            cuantas(&jefe, "accion.hecha").await,
            cuantas(&autor, "accion.verificada").await
        ),
        (3, 1)
    );
    let texto = notificaciones_of(sitio, &autor, "accion.pedida").await[0]["texto"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        texto.contains("«Poner malla»") && texto.contains(&plazo_in(sitio, 10)),
        "{texto}"
    );
}

#[both_databases]
async fn an_overdue_accion_is_marked(sitio: &TestSite) {
    let (autor, jefe, admin) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.administrador().await,
    );
    let id = create_aprobado(sitio, &autor, &jefe).await;
    for descripcion in ["Poner malla", "Acuñar", "Hecha a tiempo"] {
        request(sitio, &jefe, id, &body(sitio, &autor, descripcion))
            .await
            .expect_status(201, "");
    }
    set_accion_estado(sitio, &autor, id, 3, "hecha")
        .await
        .expect_status(200, "");
    sitio.store.env().advance(9 * Instante::DAY);
    check(sitio).await;
    assert_eq!(
        notificaciones_of(sitio, &autor, "accion.vencida").await,
        Vec::<Value>::new()
    );
    sitio.store.env().advance(2 * Instante::DAY);
    for _ in 0..3 {
        check(sitio).await;
    }
    let dichas = notificaciones_of(sitio, &autor, "accion.vencida").await;
    assert_eq!(dichas.len(), 2);
    assert!(
        dichas[0]["texto"]
            .as_str()
            .unwrap()
            .contains("«Poner malla»"),
        "{dichas:?}"
    );
    assert_eq!(
        notificaciones_of(sitio, &admin, "accion.vencida").await,
        Vec::<Value>::new()
    );
    let autor = sitio.session(autor.quien.clone()).await;
    assert_eq!(
        estados(sitio, &autor, id).await[0],
        (1, "abierta".into(), true)
    );
    // One is done in the end; of the other the administrador hears.
    set_accion_estado(sitio, &autor, id, 1, "hecha")
        .await
        .expect_status(200, "");
    sitio.store.env().advance(3 * Instante::DAY);
    for _ in 0..3 {
        check(sitio).await;
    }
    let dichas = notificaciones_of(sitio, &admin, "accion.vencida").await;
    assert_eq!(dichas.len(), 1);
    assert!(
        dichas[0]["texto"].as_str().unwrap().contains("«Acuñar»"),
        "{dichas:?}"
    );
}

#[both_databases]
async fn concurrent_acciones_with_a_key_are_created_once_and_numbered_in_order(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let id = create_aprobado(sitio, &autor, &jefe).await;
    let ruta = format!("/reportes/{id}/acciones");
    let pedidos: Vec<_> = (0..16)
        .map(|n| {
            sitio
                .request("POST", &ruta)
                .by(&jefe)
                .idempotency_key(&format!("k{}", n / 2))
                .json(&body(sitio, &autor, &format!("Acción {}", n / 2)))
                .send()
        })
        .collect();
    for r in run_concurrently(pedidos).await {
        assert!([200, 201].contains(&r.status), "{r:?}");
    }
    let todas = estados(sitio, &autor, id).await;
    assert_eq!(
        todas.iter().map(|(n, ..)| *n).collect::<Vec<_>>(),
        (1..=8).collect::<Vec<_>>()
    );
    for n in 9..=50 {
        request(sitio, &jefe, id, &body(sitio, &autor, &format!("Otra {n}")))
            .await
            .expect_status(201, "");
    }
    request(sitio, &jefe, id, &body(sitio, &autor, "Una más"))
        .await
        .expect_status(409, "demasiadas_acciones");
}
