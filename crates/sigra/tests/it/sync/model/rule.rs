//! The model: the contract's table of results in few words, for reports of four fields.

use std::collections::HashMap;

use serde_json::{Value, json};

/// titulo, descripcion, area_id, severidad_id.
pub const FIELD_COUNT: usize = 4;
pub const FIELD_NAMES: [&str; FIELD_COUNT] = ["titulo", "descripcion", "area_id", "severidad_id"];

/// The value of each field, of three.
pub type Contenido = [u8; FIELD_COUNT];

/// As a phone sends it, and as it is read.
pub fn field_value(campo: usize, v: u8) -> Value {
    match campo {
        0 => json!(format!("título {v}")),
        1 => json!(format!("descripción {v}")),
        _ => json!(v + 1),
    }
}

pub fn to_json(c: Contenido) -> Value {
    let campos = (0..FIELD_COUNT).map(|i| (FIELD_NAMES[i].to_owned(), field_value(i, c[i])));
    campos.collect::<serde_json::Map<_, _>>().into()
}

/// A content with the version it was made from.
pub type ItemKey = (Contenido, Option<i64>);

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
    aceptados: HashMap<ItemKey, i64>,
    /// What waits for a decision: the id once it was told, and what the phone had at the time.
    pub conflictos: HashMap<ItemKey, (Option<i64>, Option<Contenido>)>,
}

/// What an answer must say.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpectedReply {
    /// Name and version.
    Hecho(&'static str, i64),
    /// Version and key of the conflict.
    Conflicto(i64, ItemKey),
    /// The code of the error.
    Rechazado(&'static str),
}

impl Reporte {
    pub fn version(&self) -> i64 {
        i64::try_from(self.versiones.len()).unwrap()
    }

    pub fn current(&self) -> Contenido {
        self.versiones[self.versiones.len() - 1]
    }

    /// A new version, with other content or the same.
    pub fn advance(&mut self, contenido: Contenido) -> i64 {
        self.versiones.push(contenido);
        self.version()
    }

    fn at(&self, version: Option<i64>) -> Option<Contenido> {
        let i = usize::try_from(version? - 1).ok()?;
        self.versiones.get(i).copied()
    }

    /// Both sides together, and the fields that clash.
    fn merge(&self, cliente: Contenido, base: Option<Contenido>) -> (Contenido, Vec<usize>) {
        let actual = self.current();
        let (mut nuevo, mut choques) = (actual, vec![]);
        for i in 0..FIELD_COUNT {
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
    pub fn conflicting_fields(&self, clave: ItemKey) -> Vec<usize> {
        let base = self.conflictos[&clave].1;
        let cambia = |i: &usize| {
            clave.0[*i] != self.current()[*i] && base.is_none_or(|b| b[*i] != clave.0[*i])
        };
        if self.decidido {
            return (0..FIELD_COUNT).filter(cambia).collect();
        }
        self.merge(clave.0, base).1
    }

    fn judge(&mut self, clave: ItemKey, quien: usize) -> ExpectedReply {
        if self.autor != quien {
            return ExpectedReply::Rechazado("uuid_en_conflicto");
        }
        if self.retirado {
            return ExpectedReply::Rechazado("reporte_retirado");
        }
        if let Some(version) = self.aceptados.get(&clave) {
            return ExpectedReply::Hecho("duplicado", *version);
        }
        if self.conflictos.contains_key(&clave) {
            return ExpectedReply::Conflicto(self.version(), clave);
        }
        if clave.0 == self.current() {
            self.aceptados.insert(clave, self.version());
            return ExpectedReply::Hecho("duplicado", self.version());
        }
        let base = self.at(clave.1);
        let (nuevo, choques) = self.merge(clave.0, base);
        let pide = nuevo != self.current();
        if (self.decidido && pide) || base.is_none() || !choques.is_empty() {
            if self.conflictos.len() >= 20 {
                return ExpectedReply::Rechazado("demasiados_conflictos");
            }
            self.conflictos.insert(clave, (None, base));
            return ExpectedReply::Conflicto(self.advance(self.current()), clave);
        }
        let resultado = if base == Some(self.current()) {
            "actualizado"
        } else {
            "fusionado"
        };
        let version = if nuevo == self.current() {
            self.version()
        } else {
            self.advance(nuevo)
        };
        self.aceptados.insert(clave, version);
        ExpectedReply::Hecho(resultado, version)
    }

    /// `lado`: of the fields that clash, whether the phone's value counts; `None` keeps the report.
    pub fn resolve(&mut self, clave: ItemKey, lado: Option<bool>) {
        let mut nuevo = self.current();
        if let Some(cliente) = lado {
            let (mezclado, choques) = self.merge(clave.0, self.conflictos[&clave].1);
            nuevo = mezclado;
            for i in choques.into_iter().filter(|_| cliente) {
                nuevo[i] = clave.0[i];
            }
        }
        let version = self.advance(nuevo);
        self.conflictos.remove(&clave);
        self.aceptados.insert(clave, version);
    }
}

/// All reports, by uuid.
#[derive(Default)]
pub struct Model(pub HashMap<String, Reporte>);

impl Model {
    /// What the report held at the version that an item was made from.
    pub fn at(&self, item: &Item) -> Option<Contenido> {
        self.0.get(&item.uuid)?.at(item.base)
    }

    /// What a batch must be told, item by item.
    pub fn receive(&mut self, quien: usize, lote: &[Item]) -> Vec<ExpectedReply> {
        lote.iter()
            .map(|item| self.apply_one(quien, item))
            .collect()
    }

    fn apply_one(&mut self, quien: usize, item: &Item) -> ExpectedReply {
        let clave = (item.contenido, item.base.filter(|b| *b > 0));
        if let Some(reporte) = self.0.get_mut(&item.uuid) {
            return reporte.judge(clave, quien);
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
        ExpectedReply::Hecho("creado", 1)
    }
}
