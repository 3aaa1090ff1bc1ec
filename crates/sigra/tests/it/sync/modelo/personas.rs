//! What supervisors and authors do beside the phones.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    mundo::{Mundo, Paso_, exige},
    regla::{Clave, Item, NOMBRES, valor},
};

impl Mundo<'_> {
    pub async fn leido(&self, uuid: &str) -> Value {
        let ruta = format!("/reportes/uuid/{uuid}");
        self.pide(&self.gente.jefa, "GET", &ruta, None).await.json
    }

    pub async fn cambia(&mut self, r: usize, campo: usize, v: u8) -> Paso_ {
        let Some(uuid) = self.uno(r) else {
            return Ok(());
        };
        let id = self.leido(&uuid).await["id"].clone();
        let reporte = self.modelo.0.get_mut(&uuid).ok_or("reporte")?;
        let cuerpo = json!({NOMBRES[campo]: valor(campo, v), "version": reporte.version()});
        let mut nuevo = reporte.actual();
        nuevo[campo] = v;
        let status = match reporte {
            r if r.retirado => return Ok(()),
            r if nuevo == r.actual() => 200,
            r if r.decidido => 409,
            r => {
                r.avanza(nuevo);
                200
            }
        };
        let ruta = format!("/reportes/{id}");
        let r = self
            .pide(&self.gente.jefa, "PUT", &ruta, Some(cuerpo))
            .await;
        exige(&r.texto, &json!(r.status), &json!(status))
    }

    pub async fn decide(&mut self, r: usize) -> Paso_ {
        let Some(uuid) = self.uno(r) else {
            return Ok(());
        };
        let id = self.leido(&uuid).await["id"].clone();
        let reporte = self.modelo.0.get_mut(&uuid).ok_or("reporte")?;
        if reporte.retirado {
            return Ok(());
        }
        if !reporte.decidido {
            reporte.avanza(reporte.actual());
        }
        reporte.decidido = true;
        let ruta = format!("/admin/reportes/{id}/aprobar");
        let r = self
            .pide(&self.gente.jefa, "POST", &ruta, Some(json!({})))
            .await;
        exige(&r.texto, &json!(r.status), &json!(200))
    }

    pub async fn retira(&mut self, r: usize) -> Paso_ {
        let Some(uuid) = self.uno(r) else {
            return Ok(());
        };
        let id = self.leido(&uuid).await["id"].clone();
        let reporte = self.modelo.0.get_mut(&uuid).ok_or("reporte")?;
        if reporte.retirado {
            return Ok(());
        }
        let cuerpo = json!({"detalle": "de prueba", "version": reporte.version()});
        reporte.avanza(reporte.actual());
        reporte.retirado = true;
        let ruta = format!("/reportes/{id}");
        let r = self
            .pide(&self.gente.jefa, "DELETE", &ruta, Some(cuerpo))
            .await;
        exige(&r.texto, &json!(r.status), &json!(204))
    }

    pub async fn resuelve(&mut self, c: usize, decision: usize, cliente: bool) -> Paso_ {
        let mut abiertos: Vec<(i64, String, Clave)> = vec![];
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
        let choques = reporte.choques(clave);
        let campos: HashMap<&str, &str> = choques.iter().map(|i| (NOMBRES[*i], lado)).collect();
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
            reporte.resuelve(clave, [None, Some(true), Some(cliente)][decision]);
        }
        // A version that is not the current one changes nothing.
        if vieja {
            let r = self.pide(&quien, "POST", &ruta, Some(cuerpo.clone())).await;
            exige(&r.texto, &json!(r.status), &json!(412))?;
        }
        cuerpo["version"] = json!(cuerpo["version"].as_i64().unwrap_or(0) + 1);
        let r = self.pide(&quien, "POST", &ruta, Some(cuerpo)).await;
        if decidido && decision > 0 {
            return exige(&r.texto, &json!(r.codigo()), &json!("reporte_decidido"));
        }
        exige(&r.texto, &json!(r.status), &json!(200))?;
        self.es_actual(&uuid, &r.json)?;
        // A phone that has not heard of it sends the same again.
        let (contenido, base) = clave;
        let item = Item {
            uuid,
            contenido,
            base,
        };
        self.manda(telefono, &[item]).await.map(drop)
    }
}
