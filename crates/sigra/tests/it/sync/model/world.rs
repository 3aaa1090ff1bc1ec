//! The phones and people of one case, and the server that must answer as the model does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    BatchFate, ModelStep,
    rule::{
        Contenido, ExpectedReply, FIELD_COUNT, FIELD_NAMES, Item, ItemKey, Model, field_value,
        to_json,
    },
};
use sigra_testkit::{ApiResponse, NodeClients, Persona, expected_hash, random_below, uuid};

pub struct Participants {
    /// Whose phone each is.
    pub telefonos: Vec<Persona>,
    pub jefa: Persona,
    pub lectores: Vec<Persona>,
}

/// What a phone knows and holds.
#[derive(Clone, Default)]
struct ModelPhone {
    /// The content and version it last heard of.
    sabe: Vec<(String, Contenido, i64)>,
    cola: Vec<Item>,
    enviados: Vec<Item>,
    respaldo: Option<Box<ModelPhone>>,
}

/// Who follows the feed: what it was told last of each report.
pub struct FeedReader {
    pub quien: Persona,
    pub cursor: String,
    pub espejo: BTreeMap<String, i64>,
}

pub struct ModelWorld<'a> {
    red: &'a NodeClients,
    pub gente: &'a Participants,
    telefonos: Vec<ModelPhone>,
    pub lectores: Vec<FeedReader>,
    pub modelo: Model,
    /// In the order in which they were made.
    uuids: Vec<String>,
}

pub type StepResult = Result<(), String>;

pub fn require(que: &str, dicho: &Value, debe: &Value) -> StepResult {
    if dicho == debe {
        Ok(())
    } else {
        Err(format!("{que}: dice {dicho} y debe decir {debe}"))
    }
}

impl<'a> ModelWorld<'a> {
    pub async fn new(red: &'a NodeClients, gente: &'a Participants) -> Result<Self, String> {
        let mut mundo = Self {
            red,
            gente,
            telefonos: vec![ModelPhone::default(); gente.telefonos.len()],
            lectores: vec![],
            modelo: Model::default(),
            uuids: vec![],
        };
        let quienes = gente
            .lectores
            .iter()
            .chain([&gente.jefa, &gente.telefonos[0]]);
        for quien in quienes {
            mundo.lectores.push(FeedReader {
                quien: quien.clone(),
                cursor: String::new(),
                espejo: BTreeMap::new(),
            });
        }
        // What earlier cases left is not this one's business.
        for i in 0..mundo.lectores.len() {
            while mundo.read(i, 1_000).await? {}
            mundo.lectores[i].espejo.clear();
        }
        Ok(mundo)
    }

    /// The person of a phone, by the number of their first one.
    fn owner(&self, telefono: usize) -> usize {
        let rut = self.gente.telefonos[telefono].rut;
        let primero = self.gente.telefonos.iter().position(|p| p.rut == rut);
        primero.unwrap_or(telefono)
    }

    pub async fn request(
        &self,
        quien: &Persona,
        metodo: &str,
        ruta: &str,
        cuerpo: Option<Value>,
    ) -> ApiResponse {
        let nodo = random_below(self.red.node_count());
        let mut pedido = self.red.request(nodo, quien, metodo, ruta);
        if let Some(cuerpo) = &cuerpo {
            pedido = pedido.json(cuerpo);
        }
        pedido.send().await
    }

    pub async fn step(&mut self, paso: &ModelStep) -> StepResult {
        let n = self.telefonos.len();
        match paso {
            ModelStep::Crea(t) => {
                let item = Item {
                    uuid: uuid(),
                    contenido: [0; FIELD_COUNT],
                    base: None,
                };
                self.telefonos[t % n].cola.push(item);
            }
            ModelStep::Edita(t, r, campo, v) => self.edit(t % n, *r, *campo, *v),
            ModelStep::Envia(t, k, suerte) => return self.send(t % n, *k, *suerte).await,
            ModelStep::Repite(t, k) => {
                let telefono = &mut self.telefonos[t % n];
                if !telefono.enviados.is_empty() {
                    let item = telefono.enviados[k % telefono.enviados.len()].clone();
                    telefono.cola.push(item);
                }
            }
            ModelStep::Reordena(t, k) => {
                let cola = &mut self.telefonos[t % n].cola;
                let k = k % cola.len().max(1);
                cola.rotate_left(k);
            }
            ModelStep::Respalda(t) => {
                let copia = self.telefonos[t % n].clone();
                self.telefonos[t % n].respaldo = Some(Box::new(copia));
            }
            ModelStep::Vuelve(t) => {
                if let Some(copia) = self.telefonos[t % n].respaldo.clone() {
                    self.telefonos[t % n] = *copia;
                }
            }
            ModelStep::Suplanta(t, r) => {
                if let Some(uuid) = self.pick_reporte(*r) {
                    let (contenido, base) = ([1; FIELD_COUNT], Some(1));
                    let item = Item {
                        uuid,
                        contenido,
                        base,
                    };
                    self.telefonos[t % n].cola.push(item);
                }
            }
            ModelStep::Inventa(t, r, v, base) => {
                if let Some(uuid) = self.pick_reporte(*r) {
                    let item = Item {
                        uuid,
                        contenido: [*v, 0, *v, 0],
                        base: *base,
                    };
                    self.telefonos[t % n].cola.push(item);
                }
            }
            ModelStep::Cambia(r, campo, v) => return self.update(*r, *campo, *v).await,
            ModelStep::Decide(r) => return self.decide(*r).await,
            ModelStep::Retira(r) => return self.retirar(*r).await,
            ModelStep::Resuelve(c, decision, lado) => {
                return self.resolve(*c, *decision, *lado == 1).await;
            }
            ModelStep::Lee(l, k) => {
                let l = l % self.lectores.len();
                return self.read(l, *k).await.map(drop);
            }
        }
        Ok(())
    }

    /// One of the reports that the server has.
    pub fn pick_reporte(&self, r: usize) -> Option<String> {
        (!self.uuids.is_empty()).then(|| self.uuids[r % self.uuids.len()].clone())
    }

    fn edit(&mut self, t: usize, r: usize, campo: usize, v: u8) {
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

    async fn send(&mut self, t: usize, k: usize, suerte: BatchFate) -> StepResult {
        let lote: Vec<Item> = self.telefonos[t].cola.iter().take(k).cloned().collect();
        if lote.is_empty() {
            return Ok(());
        }
        match suerte {
            BatchFate::Llega => {}
            BatchFate::SinRespuesta => return self.send_and_compare(t, &lote).await.map(drop),
            BatchFate::PorMitades => {
                self.send_and_compare(t, &lote[..lote.len() / 2]).await?;
            }
            BatchFate::DosVeces => {
                let (a, b) = tokio::join!(self.push_batch(t, &lote), self.push_batch(t, &lote));
                // As if one came after the other, whichever it was.
                let (primera, segunda) =
                    if a.json["resultados"] == b.json["resultados"] || is_first(&a) {
                        (a, b)
                    } else {
                        (b, a)
                    };
                let dice = self.modelo.receive(self.owner(t), &lote);
                let otra_vez = self.modelo.receive(self.owner(t), &lote);
                self.compare(&lote, &dice, &primera, true)?;
                self.compare(&lote, &otra_vez, &segunda, false)?;
            }
        }
        let (dice, r) = self.send_and_compare(t, &lote).await?;
        let telefono = &mut self.telefonos[t];
        telefono.enviados.extend(telefono.cola.drain(..lote.len()));
        self.learn(t, &lote, &dice, &r);
        Ok(())
    }

    async fn push_batch(&self, t: usize, lote: &[Item]) -> ApiResponse {
        let reportes: Vec<Value> = lote
            .iter()
            .map(|item| {
                let mut json = to_json(item.contenido);
                json["uuid_cliente"] = json!(item.uuid);
                json["version_base"] = json!(item.base);
                // Some phones also say what that version held.
                if let Some(base) = self.modelo.at(item).filter(|_| t.is_multiple_of(2)) {
                    json["sha256_base"] = json!(expected_hash(&to_json(base)));
                }
                json
            })
            .collect();
        let ahora = sigra_store::Env::default().now().to_string();
        let cuerpo =
            json!({"device_id": format!("moto-{t}"), "timestamp": ahora, "reportes": reportes});
        self.request(
            &self.gente.telefonos[t],
            "POST",
            "/sync/batch",
            Some(cuerpo),
        )
        .await
    }

    /// Sends a batch and holds the answer against the model's.
    pub async fn send_and_compare(
        &mut self,
        t: usize,
        lote: &[Item],
    ) -> Result<(Vec<ExpectedReply>, ApiResponse), String> {
        let r = self.push_batch(t, lote).await;
        let dice = self.modelo.receive(self.owner(t), lote);
        self.compare(lote, &dice, &r, true)?;
        Ok((dice, r))
    }

    fn compare(
        &mut self,
        lote: &[Item],
        dice: &[ExpectedReply],
        r: &ApiResponse,
        ultima: bool,
    ) -> StepResult {
        require(&r.texto, &json!(r.status), &json!(200))?;
        for ((item, dice), r) in lote
            .iter()
            .zip(dice)
            .zip(r.json["resultados"].as_array().ok_or("resultados")?)
        {
            if !self.uuids.contains(&item.uuid) && !matches!(dice, ExpectedReply::Rechazado(_)) {
                self.uuids.push(item.uuid.clone());
            }
            require("uuid_cliente", &r["uuid_cliente"], &json!(item.uuid))?;
            match dice {
                ExpectedReply::Rechazado(codigo) => {
                    require("resultado", &r["resultado"], &json!("rechazado"))?;
                    require("codigo", &r["error"]["codigo"], &json!(codigo))?;
                    require("id", &r["id"], &Value::Null)?;
                }
                ExpectedReply::Hecho(resultado, version) => {
                    let dicho = json!([r["resultado"], r["version"]]);
                    require(&r.to_string(), &dicho, &json!([resultado, version]))?;
                    let ahora = &self.modelo.0[&item.uuid];
                    let otro = *version != ahora.version() || item.contenido != ahora.current();
                    let con_actual = *resultado == "fusionado" || *resultado == "duplicado" && otro;
                    if ultima {
                        require(
                            "actual",
                            &json!(r["actual"].is_object()),
                            &json!(con_actual),
                        )?;
                    }
                }
                ExpectedReply::Conflicto(_, clave) => {
                    require(&r.to_string(), &r["resultado"], &json!("conflicto"))?;
                    self.require_same_conflicto(&item.uuid, *clave, r)?;
                    // Later items of the batch may have changed what it clashes with.
                    if lote.len() == 1 {
                        let campos = r["campos"].as_array().into_iter().flatten();
                        let dichos: Vec<&Value> = campos.map(|c| &c["campo"]).collect();
                        let choques = self.modelo.0[&item.uuid].conflicting_fields(*clave);
                        let debe: Vec<&str> = choques.into_iter().map(|i| FIELD_NAMES[i]).collect();
                        require("campos", &json!(dichos), &json!(debe))?;
                    }
                }
            }
            if ultima && r["actual"].is_object() {
                self.check_current(&item.uuid, &r["actual"])?;
            }
        }
        Ok(())
    }

    /// The same clash has the same id for ever, and tells the fields that clash.
    fn require_same_conflicto(&mut self, uuid: &str, clave: ItemKey, r: &Value) -> StepResult {
        let id = r["conflicto_id"].as_i64().ok_or("sin conflicto_id")?;
        let reporte = self.modelo.0.get_mut(uuid).ok_or("reporte")?;
        let sabido = reporte.conflictos.get_mut(&clave).ok_or("conflicto")?;
        require(
            "conflicto_id",
            &json!(id),
            &json!(*sabido.0.get_or_insert(id)),
        )
    }

    pub fn check_current(&self, uuid: &str, actual: &Value) -> StepResult {
        let reporte = &self.modelo.0[uuid];
        let dicho: Vec<&Value> = FIELD_NAMES.iter().map(|n| &actual[*n]).collect();
        let c = reporte.current();
        let debe: Vec<Value> = (0..FIELD_COUNT).map(|i| field_value(i, c[i])).collect();
        require("contenido", &json!(dicho), &json!(debe))?;
        require("version", &actual["version"], &json!(reporte.version()))?;
        let estado = if reporte.conflictos.is_empty() {
            "completo"
        } else {
            "conflicto"
        };
        require("sync_status", &actual["sync_status"], &json!(estado))
    }

    /// What the phone knows afterwards.
    fn learn(&mut self, t: usize, lote: &[Item], dice: &[ExpectedReply], r: &ApiResponse) {
        let resultados = r.json["resultados"].as_array().into_iter().flatten();
        for ((item, dice), r) in lote.iter().zip(dice).zip(resultados) {
            let (contenido, version) = match dice {
                ExpectedReply::Rechazado(_) => continue,
                _ if r["actual"].is_object() => {
                    let reporte = &self.modelo.0[&item.uuid];
                    (reporte.current(), reporte.version())
                }
                ExpectedReply::Hecho(_, version) | ExpectedReply::Conflicto(version, _) => {
                    (item.contenido, *version)
                }
            };
            let sabe = &mut self.telefonos[t].sabe;
            sabe.retain(|(uuid, ..)| *uuid != item.uuid);
            sabe.push((item.uuid.clone(), contenido, version));
        }
    }
}

/// Whether this answer made something: the other copy's then made nothing.
fn is_first(r: &ApiResponse) -> bool {
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
