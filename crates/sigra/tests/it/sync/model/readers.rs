//! Who follows the feed, and what must be so in the end.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    rule::Reporte,
    world::{ModelWorld, StepResult, require},
};

impl ModelWorld<'_> {
    /// One page; whether there is more.
    pub async fn read(&mut self, l: usize, limite: usize) -> Result<bool, String> {
        let lector = &self.lectores[l];
        let ruta = format!("/sync/changes?limite={limite}&cursor={}", lector.cursor);
        let r = self.request(&lector.quien, "GET", &ruta, None).await;
        require(&r.texto, &json!(r.status), &json!(200))?;
        let lector = &mut self.lectores[l];
        let texto = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        for visto in r.json["reportes"].as_array().into_iter().flatten() {
            let version = visto["version"].as_i64().unwrap_or(0);
            let antes = lector.espejo.insert(texto(&visto["uuid_cliente"]), version);
            if antes.is_some_and(|antes| antes >= version) {
                return Err(format!("{antes:?} y después {visto}"));
            }
        }
        for ido in r.json["retirados"].as_array().into_iter().flatten() {
            lector.espejo.remove(&texto(&ido["uuid_cliente"]));
        }
        lector.cursor = texto(&r.json["cursor"]);
        Ok(r.json["hay_mas"] == true)
    }

    /// The reports, their bitácora and every reader's mirror are the model's.
    pub async fn check_final_state(mut self) -> StepResult {
        for (uuid, reporte) in &self.modelo.0 {
            let leido = self.get_reporte(uuid).await;
            if reporte.retirado {
                require(uuid, &leido["codigo"], &json!("reporte_retirado"))?;
                continue;
            }
            self.check_current(uuid, &leido)?;
            let ruta = format!("/reportes/{}/bitacora", leido["id"]);
            let bitacora = self
                .request(&self.gente.jefa, "GET", &ruta, None)
                .await
                .json;
            let entradas = bitacora["items"].as_array().map_or(0, Vec::len);
            require(
                "entradas",
                &json!(entradas),
                &json!(reporte.versiones.len()),
            )?;
        }
        for l in 0..self.lectores.len() {
            while self.read(l, 3).await? {}
            let ve = |r: &Reporte| {
                let autor = self.gente.telefonos[r.autor].rut;
                let area = i64::from(r.current()[2]) + 1;
                !r.retirado && self.lectores[l].quien.quien.can_see(autor, area)
            };
            let visibles = self.modelo.0.iter().filter(|(_, r)| ve(r));
            let debe: BTreeMap<_, _> = visibles.map(|(u, r)| (u.clone(), r.version())).collect();
            require("espejo", &json!(self.lectores[l].espejo), &json!(debe))?;
        }
        Ok(())
    }
}
