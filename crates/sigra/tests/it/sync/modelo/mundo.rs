//! The phones and people of one case, and the server that must answer as the model does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Paso, Suerte,
    regla::{CAMPOS, Clave, Contenido, Dice, Item, Modelo, NOMBRES, a_json, valor},
};
use crate::{
    arnes::{Persona, Red, Respuesta, dado, uuid},
    reportes::contenido::esperado,
};

pub struct Gente {
    /// Whose phone each is.
    pub telefonos: Vec<Persona>,
    pub jefa: Persona,
    pub lectores: Vec<Persona>,
}

/// What a phone knows and holds.
#[derive(Clone, Default)]
struct Telefono {
    /// The content and version it last heard of.
    sabe: Vec<(String, Contenido, i64)>,
    cola: Vec<Item>,
    enviados: Vec<Item>,
    respaldo: Option<Box<Telefono>>,
}

/// Who follows the feed: what it was told last of each report.
pub struct Lector {
    pub quien: Persona,
    pub cursor: String,
    pub espejo: BTreeMap<String, i64>,
}

pub struct Mundo<'a> {
    red: &'a Red,
    pub gente: &'a Gente,
    telefonos: Vec<Telefono>,
    pub lectores: Vec<Lector>,
    pub modelo: Modelo,
    /// In the order in which they were made.
    uuids: Vec<String>,
}

pub type Paso_ = Result<(), String>;

pub fn exige(que: &str, dicho: &Value, debe: &Value) -> Paso_ {
    if dicho == debe {
        Ok(())
    } else {
        Err(format!("{que}: dice {dicho} y debe decir {debe}"))
    }
}

impl<'a> Mundo<'a> {
    pub async fn nuevo(red: &'a Red, gente: &'a Gente) -> Result<Self, String> {
        let mut mundo = Self {
            red,
            gente,
            telefonos: vec![Telefono::default(); gente.telefonos.len()],
            lectores: vec![],
            modelo: Modelo::default(),
            uuids: vec![],
        };
        let quienes = gente
            .lectores
            .iter()
            .chain([&gente.jefa, &gente.telefonos[0]]);
        for quien in quienes {
            mundo.lectores.push(Lector {
                quien: quien.clone(),
                cursor: String::new(),
                espejo: BTreeMap::new(),
            });
        }
        // What earlier cases left is not this one's business.
        for i in 0..mundo.lectores.len() {
            while mundo.lee(i, 1_000).await? {}
            mundo.lectores[i].espejo.clear();
        }
        Ok(mundo)
    }

    /// The person of a phone, by the number of their first one.
    fn dueno(&self, telefono: usize) -> usize {
        let rut = self.gente.telefonos[telefono].rut;
        let primero = self.gente.telefonos.iter().position(|p| p.rut == rut);
        primero.unwrap_or(telefono)
    }

    pub async fn pide(
        &self,
        quien: &Persona,
        metodo: &str,
        ruta: &str,
        cuerpo: Option<Value>,
    ) -> Respuesta {
        let nodo = dado(self.red.nodos());
        let mut pedido = self.red.pide(nodo, quien, metodo, ruta);
        if let Some(cuerpo) = &cuerpo {
            pedido = pedido.json(cuerpo);
        }
        pedido.envia().await
    }

    pub async fn da(&mut self, paso: &Paso) -> Paso_ {
        let n = self.telefonos.len();
        match paso {
            Paso::Crea(t) => {
                let item = Item {
                    uuid: uuid(),
                    contenido: [0; CAMPOS],
                    base: None,
                };
                self.telefonos[t % n].cola.push(item);
            }
            Paso::Edita(t, r, campo, v) => self.edita(t % n, *r, *campo, *v),
            Paso::Envia(t, k, suerte) => return self.envia(t % n, *k, *suerte).await,
            Paso::Repite(t, k) => {
                let telefono = &mut self.telefonos[t % n];
                if !telefono.enviados.is_empty() {
                    let item = telefono.enviados[k % telefono.enviados.len()].clone();
                    telefono.cola.push(item);
                }
            }
            Paso::Reordena(t, k) => {
                let cola = &mut self.telefonos[t % n].cola;
                let k = k % cola.len().max(1);
                cola.rotate_left(k);
            }
            Paso::Respalda(t) => {
                let copia = self.telefonos[t % n].clone();
                self.telefonos[t % n].respaldo = Some(Box::new(copia));
            }
            Paso::Vuelve(t) => {
                if let Some(copia) = self.telefonos[t % n].respaldo.clone() {
                    self.telefonos[t % n] = *copia;
                }
            }
            Paso::Suplanta(t, r) => {
                if let Some(uuid) = self.uno(*r) {
                    let (contenido, base) = ([1; CAMPOS], Some(1));
                    let item = Item {
                        uuid,
                        contenido,
                        base,
                    };
                    self.telefonos[t % n].cola.push(item);
                }
            }
            Paso::Inventa(t, r, v, base) => {
                if let Some(uuid) = self.uno(*r) {
                    let item = Item {
                        uuid,
                        contenido: [*v, 0, *v, 0],
                        base: *base,
                    };
                    self.telefonos[t % n].cola.push(item);
                }
            }
            Paso::Cambia(r, campo, v) => return self.cambia(*r, *campo, *v).await,
            Paso::Decide(r) => return self.decide(*r).await,
            Paso::Retira(r) => return self.retira(*r).await,
            Paso::Resuelve(c, decision, lado) => {
                return self.resuelve(*c, *decision, *lado == 1).await;
            }
            Paso::Lee(l, k) => {
                let l = l % self.lectores.len();
                return self.lee(l, *k).await.map(drop);
            }
        }
        Ok(())
    }

    /// One of the reports that the server has.
    pub fn uno(&self, r: usize) -> Option<String> {
        (!self.uuids.is_empty()).then(|| self.uuids[r % self.uuids.len()].clone())
    }

    fn edita(&mut self, t: usize, r: usize, campo: usize, v: u8) {
        let telefono = &mut self.telefonos[t];
        if telefono.sabe.is_empty() {
            return;
        }
        let i = r % telefono.sabe.len();
        let (uuid, contenido, version) = &mut telefono.sabe[i];
        contenido[campo] = v;
        let item = Item {
            uuid: uuid.clone(),
            contenido: *contenido,
            base: Some(*version),
        };
        telefono.cola.push(item);
    }

    async fn envia(&mut self, t: usize, k: usize, suerte: Suerte) -> Paso_ {
        let lote: Vec<Item> = self.telefonos[t].cola.iter().take(k).cloned().collect();
        if lote.is_empty() {
            return Ok(());
        }
        match suerte {
            Suerte::Llega => {}
            Suerte::SinRespuesta => return self.manda(t, &lote).await.map(drop),
            Suerte::PorMitades => {
                self.manda(t, &lote[..lote.len() / 2]).await?;
            }
            Suerte::DosVeces => {
                let (a, b) = tokio::join!(self.lote(t, &lote), self.lote(t, &lote));
                // As if one came after the other, whichever it was.
                let (primera, segunda) =
                    if a.json["resultados"] == b.json["resultados"] || es_primera(&a) {
                        (a, b)
                    } else {
                        (b, a)
                    };
                let dice = self.modelo.recibe(self.dueno(t), &lote);
                let otra_vez = self.modelo.recibe(self.dueno(t), &lote);
                self.compara(&lote, &dice, &primera, true)?;
                self.compara(&lote, &otra_vez, &segunda, false)?;
            }
        }
        let (dice, r) = self.manda(t, &lote).await?;
        let telefono = &mut self.telefonos[t];
        telefono.enviados.extend(telefono.cola.drain(..lote.len()));
        self.aprende(t, &lote, &dice, &r);
        Ok(())
    }

    async fn lote(&self, t: usize, lote: &[Item]) -> Respuesta {
        let reportes: Vec<Value> = lote
            .iter()
            .map(|item| {
                let mut json = a_json(item.contenido);
                json["uuid_cliente"] = json!(item.uuid);
                json["version_base"] = json!(item.base);
                // Some phones also say what that version held.
                if let Some(base) = self.modelo.en(item).filter(|_| t.is_multiple_of(2)) {
                    json["sha256_base"] = json!(esperado(&a_json(base)));
                }
                json
            })
            .collect();
        let ahora = sigra_store::Entorno::default().ahora().to_string();
        let cuerpo =
            json!({"device_id": format!("moto-{t}"), "timestamp": ahora, "reportes": reportes});
        self.pide(
            &self.gente.telefonos[t],
            "POST",
            "/sync/batch",
            Some(cuerpo),
        )
        .await
    }

    /// Sends a batch and holds the answer against the model's.
    pub async fn manda(
        &mut self,
        t: usize,
        lote: &[Item],
    ) -> Result<(Vec<Dice>, Respuesta), String> {
        let r = self.lote(t, lote).await;
        let dice = self.modelo.recibe(self.dueno(t), lote);
        self.compara(lote, &dice, &r, true)?;
        Ok((dice, r))
    }

    fn compara(&mut self, lote: &[Item], dice: &[Dice], r: &Respuesta, ultima: bool) -> Paso_ {
        exige(&r.texto, &json!(r.status), &json!(200))?;
        for ((item, dice), r) in lote
            .iter()
            .zip(dice)
            .zip(r.json["resultados"].as_array().ok_or("resultados")?)
        {
            if !self.uuids.contains(&item.uuid) && !matches!(dice, Dice::Rechazado(_)) {
                self.uuids.push(item.uuid.clone());
            }
            exige("uuid_cliente", &r["uuid_cliente"], &json!(item.uuid))?;
            match dice {
                Dice::Rechazado(codigo) => {
                    exige("resultado", &r["resultado"], &json!("rechazado"))?;
                    exige("codigo", &r["error"]["codigo"], &json!(codigo))?;
                    exige("id", &r["id"], &Value::Null)?;
                }
                Dice::Hecho(resultado, version) => {
                    let dicho = json!([r["resultado"], r["version"]]);
                    exige(&r.to_string(), &dicho, &json!([resultado, version]))?;
                    let ahora = &self.modelo.0[&item.uuid];
                    let otro = *version != ahora.version() || item.contenido != ahora.actual();
                    let con_actual = *resultado == "fusionado" || *resultado == "duplicado" && otro;
                    if ultima {
                        exige(
                            "actual",
                            &json!(r["actual"].is_object()),
                            &json!(con_actual),
                        )?;
                    }
                }
                Dice::Conflicto(_, clave) => {
                    exige(&r.to_string(), &r["resultado"], &json!("conflicto"))?;
                    self.mismo_conflicto(&item.uuid, *clave, r)?;
                    // Later items of the batch may have changed what it clashes with.
                    if lote.len() == 1 {
                        let campos = r["campos"].as_array().into_iter().flatten();
                        let dichos: Vec<&Value> = campos.map(|c| &c["campo"]).collect();
                        let choques = self.modelo.0[&item.uuid].choques(*clave);
                        let debe: Vec<&str> = choques.into_iter().map(|i| NOMBRES[i]).collect();
                        exige("campos", &json!(dichos), &json!(debe))?;
                    }
                }
            }
            if ultima && r["actual"].is_object() {
                self.es_actual(&item.uuid, &r["actual"])?;
            }
        }
        Ok(())
    }

    /// The same clash has the same id for ever, and tells the fields that clash.
    fn mismo_conflicto(&mut self, uuid: &str, clave: Clave, r: &Value) -> Paso_ {
        let id = r["conflicto_id"].as_i64().ok_or("sin conflicto_id")?;
        let reporte = self.modelo.0.get_mut(uuid).ok_or("reporte")?;
        let sabido = reporte.conflictos.get_mut(&clave).ok_or("conflicto")?;
        exige(
            "conflicto_id",
            &json!(id),
            &json!(*sabido.0.get_or_insert(id)),
        )
    }

    pub fn es_actual(&self, uuid: &str, actual: &Value) -> Paso_ {
        let reporte = &self.modelo.0[uuid];
        let dicho: Vec<&Value> = NOMBRES.iter().map(|n| &actual[*n]).collect();
        let c = reporte.actual();
        let debe: Vec<Value> = (0..CAMPOS).map(|i| valor(i, c[i])).collect();
        exige("contenido", &json!(dicho), &json!(debe))?;
        exige("version", &actual["version"], &json!(reporte.version()))?;
        let estado = if reporte.conflictos.is_empty() {
            "completo"
        } else {
            "conflicto"
        };
        exige("sync_status", &actual["sync_status"], &json!(estado))
    }

    /// What the phone knows afterwards.
    fn aprende(&mut self, t: usize, lote: &[Item], dice: &[Dice], r: &Respuesta) {
        let resultados = r.json["resultados"].as_array().into_iter().flatten();
        for ((item, dice), r) in lote.iter().zip(dice).zip(resultados) {
            let (contenido, version) = match dice {
                Dice::Rechazado(_) => continue,
                _ if r["actual"].is_object() => {
                    let reporte = &self.modelo.0[&item.uuid];
                    (reporte.actual(), reporte.version())
                }
                Dice::Hecho(_, version) | Dice::Conflicto(version, _) => (item.contenido, *version),
            };
            let sabe = &mut self.telefonos[t].sabe;
            sabe.retain(|(uuid, ..)| *uuid != item.uuid);
            sabe.push((item.uuid.clone(), contenido, version));
        }
    }
}

/// Whether this answer made something: the other copy's then made nothing.
fn es_primera(r: &Respuesta) -> bool {
    let hizo = |r: &Value| {
        matches!(
            r["resultado"].as_str(),
            Some("creado" | "actualizado" | "fusionado")
        )
    };
    r.json["resultados"]
        .as_array()
        .into_iter()
        .flatten()
        .any(hizo)
}
