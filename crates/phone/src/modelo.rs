//! A model test: one report, its owner's phone on a link that loses answers, somebody else who edits
//! it too, and a small server that does what the contract says. Whatever the order, nobody's change
//! is undone by who had not seen it, and in the end both sides hold the same.

use std::collections::HashMap;

use serde_json::{Value, json};
use sigra_domain::reporte::Contenido;

use crate::{
    Estado, Lado, Parche, Politica,
    ficha::contenido_de,
    pruebas::{Contesta, Escena, creado, pagina, reporte, resultados, roca},
};

const CAMPOS: [&str; 3] = ["titulo", "area_id", "severidad_id"];

/// A field's value as one number, so that each edit can have a value of its own.
fn valor(c: &Contenido, campo: &str) -> i64 {
    match campo {
        "titulo" => c.titulo.parse().unwrap_or(0),
        "area_id" => c.area_id,
        _ => c.severidad_id,
    }
}

fn edicion(campo: &str, valor: i64) -> Parche {
    match campo {
        "titulo" => crate::pruebas::titulo(&valor.to_string()),
        "area_id" => Parche {
            area_id: Some(valor),
            ..Parche::default()
        },
        _ => Parche {
            severidad_id: Some(valor),
            ..Parche::default()
        },
    }
}

/// What was sent, and against what.
type Enviado = (Contenido, Option<i64>);

#[derive(Default)]
struct Servidor {
    uuid: String,
    /// By version − 1.
    versiones: Vec<Contenido>,
    aceptados: Vec<(Enviado, i64)>,
    /// By number; `true` when it is resolved.
    conflictos: Vec<(Enviado, bool)>,
    /// What the owner changed each value from, by the new one.
    visto: HashMap<i64, i64>,
}

impl Servidor {
    fn version(&self) -> i64 {
        i64::try_from(self.versiones.len()).unwrap()
    }

    fn en(&self, version: i64) -> &Contenido {
        &self.versiones[usize::try_from(version).unwrap() - 1]
    }

    fn actual(&self) -> &Contenido {
        self.en(self.version())
    }

    fn reporte(&self) -> Value {
        let mut r = reporte(1, &self.uuid, self.version(), self.actual());
        if self.conflictos.iter().any(|(_, resuelto)| !resuelto) {
            r["sync_status"] = "conflicto".into();
        }
        r
    }

    /// Whether the owner, who wrote `nuevo`, had seen `viejo` or what they had made of it.
    fn venia_de(&self, mut nuevo: i64, viejo: i64) -> bool {
        while nuevo != viejo {
            let Some(antes) = self.visto.get(&nuevo) else {
                return false;
            };
            nuevo = *antes;
        }
        true
    }

    /// Each field by three-way merge, a clash by `lado`; the fields that clash.
    fn mezcla(&self, (cliente, base): &Enviado, lado: Lado) -> (Contenido, Vec<&'static str>) {
        let base = base.filter(|b| *b <= self.version()).map(|b| self.en(b));
        let (mut nuevo, mut choques) = (self.actual().clone(), vec![]);
        for campo in CAMPOS {
            let de = |c| valor(c, campo);
            let (suyo, mio, base) = (de(self.actual()), de(cliente), base.map(de));
            let choca = mio != suyo && base != Some(mio) && base != Some(suyo);
            if choca {
                choques.push(campo);
            }
            let cambia = mio != suyo && base == Some(suyo);
            if cambia || (choca && lado == Lado::Cliente) {
                assert!(choca || self.venia_de(mio, suyo), "{suyo} undone by {mio}");
                nuevo = edicion(campo, mio).sobre(&nuevo);
            }
        }
        (nuevo, choques)
    }

    fn recibe(&mut self, item: &str) -> Value {
        let json: Value = serde_json::from_str(item).unwrap();
        let enviado = (contenido_de(item).unwrap(), json["version_base"].as_i64());
        let mut r = self.juzga(&enviado);
        r["uuid_cliente"] = json["uuid_cliente"].clone();
        r["id"] = 1.into();
        r
    }

    fn juzga(&mut self, enviado: &Enviado) -> Value {
        if self.versiones.is_empty() {
            self.versiones.push(enviado.0.clone());
            self.aceptados.push((enviado.clone(), 1));
            return creado("", 1);
        }
        let aceptado = self.aceptados.iter().find(|(e, _)| e == enviado);
        let resuelto = self.conflictos.contains(&(enviado.clone(), true));
        if aceptado.is_some() || resuelto || &enviado.0 == self.actual() {
            let version = aceptado.map_or(self.version(), |(_, v)| *v);
            let difiere = &enviado.0 != self.actual();
            let actual = difiere.then(|| self.reporte());
            return json!({"resultado": "duplicado", "version": version, "actual": actual});
        }
        let (nuevo, choques) = self.mezcla(enviado, Lado::Servidor);
        let conocido = self.conflictos.iter().position(|(e, _)| e == enviado);
        if conocido.is_some() || !choques.is_empty() || enviado.1.is_none() {
            let numero = conocido.unwrap_or_else(|| {
                self.conflictos.push((enviado.clone(), false));
                self.versiones.push(self.actual().clone());
                self.conflictos.len() - 1
            });
            return json!({"resultado": "conflicto", "version": self.version(),
                "conflicto_id": numero, "actual": self.reporte(), "campos": []});
        }
        let solo_suyo = enviado.1.is_some_and(|b| self.en(b) == self.actual());
        self.versiones.push(nuevo);
        self.aceptados.push((enviado.clone(), self.version()));
        if solo_suyo {
            json!({"resultado": "actualizado", "version": self.version()})
        } else {
            json!({"resultado": "fusionado", "version": self.version(), "actual": self.reporte()})
        }
    }

    fn resuelve(&mut self, numero: i64, lado: Lado) {
        let numero = usize::try_from(numero).unwrap();
        let (enviado, resuelto) = self.conflictos[numero].clone();
        if !resuelto {
            self.conflictos[numero].1 = true;
            let (nuevo, _) = self.mezcla(&enviado, lado);
            self.versiones.push(nuevo);
        }
    }
}

struct Corrida {
    e: Escena,
    servidor: Servidor,
    semilla: u64,
    ultimo: i64,
}

impl Corrida {
    fn dado(&mut self, caras: u64) -> usize {
        self.semilla = self
            .semilla
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.semilla >> 33) % caras).unwrap()
    }

    fn valor_nuevo(&mut self) -> (&'static str, i64) {
        self.ultimo += 1;
        (CAMPOS[self.dado(3)], self.ultimo)
    }

    async fn edita(&mut self) {
        let (campo, nuevo) = self.valor_nuevo();
        let uuid = self.servidor.uuid.clone();
        let propio = self.e.telefono.propio(&uuid).await.unwrap().unwrap();
        let visto = valor(&propio.contenido, campo);
        self.servidor.visto.insert(nuevo, visto);
        let parche = edicion(campo, nuevo);
        self.e.telefono.editar(&uuid, parche).await.unwrap();
    }

    async fn empuja(&mut self, se_pierde: bool) {
        let lote = self.e.telefono.arma_lote(1).await.unwrap();
        if let Some((_, item)) = lote.items().next() {
            let r = resultados(&json!([self.servidor.recibe(item)]));
            if !se_pierde {
                self.e.telefono.aplica(&lote, &r).await.unwrap();
            }
        }
    }

    async fn tira(&mut self) {
        if !self.servidor.versiones.is_empty() {
            let p = pagina(&json!([self.servidor.reporte()]), &json!([]), "c");
            self.e.guion.contesta([Contesta::Con(200, p)]);
            self.e.telefono.pull_una_vez().await.unwrap();
        }
    }

    async fn resuelve(&mut self, se_pierde: bool) {
        let lado = [Lado::Servidor, Lado::Cliente][self.dado(2)];
        let politica = match lado {
            Lado::Servidor => Politica::Servidor,
            Lado::Cliente => Politica::Cliente,
        };
        let conflictos = self.e.telefono.conflictos().await.unwrap();
        if let Some(c) = conflictos.first() {
            self.servidor.resuelve(c.id, lado);
            self.e.guion.contesta([if se_pierde {
                Contesta::SePierde
            } else {
                Contesta::Con(200, self.servidor.reporte())
            }]);
            let r = self.e.telefono.resolver(c.id, &politica).await;
            assert_eq!(r.is_err(), se_pierde);
        }
    }

    async fn paso(&mut self) {
        match self.dado(8) {
            0..=2 => self.edita().await,
            3 => self.empuja(false).await,
            4 => self.empuja(true).await,
            5 => {
                let (campo, nuevo) = self.valor_nuevo();
                if let Some(actual) = self.servidor.versiones.last() {
                    let nuevo = edicion(campo, nuevo).sobre(actual);
                    self.servidor.versiones.push(nuevo);
                }
            }
            6 => self.tira().await,
            _ => {
                let se_pierde = self.dado(2) == 0;
                self.resuelve(se_pierde).await;
            }
        }
    }
}

#[tokio::test]
async fn nobody_s_change_is_undone_unseen_and_both_sides_agree_in_the_end() {
    for semilla in 0..5 {
        let mut e = Escena::nueva().await;
        let uuid = e.telefono.crear(roca()).await.unwrap();
        let servidor = Servidor {
            uuid: uuid.clone(),
            ..Servidor::default()
        };
        let mut c = Corrida {
            e,
            servidor,
            semilla,
            ultimo: 1_000,
        };
        for _ in 0..60 {
            c.paso().await;
        }
        for _ in 0..10 {
            c.empuja(false).await;
            c.resuelve(false).await;
            c.tira().await;
        }
        let propio = c.e.telefono.propio(&uuid).await.unwrap().unwrap();
        assert_eq!(propio.estado, Estado::Entregado, "semilla {semilla}");
        assert_eq!(&propio.contenido, c.servidor.actual(), "semilla {semilla}");
    }
}
