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
    DAYS, Pager, SeededSite, random_reporte,
    reference::{ORDERS, ReporteFilter, Rng, WORDS, is_sorted, sees},
};
use sigra_testkit::{Persona, TestSite, both_databases, iterations};

/// Every state a row has had or may have by now, oldest first; `None` is withdrawn.
#[derive(Clone)]
struct RowHistory {
    estados: Vec<Option<Value>>,
    /// The last of them that was answered: the row was never seen older after that.
    seguro: usize,
}

type RowHistories = Mutex<BTreeMap<i64, RowHistory>>;

/// Those who write, each on rows of their own.
struct ListWriter<'a> {
    sitio: &'a TestSite,
    admin: &'a Persona,
    vidas: &'a RowHistories,
    alto: &'a AtomicBool,
    escritos: &'a watch::Sender<usize>,
}

const WRITERS: i64 = 3;
/// New rows of one writer while it has others to write: a list that grew for ever could not be
/// walked to its end.
const NEW_ROWS: usize = 60;

impl ListWriter<'_> {
    async fn run(&self, k: i64, mut d: Rng) {
        let mut nuevos = 0;
        while !self.alto.load(Relaxed) {
            let propias: Vec<i64> = {
                let vidas = self.vidas.lock().unwrap();
                let pendiente = |v: &RowHistory| {
                    v.estados
                        .last()
                        .is_some_and(|f| f.as_ref().is_some_and(|f| f["estado_id"] == 1))
                };
                let propia = |id: i64| id % WRITERS == k;
                vidas
                    .iter()
                    .filter(|(id, v)| propia(**id) && pendiente(v))
                    .map(|(id, _)| *id)
                    .collect()
            };
            if propias.len() < 20 || (nuevos < NEW_ROWS && d.one_in(6)) {
                nuevos += 1;
                let r = self.sitio.create(self.admin, &random_reporte(&mut d)).await;
                let vida = RowHistory {
                    estados: vec![Some(r.json.clone())],
                    seguro: 0,
                };
                self.vidas.lock().unwrap().insert(r.id(), vida);
            } else {
                self.apply_random_change(d.choose(&propias), &mut d).await;
            }
            self.escritos.send_modify(|n| *n += 1);
        }
    }

    /// Edits, decides or withdraws a row. What it may become is noted before it is sent.
    async fn apply_random_change(&self, id: i64, d: &mut Rng) {
        let ahora = self.vidas.lock().unwrap()[&id]
            .estados
            .last()
            .unwrap()
            .clone()
            .unwrap();
        let version = ahora["version"].as_i64().unwrap();
        let cambio = match d.below(40) {
            0 => None,
            1 | 2 => Some(json!({"estado_id": 2 + d.below(2)})),
            3..12 => Some(json!({"area_id": 1 + d.below(4)})),
            12..18 => Some(json!({"severidad_id": 1 + d.below(3)})),
            _ => Some(json!({"titulo": format!("{} {version}", d.choose(&WORDS))})),
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
            .request(metodo, &ruta)
            .by(self.admin)
            .if_match(version);
        let r = pedido.json(&cuerpo).send().await;
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
async fn walk_lists(
    sitio: &TestSite,
    faena: &SeededSite,
    vidas: &RowHistories,
    mut escritos: watch::Receiver<usize>,
    d: &mut Rng,
) {
    for _ in 0..iterations(300) {
        let quien = d.choose(&faena.personas);
        let filtro = ReporteFilter::random(d, &faena.ruts(), &DAYS);
        let orden = d.choose(&ORDERS);
        let mut pares = filtro.query_pairs(d);
        pares.push(("orden", orden.to_owned()));
        pares.push(("limite", d.choose(&[5, 11, 20, 50]).to_string()));
        let que = format!("{:?} {pares:?}", quien.quien);

        let antes: BTreeMap<i64, usize> = vidas
            .lock()
            .unwrap()
            .iter()
            .map(|(id, v)| (*id, v.seguro))
            .collect();
        let mut pager = Pager::new(sitio, &quien, pares, d.one_in(2));
        let mut vistas = Vec::new();
        while let Some(pagina) = pager.page().await {
            vistas.extend(pagina);
            // Something is written between any two pages.
            escritos.changed().await.unwrap();
        }
        let despues = vidas.lock().unwrap().clone();

        assert!(
            is_sorted(&vistas, orden),
            "{que}: repetida o fuera de orden"
        );
        let vistas: BTreeMap<i64, &Value> = vistas
            .iter()
            .map(|f| (f["id"].as_i64().unwrap(), f))
            .collect();
        for (id, seguro) in antes {
            let fue = &despues[&id].estados[seguro..];
            let calza = |f: &Option<Value>| {
                f.as_ref()
                    .is_some_and(|f| sees(&quien.quien, f) && filtro.matches(f))
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
                sees(&quien.quien, fila) && filtro.matches(fila),
                "{que}: {fila}"
            );
        }
    }
}

#[both_databases]
async fn with_writers_each_row_that_always_matched_appears_once(sitio: &TestSite) {
    let semilla = u64::from_le_bytes(sitio.store.env().random());
    eprintln!("semilla {semilla}");
    let mut d = Rng::new(semilla);
    let faena = SeededSite::new(sitio, 240, &mut d).await;
    let vidas: RowHistories = faena
        .filas
        .iter()
        .map(|f| {
            (
                f["id"].as_i64().unwrap(),
                RowHistory {
                    estados: vec![Some(f.clone())],
                    seguro: 0,
                },
            )
        })
        .collect::<BTreeMap<_, _>>()
        .into();
    let (alto, escritos) = (AtomicBool::new(false), watch::Sender::new(0));
    let writer = ListWriter {
        sitio,
        admin: &faena.admin,
        vidas: &vidas,
        alto: &alto,
        escritos: &escritos,
    };
    let [uno, dos, tres] = [d.u64(), d.u64(), d.u64()].map(Rng::new);
    let paseos = async {
        walk_lists(sitio, &faena, &vidas, escritos.subscribe(), &mut d).await;
        alto.store(true, Relaxed);
    };
    tokio::join!(
        paseos,
        writer.run(0, uno),
        writer.run(1, dos),
        writer.run(2, tres)
    );
}
