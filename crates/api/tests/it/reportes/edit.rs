//! `PUT /reportes/{id}` and decisions: what changes, against which version, and until when.

use serde_json::{Value, json};

use super::{decide, edit, error_codes, get_reporte};
use sigra_testkit::{TestSite, both_databases, reporte_in};

#[both_databases]
async fn absent_fields_stay_the_same_and_null_clears(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let mut cuerpo = reporte_in(1);
    cuerpo["ubicacion"] =
        json!({"lat": -33, "lon": -70.5, "precision_m": 3, "referencia": "Nivel 1"});
    let mut actual = sitio.create(&autor, &cuerpo).await.json;
    let id = actual["id"].as_i64().unwrap();
    let lugar = json!({"lat": 0.0, "lon": 1.5, "precision_m": null, "referencia": null});
    for (version, (quien, cambio, queda)) in [
        (&autor, json!({"titulo": "Otro"}), json!({"titulo": "Otro"})),
        (
            &autor,
            json!({"descripcion": null}),
            json!({"descripcion": null}),
        ),
        (
            &jefe,
            json!({"descripcion": ""}),
            json!({"descripcion": ""}),
        ),
        // A location is one value: what it does not say is null.
        (
            &jefe,
            json!({"ubicacion": {"lat": 0, "lon": 1.5}}),
            json!({"ubicacion": lugar}),
        ),
        (
            &jefe,
            json!({"ubicacion": null, "severidad_id": 1}),
            json!({"ubicacion": null, "severidad_id": 1, "severidad": "Baja"}),
        ),
        // All that a report has besides is fixed at its creation.
        (
            &jefe,
            json!({"titulo": "Tres", "rut": 1, "uuid_cliente": "x", "fecha_reporte": "2020-01-01",
                    "hora_creado": "x", "device_id": "x", "multimedia": "x", "otro": 1,
                    "sync_status": "conflicto"}),
            json!({"titulo": "Tres"}),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut sent = cambio.clone();
        sent["version"] = json!(version + 1);
        let r = edit(sitio, quien, id, &sent).send().await;
        assert_eq!(r.status, 200, "{cambio}: {}", r.texto);
        let antes = actual.clone();
        actual
            .as_object_mut()
            .unwrap()
            .extend(queda.as_object().unwrap().clone());
        actual["version"] = json!(version + 2);
        for campo in ["sha256_contenido", "hora_actualizado"] {
            assert_ne!(r.json[campo], antes[campo], "{campo}");
            actual[campo] = r.json[campo].clone();
        }
        assert_eq!(r.json, actual, "{cambio}");
        assert_eq!(r.header("etag"), format!("\"{}\"", version + 2));
        assert_eq!(get_reporte(sitio, &autor, id).await.json, actual);
        let entrada = sitio.bitacora(&autor, id).await.pop().unwrap();
        assert_eq!(
            (&entrada["rut"], &entrada["accion"]),
            (&json!(quien.rut), &json!("editar"))
        );
        // Each field that changed, before and after, and no other.
        let cambiaron = |v: &Value| -> Vec<String> {
            v.as_object()
                .unwrap()
                .keys()
                .filter(|k| *k != "sha256_contenido")
                .cloned()
                .collect()
        };
        for (campo, valor) in [("antes", &antes), ("despues", &actual)] {
            // In canonical JSON, where -33.0 is -33.
            let canonico = |v: &Value| serde_json_canonicalizer::to_string(v).unwrap();
            for k in cambiaron(&entrada[campo]) {
                assert_eq!(
                    canonico(&entrada[campo][&k]),
                    canonico(&valor[&k]),
                    "{campo} {k}"
                );
            }
            let mut esperados = cambiaron(&queda);
            esperados.retain(|k| k != "severidad");
            esperados.sort();
            assert_eq!(cambiaron(&entrada[campo]), esperados, "{cambio}");
        }
    }
    for (cambio, campo, codigo) in [
        (json!({"titulo": null}), "titulo", "requerido"),
        (json!({"area_id": null}), "area_id", "requerido"),
        (json!({"severidad_id": null}), "severidad_id", "requerido"),
        (json!({"estado_id": null}), "estado_id", "requerido"),
        (json!({"titulo": " "}), "titulo", "largo"),
        (json!({"titulo": 5}), "titulo", "tipo"),
        (json!({"area_id": 99}), "area_id", "no_existe"),
        (json!({"estado_id": 9}), "estado_id", "no_existe"),
        (
            json!({"ubicacion": {"lat": 91, "lon": 0}}),
            "ubicacion.lat",
            "rango",
        ),
        (json!({"ubicacion": []}), "ubicacion", "tipo"),
        (json!({"version": "7"}), "version", "tipo"),
        (json!({"detalle": ""}), "detalle", "largo"),
    ] {
        let r = edit(sitio, &jefe, id, &cambio)
            .if_match(7)
            .send()
            .await
            .expect_status(422, "datos_invalidos");
        assert_eq!(error_codes(&r), [(campo, codigo)], "{cambio}");
    }
    assert_eq!(get_reporte(sitio, &autor, id).await.json, actual);
}

#[both_databases]
async fn a_change_requires_the_version_that_was_seen(sitio: &TestSite) {
    let (autor, jefe, admin) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.administrador().await,
    );
    for (if_match, version, status) in [
        (None, None, 428),
        (None, Some(json!(null)), 428),
        (None, Some(json!(1)), 200),
        (Some("\"1\""), None, 200),
        (Some("\"1\""), Some(json!(1)), 200),
        (None, Some(json!(2)), 412),
        (None, Some(json!(0)), 412),
        (None, Some(json!(-1)), 412),
        (Some("\"2\""), None, 412),
        (Some("\"2\""), Some(json!(1)), 412),
        (Some("\"1\""), Some(json!(2)), 412),
        (Some("W/\"1\""), None, 412),
        (Some("1"), None, 412),
        (Some(""), None, 412),
    ] {
        let creado = sitio.reporte(&autor, 1).await;
        let id = creado["id"].as_i64().unwrap();
        let que = format!("{if_match:?} {version:?}");
        // A decision needs no version, and one that is said must be the current one.
        for (quien, metodo, ruta, bien) in [
            (&jefe, "POST", format!("/admin/reportes/{id}/aprobar"), 200),
            (&autor, "PUT", format!("/reportes/{id}"), 200),
            (&admin, "DELETE", format!("/reportes/{id}"), 204),
        ] {
            if metodo == "POST" && status != 412 {
                continue;
            }
            let mut cuerpo = json!({"titulo": "Otro", "detalle": "porque sí"});
            if let Some(v) = &version {
                cuerpo["version"] = v.clone();
            }
            let mut pedido = sitio.request(metodo, &ruta).by(quien).json(&cuerpo);
            if let Some(t) = if_match {
                pedido = pedido.header("if-match", t);
            }
            let r = pedido.send().await;
            match status {
                200 => {
                    assert_eq!(r.status, bien, "{metodo} {que}: {}", r.texto);
                    break;
                }
                412 => {
                    let r = r.expect_status(412, "version_desfasada");
                    assert_eq!(r.json["actual"], creado, "{metodo} {que}");
                }
                _ => drop(r.expect_status(428, "falta_version")),
            }
        }
        let quedo = if status == 200 { 2 } else { 1 };
        assert_eq!(
            get_reporte(sitio, &autor, id).await.version(),
            quedo,
            "{que}"
        );
    }
}

#[both_databases]
async fn an_edit_that_changes_nothing_writes_nothing(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let creado = sitio.reporte(&autor, 1).await;
    let id = creado["id"].as_i64().unwrap();
    for cambio in [
        json!({}),
        json!({"detalle": "nada"}),
        json!({"estado_id": 1}),
        json!({"titulo": creado["titulo"]}),
        json!({"ubicacion": null, "area_id": 1, "severidad_id": 3, "descripcion": creado["descripcion"]}),
    ] {
        for quien in [&autor, &jefe] {
            let r = edit(sitio, quien, id, &cambio).if_match(1).send().await;
            assert_eq!((r.status, &r.json), (200, &creado), "{cambio}");
        }
    }
    assert_eq!(sitio.bitacora(&autor, id).await.len(), 1);
}

#[both_databases]
async fn what_is_decided_can_no_longer_be_changed(sitio: &TestSite) {
    let (autor, jefe, admin) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.administrador().await,
    );
    for (como, estado, nombre) in [("aprobar", 2, "Aprobado"), ("rechazar", 3, "Rechazado")] {
        let creado = sitio.reporte(&autor, 1).await;
        let id = creado["id"].as_i64().unwrap();
        let r = decide(sitio, &jefe, id, como).send().await;
        let mut esperado = creado.clone();
        esperado["estado_id"] = estado.into();
        esperado["estado"] = nombre.into();
        esperado["version"] = 2.into();
        esperado["hora_actualizado"] = r.json["hora_actualizado"].clone();
        assert_eq!((r.status, &r.json), (200, &esperado));
        let ultima = sitio.bitacora(&autor, id).await.pop().unwrap();
        assert_eq!(ultima["accion"], "cambiar_estado");
        assert_eq!(ultima["detalle"], "visto en terreno");
        assert_eq!(
            ultima["antes"],
            json!({"estado_id": 1, "decidido_en": null, "a_tiempo": null})
        );
        let decidido_en = &ultima["en"];
        assert_eq!(
            ultima["despues"],
            json!({"estado_id": estado, "decidido_en": decidido_en, "a_tiempo": true})
        );

        let otro = 5 - estado;
        for quien in [&autor, &jefe, &admin] {
            for cambio in [
                json!({"titulo": "Otro"}),
                json!({"descripcion": null}),
                json!({"area_id": 2}),
                json!({"severidad_id": 1}),
                json!({"ubicacion": {"lat": 0, "lon": 0}}),
                json!({"titulo": "Otro", "estado_id": otro}),
            ] {
                let r = edit(sitio, quien, id, &cambio).if_match(2).send().await;
                assert_eq!((r.status, r.code()), (409, "reporte_decidido"), "{cambio}");
            }
            // Saying what is so already is no change.
            let igual = json!({"titulo": creado["titulo"], "estado_id": estado, "version": 2});
            assert_eq!(edit(sitio, quien, id, &igual).send().await.json, esperado);
        }
        for quien in [&jefe, &admin] {
            for hacia in [1, otro] {
                let r = edit(sitio, quien, id, &json!({"estado_id": hacia}))
                    .if_match(2)
                    .send()
                    .await;
                r.expect_status(409, "transicion_no_permitida");
            }
        }
        let (contrario, sin_motivo) = if como == "aprobar" {
            ("rechazar", 422)
        } else {
            ("aprobar", 409)
        };
        decide(sitio, &admin, id, contrario)
            .send()
            .await
            .expect_status(409, "transicion_no_permitida");
        let r = decide(sitio, &admin, id, contrario)
            .json(&json!({}))
            .send()
            .await;
        assert_eq!(r.status, sin_motivo);
        assert_eq!(get_reporte(sitio, &autor, id).await.json, esperado);
        assert_eq!(sitio.bitacora(&autor, id).await.len(), 2);
    }
}

#[both_databases]
async fn an_edit_may_decide_and_correct_at_once(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    let cambio = json!({"estado_id": 2, "area_id": 2, "severidad_id": 1, "detalle": "es de Carga", "version": 1});
    let r = edit(sitio, &jefe, id, &cambio).send().await;
    assert_eq!((r.status, r.version()), (200, 2), "{}", r.texto);
    for (campo, nombre) in [
        ("estado", "Aprobado"),
        ("area", "Carga y Transporte"),
        ("severidad", "Baja"),
    ] {
        assert_eq!(r.json[campo], nombre);
    }
    let entradas = sitio.bitacora(&autor, id).await;
    assert_eq!(
        (entradas.len(), &entradas[1]["accion"]),
        (2, &json!("cambiar_estado"))
    );
    assert_eq!(entradas[1]["detalle"], "es de Carga");
    // With its area it left the supervisor's view.
    get_reporte(sitio, &jefe, id)
        .await
        .expect_status(404, "no_encontrado");
}
