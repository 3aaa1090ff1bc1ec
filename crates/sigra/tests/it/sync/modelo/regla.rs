//! The model: the contract's table of results in few words, for reports of four fields.

use std::collections::HashMap;

use serde_json::{Value, json};

/// titulo, descripcion, area_id, severidad_id.
pub const CAMPOS: usize = 4;
pub const NOMBRES: [&str; CAMPOS] = ["titulo", "descripcion", "area_id", "severidad_id"];

/// The value of each field, of three.
pub type Contenido = [u8; CAMPOS];

/// As a phone sends it, and as it is read.
pub fn valor(campo: usize, v: u8) -> Value {
    match campo {
        0 => json!(format!("título {v}")),
        1 => json!(format!("descripción {v}")),
        _ => json!(v + 1),
    }
}

pub fn a_json(c: Contenido) -> Value {
    let campos = (0..CAMPOS).map(|i| (NOMBRES[i].to_owned(), valor(i, c[i])));
    campos.collect::<serde_json::Map<_, _>>().into()
}

/// A content with the version it was made from.
pub type Clave = (Contenido, Option<i64>);

#[derive(Clone, Debug)]
pub struct Item {
    pub uuid: String,
    pub contenido: Contenido,
    pub base: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Reporte {
    /// Whose it is, by number.
    pub autor: usize,
    /// What it held at each version.
    pub versiones: Vec<Contenido>,
    pub decidido: bool,
    pub retirado: bool,
    aceptados: HashMap<Clave, i64>,
    /// What waits for a decision: the id once it was told, and what the phone had at the time.
    pub conflictos: HashMap<Clave, (Option<i64>, Option<Contenido>)>,
}

/// What an answer must say.
#[derive(Clone, Debug, PartialEq)]
pub enum Dice {
    /// Name and version.
    Hecho(&'static str, i64),
    /// Version and key of the conflict.
    Conflicto(i64, Clave),
    /// The code of the error.
    Rechazado(&'static str),
}

impl Reporte {
    pub fn version(&self) -> i64 {
        i64::try_from(self.versiones.len()).unwrap()
    }

    pub fn actual(&self) -> Contenido {
        self.versiones[self.versiones.len() - 1]
    }

    /// A new version, with other content or the same.
    pub fn avanza(&mut self, contenido: Contenido) -> i64 {
        self.versiones.push(contenido);
        self.version()
    }

    fn en(&self, version: Option<i64>) -> Option<Contenido> {
        let i = usize::try_from(version? - 1).ok()?;
        self.versiones.get(i).copied()
    }

    /// Both sides together, and the fields that clash.
    fn mezcla(&self, cliente: Contenido, base: Option<Contenido>) -> (Contenido, Vec<usize>) {
        let actual = self.actual();
        let (mut nuevo, mut choques) = (actual, vec![]);
        for i in 0..CAMPOS {
            if cliente[i] == actual[i] || base.is_some_and(|b| b[i] == cliente[i]) {
                continue;
            }
            if base.is_some_and(|b| b[i] == actual[i]) {
                nuevo[i] = cliente[i];
            } else {
                choques.push(i);
            }
        }
        (nuevo, choques)
    }

    /// The fields of a conflict that clash now.
    pub fn choques(&self, clave: Clave) -> Vec<usize> {
        let base = self.conflictos[&clave].1;
        let cambia = |i: &usize| {
            clave.0[*i] != self.actual()[*i] && base.is_none_or(|b| b[*i] != clave.0[*i])
        };
        if self.decidido {
            return (0..CAMPOS).filter(cambia).collect();
        }
        self.mezcla(clave.0, base).1
    }

    fn juzga(&mut self, clave: Clave, quien: usize) -> Dice {
        if self.autor != quien {
            return Dice::Rechazado("uuid_en_conflicto");
        }
        if self.retirado {
            return Dice::Rechazado("reporte_retirado");
        }
        if let Some(version) = self.aceptados.get(&clave) {
            return Dice::Hecho("duplicado", *version);
        }
        if self.conflictos.contains_key(&clave) {
            return Dice::Conflicto(self.version(), clave);
        }
        if clave.0 == self.actual() {
            self.aceptados.insert(clave, self.version());
            return Dice::Hecho("duplicado", self.version());
        }
        let base = self.en(clave.1);
        let (nuevo, choques) = self.mezcla(clave.0, base);
        let pide = nuevo != self.actual();
        if (self.decidido && pide) || base.is_none() || !choques.is_empty() {
            if self.conflictos.len() >= 20 {
                return Dice::Rechazado("demasiados_conflictos");
            }
            self.conflictos.insert(clave, (None, base));
            return Dice::Conflicto(self.avanza(self.actual()), clave);
        }
        let resultado = if base == Some(self.actual()) {
            "actualizado"
        } else {
            "fusionado"
        };
        let version = if nuevo == self.actual() {
            self.version()
        } else {
            self.avanza(nuevo)
        };
        self.aceptados.insert(clave, version);
        Dice::Hecho(resultado, version)
    }

    /// `lado`: of the fields that clash, whether the phone's value counts; `None` keeps the report.
    pub fn resuelve(&mut self, clave: Clave, lado: Option<bool>) {
        let mut nuevo = self.actual();
        if let Some(cliente) = lado {
            let (mezclado, choques) = self.mezcla(clave.0, self.conflictos[&clave].1);
            nuevo = mezclado;
            for i in choques.into_iter().filter(|_| cliente) {
                nuevo[i] = clave.0[i];
            }
        }
        let version = self.avanza(nuevo);
        self.conflictos.remove(&clave);
        self.aceptados.insert(clave, version);
    }
}

/// All reports, by uuid.
#[derive(Default)]
pub struct Modelo(pub HashMap<String, Reporte>);

impl Modelo {
    /// What the report held at the version that an item was made from.
    pub fn en(&self, item: &Item) -> Option<Contenido> {
        self.0.get(&item.uuid)?.en(item.base)
    }

    /// What a batch must be told, item by item.
    pub fn recibe(&mut self, quien: usize, lote: &[Item]) -> Vec<Dice> {
        lote.iter().map(|item| self.uno(quien, item)).collect()
    }

    fn uno(&mut self, quien: usize, item: &Item) -> Dice {
        let clave = (item.contenido, item.base.filter(|b| *b > 0));
        if let Some(reporte) = self.0.get_mut(&item.uuid) {
            return reporte.juzga(clave, quien);
        }
        let reporte = Reporte {
            autor: quien,
            versiones: vec![item.contenido],
            decidido: false,
            retirado: false,
            aceptados: HashMap::from([(clave, 1)]),
            conflictos: HashMap::new(),
        };
        self.0.insert(item.uuid.clone(), reporte);
        Dice::Hecho("creado", 1)
    }
}
