//! Every field, changed by nobody, the phone, the server, both alike or both differently, in a report
//! that is pending or decided, sent by its author or by somebody else.

use serde_json::{Value, json};

use super::{Fixture, archivo, base};
use crate::sync::batch::{send_one, with};
use sigra_testkit::{TestSite, both_databases};

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

impl Fixture<'_> {
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
            self.sitio.approve_reporte(&self.jefa, &id).await;
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

#[both_databases]
async fn each_field_by_each_change_estado_and_persona(sitio: &TestSite) {
    let escena = Fixture::new(sitio).await;
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
