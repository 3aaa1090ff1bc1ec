//! `/catalogos`: what a phone offers, and what happens to reports when it changes.

use serde_json::{Value, json};

use super::{decide, edit, error_codes, get_reporte};
use sigra_testkit::{
    ApiResponse, Persona, TestRequest, TestSite, both_databases, reporte_in, run_concurrently,
};

async fn catalogos(sitio: &TestSite, etag: &str) -> ApiResponse {
    sitio
        .request("GET", "/catalogos/")
        .header("if-none-match", etag)
        .send()
        .await
}

async fn update(sitio: &TestSite, quien: &Persona, ruta: &str, cambio: Value) -> ApiResponse {
    let ruta = format!("/catalogos/{ruta}");
    sitio
        .request("PATCH", &ruta)
        .by(quien)
        .json(&cambio)
        .send()
        .await
}

#[both_databases]
async fn the_catalogos_hold_the_faenas_of_today_and_need_no_token(sitio: &TestSite) {
    let r = catalogos(sitio, "").await;
    assert_eq!(
        (r.status, r.header("etag")),
        (200, format!("\"{}\"", r.version()).as_str())
    );
    let nombres = |lista: &str| -> Vec<(i64, String)> {
        let lista = r.json[lista].as_array().unwrap().iter();
        lista
            .map(|x| {
                (
                    x["id"].as_i64().unwrap(),
                    x["nombre"].as_str().unwrap().to_owned(),
                )
            })
            .collect()
    };
    let areas = [
        "Perforación y Tronadura",
        "Carga y Transporte",
        "Chancado y Molienda",
        "Mantenimiento Mecánico",
        "Mantenimiento Eléctrico",
        "Seguridad Industrial",
        "Control de Producción",
        "Planta Concentradora",
        "Salud y Medio Ambiente",
        "Administración General",
    ];
    let con_id = |l: &[&str]| -> Vec<(i64, String)> {
        (1..).zip(l.iter().map(|s| (*s).to_owned())).collect()
    };
    assert_eq!(nombres("areas"), con_id(&areas));
    assert_eq!(nombres("severidades"), con_id(&["Baja", "Media", "Alta"]));
    assert_eq!(
        nombres("estados"),
        con_id(&["Pendiente", "Aprobado", "Rechazado"])
    );
    let estados = r.json["estados"].as_array().unwrap().iter();
    assert_eq!(
        estados.map(|e| e["final"] == true).collect::<Vec<_>>(),
        [false, true, true]
    );
    let pasos = r.json["transiciones"].as_array().unwrap().iter();
    let pasos: Vec<_> = pasos
        .map(|t| (t["desde"].as_i64(), t["hacia"].as_i64()))
        .collect();
    assert_eq!(pasos, [(Some(1), Some(2)), (Some(1), Some(3))]);
}

#[both_databases]
async fn each_change_is_a_new_version_and_a_new_etag(sitio: &TestSite) {
    let admin = sitio.administrador().await;
    let mut etag = catalogos(sitio, "").await.header("etag").to_owned();
    for (metodo, ruta, cuerpo, status) in [
        (
            "POST",
            "/catalogos/areas",
            json!({"nombre": "Relaves"}),
            201,
        ),
        (
            "PATCH",
            "/catalogos/areas/11/",
            json!({"nombre": "Relaves y Aguas"}),
            200,
        ),
        (
            "PATCH",
            "/catalogos/areas/11",
            json!({"activa": false}),
            200,
        ),
        (
            "POST",
            "/catalogos/severidades/",
            json!({"nombre": "Crítica"}),
            201,
        ),
        (
            "PATCH",
            "/catalogos/severidades/4",
            json!({"activa": false, "nombre": "Fatal"}),
            200,
        ),
    ] {
        for igual in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}")] {
            let r = catalogos(sitio, &igual).await;
            assert_eq!(
                (r.status, r.texto.as_str(), r.header("etag")),
                (304, "", etag.as_str()),
                "{igual}"
            );
        }
        let r = sitio
            .request(metodo, ruta)
            .by(&admin)
            .json(&cuerpo)
            .send()
            .await;
        assert_eq!(r.status, status, "{ruta}: {}", r.texto);
        let ahora = catalogos(sitio, &etag).await;
        assert_eq!(ahora.status, 200, "{ruta}");
        assert_ne!(ahora.header("etag"), etag);
        let lista = ruta.split('/').nth(2).unwrap();
        assert!(
            ahora.json[lista].as_array().unwrap().contains(&r.json),
            "{}",
            r.texto
        );
        etag = ahora.header("etag").to_owned();
    }
    // What is refused changes nothing.
    for (ruta, cuerpo, status, codigo) in [
        (
            "areas/11",
            json!({"nombre": "Carga y Transporte"}),
            409,
            "nombre_repetido",
        ),
        ("areas/99", json!({"activa": false}), 404, "no_encontrado"),
        (
            "severidades/4",
            json!({"nombre": "Alta"}),
            409,
            "nombre_repetido",
        ),
        (
            "severidades/4",
            json!({"nombre": ""}),
            422,
            "datos_invalidos",
        ),
        ("areas/x", json!({"activa": true}), 404, "no_encontrado"),
        ("areas/11", json!({"activa": "no"}), 422, "datos_invalidos"),
    ] {
        update(sitio, &admin, ruta, cuerpo)
            .await
            .expect_status(status, codigo);
    }
    assert_eq!(catalogos(sitio, &etag).await.status, 304);
    let r = sitio
        .request("GET", "/admin/bitacora/ajustes")
        .by(&admin)
        .send()
        .await;
    let de_catalogo = |o: &&Value| !o["objeto"].as_str().unwrap().starts_with("usuario:");
    let entradas: Vec<_> = r.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(de_catalogo)
        .collect();
    assert_eq!(entradas.len(), 5);
    assert_eq!(entradas[0]["objeto"], "severidad:4");
    assert_eq!(
        entradas[0]["antes"],
        json!({"nombre": "Crítica", "activa": true})
    );
}

#[both_databases]
async fn of_sixteen_areas_of_one_name_one_remains(sitio: &TestSite) {
    let admin = sitio.administrador().await;
    let nueva = |ruta: &str| {
        sitio
            .request("POST", ruta)
            .by(&admin)
            .json(&json!({"nombre": "Relaves"}))
    };
    for ruta in ["/catalogos/areas", "/catalogos/severidades"] {
        let respuestas =
            run_concurrently((0..16).map(|_| nueva(ruta)).map(TestRequest::send)).await;
        assert_eq!(respuestas.iter().filter(|r| r.status == 201).count(), 1);
        assert_eq!(
            respuestas
                .iter()
                .filter(|r| r.code() == "nombre_repetido")
                .count(),
            15
        );
    }
}

#[both_databases]
async fn deactivated_values_are_refused_and_old_reportes_keep_them(sitio: &TestSite) {
    let (autor, jefe, admin) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.administrador().await,
    );
    let viejo = sitio.reporte(&autor, 1).await;
    let otro = sitio.reporte(&autor, 2).await["id"].as_i64().unwrap();
    let id = viejo["id"].as_i64().unwrap();
    for ruta in ["areas/1", "severidades/3"] {
        assert_eq!(
            update(sitio, &admin, ruta, json!({"activa": false}))
                .await
                .json["activa"],
            false
        );
    }
    let r = sitio
        .create(&autor, &reporte_in(1))
        .await
        .expect_status(422, "datos_invalidos");
    assert_eq!(
        error_codes(&r),
        [("area_id", "no_existe"), ("severidad_id", "no_existe")]
    );
    assert_eq!(r.json["permanente"], true);
    let r = edit(sitio, &autor, otro, &json!({"area_id": 1, "version": 1}))
        .send()
        .await;
    assert_eq!(
        error_codes(&r.expect_status(422, "datos_invalidos")),
        [("area_id", "no_existe")]
    );

    // The old one keeps its area, its supervisor and its names, and can be worked on.
    assert_eq!(get_reporte(sitio, &jefe, id).await.json, viejo);
    let r = sitio
        .request("GET", "/reportes?area_id=1&severidad_id=3")
        .by(&jefe)
        .send()
        .await;
    assert_eq!(r.json["items"], json!([viejo]));
    let r = edit(sitio, &autor, id, &json!({"titulo": "Otro", "version": 1}))
        .send()
        .await;
    assert_eq!(r.status, 200, "{}", r.texto);
    // A form sends all its fields: those of the report as it is are no news.
    let todo = json!({"titulo": "Tres", "area_id": 1, "severidad_id": 3, "version": 2});
    let r = edit(sitio, &autor, id, &todo).send().await;
    assert_eq!((r.status, r.version()), (200, 3), "{}", r.texto);
    let r = decide(sitio, &jefe, id, "aprobar").send().await;
    assert_eq!(
        (r.status, r.json["area"].as_str()),
        (200, Some("Perforación y Tronadura"))
    );
    // And is back when it is active again.
    update(sitio, &admin, "areas/1", json!({"activa": true})).await;
    update(sitio, &admin, "severidades/3", json!({"activa": true})).await;
    assert_eq!(sitio.create(&autor, &reporte_in(1)).await.status, 201);
    assert_eq!(sitio.bitacora(&autor, id).await.len(), 4);
}

/// The answer to an edit was lost, and its area went out of use meanwhile.
#[both_databases]
async fn ones_own_change_is_answered_though_its_area_is_no_longer_used(sitio: &TestSite) {
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    let cambio = json!({"area_id": 2, "version": 1});
    let hecho = edit(sitio, &autor, id, &cambio)
        .idempotency_key("k")
        .send()
        .await;
    assert_eq!(hecho.status, 200);
    update(sitio, &admin, "areas/2", json!({"activa": false})).await;
    let r = edit(sitio, &autor, id, &cambio).send().await;
    assert_eq!((r.status, &r.json), (200, &hecho.json), "{}", r.texto);
    let r = edit(sitio, &autor, id, &cambio)
        .idempotency_key("k")
        .send()
        .await;
    assert_eq!(
        (r.status, r.header("idempotency-replayed")),
        (200, "true"),
        "{}",
        r.texto
    );
}

#[both_databases]
async fn a_new_name_is_seen_in_the_reportes(sitio: &TestSite) {
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    update(sitio, &admin, "areas/1", json!({"nombre": "Mina Rajo"})).await;
    update(sitio, &admin, "severidades/3", json!({"nombre": "Grave"})).await;
    let lista = sitio.request("GET", "/reportes").by(&autor).send().await;
    for r in [
        &get_reporte(sitio, &autor, id).await.json,
        &lista.json["items"][0],
    ] {
        assert_eq!(
            (&r["area"], &r["severidad"]),
            (&json!("Mina Rajo"), &json!("Grave"))
        );
        // No change of the report itself.
        assert_eq!(r["version"], 1);
    }
}
