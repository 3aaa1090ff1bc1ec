//! Several at once: one wins, the others are told, and nothing is done twice.

mod claves;
mod permisos;

use serde_json::{Value, json};

use crate::{
    arnes::{Pedido, Persona, Respuesta, Sitio, a_la_vez, cuenta, reporte_en},
    en_ambas,
};

/// All requests at once.
async fn juntos(pedidos: impl IntoIterator<Item = Pedido>) -> Vec<Respuesta> {
    a_la_vez(pedidos.into_iter().map(Pedido::envia)).await
}

fn con(respuestas: &[Respuesta], status: u16) -> Vec<&Respuesta> {
    respuestas.iter().filter(|r| r.status == status).collect()
}

/// The only one that won.
#[track_caller]
fn ganador(respuestas: &[Respuesta], status: u16) -> &Respuesta {
    let ganaron = con(respuestas, status);
    assert_eq!(
        ganaron.len(),
        1,
        "{:?}",
        respuestas.iter().map(|r| r.status).collect::<Vec<_>>()
    );
    ganaron[0]
}

async fn ver(sitio: &Sitio, quien: &Persona, id: i64) -> Value {
    sitio
        .pide("GET", &format!("/reportes/{id}"))
        .como(quien)
        .envia()
        .await
        .json
}

async fn bitacora(sitio: &Sitio, quien: &Persona, id: i64) -> Vec<Value> {
    let r = sitio
        .pide("GET", &format!("/reportes/{id}/bitacora"))
        .como(quien)
        .envia()
        .await;
    r.json["items"].as_array().expect("items").clone()
}

/// `aprobar` or `rechazar`, with its reason.
fn decide(sitio: &Sitio, quien: &Persona, id: i64, como: &str) -> Pedido {
    let cuerpo = json!({"detalle": format!("{como} por {}", quien.rut)});
    sitio
        .pide("POST", &format!("/admin/reportes/{id}/{como}"))
        .como(quien)
        .json(&cuerpo)
}

fn edita(sitio: &Sitio, quien: &Persona, id: i64, cambio: &Value) -> Pedido {
    sitio
        .pide("PUT", &format!("/reportes/{id}"))
        .como(quien)
        .json(cambio)
}

async fn supervisores(sitio: &Sitio, n: usize) -> Vec<Persona> {
    let mut todos = Vec::new();
    for _ in 0..n {
        todos.push(sitio.supervisor(&[1]).await);
    }
    todos
}

en_ambas! {
    async fn treinta_y_dos_creaciones_iguales_son_una(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        for ronda in 1..=i64::try_from(cuenta(40)).unwrap() {
            let cuerpo = reporte_en(1);
            let mayuscula = {
                let mut c = cuerpo.clone();
                c["uuid_cliente"] = c["uuid_cliente"].as_str().unwrap().to_uppercase().into();
                c
            };
            let respuestas = juntos((0..32).map(|i| {
                let (ruta, c) = if i % 2 == 0 { ("/reportes/", &cuerpo) } else { ("/reportes", &mayuscula) };
                sitio.pide("POST", ruta).como(&autor).json(c)
            })).await;
            let creado = ganador(&respuestas, 201);
            assert_eq!(con(&respuestas, 200).len(), 31);
            for r in &respuestas {
                assert_eq!((&r.json, r.header("etag")), (&creado.json, "\"1\""));
                let lugar = if r.status == 201 { format!("/reportes/{}", r.id()) } else { String::new() };
                assert_eq!(r.header("location"), lugar);
            }
            assert_eq!(sitio.bd.entero("SELECT count(*) FROM reportes").await, ronda);
        }
    }

    /// Reports that come in together share a transaction: each hears of itself alone, also when its
    /// twin is in the same one.
    async fn gemelos_entre_otros_que_llegan_juntos(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        for _ in 0..cuenta(40) {
            let pares: Vec<(Value, Value)> = (0..24)
                .map(|i| {
                    let uno = reporte_en(1);
                    let mut otro = uno.clone();
                    if i % 2 == 1 {
                        otro["titulo"] = format!("Otro contenido {i}").into();
                    }
                    (uno, otro)
                })
                .collect();
            let cuerpos = pares.iter().flat_map(|(uno, otro)| [uno, otro]);
            let respuestas = juntos(cuerpos.map(|c| sitio.pide("POST", "/reportes").como(&autor).json(c))).await;
            for (i, ((uno, otro), r)) in pares.iter().zip(respuestas.chunks(2)).enumerate() {
                let creado = ganador(r, 201);
                let (segundo, espera) = if i % 2 == 0 { (200, uno) } else { (409, if r[0].status == 201 { uno } else { otro }) };
                assert_eq!(con(r, segundo).len(), 1, "{i}: {r:?}");
                assert_eq!(creado.json["titulo"], espera["titulo"]);
                assert_eq!(ver(sitio, &autor, creado.id()).await, creado.json);
            }
        }
    }

    async fn de_treinta_y_dos_contenidos_de_un_uuid_entra_uno(sitio: &Sitio) {
        let mut personas = Vec::new();
        for _ in 0..4 {
            personas.push(sitio.trabajador().await);
        }
        for _ in 0..cuenta(40) {
            let base = reporte_en(1);
            let cuerpo = |i: usize| {
                let mut c = base.clone();
                c["titulo"] = format!("Contenido {i}").into();
                c
            };
            let respuestas = juntos((0..32).map(|i| {
                sitio.pide("POST", "/reportes").como(&personas[i % 4]).json(&cuerpo(i))
            })).await;
            let creado = ganador(&respuestas, 201);
            for (i, r) in respuestas.iter().enumerate().filter(|(_, r)| r.status != 201) {
                assert_eq!((r.status, r.codigo()), (409, "uuid_en_conflicto"), "{}", r.texto);
                let suyo = personas[i % 4].rut.cuerpo() == creado.json["rut"];
                assert_eq!(r.json.get("actual"), suyo.then_some(&creado.json), "{}", r.texto);
                assert!(suyo || !r.texto.contains("Contenido"), "{}", r.texto);
            }
            // A stranger who sends the very same content is a stranger still.
            let gano = respuestas.iter().position(|r| r.status == 201).unwrap();
            let r = sitio.crea(&personas[(gano + 1) % 4], &cuerpo(gano)).await;
            assert!(r.espera(409, "uuid_en_conflicto").json.get("actual").is_none());
            let r = sitio.crea(&personas[gano % 4], &cuerpo(gano)).await;
            assert_eq!((r.status, &r.json), (200, &creado.json));
        }
    }

    async fn de_dos_o_dieciseis_que_deciden_gana_uno(sitio: &Sitio) {
        let (autor, jefes) = (sitio.trabajador().await, supervisores(sitio, 16).await);
        for ronda in 0..cuenta(40) {
            let n = if ronda % 2 == 0 { 2 } else { 16 };
            let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
            let como = |i: usize| if (i + ronda / 2).is_multiple_of(2) { "aprobar" } else { "rechazar" };
            let respuestas = juntos((0..n).map(|i| decide(sitio, &jefes[i], id, como(i)))).await;
            let gano = ganador(&respuestas, 200);
            for r in con(&respuestas, 409) {
                assert_eq!(r.codigo(), "transicion_no_permitida");
            }
            assert_eq!(con(&respuestas, 409).len(), n - 1);

            let i = respuestas.iter().position(|r| r.status == 200).unwrap();
            let entradas = bitacora(sitio, &jefes[i], id).await;
            assert_eq!(entradas.len(), 2);
            assert_eq!(entradas[1]["rut"], jefes[i].rut.cuerpo());
            assert_eq!(entradas[1]["detalle"], format!("{} por {}", como(i), jefes[i].rut));
            assert_eq!(gano.json["estado_id"], if como(i) == "aprobar" { 2 } else { 3 });

            // The winner again, many times at once, with the version of then as well: as before.
            let viejo = json!({"detalle": "otra vez", "version": 1});
            let otra_vez = juntos((0..8).map(|k| {
                let pedido = decide(sitio, &jefes[i], id, como(i));
                if k % 2 == 0 { pedido } else { pedido.json(&viejo) }
            })).await;
            assert!(otra_vez.iter().all(|r| r.status == 200 && r.json == gano.json));
            decide(sitio, &jefes[i], id, como(i + 1)).envia().await.espera(409, "transicion_no_permitida");
            assert_eq!(bitacora(sitio, &autor, id).await, entradas);
            assert_eq!(ver(sitio, &autor, id).await, gano.json);
        }
    }

    async fn de_dos_ediciones_de_una_version_gana_una(sitio: &Sitio) {
        let (autor, jefes) = (sitio.trabajador().await, supervisores(sitio, 16).await);
        for ronda in 0..cuenta(40) {
            let n = if ronda % 2 == 0 { 2 } else { 16 };
            let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
            let respuestas = juntos((0..n).map(|i| {
                let mut cambio = json!({"titulo": format!("Edición {i}")});
                if i % 2 == 0 {
                    cambio["version"] = 1.into();
                    edita(sitio, &jefes[i], id, &cambio)
                } else {
                    edita(sitio, &jefes[i], id, &cambio).si_version(1)
                }
            })).await;
            let gano = ganador(&respuestas, 200);
            assert_eq!((gano.version(), gano.header("etag")), (2, "\"2\""));
            assert_eq!(con(&respuestas, 412).len(), n - 1);
            for r in con(&respuestas, 412) {
                assert_eq!((r.codigo(), &r.json["actual"]), ("version_desfasada", &gano.json));
            }
            assert_eq!(ver(sitio, &autor, id).await, gano.json);
            assert_eq!(bitacora(sitio, &autor, id).await.len(), 2);
        }
    }

    async fn el_propio_cambio_enviado_de_nuevo_no_escribe_nada(sitio: &Sitio) {
        let (autor, jefe, otro) =
            (sitio.trabajador().await, sitio.supervisor(&[1, 2]).await, sitio.supervisor(&[1, 2]).await);
        let mover = json!({"titulo": "Otro título", "area_id": 2, "ubicacion": {"lat": -33, "lon": -70.5}});
        for cambio in [
            json!({"titulo": "Otro título"}), json!({"descripcion": null}), json!({"ubicacion": {"lat": 1, "lon": 2}}),
            json!({"severidad_id": 1, "detalle": "no es tan grave"}), mover,
        ] {
            let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
            let pedidos = || edita(sitio, &jefe, id, &cambio).si_version(1);
            // The same change many times at once is one change.
            for r in juntos((0..8).map(|_| pedidos())).await {
                assert_eq!((r.status, r.version()), (200, 2), "{}", r.texto);
            }
            edita(sitio, &otro, id, &cambio).si_version(1).envia().await.espera(412, "version_desfasada");

            // Others change it, the very same field too, and decide.
            let r = edita(sitio, &otro, id, &json!({"titulo": "De otro", "version": 2})).envia().await;
            assert_eq!(r.version(), 3);
            let r = decide(sitio, &otro, id, "aprobar").envia().await;
            assert_eq!(r.version(), 4);
            let antes = (ver(sitio, &autor, id).await, bitacora(sitio, &autor, id).await);
            let r = pedidos().envia().await;
            assert_eq!((r.status, &r.json), (200, &antes.0), "{}", r.texto);
            // From another version, or to other values, it is another change.
            edita(sitio, &jefe, id, &cambio).si_version(2).envia().await.espera(412, "version_desfasada");
            let distinto = json!({"titulo": "Distinto", "version": 1});
            edita(sitio, &jefe, id, &distinto).envia().await.espera(412, "version_desfasada");
            assert_eq!((ver(sitio, &autor, id).await, bitacora(sitio, &autor, id).await), antes);
        }
    }

    async fn decidir_por_put_y_otra_vez_no_escribe_nada(sitio: &Sitio) {
        let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let decision = json!({"estado_id": 3, "severidad_id": 1, "detalle": "no corresponde", "version": 1});
        for r in juntos((0..8).map(|_| edita(sitio, &jefe, id, &decision))).await {
            assert_eq!((r.status, r.version(), r.json["estado"].as_str()), (200, 2, Some("Rechazado")));
        }
        assert_eq!(bitacora(sitio, &autor, id).await.len(), 2);
    }

    /// Edit, decision and withdrawal of the same version: each order of them leaves a history that
    /// could have happened one after another.
    async fn cambios_distintos_a_la_vez_son_uno_tras_otro(sitio: &Sitio) {
        let (autor, jefe, admin) =
            (sitio.trabajador().await, sitio.supervisor(&[1]).await, sitio.administrador().await);
        for _ in 0..cuenta(60) {
            let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
            let retira = sitio.pide("DELETE", &format!("/reportes/{id}")).como(&admin);
            let r = juntos([
                edita(sitio, &autor, id, &json!({"titulo": "Del autor"})).si_version(1),
                decide(sitio, &jefe, id, "aprobar"),
                retira.json(&json!({"detalle": "de prueba", "version": 1})),
            ]).await;
            let estados = (r[0].status, r[1].status, r[2].status);
            // The decision names no version, so only a withdrawal stops it.
            let posibles = [(200, 200, 412), (412, 200, 412), (410, 410, 204)];
            assert!(posibles.contains(&estados), "{estados:?}");
            let escritas = 1 + r.iter().filter(|r| r.status < 300).count();
            assert_eq!(bitacora(sitio, &autor, id).await.len(), escritas, "{estados:?}");
        }
    }
}
