//! Several at once: one wins, the others are told, and nothing is done twice.

mod keys;
mod permissions;

use serde_json::{Value, json};

use sigra_testkit::{
    ApiResponse, Persona, TestRequest, TestSite, both_databases, iterations, reporte_in,
    run_concurrently,
};

/// All requests at once.
async fn send_all(pedidos: impl IntoIterator<Item = TestRequest>) -> Vec<ApiResponse> {
    run_concurrently(pedidos.into_iter().map(TestRequest::send)).await
}

fn with_status(respuestas: &[ApiResponse], status: u16) -> Vec<&ApiResponse> {
    respuestas.iter().filter(|r| r.status == status).collect()
}

/// The only one that won.
#[track_caller]
fn winner(respuestas: &[ApiResponse], status: u16) -> &ApiResponse {
    let ganaron = with_status(respuestas, status);
    assert_eq!(
        ganaron.len(),
        1,
        "{:?}",
        respuestas.iter().map(|r| r.status).collect::<Vec<_>>()
    );
    ganaron[0]
}

async fn get_reporte(sitio: &TestSite, quien: &Persona, id: i64) -> Value {
    sitio
        .request("GET", &format!("/reportes/{id}"))
        .by(quien)
        .send()
        .await
        .json
}

/// `aprobar` or `rechazar`, with its reason.
fn decide(sitio: &TestSite, quien: &Persona, id: i64, como: &str) -> TestRequest {
    let cuerpo = json!({"detalle": format!("{como} por {}", quien.rut)});
    sitio
        .request("POST", &format!("/admin/reportes/{id}/{como}"))
        .by(quien)
        .json(&cuerpo)
}

fn edit(sitio: &TestSite, quien: &Persona, id: i64, cambio: &Value) -> TestRequest {
    sitio
        .request("PUT", &format!("/reportes/{id}"))
        .by(quien)
        .json(cambio)
}

async fn create_supervisores(sitio: &TestSite, n: usize) -> Vec<Persona> {
    let mut todos = Vec::new();
    for _ in 0..n {
        todos.push(sitio.supervisor(&[1]).await);
    }
    todos
}

#[both_databases]
async fn thirty_two_equal_creations_are_one(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    for ronda in 1..=i64::try_from(iterations(40)).unwrap() {
        let cuerpo = reporte_in(1);
        let mayuscula = {
            let mut c = cuerpo.clone();
            c["uuid_cliente"] = c["uuid_cliente"].as_str().unwrap().to_uppercase().into();
            c
        };
        let respuestas = send_all((0..32).map(|i| {
            let (ruta, c) = if i % 2 == 0 {
                ("/reportes/", &cuerpo)
            } else {
                ("/reportes", &mayuscula)
            };
            sitio.request("POST", ruta).by(&autor).json(c)
        }))
        .await;
        let creado = winner(&respuestas, 201);
        assert_eq!(with_status(&respuestas, 200).len(), 31);
        for r in &respuestas {
            assert_eq!((&r.json, r.header("etag")), (&creado.json, "\"1\""));
            let lugar = if r.status == 201 {
                format!("/reportes/{}", r.id())
            } else {
                String::new()
            };
            assert_eq!(r.header("location"), lugar);
        }
        assert_eq!(
            sitio.bd.query_i64("SELECT count(*) FROM reportes").await,
            ronda
        );
    }
}

/// Reports that come in together share a transaction: each hears of itself alone, also when its
/// twin is in the same one.
#[both_databases]
async fn twins_among_others_that_arrive_together_each_hear_of_themselves(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    for _ in 0..iterations(40) {
        let pares: Vec<(Value, Value)> = (0..24)
            .map(|i| {
                let uno = reporte_in(1);
                let mut otro = uno.clone();
                if i % 2 == 1 {
                    otro["titulo"] = format!("Otro contenido {i}").into();
                }
                (uno, otro)
            })
            .collect();
        let cuerpos = pares.iter().flat_map(|(uno, otro)| [uno, otro]);
        let respuestas =
            send_all(cuerpos.map(|c| sitio.request("POST", "/reportes").by(&autor).json(c))).await;
        for (i, ((uno, otro), r)) in pares.iter().zip(respuestas.chunks(2)).enumerate() {
            let creado = winner(r, 201);
            let (segundo, espera) = if i % 2 == 0 {
                (200, uno)
            } else {
                (409, if r[0].status == 201 { uno } else { otro })
            };
            assert_eq!(with_status(r, segundo).len(), 1, "{i}: {r:?}");
            assert_eq!(creado.json["titulo"], espera["titulo"]);
            assert_eq!(get_reporte(sitio, &autor, creado.id()).await, creado.json);
        }
    }
}

#[both_databases]
async fn of_thirty_two_contenidos_of_one_uuid_one_gets_in(sitio: &TestSite) {
    let mut personas = Vec::new();
    for _ in 0..4 {
        personas.push(sitio.trabajador().await);
    }
    for _ in 0..iterations(40) {
        let base = reporte_in(1);
        let cuerpo = |i: usize| {
            let mut c = base.clone();
            c["titulo"] = format!("Contenido {i}").into();
            c
        };
        let respuestas = send_all((0..32).map(|i| {
            sitio
                .request("POST", "/reportes")
                .by(&personas[i % 4])
                .json(&cuerpo(i))
        }))
        .await;
        let creado = winner(&respuestas, 201);
        for (i, r) in respuestas
            .iter()
            .enumerate()
            .filter(|(_, r)| r.status != 201)
        {
            assert_eq!(
                (r.status, r.code()),
                (409, "uuid_en_conflicto"),
                "{}",
                r.texto
            );
            let suyo = personas[i % 4].rut.body() == creado.json["rut"];
            assert_eq!(
                r.json.get("actual"),
                suyo.then_some(&creado.json),
                "{}",
                r.texto
            );
            assert!(suyo || !r.texto.contains("Contenido"), "{}", r.texto);
        }
        // A stranger who sends the very same content is a stranger still.
        let gano = respuestas.iter().position(|r| r.status == 201).unwrap();
        let r = sitio.create(&personas[(gano + 1) % 4], &cuerpo(gano)).await;
        assert!(
            r.expect_status(409, "uuid_en_conflicto")
                .json
                .get("actual")
                .is_none()
        );
        let r = sitio.create(&personas[gano % 4], &cuerpo(gano)).await;
        assert_eq!((r.status, &r.json), (200, &creado.json));
    }
}

#[both_databases]
async fn of_two_or_sixteen_who_decide_one_wins(sitio: &TestSite) {
    let (autor, jefes) = (
        sitio.trabajador().await,
        create_supervisores(sitio, 16).await,
    );
    for ronda in 0..iterations(40) {
        let n = if ronda % 2 == 0 { 2 } else { 16 };
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let como = |i: usize| {
            if (i + ronda / 2).is_multiple_of(2) {
                "aprobar"
            } else {
                "rechazar"
            }
        };
        let respuestas = send_all((0..n).map(|i| decide(sitio, &jefes[i], id, como(i)))).await;
        let gano = winner(&respuestas, 200);
        for r in with_status(&respuestas, 409) {
            assert_eq!(r.code(), "transicion_no_permitida");
        }
        assert_eq!(with_status(&respuestas, 409).len(), n - 1);

        let i = respuestas.iter().position(|r| r.status == 200).unwrap();
        let entradas = sitio.bitacora(&jefes[i], id).await;
        assert_eq!(entradas.len(), 2);
        assert_eq!(entradas[1]["rut"], jefes[i].rut.body());
        assert_eq!(
            entradas[1]["detalle"],
            format!("{} por {}", como(i), jefes[i].rut)
        );
        assert_eq!(
            gano.json["estado_id"],
            if como(i) == "aprobar" { 2 } else { 3 }
        );

        // The winner again, many times at once, with the version of then as well: as before.
        let viejo = json!({"detalle": "otra vez", "version": 1});
        let otra_vez = send_all((0..8).map(|k| {
            let pedido = decide(sitio, &jefes[i], id, como(i));
            if k % 2 == 0 {
                pedido
            } else {
                pedido.json(&viejo)
            }
        }))
        .await;
        assert!(
            otra_vez
                .iter()
                .all(|r| r.status == 200 && r.json == gano.json)
        );
        decide(sitio, &jefes[i], id, como(i + 1))
            .send()
            .await
            .expect_status(409, "transicion_no_permitida");
        assert_eq!(sitio.bitacora(&autor, id).await, entradas);
        assert_eq!(get_reporte(sitio, &autor, id).await, gano.json);
    }
}

#[both_databases]
async fn of_two_edits_of_one_version_one_wins(sitio: &TestSite) {
    let (autor, jefes) = (
        sitio.trabajador().await,
        create_supervisores(sitio, 16).await,
    );
    for ronda in 0..iterations(40) {
        let n = if ronda % 2 == 0 { 2 } else { 16 };
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let respuestas = send_all((0..n).map(|i| {
            let mut cambio = json!({"titulo": format!("Edición {i}")});
            if i % 2 == 0 {
                cambio["version"] = 1.into();
                edit(sitio, &jefes[i], id, &cambio)
            } else {
                edit(sitio, &jefes[i], id, &cambio).if_match(1)
            }
        }))
        .await;
        let gano = winner(&respuestas, 200);
        assert_eq!((gano.version(), gano.header("etag")), (2, "\"2\""));
        assert_eq!(with_status(&respuestas, 412).len(), n - 1);
        for r in with_status(&respuestas, 412) {
            assert_eq!(
                (r.code(), &r.json["actual"]),
                ("version_desfasada", &gano.json)
            );
        }
        assert_eq!(get_reporte(sitio, &autor, id).await, gano.json);
        assert_eq!(sitio.bitacora(&autor, id).await.len(), 2);
    }
}

#[both_databases]
async fn ones_own_change_sent_again_writes_nothing(sitio: &TestSite) {
    let (autor, jefe, otro) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1, 2]).await,
        sitio.supervisor(&[1, 2]).await,
    );
    let mover =
        json!({"titulo": "Otro título", "area_id": 2, "ubicacion": {"lat": -33, "lon": -70.5}});
    for cambio in [
        json!({"titulo": "Otro título"}),
        json!({"descripcion": null}),
        json!({"ubicacion": {"lat": 1, "lon": 2}}),
        json!({"severidad_id": 1, "detalle": "no es tan grave"}),
        mover,
    ] {
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let pedidos = || edit(sitio, &jefe, id, &cambio).if_match(1);
        // The same change many times at once is one change.
        for r in send_all((0..8).map(|_| pedidos())).await {
            assert_eq!((r.status, r.version()), (200, 2), "{}", r.texto);
        }
        edit(sitio, &otro, id, &cambio)
            .if_match(1)
            .send()
            .await
            .expect_status(412, "version_desfasada");

        // Others change it, the very same field too, and decide.
        let r = edit(
            sitio,
            &otro,
            id,
            &json!({"titulo": "De otro", "version": 2}),
        )
        .send()
        .await;
        assert_eq!(r.version(), 3);
        let r = decide(sitio, &otro, id, "aprobar").send().await;
        assert_eq!(r.version(), 4);
        let antes = (
            get_reporte(sitio, &autor, id).await,
            sitio.bitacora(&autor, id).await,
        );
        let r = pedidos().send().await;
        assert_eq!((r.status, &r.json), (200, &antes.0), "{}", r.texto);
        // From another version, or to other values, it is another change.
        edit(sitio, &jefe, id, &cambio)
            .if_match(2)
            .send()
            .await
            .expect_status(412, "version_desfasada");
        let distinto = json!({"titulo": "Distinto", "version": 1});
        edit(sitio, &jefe, id, &distinto)
            .send()
            .await
            .expect_status(412, "version_desfasada");
        assert_eq!(
            (
                get_reporte(sitio, &autor, id).await,
                sitio.bitacora(&autor, id).await
            ),
            antes
        );
    }
}

#[both_databases]
async fn deciding_by_put_again_writes_nothing(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    let decision =
        json!({"estado_id": 3, "severidad_id": 1, "detalle": "no corresponde", "version": 1});
    for r in send_all((0..8).map(|_| edit(sitio, &jefe, id, &decision))).await {
        assert_eq!(
            (r.status, r.version(), r.json["estado"].as_str()),
            (200, 2, Some("Rechazado"))
        );
    }
    assert_eq!(sitio.bitacora(&autor, id).await.len(), 2);
}

/// Edit, decision and withdrawal of the same version: each order of them leaves a history that
/// could have happened one after another.
#[both_databases]
async fn different_concurrent_changes_happen_one_after_another(sitio: &TestSite) {
    let (autor, jefe, admin) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.administrador().await,
    );
    for _ in 0..iterations(60) {
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let retira = sitio
            .request("DELETE", &format!("/reportes/{id}"))
            .by(&admin);
        let r = send_all([
            edit(sitio, &autor, id, &json!({"titulo": "Del autor"})).if_match(1),
            decide(sitio, &jefe, id, "aprobar"),
            retira.json(&json!({"detalle": "de prueba", "version": 1})),
        ])
        .await;
        let estados = (r[0].status, r[1].status, r[2].status);
        // The decision names no version, so only a withdrawal stops it.
        let posibles = [(200, 200, 412), (412, 200, 412), (410, 410, 204)];
        assert!(posibles.contains(&estados), "{estados:?}");
        let escritas = 1 + r.iter().filter(|r| r.status < 300).count();
        assert_eq!(
            sitio.bitacora(&autor, id).await.len(),
            escritas,
            "{estados:?}"
        );
    }
}
