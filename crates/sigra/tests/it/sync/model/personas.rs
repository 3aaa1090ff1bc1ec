//! What supervisors and authors do beside the phones.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    rule::{FIELD_NAMES, Item, ItemKey, field_value},
    world::{ModelWorld, StepResult, require},
};

impl ModelWorld<'_> {
    pub async fn get_reporte(&self, uuid: &str) -> Value {
        let ruta = format!("/reportes/uuid/{uuid}");
        self.request(&self.gente.jefa, "GET", &ruta, None)
            .await
            .json
    }

    pub async fn update(&mut self, r: usize, campo: usize, v: u8) -> StepResult {
        let Some(uuid) = self.pick_reporte(r) else {
            return Ok(());
        };
        let id = self.get_reporte(&uuid).await["id"].clone();
        let reporte = self.modelo.0.get_mut(&uuid).ok_or("reporte")?;
        let cuerpo =
            json!({FIELD_NAMES[campo]: field_value(campo, v), "version": reporte.version()});
        let mut nuevo = reporte.current();
        nuevo[campo] = v;
        let status = match reporte {
            r if r.retirado => return Ok(()),
            r if nuevo == r.current() => 200,
            r if r.decidido => 409,
            r => {
                r.advance(nuevo);
                200
            }
        };
        let ruta = format!("/reportes/{id}");
        let r = self
            .request(&self.gente.jefa, "PUT", &ruta, Some(cuerpo))
            .await;
        require(&r.texto, &json!(r.status), &json!(status))
    }

    pub async fn decide(&mut self, r: usize) -> StepResult {
        let Some(uuid) = self.pick_reporte(r) else {
            return Ok(());
        };
        let id = self.get_reporte(&uuid).await["id"].clone();
        let reporte = self.modelo.0.get_mut(&uuid).ok_or("reporte")?;
        if reporte.retirado {
            return Ok(());
        }
        if !reporte.decidido {
            reporte.advance(reporte.current());
        }
        reporte.decidido = true;
        let ruta = format!("/admin/reportes/{id}/aprobar");
        let r = self
            .request(&self.gente.jefa, "POST", &ruta, Some(json!({})))
            .await;
        require(&r.texto, &json!(r.status), &json!(200))
    }

    pub async fn retirar(&mut self, r: usize) -> StepResult {
        let Some(uuid) = self.pick_reporte(r) else {
            return Ok(());
        };
        let id = self.get_reporte(&uuid).await["id"].clone();
        let reporte = self.modelo.0.get_mut(&uuid).ok_or("reporte")?;
        if reporte.retirado {
            return Ok(());
        }
        let cuerpo = json!({"detalle": "de prueba", "version": reporte.version()});
        reporte.advance(reporte.current());
        reporte.retirado = true;
        let ruta = format!("/reportes/{id}");
        let r = self
            .request(&self.gente.jefa, "DELETE", &ruta, Some(cuerpo))
            .await;
        require(&r.texto, &json!(r.status), &json!(204))
    }

    pub async fn resolve(&mut self, c: usize, decision: usize, cliente: bool) -> StepResult {
        let mut abiertos: Vec<(i64, String, ItemKey)> = vec![];
        for (uuid, r) in self.modelo.0.iter().filter(|(_, r)| !r.retirado) {
            let suyos = r.conflictos.iter();
            abiertos.extend(suyos.filter_map(|(clave, id)| Some((id.0?, uuid.clone(), *clave))));
        }
        abiertos.sort_unstable_by_key(|(id, ..)| *id);
        if abiertos.is_empty() {
            return Ok(());
        }
        let (id, uuid, clave) = abiertos.swap_remove(c % abiertos.len());
        let reporte = self.modelo.0.get_mut(&uuid).ok_or("reporte")?;
        let nombre = ["servidor", "cliente", "mezcla"][decision];
        let lado = if cliente { "cliente" } else { "servidor" };
        let choques = reporte.conflicting_fields(clave);
        let campos: HashMap<&str, &str> = choques.iter().map(|i| (FIELD_NAMES[*i], lado)).collect();
        let mut cuerpo = json!({"decision": nombre, "version": reporte.version() - 1});
        if decision == 2 {
            cuerpo["campos"] = json!(campos);
        }
        let ruta = format!("/sync/conflictos/{id}/resolver");
        let telefono = reporte.autor;
        let autor = self.gente.telefonos[telefono].clone();
        let quien = if cliente {
            autor
        } else {
            self.gente.jefa.clone()
        };
        let (vieja, decidido) = (reporte.version() > 1, reporte.decidido);
        if !(decidido && decision > 0) {
            reporte.resolve(clave, [None, Some(true), Some(cliente)][decision]);
        }
        // A version that is not the current one changes nothing.
        if vieja {
            let r = self
                .request(&quien, "POST", &ruta, Some(cuerpo.clone()))
                .await;
            require(&r.texto, &json!(r.status), &json!(412))?;
        }
        cuerpo["version"] = json!(cuerpo["version"].as_i64().unwrap_or(0) + 1);
        let r = self.request(&quien, "POST", &ruta, Some(cuerpo)).await;
        if decidido && decision > 0 {
            return require(&r.texto, &json!(r.code()), &json!("reporte_decidido"));
        }
        require(&r.texto, &json!(r.status), &json!(200))?;
        self.check_current(&uuid, &r.json)?;
        // A phone that has not heard of it sends the same again.
        let (contenido, base) = clave;
        let item = Item {
            uuid,
            contenido,
            base,
        };
        self.send_and_compare(telefono, &[item]).await.map(drop)
    }
}
