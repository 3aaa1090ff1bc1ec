//! Pages while others write: a row that matched throughout comes exactly once, none comes twice,
//! and all come in order.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    DIAS, Faena, Paseo, nuevo,
    referencia::{Dado, Filtro, ORDENES, PALABRAS, en_orden, ve},
};
use crate::{
    arnes::{Persona, Sitio, cuenta},
    en_ambas,
};

/// Every state a row has had or may have by now, oldest first; `None` is withdrawn.
#[derive(Clone)]
struct Vida {
    estados: Vec<Option<Value>>,
    /// The last of them that was answered: the row was never seen older after that.
    seguro: usize,
}

type Vidas = Mutex<BTreeMap<i64, Vida>>;

/// Those who write, each on rows of their own.
struct Escritor<'a> {
    sitio: &'a Sitio,
    admin: &'a Persona,
    vidas: &'a Vidas,
    alto: &'a AtomicBool,
    escritos: &'a watch::Sender<usize>,
}

const ESCRITORES: i64 = 3;
/// New rows of one writer while it has others to write: a list that grew for ever could not be
/// walked to its end.
const NUEVOS: usize = 60;

impl Escritor<'_> {
    async fn corre(&self, k: i64, mut d: Dado) {
        let mut nuevos = 0;
        while !self.alto.load(Relaxed) {
            let propias: Vec<i64> = {
                let vidas = self.vidas.lock().unwrap();
                let pendiente = |v: &Vida| {
                    v.estados
                        .last()
                        .is_some_and(|f| f.as_ref().is_some_and(|f| f["estado_id"] == 1))
                };
                let propia = |id: i64| id % ESCRITORES == k;
                vidas
                    .iter()
                    .filter(|(id, v)| propia(**id) && pendiente(v))
                    .map(|(id, _)| *id)
                    .collect()
            };
            if propias.len() < 20 || (nuevos < NUEVOS && d.cada(6)) {
                nuevos += 1;
                let r = self.sitio.crea(self.admin, &nuevo(&mut d)).await;
                let vida = Vida {
                    estados: vec![Some(r.json.clone())],
                    seguro: 0,
                };
                self.vidas.lock().unwrap().insert(r.id(), vida);
            } else {
                self.toca(d.uno(&propias), &mut d).await;
            }
            self.escritos.send_modify(|n| *n += 1);
        }
    }

    /// Edits, decides or withdraws a row. What it may become is noted before it is sent.
    async fn toca(&self, id: i64, d: &mut Dado) {
        let ahora = self.vidas.lock().unwrap()[&id]
            .estados
            .last()
            .unwrap()
            .clone()
            .unwrap();
        let version = ahora["version"].as_i64().unwrap();
        let cambio = match d.hasta(40) {
            0 => None,
            1 | 2 => Some(json!({"estado_id": 2 + d.hasta(2)})),
            3..12 => Some(json!({"area_id": 1 + d.hasta(4)})),
            12..18 => Some(json!({"severidad_id": 1 + d.hasta(3)})),
            _ => Some(json!({"titulo": format!("{} {version}", d.uno(&PALABRAS))})),
        };
        let sera = cambio.as_ref().map(|c| {
            let mut f = ahora.clone();
            f.as_object_mut()
                .unwrap()
                .extend(c.as_object().unwrap().clone());
            f
        });
        self.vidas
            .lock()
            .unwrap()
            .get_mut(&id)
            .unwrap()
            .estados
            .push(sera);
        let ruta = format!("/reportes/{id}");
        let (metodo, status) = if cambio.is_some() {
            ("PUT", 200)
        } else {
            ("DELETE", 204)
        };
        let cuerpo = cambio.unwrap_or_else(|| json!({"detalle": "de prueba"}));
        let pedido = self
            .sitio
            .pide(metodo, &ruta)
            .como(self.admin)
            .si_version(version);
        let r = pedido.json(&cuerpo).envia().await;
        assert_eq!(r.status, status, "{}", r.texto);
        let mut vidas = self.vidas.lock().unwrap();
        let vida = vidas.get_mut(&id).unwrap();
        vida.seguro = vida.estados.len() - 1;
        if status == 200 {
            vida.estados[vida.seguro] = Some(r.json);
        }
    }
}

/// Walks random lists and judges each by what its rows were meanwhile.
async fn pasea(
    sitio: &Sitio,
    faena: &Faena,
    vidas: &Vidas,
    mut escritos: watch::Receiver<usize>,
    d: &mut Dado,
) {
    for _ in 0..cuenta(300) {
        let quien = d.uno(&faena.personas);
        let filtro = Filtro::azar(d, &faena.ruts(), &DIAS);
        let orden = d.uno(&ORDENES);
        let mut pares = filtro.pares(d);
        pares.push(("orden", orden.to_owned()));
        pares.push(("limite", d.uno(&[5, 11, 20, 50]).to_string()));
        let que = format!("{:?} {pares:?}", quien.quien);

        let antes: BTreeMap<i64, usize> = vidas
            .lock()
            .unwrap()
            .iter()
            .map(|(id, v)| (*id, v.seguro))
            .collect();
        let mut paseo = Paseo::nuevo(sitio, &quien, pares, d.cada(2));
        let mut vistas = Vec::new();
        while let Some(pagina) = paseo.pagina().await {
            vistas.extend(pagina);
            // Something is written between any two pages.
            escritos.changed().await.unwrap();
        }
        let despues = vidas.lock().unwrap().clone();

        assert!(en_orden(&vistas, orden), "{que}: repetida o fuera de orden");
        let vistas: BTreeMap<i64, &Value> = vistas
            .iter()
            .map(|f| (f["id"].as_i64().unwrap(), f))
            .collect();
        for (id, seguro) in antes {
            let fue = &despues[&id].estados[seguro..];
            let calza = |f: &Option<Value>| {
                f.as_ref()
                    .is_some_and(|f| ve(&quien.quien, f) && filtro.calza(f))
            };
            let vista = vistas.contains_key(&id);
            assert!(
                vista || !fue.iter().all(calza),
                "{que}: falta {id}, que calzó siempre: {fue:?}"
            );
            assert!(
                !vista || fue.iter().any(calza),
                "{que}: sobra {id}, que nunca calzó: {fue:?}"
            );
        }
        // What is shown is a state that fits, not one that the filter was asked of earlier.
        for fila in vistas.values() {
            assert!(
                ve(&quien.quien, fila) && filtro.calza(fila),
                "{que}: {fila}"
            );
        }
    }
}

en_ambas! {
    async fn con_escritores_cada_fila_que_calzo_siempre_sale_una_vez(sitio: &Sitio) {
        let semilla = u64::from_le_bytes(sitio.store.entorno().azar());
        eprintln!("semilla {semilla}");
        let mut d = Dado::nuevo(semilla);
        let faena = Faena::nueva(sitio, 240, &mut d).await;
        let vidas: Vidas = faena
            .filas
            .iter()
            .map(|f| (f["id"].as_i64().unwrap(), Vida { estados: vec![Some(f.clone())], seguro: 0 }))
            .collect::<BTreeMap<_, _>>()
            .into();
        let (alto, escritos) = (AtomicBool::new(false), watch::Sender::new(0));
        let escritor =
            Escritor { sitio, admin: &faena.admin, vidas: &vidas, alto: &alto, escritos: &escritos };
        let [uno, dos, tres] = [d.u64(), d.u64(), d.u64()].map(Dado::nuevo);
        let paseos = async {
            pasea(sitio, &faena, &vidas, escritos.subscribe(), &mut d).await;
            alto.store(true, Relaxed);
        };
        tokio::join!(paseos, escritor.corre(0, uno), escritor.corre(1, dos), escritor.corre(2, tres));
    }
}
