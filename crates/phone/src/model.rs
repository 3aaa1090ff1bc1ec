//! A model test: one report, its owner's phone on a link that loses answers, somebody else who edits
//! it too, and a small server that does what the contract says. Whatever the order, nobody's change
//! is undone by who had not seen it, and in the end both sides hold the same.

use std::collections::HashMap;

use serde_json::{Value, json};
use sigra_domain::reporte::Contenido;

use crate::{
    ConflictoPolicy, Lado, Patch, QueueState,
    local_reporte::parse_contenido,
    test_support::{Fixture, Reply, batch_results, created, page, reporte, sample_contenido},
};

const FIELDS: [&str; 3] = ["titulo", "area_id", "severidad_id"];

/// A field's value as one number, so that each edit can have a value of its own.
fn field_value(c: &Contenido, campo: &str) -> i64 {
    match campo {
        "titulo" => c.titulo.parse().unwrap_or(0),
        "area_id" => c.area_id,
        _ => c.severidad_id,
    }
}

fn edit_patch(campo: &str, value: i64) -> Patch {
    match campo {
        "titulo" => crate::test_support::titulo(&value.to_string()),
        "area_id" => Patch {
            area_id: Some(value),
            ..Patch::default()
        },
        _ => Patch {
            severidad_id: Some(value),
            ..Patch::default()
        },
    }
}

/// What was sent, and against what.
type SentContenido = (Contenido, Option<i64>);

#[derive(Default)]
struct ModelServer {
    uuid: String,
    /// By version − 1.
    versiones: Vec<Contenido>,
    aceptados: Vec<(SentContenido, i64)>,
    /// By number; `true` when it is resolved.
    conflictos: Vec<(SentContenido, bool)>,
    /// What the owner changed each value from, by the new one.
    visto: HashMap<i64, i64>,
}

impl ModelServer {
    fn version(&self) -> i64 {
        i64::try_from(self.versiones.len()).unwrap()
    }

    fn at(&self, version: i64) -> &Contenido {
        &self.versiones[usize::try_from(version).unwrap() - 1]
    }

    fn current(&self) -> &Contenido {
        self.at(self.version())
    }

    fn reporte(&self) -> Value {
        let mut r = reporte(1, &self.uuid, self.version(), self.current());
        if self.conflictos.iter().any(|(_, resuelto)| !resuelto) {
            r["sync_status"] = "conflicto".into();
        }
        r
    }

    /// Whether the owner, who wrote `nuevo`, had seen `viejo` or what they had made of it.
    fn descends_from(&self, mut nuevo: i64, viejo: i64) -> bool {
        while nuevo != viejo {
            let Some(antes) = self.visto.get(&nuevo) else {
                return false;
            };
            nuevo = *antes;
        }
        true
    }

    /// Each field by three-way merge, a clash by `lado`; the fields that clash.
    fn merge(&self, (client, base): &SentContenido, lado: Lado) -> (Contenido, Vec<&'static str>) {
        let base = base.filter(|b| *b <= self.version()).map(|b| self.at(b));
        let (mut nuevo, mut choques) = (self.current().clone(), vec![]);
        for campo in FIELDS {
            let de = |c| field_value(c, campo);
            let (suyo, mio, base) = (de(self.current()), de(client), base.map(de));
            let choca = mio != suyo && base != Some(mio) && base != Some(suyo);
            if choca {
                choques.push(campo);
            }
            let cambia = mio != suyo && base == Some(suyo);
            if cambia || (choca && lado == Lado::Cliente) {
                assert!(
                    choca || self.descends_from(mio, suyo),
                    "{suyo} undone by {mio}"
                );
                nuevo = edit_patch(campo, mio).apply_to(&nuevo);
            }
        }
        (nuevo, choques)
    }

    fn receive(&mut self, item: &str) -> Value {
        let json: Value = serde_json::from_str(item).unwrap();
        let enviado = (
            parse_contenido(item).unwrap(),
            json["version_base"].as_i64(),
        );
        let mut r = self.judge(&enviado);
        r["uuid_cliente"] = json["uuid_cliente"].clone();
        r["id"] = 1.into();
        r
    }

    fn judge(&mut self, enviado: &SentContenido) -> Value {
        if self.versiones.is_empty() {
            self.versiones.push(enviado.0.clone());
            self.aceptados.push((enviado.clone(), 1));
            return created("", 1);
        }
        let aceptado = self.aceptados.iter().find(|(e, _)| e == enviado);
        let resuelto = self.conflictos.contains(&(enviado.clone(), true));
        if aceptado.is_some() || resuelto || &enviado.0 == self.current() {
            let version = aceptado.map_or(self.version(), |(_, v)| *v);
            let difiere = &enviado.0 != self.current();
            let actual = difiere.then(|| self.reporte());
            return json!({"resultado": "duplicado", "version": version, "actual": actual});
        }
        let (nuevo, choques) = self.merge(enviado, Lado::Servidor);
        let conocido = self.conflictos.iter().position(|(e, _)| e == enviado);
        if conocido.is_some() || !choques.is_empty() || enviado.1.is_none() {
            let numero = conocido.unwrap_or_else(|| {
                self.conflictos.push((enviado.clone(), false));
                self.versiones.push(self.current().clone());
                self.conflictos.len() - 1
            });
            return json!({"resultado": "conflicto", "version": self.version(),
                "conflicto_id": numero, "actual": self.reporte(), "campos": []});
        }
        let solo_suyo = enviado.1.is_some_and(|b| self.at(b) == self.current());
        self.versiones.push(nuevo);
        self.aceptados.push((enviado.clone(), self.version()));
        if solo_suyo {
            json!({"resultado": "actualizado", "version": self.version()})
        } else {
            json!({"resultado": "fusionado", "version": self.version(), "actual": self.reporte()})
        }
    }

    fn resolve(&mut self, numero: i64, lado: Lado) {
        let numero = usize::try_from(numero).unwrap();
        let (enviado, resuelto) = self.conflictos[numero].clone();
        if !resuelto {
            self.conflictos[numero].1 = true;
            let (nuevo, _) = self.merge(&enviado, lado);
            self.versiones.push(nuevo);
        }
    }
}

struct ModelRun {
    e: Fixture,
    server: ModelServer,
    seed: u64,
    ultimo: i64,
}

impl ModelRun {
    fn random_below(&mut self, caras: u64) -> usize {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.seed >> 33) % caras).unwrap()
    }

    fn new_value(&mut self) -> (&'static str, i64) {
        self.ultimo += 1;
        (FIELDS[self.random_below(3)], self.ultimo)
    }

    async fn edit(&mut self) {
        let (campo, nuevo) = self.new_value();
        let uuid = self.server.uuid.clone();
        let propio = self.e.telefono.own_reporte(&uuid).await.unwrap().unwrap();
        let visto = field_value(&propio.contenido, campo);
        self.server.visto.insert(nuevo, visto);
        let parche = edit_patch(campo, nuevo);
        self.e.telefono.edit(&uuid, parche).await.unwrap();
    }

    async fn push(&mut self, se_pierde: bool) {
        let batch = self.e.telefono.build_batch(1).await.unwrap();
        if let Some((_, item)) = batch.items().next() {
            let r = batch_results(&json!([self.server.receive(item)]));
            if !se_pierde {
                self.e.telefono.apply(&batch, &r).await.unwrap();
            }
        }
    }

    async fn pull(&mut self) {
        if !self.server.versiones.is_empty() {
            let p = page(&json!([self.server.reporte()]), &json!([]), "c");
            self.e.script.enqueue_answers([Reply::Con(200, p)]);
            self.e.telefono.pull_once().await.unwrap();
        }
    }

    async fn resolve(&mut self, se_pierde: bool) {
        let lado = [Lado::Servidor, Lado::Cliente][self.random_below(2)];
        let politica = match lado {
            Lado::Servidor => ConflictoPolicy::Servidor,
            Lado::Cliente => ConflictoPolicy::Cliente,
        };
        let conflictos = self.e.telefono.conflictos().await.unwrap();
        if let Some(c) = conflictos.first() {
            self.server.resolve(c.id, lado);
            self.e.script.enqueue_answers([if se_pierde {
                Reply::SePierde
            } else {
                Reply::Con(200, self.server.reporte())
            }]);
            let r = self.e.telefono.resolve_conflicto(c.id, &politica).await;
            assert_eq!(r.is_err(), se_pierde);
        }
    }

    async fn step(&mut self) {
        match self.random_below(8) {
            0..=2 => self.edit().await,
            3 => self.push(false).await,
            4 => self.push(true).await,
            5 => {
                let (campo, nuevo) = self.new_value();
                if let Some(actual) = self.server.versiones.last() {
                    let nuevo = edit_patch(campo, nuevo).apply_to(actual);
                    self.server.versiones.push(nuevo);
                }
            }
            6 => self.pull().await,
            _ => {
                let se_pierde = self.random_below(2) == 0;
                self.resolve(se_pierde).await;
            }
        }
    }
}

#[tokio::test]
async fn nobody_s_change_is_undone_unseen_and_both_sides_agree_in_the_end() {
    for seed in 0..5 {
        let mut e = Fixture::new().await;
        let uuid = e.telefono.create(sample_contenido()).await.unwrap();
        let server = ModelServer {
            uuid: uuid.clone(),
            ..ModelServer::default()
        };
        let mut c = ModelRun {
            e,
            server,
            seed,
            ultimo: 1_000,
        };
        for _ in 0..60 {
            c.step().await;
        }
        for _ in 0..10 {
            c.push(false).await;
            c.resolve(false).await;
            c.pull().await;
        }
        let propio = c.e.telefono.own_reporte(&uuid).await.unwrap().unwrap();
        assert_eq!(propio.estado, QueueState::Entregado, "semilla {seed}");
        assert_eq!(&propio.contenido, c.server.current(), "semilla {seed}");
    }
}
