//! The bitácora: one hash chain per report.
//!
//! An entry's canonical form is its RFC 8785 JSON; its hash is SHA-256 over the previous entry's hash
//! (64 hexadecimal digits as ASCII, 64 zeros before the first) followed by the canonical form in
//! UTF-8. So `printf '%s%s' "$previous" "$canonical" | sha256sum` checks an entry with no tool of
//! ours. The report's row keeps how many entries there are and the last hash, which shows a chain
//! that was cut at its end.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{Instante, Rut, sha256_hex};

/// What comes before the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The fields that changed, by name.
pub type FieldValues = Map<String, Value>;

/// What entries tell since the second schema, and since the fifth.
const LATER_FIELDS: [&str; 3] = ["sync_status", "decidido_en", "a_tiempo"];
/// Those of them that hold nothing while no entry changed the state.
const DECISION_FIELDS: [&str; 2] = ["decidido_en", "a_tiempo"];

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(description = "Lo que se hizo con un reporte.")]
pub enum Accion {
    Crear,
    Editar,
    CambiarEstado,
    Retirar,
    /// What a phone sent clashes with what the report became.
    Conflicto,
    ResolverConflicto,
    /// A file's bytes are here.
    RecibirArchivo,
    /// Its author says that a file will not come.
    RenunciarArchivo,
    /// An administrador took a file's bytes away.
    EliminarArchivo,
    /// Somebody wrote a comment: `detalle`.
    Comentar,
    /// Somebody was asked to do something against the danger.
    PedirAccion,
    /// It was done, verified, or opened again.
    MoverAccion,
}

impl Accion {
    pub const ALL: [Self; 12] = [
        Self::Crear,
        Self::Editar,
        Self::CambiarEstado,
        Self::Retirar,
        Self::Conflicto,
        Self::ResolverConflicto,
        Self::RecibirArchivo,
        Self::RenunciarArchivo,
        Self::EliminarArchivo,
        Self::Comentar,
        Self::PedirAccion,
        Self::MoverAccion,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Crear => "crear",
            Self::Editar => "editar",
            Self::CambiarEstado => "cambiar_estado",
            Self::Retirar => "retirar",
            Self::Conflicto => "conflicto",
            Self::ResolverConflicto => "resolver_conflicto",
            Self::RecibirArchivo => "recibir_archivo",
            Self::RenunciarArchivo => "renunciar_archivo",
            Self::EliminarArchivo => "eliminar_archivo",
            Self::Comentar => "comentar",
            Self::PedirAccion => "pedir_accion",
            Self::MoverAccion => "mover_accion",
        }
    }
}

/// One entry of a report's bitácora, in its canonical fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entrada {
    /// Which report; the id is not in here, so that the hash is known before the row has one.
    pub uuid_cliente: String,
    /// 1 for the first entry of this report, then without gaps.
    pub n: i64,
    /// The report's version that this entry produced.
    pub version: i64,
    pub accion: Accion,
    /// Who did it.
    pub rut: Rut,
    pub en: Instante,
    pub detalle: Option<String>,
    pub antes: FieldValues,
    pub despues: FieldValues,
}

impl Entrada {
    /// RFC 8785 JSON. Fails for no value that an entry can hold.
    pub fn canonical_json(&self) -> Result<String, serde_json::Error> {
        to_canonical_json(self)
    }
}

/// One entry of the bitácora of settings: users and catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingsEntrada {
    pub n: i64,
    /// What was changed: `usuario:12345678`, `area:3`.
    pub objeto: String,
    pub accion: String,
    /// Who; null when it was done from the server's console.
    pub rut: Option<Rut>,
    pub en: Instante,
    pub antes: FieldValues,
    pub despues: FieldValues,
}

impl SettingsEntrada {
    /// RFC 8785 JSON. Fails for no value that an entry can hold.
    pub fn canonical_json(&self) -> Result<String, serde_json::Error> {
        to_canonical_json(self)
    }

    /// From its canonical text.
    pub fn parse(canonica: &str) -> Option<Self> {
        serde_json::from_str(canonica).ok()
    }
}

/// RFC 8785 (JSON Canonicalization Scheme) of any value.
pub fn to_canonical_json(valor: &impl Serialize) -> Result<String, serde_json::Error> {
    let valor = serde_json::to_value(valor)?;
    serde_json_canonicalizer::to_string(&valor)
}

/// A value as its entry gives it back: RFC 8785 writes -33.0 as -33, which is read as another type
/// of number than was written. What is compared with entries must have gone the same way.
pub fn as_in_entrada(valor: &impl Serialize) -> Value {
    to_canonical_json(valor)
        .and_then(|json| serde_json::from_str(&json))
        .unwrap_or_default()
}

/// The hash of an entry after `anterior`.
pub fn chain_hash(anterior: &str, canonica: &str) -> String {
    sha256_hex(format!("{anterior}{canonica}").as_bytes())
}

/// A stored entry: the columns that lists filter by, and the canonical text they must agree with.
#[derive(Clone, Debug, PartialEq)]
pub struct EntradaRecord {
    pub n: i64,
    pub version: i64,
    pub accion: String,
    pub rut: i64,
    pub en: i64,
    pub canonica: String,
    pub hash: String,
}

/// The end of a chain as the report's row remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cabeza {
    pub entradas: i64,
    pub hash: String,
}

/// The first thing wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainBreak {
    /// The entry's number in its report; where an entry is missing, the number it should have.
    pub n: i64,
    pub motivo: BreakReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakReason {
    /// The next number is not there.
    Falta,
    /// The hash is not that of the previous hash and this text.
    Hash,
    /// The text is not an entry, or a column says other than the text.
    Columnas,
    /// More entries than the report's row remembers.
    Sobra,
    /// The report's row remembers another last hash.
    Cabeza,
    /// The report's row holds other values than its entries lead to.
    Fila,
}

impl BreakReason {
    /// For the person who runs the verification.
    pub fn text(self) -> &'static str {
        match self {
            Self::Falta => "falta esta entrada",
            Self::Hash => "el hash no corresponde al texto de la entrada",
            Self::Columnas => "las columnas no dicen lo mismo que el texto de la entrada",
            Self::Sobra => "hay más entradas que las que recuerda el reporte",
            Self::Cabeza => "el reporte recuerda otro último hash",
            Self::Fila => "el reporte tiene otros valores que los de su bitácora",
        }
    }
}

/// Re-computes one report's chain, entry by entry in order of `n`, and folds its values.
#[derive(Debug)]
pub struct ChainVerifier {
    uuid_cliente: String,
    n: i64,
    version: i64,
    hash: String,
    valores: FieldValues,
    cambio_de_estado: bool,
}

impl ChainVerifier {
    pub fn new(uuid_cliente: String) -> Self {
        Self {
            uuid_cliente,
            n: 0,
            version: 0,
            hash: GENESIS.to_owned(),
            valores: FieldValues::new(),
            cambio_de_estado: false,
        }
    }

    /// The next stored entry.
    pub fn check_entrada(&mut self, g: &EntradaRecord) -> Result<(), ChainBreak> {
        let n = self.n + 1;
        let rota = |motivo| Err(ChainBreak { n, motivo });
        if g.n != n {
            return rota(BreakReason::Falta);
        }
        if chain_hash(&self.hash, &g.canonica) != g.hash {
            return rota(BreakReason::Hash);
        }
        let Ok(e) = serde_json::from_str::<Entrada>(&g.canonica) else {
            return rota(BreakReason::Columnas);
        };
        let columnas = (e.n, e.version, e.accion.name(), e.rut.body(), e.en.0);
        let iguales = columnas == (g.n, g.version, g.accion.as_str(), g.rut, g.en)
            && e.uuid_cliente == self.uuid_cliente;
        if !iguales {
            return rota(BreakReason::Columnas);
        }
        self.n = n;
        self.version = g.version;
        self.hash.clone_from(&g.hash);
        self.cambio_de_estado |= e.despues.contains_key("estado_id") && n > 1;
        self.valores.extend(e.despues);
        Ok(())
    }

    /// After the last entry: the report's row must remember this end, have the version that the
    /// last entry produced and hold these values.
    ///
    /// A chain that never mentions what entries began to tell later says nothing about it.
    pub fn finish(
        mut self,
        cabeza: &Cabeza,
        version: i64,
        row: &FieldValues,
    ) -> Result<(), ChainBreak> {
        for campo in LATER_FIELDS {
            if let (false, Some(dicho)) = (self.valores.contains_key(campo), row.get(campo)) {
                let nada = DECISION_FIELDS.contains(&campo) && !self.cambio_de_estado;
                let dicho = if nada { Value::Null } else { dicho.clone() };
                self.valores.insert(campo.into(), dicho);
            }
        }
        let rota = |n, motivo| Err(ChainBreak { n, motivo });
        if self.n < cabeza.entradas {
            return rota(self.n + 1, BreakReason::Falta);
        }
        if self.n > cabeza.entradas {
            return rota(cabeza.entradas + 1, BreakReason::Sobra);
        }
        if self.hash != cabeza.hash {
            return rota(self.n, BreakReason::Cabeza);
        }
        if self.version != version || self.valores != *row {
            return rota(self.n, BreakReason::Fila);
        }
        Ok(())
    }
}

/// The values a report had at `version`: what its entries up to there lead to. `None` when the
/// bitácora does not reach that version.
pub fn values_at<'a>(
    entradas: impl IntoIterator<Item = &'a Entrada>,
    version: i64,
) -> Option<FieldValues> {
    let mut valores = FieldValues::new();
    let mut reached = 0;
    for e in entradas {
        if e.version > version {
            break;
        }
        reached = e.version;
        valores.extend(e.despues.clone());
    }
    (reached == version).then_some(valores)
}

/// The fields of `nuevos` that differ from `viejos`, before and after.
pub fn diff(viejos: &FieldValues, nuevos: &FieldValues) -> (FieldValues, FieldValues) {
    let (mut antes, mut despues) = (FieldValues::new(), FieldValues::new());
    for (campo, nuevo) in nuevos {
        let viejo = viejos.get(campo).unwrap_or(&Value::Null);
        if viejo != nuevo {
            antes.insert(campo.clone(), viejo.clone());
            despues.insert(campo.clone(), nuevo.clone());
        }
    }
    (antes, despues)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use utoipa::PartialSchema as _;

    use super::*;

    fn chain(largo: i64) -> (Vec<EntradaRecord>, Cabeza, FieldValues) {
        let mut hash = GENESIS.to_owned();
        let mut out = Vec::new();
        let mut row = FieldValues::new();
        for n in 1..=largo {
            let mut despues = FieldValues::new();
            despues.insert("titulo".into(), json!(format!("título {n}")));
            row.extend(despues.clone());
            let e = Entrada {
                uuid_cliente: "u".into(),
                n,
                version: n,
                accion: if n == 1 {
                    Accion::Crear
                } else {
                    Accion::Editar
                },
                rut: Rut::new(12_345_678).unwrap(),
                en: Instante(n * 1000),
                detalle: None,
                antes: FieldValues::new(),
                despues,
            };
            let canonica = e.canonical_json().unwrap();
            hash = chain_hash(&hash, &canonica);
            out.push(EntradaRecord {
                n,
                version: n,
                accion: e.accion.name().into(),
                rut: e.rut.body(),
                en: e.en.0,
                canonica,
                hash: hash.clone(),
            });
        }
        (
            out,
            Cabeza {
                entradas: largo,
                hash,
            },
            row,
        )
    }

    fn verify(
        entradas: &[EntradaRecord],
        cabeza: &Cabeza,
        row: &FieldValues,
    ) -> Result<(), ChainBreak> {
        let mut v = ChainVerifier::new("u".into());
        for e in entradas {
            v.check_entrada(e)?;
        }
        v.finish(cabeza, entradas.last().map_or(0, |e| e.version), row)
    }

    #[test]
    fn an_action_has_one_name_and_is_in_the_list_and_the_description() {
        let nombres = json!(Accion::ALL.map(Accion::name));
        assert_eq!(json!(Accion::ALL), nombres);
        let esquema = serde_json::to_value(Accion::schema()).unwrap();
        assert_eq!(esquema["enum"], nombres);
    }

    #[test]
    fn hashing_is_what_the_documentation_says() {
        // printf '%064d%s' 0 '{"a":1}' | sha256sum
        assert_eq!(
            chain_hash(GENESIS, r#"{"a":1}"#),
            "fc6cee09194dd2578bd7664604fcb72a539066fd34544cea0009c43eb6cdc289"
        );
    }

    #[test]
    fn a_whole_chain_verifies() {
        for largo in 0..6 {
            let (e, c, f) = chain(largo);
            assert_eq!(verify(&e, &c, &f), Ok(()));
        }
    }

    #[test]
    fn the_row_must_agree_with_its_entries() {
        let (e, c, mut f) = chain(3);
        f.insert("titulo".into(), json!("otro"));
        assert_eq!(
            verify(&e, &c, &f),
            Err(ChainBreak {
                n: 3,
                motivo: BreakReason::Fila
            })
        );
    }

    #[test]
    fn values_at_a_version() {
        let (e, _, _) = chain(3);
        let e: Vec<Entrada> = e
            .iter()
            .map(|g| serde_json::from_str(&g.canonica).unwrap())
            .collect();
        assert_eq!(values_at(&e, 2).unwrap()["titulo"], json!("título 2"));
        assert_eq!(values_at(&e, 4), None);
        assert_eq!(values_at(&e, 0), Some(FieldValues::new()));
    }

    proptest! {
        /// Any single tampering is found at the entry it touches (a cut end at the one missing).
        #[test]
        fn tampering_is_found(largo in 1..8_i64, at in 0..8_usize, how in 0..6, byte in 0..2000_usize) {
            let (mut e, c, f) = chain(largo);
            let at = at % e.len();
            let expected = i64::try_from(at).unwrap() + 1;
            match how {
                0 => { e.remove(at); }
                1 if at + 1 < e.len() => e.swap(at, at + 1),
                2 => {
                    let mut b = e[at].canonica.clone().into_bytes();
                    let i = byte % b.len();
                    b[i] = if b[i] == b'7' { b'8' } else { b'7' };
                    e[at].canonica = String::from_utf8_lossy(&b).into_owned();
                }
                3 => e[at].en += 1,
                4 => e[at].rut += 1,
                _ => { let h = e[at].hash.clone(); e[at].hash = h.chars().rev().collect(); }
            }
            let (intact, _, _) = chain(largo);
            prop_assume!(e != intact);
            prop_assert_eq!(verify(&e, &c, &f).map_err(|r| r.n), Err(expected));
        }
    }
}
