//! The list as a plain vector: which rows a query shows and in which order, without SQL and without
//! the server's own functions.

use serde_json::Value;
use sigra_domain::{Quien, Rol};

/// Dice with a seed, so that a failure can be told by it.
pub struct Rng(u64);

impl Rng {
    pub fn new(semilla: u64) -> Self {
        Self(semilla)
    }

    /// SplitMix64.
    pub fn u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `n` - 1.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.u64() % n as u64).unwrap()
    }

    pub fn choose<T: Clone>(&mut self, de: &[T]) -> T {
        de[self.below(de.len())].clone()
    }

    /// True once in `n`.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// What titles are made of: accents, case, wildcards, quotes, ligatures, marks, emoji.
pub const WORDS: [&str; 18] = [
    "Caída",
    "ROCA",
    "galería",
    "Ñandú",
    "pingüino",
    "100%",
    "50_b",
    r"barra\inversa",
    "d'aguas",
    "\"citado\"",
    "💥",
    "ﬁltro",
    "CAMIÓN",
    "e\u{301}xito",
    "İzaje",
    "túnel",
    "a%b_c",
    "(norte)",
];

/// Lower case without accents, for the letters that [`WORDS`] has.
pub fn fold_accents(t: &str) -> String {
    let mut s = String::new();
    for c in t.chars().flat_map(char::to_lowercase) {
        match c {
            'á' => s.push('a'),
            'é' => s.push('e'),
            'í' => s.push('i'),
            'ó' => s.push('o'),
            'ú' | 'ü' => s.push('u'),
            'ñ' => s.push('n'),
            'ﬁ' => s.push_str("fi"),
            '\u{300}'..='\u{36f}' => {}
            c => s.push(c),
        }
    }
    s
}

/// A search: pieces of words, as they are or in another case, and things that match nothing.
pub fn random_search(d: &mut Rng) -> String {
    const NOISE: [&str; 13] = [
        "%", "_", "\\", "'", "\"", "%%", "_%", "💥", "zzz", "á", "Ñ", "\\%", "",
    ];
    let mut q = String::new();
    for _ in 0..=d.below(3) {
        if d.one_in(3) {
            q.push_str(d.choose(&NOISE));
        } else {
            let letras: Vec<char> = d.choose(&WORDS).chars().collect();
            let desde = d.below(letras.len());
            let hasta = desde + 1 + d.below(letras.len() - desde);
            let trozo: String = letras[desde..hasta].iter().collect();
            q.push_str(&match d.below(4) {
                0 => trozo.to_uppercase(),
                1 => trozo.to_lowercase(),
                2 => fold_accents(&trozo),
                _ => trozo,
            });
        }
        q.push_str(d.choose(&[" ", "   ", "\t"]));
    }
    q
}

pub const ORDERS: [&str; 8] = [
    "hora_creado",
    "-hora_creado",
    "hora_sincronizado",
    "-hora_sincronizado",
    "fecha_reporte",
    "-fecha_reporte",
    "id",
    "-id",
];

/// A query's filters; an empty list means all.
#[derive(Clone, Debug, Default)]
pub struct ReporteFilter {
    pub estados: Vec<i64>,
    pub areas: Vec<i64>,
    pub severidades: Vec<i64>,
    pub ruts: Vec<i64>,
    pub desde: Option<String>,
    pub hasta: Option<String>,
    pub sync: Vec<String>,
    pub q: Option<String>,
}

impl ReporteFilter {
    /// Mostly few conditions, so that mostly something is found.
    pub fn random(d: &mut Rng, ruts: &[i64], dias: &[&str]) -> Self {
        let mut varios = |de: &[i64]| -> Vec<i64> {
            if d.one_in(4) {
                (0..=d.below(2)).map(|_| d.choose(de)).collect()
            } else {
                vec![]
            }
        };
        let (estados, areas) = (varios(&[1, 2, 3]), varios(&[1, 2, 3, 4, 9]));
        let (severidades, ruts) = (varios(&[1, 2, 3]), varios(ruts));
        let sync = ["completo", "multimedia_pendiente", "conflicto"];
        Self {
            estados,
            areas,
            severidades,
            ruts,
            desde: d.one_in(5).then(|| d.choose(dias).to_owned()),
            hasta: d.one_in(5).then(|| d.choose(dias).to_owned()),
            sync: if d.one_in(6) {
                vec![d.choose(&sync).to_owned()]
            } else {
                vec![]
            },
            q: d.one_in(3).then(|| random_search(d)),
        }
    }

    pub fn matches(&self, fila: &Value) -> bool {
        let en =
            |campo: &str, de: &[i64]| de.is_empty() || de.contains(&fila[campo].as_i64().unwrap());
        let fecha = fila["fecha_reporte"].as_str().unwrap();
        let texto = fold_accents(&format!(
            "{}\n{}",
            fila["titulo"].as_str().unwrap(),
            fila["descripcion"].as_str().unwrap_or_default()
        ));
        en("estado_id", &self.estados)
            && en("area_id", &self.areas)
            && en("severidad_id", &self.severidades)
            && en("rut", &self.ruts)
            && self.desde.as_deref().is_none_or(|d| d <= fecha)
            && self.hasta.as_deref().is_none_or(|h| fecha <= h)
            && (self.sync.is_empty() || self.sync.iter().any(|s| fila["sync_status"] == **s))
            && self.q.iter().all(|q| {
                fold_accents(q)
                    .split_whitespace()
                    .all(|t| texto.contains(t))
            })
    }

    /// As a client writes it: a state by id or by name, a RUT in each of its forms.
    pub fn query_pairs(&self, d: &mut Rng) -> Vec<(&'static str, String)> {
        const ESTADOS: [[&str; 2]; 3] = [
            ["Pendiente", "PENDIENTE"],
            ["Aprobado", "aprobado"],
            ["Rechazado", "rechazadO"],
        ];
        let mut p = Vec::new();
        for e in &self.estados {
            let nombres = ESTADOS[usize::try_from(*e).unwrap() - 1];
            p.push((
                "estado",
                if d.one_in(2) {
                    e.to_string()
                } else {
                    d.choose(&nombres).into()
                },
            ));
        }
        p.extend(self.areas.iter().map(|a| ("area_id", a.to_string())));
        p.extend(
            self.severidades
                .iter()
                .map(|s| ("severidad_id", s.to_string())),
        );
        for r in &self.ruts {
            let rut = sigra_domain::Rut::new(*r).unwrap();
            let formas = [
                r.to_string(),
                rut.formatted(),
                rut.formatted().replace('.', ""),
            ];
            p.push(("rut", d.choose(&formas)));
        }
        p.extend(self.desde.iter().map(|t| ("desde", t.clone())));
        p.extend(self.hasta.iter().map(|t| ("hasta", t.clone())));
        p.extend(self.sync.iter().map(|s| ("sync_status", s.clone())));
        p.extend(self.q.iter().map(|q| ("q", q.clone())));
        p
    }
}

/// Own reports, those of the areas given to a supervisor, or all.
pub fn sees(quien: &Quien, fila: &Value) -> bool {
    match quien.rol {
        Rol::Administrador => true,
        Rol::Supervisor if quien.areas.iter().any(|a| fila["area_id"] == *a) => true,
        _ => fila["rut"] == quien.rut.body(),
    }
}

/// Where a row stands in an order. Times and dates sort as they are written.
pub fn sort_key(fila: &Value, orden: &str) -> (String, i64) {
    let campo = orden.trim_start_matches('-');
    let clave = if campo == "id" {
        ""
    } else {
        fila[campo].as_str().unwrap()
    };
    (clave.to_owned(), fila["id"].as_i64().unwrap())
}

pub fn sort(filas: &mut [&Value], orden: &str) {
    filas.sort_by_key(|f| sort_key(f, orden));
    if orden.starts_with('-') {
        filas.reverse();
    }
}

/// Strictly in order, hence no row twice.
pub fn is_sorted(filas: &[Value], orden: &str) -> bool {
    filas.windows(2).all(|w| {
        let (a, b) = (sort_key(&w[0], orden), sort_key(&w[1], orden));
        if orden.starts_with('-') { a > b } else { a < b }
    })
}
