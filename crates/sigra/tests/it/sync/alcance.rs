//! What a reader of the feed sees when reports and people move.

use serde_json::{Value, json};
use sigra_domain::Rol;

use super::lote::{con, uno};
use crate::{
    arnes::{Persona, Respuesta, Sitio, reporte_en},
    en_ambas,
};

/// Somebody who follows the feed.
pub struct Lector<'a> {
    sitio: &'a Sitio,
    pub quien: Persona,
    pub cursor: String,
}

impl<'a> Lector<'a> {
    pub fn nuevo(sitio: &'a Sitio, quien: &Persona) -> Self {
        Self {
            sitio,
            quien: quien.clone(),
            cursor: String::new(),
        }
    }

    pub async fn pide(&self, consulta: &str) -> Respuesta {
        let ruta = format!("/sync/changes?cursor={}{consulta}", self.cursor);
        self.sitio
            .pide("GET", &ruta)
            .como(&self.quien)
            .envia()
            .await
    }

    /// Titles and versions of what came, then what left.
    pub async fn lee(&mut self) -> (Vec<String>, Vec<String>) {
        let mut todo = (vec![], vec![]);
        loop {
            let r = self.pide("&limite=2").await.espera(200, "").json;
            let texto = |v: &Value, campo: &str| v[campo].as_str().unwrap().to_owned();
            for v in r["reportes"].as_array().unwrap() {
                todo.0
                    .push(format!("{} {}", texto(v, "titulo"), v["version"]));
            }
            for v in r["retirados"].as_array().unwrap() {
                todo.1.push(texto(v, "motivo"));
            }
            self.cursor = texto(&r, "cursor");
            if r["hay_mas"] == false {
                return todo;
            }
        }
    }
}

fn textos(v: &[&str]) -> Vec<String> {
    v.iter().map(|t| (*t).to_owned()).collect()
}

en_ambas! {
    async fn de_a_hasta_b_y_c_cada_uno_sabe_lo_suyo(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let mut jefas = vec![];
        for areas in [&[1][..], &[2], &[3], &[1, 2], &[4]] {
            let jefa = sitio.supervisor(areas).await;
            jefas.push(Lector::nuevo(sitio, &jefa));
        }
        let mut propio = Lector::nuevo(sitio, &autor);
        let mut admin = Lector::nuevo(sitio, &sitio.administrador().await);
        let nuevo = con(&reporte_en(1), &json!({"titulo": "R"}));
        uno(sitio, &autor, &nuevo).await;
        for (lector, vistos) in jefas.iter_mut().zip([&["R 1"][..], &[], &[], &["R 1"], &[]]) {
            assert_eq!(lector.lee().await, (textos(vistos), vec![]), "{:?}", lector.quien.quien.areas);
        }
        // Two moves between two reads.
        uno(sitio, &autor, &con(&nuevo, &json!({"area_id": 2, "version_base": 1}))).await;
        uno(sitio, &autor, &con(&nuevo, &json!({"area_id": 3, "version_base": 2}))).await;
        let esperado: [(&[&str], &[&str]); 5] = [
            (&[], &["fuera_de_alcance"]), (&[], &["fuera_de_alcance"]), (&["R 3"], &[]),
            (&[], &["fuera_de_alcance"]), (&[], &[]),
        ];
        for (lector, (vistos, idos)) in jefas.iter_mut().zip(esperado) {
            assert_eq!(lector.lee().await, (textos(vistos), textos(idos)), "{:?}", lector.quien.quien.areas);
        }
        assert_eq!(propio.lee().await, (textos(&["R 3"]), vec![]));
        assert_eq!(admin.lee().await, (textos(&["R 3"]), vec![]));
        // And back, by way of another area.
        uno(sitio, &autor, &con(&nuevo, &json!({"area_id": 4, "version_base": 3}))).await;
        uno(sitio, &autor, &con(&nuevo, &json!({"area_id": 1, "version_base": 4}))).await;
        let esperado: [(&[&str], &[&str]); 5] = [
            (&["R 5"], &[]), (&[], &[]), (&[], &["fuera_de_alcance"]), (&["R 5"], &[]),
            (&[], &["fuera_de_alcance"]),
        ];
        for (lector, (vistos, idos)) in jefas.iter_mut().zip(esperado) {
            assert_eq!(lector.lee().await, (textos(vistos), textos(idos)), "{:?}", lector.quien.quien.areas);
        }
        let id = uno(sitio, &autor, &nuevo).await["id"].clone();
        let retira = json!({"detalle": "de prueba", "version": 5});
        let ruta = format!("/reportes/{id}");
        sitio.pide("DELETE", &ruta).como(&admin.quien).json(&retira).envia().await.espera(204, "");
        for lector in [&mut propio, &mut admin].into_iter().chain(&mut jefas[..1]) {
            assert_eq!(lector.lee().await, (vec![], textos(&["retirado"])));
            assert_eq!(lector.lee().await, (vec![], vec![]));
        }
    }

    async fn cuando_cambia_la_persona_comienza_de_nuevo(sitio: &Sitio) {
        let (admin, autor) = (sitio.administrador().await, sitio.trabajador().await);
        let jefa = sitio.supervisor(&[2, 1]).await;
        uno(sitio, &autor, &con(&reporte_en(1), &json!({"titulo": "R"}))).await;
        let mut lector = Lector::nuevo(sitio, &jefa);
        assert_eq!(lector.lee().await, (textos(&["R 1"]), vec![]));
        let usuario = format!("/usuarios/{}", jefa.rut);
        let cambia = async |cambio: Value| {
            sitio.pide("PATCH", &usuario).como(&admin).json(&cambio).envia().await.espera(200, "");
        };
        // Said in another order they are the same areas; a name is not what she may see.
        cambia(json!({"areas": [1, 2], "nombre": "Ana"})).await;
        assert_eq!(lector.lee().await, (vec![], vec![]));
        for cambio in [json!({"areas": [2]}), json!({"areas": [1, 2, 3]}), json!({"rol": "administrador", "areas": []}),
            json!({"rol": "trabajador"})] {
            cambia(cambio.clone()).await;
            let r = lector.pide("").await.espera(410, "alcance_cambiado");
            assert_eq!(r.json["permanente"], true, "{cambio}");
            lector.cursor.clear();
            let ve = cambio["rol"] == "administrador" || cambio["areas"] == json!([1, 2, 3]);
            let visto = lector.lee().await.0;
            assert_eq!(visto, if ve { textos(&["R 1"]) } else { vec![] }, "{cambio}");
        }
    }

    async fn los_catalogos_vienen_cuando_cambian(sitio: &Sitio) {
        let (admin, autor) = (sitio.administrador().await, sitio.trabajador().await);
        let mut lector = Lector::nuevo(sitio, &autor);
        let primero = lector.pide("").await.json;
        assert_eq!(primero["catalogos"]["areas"].as_array().unwrap().len(), 10);
        lector.lee().await;
        assert!(lector.pide("").await.json.get("catalogos").is_none());
        let area = json!({"nombre": "Relaves"});
        sitio.pide("POST", "/catalogos/areas").como(&admin).json(&area).envia().await.espera(201, "");
        let r = lector.pide("").await.json;
        assert_eq!(r["catalogos"]["areas"][10]["nombre"], "Relaves");
        assert_ne!(r["cursor"], *lector.cursor);
        lector.lee().await;
        assert!(lector.pide("").await.json.get("catalogos").is_none());
    }

    async fn un_cursor_es_de_su_lector_y_de_nadie_mas(sitio: &Sitio) {
        let (autor, otro) = (sitio.trabajador().await, sitio.trabajador().await);
        uno(sitio, &autor, &reporte_en(1)).await;
        let mut lector = Lector::nuevo(sitio, &autor);
        lector.lee().await;
        lector.quien = otro;
        lector.pide("").await.espera(422, "cursor_invalido");
        for malo in ["x", "e30", "bm8", "%00", &"A".repeat(5_000), "eyJwIjotMX0"] {
            lector.cursor = malo.to_owned();
            lector.pide("").await.espera(422, "cursor_invalido");
        }
        lector.cursor.clear();
        for (limite, bien) in [("0", false), ("1001", false), ("-1", false), ("x", false), ("1", true), ("1000", true)] {
            let r = lector.pide(&format!("&limite={limite}")).await;
            assert_eq!(r.status == 200, bien, "{limite}: {}", r.texto);
        }
    }

    /// Whoever sees little of much gets small or empty pages, and in the end all that is theirs.
    async fn el_que_ve_poco_tambien_llega_al_final(sitio: &Sitio) {
        let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[7]).await);
        let mut lote: Vec<Value> = (0..450).map(|_| con(&reporte_en(1), &json!({"titulo": "R"}))).collect();
        lote[10]["area_id"] = 7.into();
        lote[440]["area_id"] = 7.into();
        sitio.lote(&autor, &lote).await;
        // As if there were far more of them: the sequence of positions is what is walked.
        let mut lector = Lector::nuevo(sitio, &jefa);
        assert_eq!(lector.lee().await, (textos(&["R 1", "R 1"]), vec![]));
        let mut propio = Lector::nuevo(sitio, &autor);
        assert_eq!(propio.lee().await.0.len(), 450);
        assert_eq!(sitio.persona(Rol::Supervisor, &[]).await.quien.areas, Vec::<i64>::new());
    }
}
