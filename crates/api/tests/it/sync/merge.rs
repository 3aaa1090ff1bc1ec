//! Every field, changed by nobody, the phone, the server, both alike or both differently, in a report
//! that is pending or decided, sent by its author or by somebody else.

use serde_json::{Value, json};

use super::batch::{send_one, with};
use sigra_testkit::{Persona, TestSite, both_databases, reporte_in};

const FIELDS: [&str; 6] = [
    "titulo",
    "descripcion",
    "area_id",
    "severidad_id",
    "ubicacion",
    "multimedia",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChangedBy {
    Nadie,
    Telefono,
    Servidor,
    Igual,
    Distinto,
}
use ChangedBy::{Distinto, Igual, Nadie, Servidor, Telefono};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quien {
    Autor,
    Supervisora,
    Ajeno,
}

fn archivo(n: u32, nombre: &str) -> Value {
    json!({"uuid_cliente": format!("0b54a1cc-76c1-4c70-9a3e-0a3d0a8f5b{n:02}"), "nombre": nombre,
        "tipo": "image/jpeg", "bytes": 5, "sha256": "9".repeat(64)})
}

fn base() -> Value {
    with(
        &reporte_in(1),
        &json!({
            "ubicacion": {"lat": -33.5, "lon": -70, "precision_m": null, "referencia": "Nivel 1200"},
            "multimedia": [archivo(1, "roca.jpg")],
        }),
    )
}

/// Another value of a field; two of them differ.
fn other_value(campo: &str, v: u32) -> Value {
    match campo {
        "titulo" | "descripcion" => json!(format!("otra {v}")),
        "area_id" => json!(1 + v),
        "severidad_id" => json!(v),
        "ubicacion" => json!({"lat": -33, "lon": v, "precision_m": 2.5, "referencia": null}),
        // A file described in two ways can't be merged; one that only one side has, can.
        _ => json!([archivo(1, "roca.jpg"), archivo(2, &format!("{v}.jpg"))]),
    }
}

/// What a report holds, as it was sent.
fn contenido(v: &Value) -> Value {
    let mut c: Value = FIELDS
        .iter()
        .map(|c| ((*c).to_owned(), v[*c].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for archivo in c["multimedia"].as_array_mut().into_iter().flatten() {
        let campos = ["uuid_cliente", "nombre", "tipo", "bytes", "sha256"];
        let solo = campos.map(|c| (c.to_owned(), archivo[c].clone()));
        *archivo = solo.into_iter().collect::<serde_json::Map<_, _>>().into();
    }
    c
}

/// As numbers and nulls are compared on the wire.
fn is_same(a: &Value, b: &Value) -> bool {
    let llano = |v: &Value| sigra_domain::bitacora::to_canonical_json(v).expect("JSON");
    llano(&contenido(a)) == llano(&contenido(b))
}

/// What the contract says becomes of it: the result, the version, and whether the server's content stays.
fn expected_outcome(
    campo: &str,
    cambio: ChangedBy,
    decidido: bool,
    quien: Quien,
) -> (&'static str, i64, bool) {
    let v = 1 + i64::from(matches!(cambio, Servidor | Igual | Distinto)) + i64::from(decidido);
    if quien != Quien::Autor {
        return ("rechazado", v, true);
    }
    match cambio {
        Nadie | Igual => ("duplicado", v, true),
        // The manifest only grows: to have fewer files is no change.
        Servidor if campo == "multimedia" => ("duplicado", v, true),
        Telefono if !decidido => ("actualizado", v + 1, false),
        // What asks for nothing is good also when all is decided.
        Servidor => ("fusionado", v, true),
        Telefono | Distinto => ("conflicto", v + 1, true),
    }
}

struct Fixture<'a> {
    sitio: &'a TestSite,
    autor: Persona,
    jefa: Persona,
    ajeno: Persona,
}

impl Fixture<'_> {
    async fn get_reporte(&self, id: &Value) -> Value {
        self.sitio
            .request("GET", &format!("/reportes/{id}"))
            .by(&self.autor)
            .send()
            .await
            .expect_status(200, "")
            .json
    }

    /// A change that does not come from the phone in question.
    async fn update(&self, id: &Value, nuevo: &Value, campo: &str, valor: &Value) {
        if campo == "multimedia" {
            let item = with(nuevo, &json!({"multimedia": valor, "version_base": 1}));
            assert_eq!(
                send_one(self.sitio, &self.autor, &item).await["resultado"],
                "actualizado"
            );
        } else {
            let cambio = json!({campo: valor, "version": 1});
            let pedido = self
                .sitio
                .request("PUT", &format!("/reportes/{id}"))
                .by(&self.jefa);
            pedido.json(&cambio).send().await.expect_status(200, "");
        }
    }

    async fn run_case(&self, campo: &str, cambio: ChangedBy, decidido: bool, quien: Quien) {
        let que = format!("{campo} {cambio:?} decidido={decidido} {quien:?}");
        let nuevo = base();
        let id = send_one(self.sitio, &self.autor, &nuevo).await["id"].clone();
        let del_telefono = if matches!(cambio, Telefono | Igual | Distinto) {
            other_value(campo, 1)
        } else {
            nuevo[campo].clone()
        };
        match cambio {
            Servidor | Igual => {
                self.update(&id, &nuevo, campo, &other_value(campo, 1))
                    .await;
            }
            Distinto => {
                self.update(&id, &nuevo, campo, &other_value(campo, 2))
                    .await;
            }
            Nadie | Telefono => {}
        }
        if decidido {
            let pedido = self
                .sitio
                .request("POST", &format!("/admin/reportes/{id}/aprobar"))
                .by(&self.jefa);
            pedido.json(&json!({})).send().await.expect_status(200, "");
        }
        let antes = self.get_reporte(&id).await;
        let item = with(&nuevo, &json!({campo: del_telefono, "version_base": 1}));
        let persona = match quien {
            Quien::Autor => &self.autor,
            Quien::Supervisora => &self.jefa,
            Quien::Ajeno => &self.ajeno,
        };
        let r = send_one(self.sitio, persona, &item).await;
        let (resultado, version, queda) = expected_outcome(campo, cambio, decidido, quien);
        assert_eq!(r["resultado"], resultado, "{que}: {r}");
        let despues = self.get_reporte(&id).await;
        assert_eq!(despues["version"], version, "{que}: {r}");
        assert!(
            is_same(&despues, if queda { &antes } else { &item }),
            "{que}: {despues}"
        );
        self.bitacora(&id, &despues, &que).await;
        if resultado == "rechazado" {
            assert_eq!(r["error"]["codigo"], "uuid_en_conflicto", "{que}");
            assert!(
                r.get("id").is_none() && r.get("actual").is_none(),
                "{que}: {r}"
            );
            return;
        }
        // The author's other phone had sent the very same: it is told what that one produced.
        let de_otro = campo == "multimedia" && cambio == Igual;
        let producida = if de_otro { 2 } else { version };
        assert_eq!(
            (&r["version"], &r["id"]),
            (&json!(producida), &id),
            "{que}: {r}"
        );
        let con_actual = matches!(resultado, "fusionado" | "conflicto") || producida != version;
        assert_eq!(r["actual"].is_object(), con_actual, "{que}: {r}");
        let estado = if resultado == "conflicto" {
            "conflicto"
        } else {
            "multimedia_pendiente"
        };
        assert_eq!(despues["sync_status"], estado, "{que}");
        if resultado == "conflicto" {
            let campos: Vec<&Value> = r["campos"]
                .as_array()
                .unwrap()
                .iter()
                .map(|c| &c["campo"])
                .collect();
            assert_eq!(campos, [campo], "{que}");
            if campo != "ubicacion" && campo != "multimedia" {
                let lados = json!({"campo": campo, "base": nuevo[campo], "servidor": antes[campo], "cliente": item[campo]});
                assert_eq!(r["campos"][0], lados, "{que}");
            }
        }
        // Sent again it is the same, and nothing is written.
        let otra_vez = send_one(self.sitio, &self.autor, &item).await;
        let esperado = if resultado == "conflicto" {
            "conflicto"
        } else {
            "duplicado"
        };
        assert_eq!(otra_vez["resultado"], esperado, "{que}: {otra_vez}");
        assert_eq!(
            (&otra_vez["version"], &otra_vez["conflicto_id"]),
            (&r["version"], &r["conflicto_id"]),
            "{que}"
        );
        // Whoever lost the answer does not know what else the report holds.
        assert_eq!(otra_vez["actual"], r["actual"], "{que}");
        assert_eq!(self.get_reporte(&id).await["version"], version, "{que}");
    }

    /// The last entry made this version, and its hash is of this content.
    async fn bitacora(&self, id: &Value, reporte: &Value, que: &str) {
        let ruta = format!("/reportes/{id}/bitacora");
        let r = self
            .sitio
            .request("GET", &ruta)
            .by(&self.autor)
            .send()
            .await
            .expect_status(200, "")
            .json;
        let ultima = r["items"].as_array().unwrap().last().unwrap();
        assert_eq!(ultima["version"], reporte["version"], "{que}");
        let texto = sigra_domain::bitacora::to_canonical_json(&contenido(reporte)).expect("JSON");
        assert_eq!(
            reporte["sha256_contenido"],
            sigra_domain::sha256_hex(texto.as_bytes()),
            "{que}"
        );
    }
}

async fn set_up(sitio: &TestSite) -> Fixture<'_> {
    Fixture {
        sitio,
        autor: sitio.trabajador().await,
        jefa: sitio.supervisor(&[1, 2, 3]).await,
        ajeno: sitio.trabajador().await,
    }
}

#[both_databases]
async fn each_field_by_each_change_estado_and_persona(sitio: &TestSite) {
    let escena = set_up(sitio).await;
    for campo in FIELDS {
        for cambio in [Nadie, Telefono, Servidor, Igual, Distinto] {
            for decidido in [false, true] {
                for quien in [Quien::Autor, Quien::Supervisora, Quien::Ajeno] {
                    escena.run_case(campo, cambio, decidido, quien).await;
                }
            }
        }
    }
}

#[both_databases]
async fn a_base_several_versions_back_still_merges(sitio: &TestSite) {
    let e = set_up(sitio).await;
    let nuevo = base();
    let id = send_one(sitio, &e.autor, &nuevo).await["id"].clone();
    let ruta = format!("/reportes/{id}");
    // The title went away and came back: against version 1 it did not change.
    for (version, cambio) in [
        (1, json!({"titulo": "X"})),
        (2, json!({"severidad_id": 1})),
        (3, json!({"titulo": nuevo["titulo"]})),
    ] {
        let cambio = with(&cambio, &json!({"version": version}));
        sitio
            .request("PUT", &ruta)
            .by(&e.jefa)
            .json(&cambio)
            .send()
            .await
            .expect_status(200, "");
    }
    let item = with(
        &nuevo,
        &json!({"titulo": "del teléfono", "version_base": 1}),
    );
    let r = send_one(sitio, &e.autor, &item).await;
    assert_eq!(
        (&r["resultado"], &r["version"]),
        (&json!("fusionado"), &json!(5)),
        "{r}"
    );
    assert_eq!(
        (&r["actual"]["titulo"], &r["actual"]["severidad_id"]),
        (&json!("del teléfono"), &json!(1))
    );
    // Against version 2 somebody changed it since.
    let item = with(
        &nuevo,
        &json!({"titulo": "tarde", "severidad_id": 3, "version_base": 2}),
    );
    let r = send_one(sitio, &e.autor, &item).await;
    assert_eq!(
        r["campos"][0],
        json!({"campo": "titulo", "base": "X", "servidor": "del teléfono", "cliente": "tarde"}),
        "{r}"
    );
    for base in [json!(null), json!(0), json!(99)] {
        let item = with(
            &nuevo,
            &json!({"titulo": format!("sin base {base}"), "version_base": base}),
        );
        let r = send_one(sitio, &e.autor, &item).await;
        assert_eq!(r["resultado"], "conflicto", "{base}: {r}");
        assert!(
            r["campos"]
                .as_array()
                .unwrap()
                .iter()
                .all(|c| c["base"].is_null()),
            "{r}"
        );
    }
    // New, whatever its base.
    for base in [json!(null), json!(0), json!(99)] {
        let r = send_one(
            sitio,
            &e.autor,
            &with(&reporte_in(1), &json!({"version_base": base})),
        )
        .await;
        assert_eq!(
            (&r["resultado"], &r["version"]),
            (&json!("creado"), &json!(1)),
            "{r}"
        );
    }
}

/// To leave the place out and to clear it are two edits, though their contents have one hash.
#[both_databases]
async fn clearing_the_ubicacion_is_not_leaving_it_out(sitio: &TestSite) {
    let e = set_up(sitio).await;
    let nuevo = base();
    let id = send_one(sitio, &e.autor, &nuevo).await["id"].clone();
    let mut sin = with(&nuevo, &json!({"version_base": 1}));
    sin.as_object_mut().unwrap().remove("ubicacion");
    for _ in 0..2 {
        assert_eq!(
            send_one(sitio, &e.autor, &sin).await["resultado"],
            "duplicado"
        );
    }
    let borrada = with(&sin, &json!({"ubicacion": null}));
    let r = send_one(sitio, &e.autor, &borrada).await;
    assert_eq!(r["resultado"], "actualizado", "{r}");
    assert!(e.get_reporte(&id).await["ubicacion"].is_null());
    for (item, version) in [(&borrada, 2), (&sin, 1), (&nuevo, 1)] {
        let r = send_one(sitio, &e.autor, item).await;
        assert_eq!(
            (&r["resultado"], &r["version"]),
            (&json!("duplicado"), &json!(version)),
            "{r}"
        );
    }
    assert!(e.get_reporte(&id).await["ubicacion"].is_null());
}

/// A phone sends back what it received.
#[both_databases]
async fn a_descripcion_somebody_deleted_does_not_block_the_phone(sitio: &TestSite) {
    let e = set_up(sitio).await;
    let nuevo = base();
    let id = send_one(sitio, &e.autor, &nuevo).await["id"].clone();
    let borra = json!({"descripcion": null, "version": 1});
    sitio
        .request("PUT", &format!("/reportes/{id}"))
        .by(&e.autor)
        .json(&borra)
        .send()
        .await
        .expect_status(200, "");
    let edicion = with(
        &nuevo,
        &json!({"descripcion": null, "titulo": "Otro", "version_base": 2}),
    );
    let r = send_one(sitio, &e.autor, &edicion).await;
    assert_eq!(r["resultado"], "actualizado", "{r}");
    let leido = e.get_reporte(&id).await;
    assert_eq!(
        (&leido["titulo"], &leido["descripcion"]),
        (&json!("Otro"), &Value::Null)
    );
}

/// Further back than is read, an edit is as one that names no version: nobody's change is lost.
#[both_databases]
async fn a_very_old_base_is_a_conflicto(sitio: &TestSite) {
    let e = set_up(sitio).await;
    let nuevo = base();
    let id = send_one(sitio, &e.autor, &nuevo).await["id"].clone();
    for desde in (1..=210_i64).step_by(70) {
        let ediciones: Vec<Value> = (desde..desde + 70)
            .map(|v| {
                with(
                    &nuevo,
                    &json!({"titulo": format!("Título {v}"), "version_base": v}),
                )
            })
            .collect();
        sitio.push_batch(&e.autor, &ediciones).await;
    }
    assert_eq!(e.get_reporte(&id).await["version"], 211);
    let otra = |version, severidad| {
        with(
            &nuevo,
            &json!({"titulo": format!("Título {}", version - 1),
            "severidad_id": severidad, "version_base": version}),
        )
    };
    let r = send_one(sitio, &e.autor, &otra(11, 1)).await;
    assert_eq!(r["resultado"], "fusionado", "{r}");
    let r = send_one(sitio, &e.autor, &otra(11, 2)).await;
    assert_eq!(r["resultado"], "conflicto", "{r}");
    let leido = e.get_reporte(&id).await;
    assert_eq!(
        (&leido["titulo"], &leido["severidad_id"]),
        (&json!("Título 210"), &json!(1))
    );
}

#[both_databases]
async fn absent_fields_stay_and_null_clears(sitio: &TestSite) {
    let e = set_up(sitio).await;
    let nuevo = base();
    let id = send_one(sitio, &e.autor, &nuevo).await["id"].clone();
    let mut sin = with(&nuevo, &json!({"titulo": "Sin más", "version_base": 1}));
    for campo in ["ubicacion", "multimedia"] {
        sin.as_object_mut().unwrap().remove(campo);
    }
    let r = send_one(sitio, &e.autor, &sin).await;
    assert_eq!(r["resultado"], "actualizado");
    assert!(r["actual"]["ubicacion"].is_object(), "{r}");
    let leido = e.get_reporte(&id).await;
    assert!(
        leido["ubicacion"].is_object() && leido["multimedia"].as_array().unwrap().len() == 1,
        "{leido}"
    );
    let sin = with(
        &sin,
        &json!({"ubicacion": null, "multimedia": [], "version_base": 2}),
    );
    // What stayed is part of what the next edit is made from: it is told.
    assert_eq!(
        send_one(sitio, &e.autor, &sin).await["resultado"],
        "actualizado"
    );
    let leido = e.get_reporte(&id).await;
    assert!(
        leido["ubicacion"].is_null() && leido["multimedia"].as_array().unwrap().len() == 1,
        "{leido}"
    );
    // Each phone adds a file; both stay, and each has its id.
    let con_otros = |n, base| {
        with(
            &sin,
            &json!({"multimedia": [archivo(n, "x.jpg")], "version_base": base}),
        )
    };
    assert_eq!(
        send_one(sitio, &e.autor, &con_otros(3, 3)).await["resultado"],
        "actualizado"
    );
    let r = send_one(sitio, &e.autor, &con_otros(4, 3)).await;
    assert_eq!(r["resultado"], "fusionado", "{r}");
    let ids: Vec<i64> = r["multimedia"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["id"].as_i64().unwrap())
        .collect();
    assert!(ids.len() == 3 && ids.iter().all(|id| *id > 0), "{r}");
    let muchos: Vec<Value> = (10..30).map(|n| archivo(n, "y.jpg")).collect();
    let r = send_one(
        sitio,
        &e.autor,
        &with(&sin, &json!({"multimedia": muchos, "version_base": 5})),
    )
    .await;
    assert_eq!(r["error"]["errores"][0]["codigo"], "demasiados", "{r}");
}
