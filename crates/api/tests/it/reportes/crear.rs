//! `POST /reportes`: the first time, and every time after.

use serde_json::{Value, json};

use super::{decide, edit, get_reporte};
use sigra_testkit::{TestSite, both_databases, reporte_in, uuid};

fn archivo(nombre: &str) -> Value {
    json!({"uuid_cliente": uuid(), "nombre": nombre, "tipo": "image/jpeg", "bytes": 9, "sha256": "0".repeat(64)})
}

/// A report with all that one can have.
fn complete() -> Value {
    let mut c = reporte_in(1);
    c["fecha_reporte"] = "2026-02-28".into();
    c["hora_creado"] = "2026-03-01T02:00:00.5-03:00".into();
    c["device_id"] = "moto-e7-0042".into();
    c["ubicacion"] =
        json!({"lat": -33, "lon": -70.25, "precision_m": 12.5, "referencia": "Nivel 1200"});
    c["multimedia"] = json!([archivo("b.jpg"), archivo("a.jpg")]);
    c
}

#[both_databases]
async fn what_is_created_is_what_was_sent(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let cuerpo = complete();
    let r = sitio.create(&autor, &cuerpo).await;
    let id = r.id();
    assert_eq!((r.status, r.header("etag")), (201, "\"1\""));
    assert_eq!(r.header("location"), format!("/reportes/{id}"));
    for campo in [
        "titulo",
        "descripcion",
        "area_id",
        "severidad_id",
        "uuid_cliente",
        "fecha_reporte",
        "device_id",
    ] {
        assert_eq!(r.json[campo], cuerpo[campo], "{campo}");
    }
    assert_eq!(r.json["ubicacion"]["lat"].as_f64(), Some(-33.0));
    assert_eq!(r.json["ubicacion"]["referencia"], "Nivel 1200");
    assert_eq!(r.json["hora_creado"], "2026-03-01T05:00:00.500Z");
    assert_eq!(r.json["hora_sincronizado"], r.json["hora_actualizado"]);
    for (campo, valor) in [
        ("estado_id", json!(1)),
        ("estado", json!("Pendiente")),
        ("area", json!("Perforación y Tronadura")),
        ("severidad", json!("Alta")),
        ("rut", json!(autor.rut)),
        ("version", json!(1)),
        ("autor", json!(format!("Rosa Díaz {}", autor.rut))),
        ("last_sync_attempt", Value::Null),
        ("sync_status", json!("multimedia_pendiente")),
    ] {
        assert_eq!(r.json[campo], valor, "{campo}");
    }
    let mut enviados = cuerpo["multimedia"].as_array().unwrap().clone();
    enviados.sort_by_key(|a| a["uuid_cliente"].as_str().unwrap().to_owned());
    for (a, m) in enviados
        .iter()
        .zip(r.json["multimedia"].as_array().unwrap())
    {
        let mut m = m.clone();
        assert!(m["id"].is_i64());
        for (campo, valor) in [
            ("subido", json!(false)),
            ("estado", json!("pendiente")),
            ("url_subida", json!("/multimedia/tus")),
            ("url", json!(null)),
            ("url_miniatura", json!(null)),
        ] {
            assert_eq!(m.as_object_mut().unwrap().remove(campo), Some(valor));
        }
        m.as_object_mut().unwrap().remove("id");
        assert_eq!(m, *a);
    }
    assert_eq!(get_reporte(sitio, &autor, id).await.json, r.json);
    let uuid = cuerpo["uuid_cliente"].as_str().unwrap();
    let r2 = sitio
        .request("GET", &format!("/reportes/uuid/{uuid}/"))
        .by(&autor)
        .send()
        .await;
    assert_eq!(r2.json, r.json);

    let minimo = sitio.create(&autor, &reporte_in(1)).await.json;
    for campo in ["device_id", "ubicacion", "last_sync_attempt"] {
        assert_eq!(minimo[campo], Value::Null, "{campo}");
    }
    assert_eq!(
        (&minimo["multimedia"], &minimo["sync_status"]),
        (&json!([]), &json!("completo"))
    );
    assert_eq!(minimo["hora_creado"], minimo["hora_sincronizado"]);
}

#[both_databases]
async fn creating_again_is_the_same_reporte(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let cuerpo = complete();
    let primero = sitio.create(&autor, &cuerpo).await;
    let con = |cambios: Value| {
        let mut c = cuerpo.clone();
        c.as_object_mut()
            .unwrap()
            .extend(cambios.as_object().unwrap().clone());
        c
    };
    let mayuscula = cuerpo["uuid_cliente"].as_str().unwrap().to_uppercase();
    let mut al_reves = cuerpo["multimedia"].as_array().unwrap().clone();
    al_reves.reverse();
    for (que, otra) in [
        ("igual", cuerpo.clone()),
        (
            "uuid en mayúsculas",
            con(json!({"uuid_cliente": mayuscula})),
        ),
        (
            "lo que no es contenido",
            con(json!({
                "hora_creado": "2026-04-01T00:00:00Z", "fecha_reporte": null, "device_id": "otro",
                "version_base": 7,
            })),
        ),
        (
            "campos desconocidos",
            con(json!({"estado_id": 2, "rut": 1, "id": 99, "otro": {"x": []}})),
        ),
        (
            "el manifiesto en otro orden",
            con(json!({"multimedia": al_reves})),
        ),
        (
            "el mismo número escrito de otra forma",
            con(json!({
                "ubicacion": {"lat": -33.0, "lon": -7025e-2, "precision_m": 12.50, "referencia": "Nivel 1200"},
            })),
        ),
    ] {
        for ruta in ["/reportes", "/reportes/"] {
            let r = sitio
                .request("POST", ruta)
                .by(&autor)
                .json(&otra)
                .send()
                .await;
            assert_eq!(
                (r.status, r.header("etag")),
                (200, "\"1\""),
                "{que}: {}",
                r.texto
            );
            assert_eq!(
                (r.header("location"), &r.json),
                ("", &primero.json),
                "{que}"
            );
        }
    }
    // Each field of the content counts, and a difference changes nothing.
    for (que, otra) in [
        ("titulo", con(json!({"titulo": "Otro"}))),
        ("descripcion", con(json!({"descripcion": ""}))),
        ("area", con(json!({"area_id": 2}))),
        ("severidad", con(json!({"severidad_id": 1}))),
        ("sin ubicación", con(json!({"ubicacion": null}))),
        (
            "sin referencia",
            con(json!({"ubicacion": {"lat": -33, "lon": -70.25, "precision_m": 12.5}})),
        ),
        ("sin manifiesto", con(json!({"multimedia": null}))),
        ("manifiesto vacío", con(json!({"multimedia": []}))),
        (
            "un archivo menos",
            con(json!({"multimedia": [cuerpo["multimedia"][0]]})),
        ),
    ] {
        let r = sitio
            .create(&autor, &otra)
            .await
            .expect_status(409, "uuid_en_conflicto");
        assert_eq!(r.json["actual"], primero.json, "{que}");
    }
    assert_eq!(
        get_reporte(sitio, &autor, primero.id()).await.json,
        primero.json
    );
    assert_eq!(sitio.bitacora(&autor, primero.id()).await.len(), 1);
}

#[both_databases]
async fn absent_and_null_are_the_same_contenido_and_an_empty_list_is_another(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let sin = reporte_in(1);
    let mut con_null = sin.clone();
    con_null["multimedia"] = Value::Null;
    con_null["ubicacion"] = Value::Null;
    let mut vacia = sin.clone();
    vacia["multimedia"] = json!([]);
    assert_eq!(sitio.create(&autor, &sin).await.status, 201);
    assert_eq!(sitio.create(&autor, &con_null).await.status, 200);
    sitio
        .create(&autor, &vacia)
        .await
        .expect_status(409, "uuid_en_conflicto");
    // The other way round as well.
    for c in [&mut vacia, &mut con_null] {
        c["uuid_cliente"] = uuid().into();
        assert_eq!(sitio.create(&autor, c).await.status, 201);
    }
    con_null["uuid_cliente"] = vacia["uuid_cliente"].clone();
    sitio
        .create(&autor, &con_null)
        .await
        .expect_status(409, "uuid_en_conflicto");
}

/// A phone whose answer was lost sends what it has; what became of it since is no conflict.
#[both_databases]
async fn creating_again_after_everything_is_still_200(sitio: &TestSite) {
    let (autor, jefe, admin) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.administrador().await,
    );
    let cuerpo = complete();
    let id = sitio.create(&autor, &cuerpo).await.id();
    let cambio = json!({"titulo": "Precisado", "ubicacion": null, "version": 1});
    let editado = edit(sitio, &jefe, id, &cambio).send().await;
    assert_eq!(editado.version(), 2);
    let r = sitio.create(&autor, &cuerpo).await;
    assert_eq!(
        (r.status, r.header("etag"), &r.json),
        (200, "\"2\"", &editado.json)
    );
    // The content as it is now is known as well.
    let mut actual = cuerpo.clone();
    actual["titulo"] = "Precisado".into();
    actual["ubicacion"] = Value::Null;
    assert_eq!(sitio.create(&autor, &actual).await.status, 200);

    let decidido = decide(sitio, &jefe, id, "rechazar").send().await;
    let r = sitio.create(&autor, &cuerpo).await;
    assert_eq!((r.status, &r.json), (200, &decidido.json));

    // The catalogue moved on too.
    for ruta in ["/catalogos/areas/1", "/catalogos/severidades/3"] {
        let r = sitio
            .request("PATCH", ruta)
            .by(&admin)
            .json(&json!({"activa": false}))
            .send()
            .await;
        assert_eq!(r.status, 200);
    }
    let r = sitio.create(&autor, &cuerpo).await;
    assert_eq!((r.status, &r.json), (200, &decidido.json), "{}", r.texto);
    let r = sitio
        .request("POST", "/reportes")
        .by(&autor)
        .idempotency_key("k")
        .json(&cuerpo)
        .send()
        .await;
    assert_eq!(r.status, 200, "{}", r.texto);
    assert_eq!(sitio.bitacora(&autor, id).await.len(), 3);
}

#[both_databases]
async fn the_time_is_accepted_with_any_offset_and_the_day_is_that_of_the_faena(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    // Summer time there: UTC−3 until 5 April 2026, then UTC−4.
    for (enviada, hora, dia) in [
        (
            "2026-01-01T02:59:59Z",
            "2026-01-01T02:59:59.000Z",
            "2025-12-31",
        ),
        (
            "2026-01-01T03:00:00Z",
            "2026-01-01T03:00:00.000Z",
            "2026-01-01",
        ),
        (
            "2025-12-31T23:59:59.999999999-03:00",
            "2026-01-01T02:59:59.999Z",
            "2025-12-31",
        ),
        (
            "2026-07-01T03:59:59.9Z",
            "2026-07-01T03:59:59.900Z",
            "2026-06-30",
        ),
        (
            "2026-07-01T09:30:00+05:30",
            "2026-07-01T04:00:00.000Z",
            "2026-07-01",
        ),
        (
            "2026-03-01t12:00:00.1234z",
            "2026-03-01T12:00:00.123Z",
            "2026-03-01",
        ),
        (
            "1970-01-01T00:00:00Z",
            "1970-01-01T00:00:00.000Z",
            "1969-12-31",
        ),
    ] {
        let mut c = reporte_in(1);
        c["hora_creado"] = enviada.into();
        let r = sitio.create(&autor, &c).await;
        assert_eq!(
            (&r.json["hora_creado"], &r.json["fecha_reporte"]),
            (&json!(hora), &json!(dia)),
            "{enviada}"
        );
        // A date that is said stands.
        c["fecha_reporte"] = "2026-05-05".into();
        c["uuid_cliente"] = uuid().into();
        assert_eq!(
            sitio.create(&autor, &c).await.json["fecha_reporte"],
            "2026-05-05"
        );
    }
    // Without a clock of its own, the server's moment in the site's zone.
    let en_el_dia = |hora: i64| hora * 3_600_000 - sitio.store.env().now().0.rem_euclid(86_400_000);
    for (hora_utc, ayer) in [(1, true), (12, false)] {
        sitio.store.env().advance(en_el_dia(hora_utc));
        let autor = sitio.session(autor.quien.clone()).await;
        let r = sitio.create(&autor, &reporte_in(1)).await;
        let utc = r.json["hora_creado"].as_str().unwrap();
        let dia = r.json["fecha_reporte"].as_str().unwrap();
        assert_eq!(dia < &utc[..10], ayer, "{utc} {dia}");
    }
}
