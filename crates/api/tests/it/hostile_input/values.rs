//! Values for a field, good and bad, as they stand in a body, and what must be said of each.

mod nested;
mod spelled;
mod sync;

/// The kind of a field, with its limits.
#[derive(Clone, Copy, Debug)]
pub enum FieldKind {
    /// A text of `min` to `max` characters; whether it may have line breaks.
    Texto(usize, usize, bool),
    /// One of a catalogue.
    Id,
    /// Any number.
    Entero,
    /// A version to compare with.
    Version,
    /// A version that is only kept.
    VersionBase,
    Sha256,
    Uuid,
    Fecha,
    Hora,
    Dispositivo,
    Rut,
    Rol,
    Email,
    Logico,
    /// Hours of a target.
    Horas,
    /// A list of some of these, at least so many.
    Nombres(&'static [&'static str], usize),
    Idioma,
    /// From today on.
    Plazo,
    EstadoDeAccion,
    /// Where the server may send something.
    Url,
    /// A browser's keys.
    ClavesPush,
    Areas,
    Ubicacion,
    Manifiesto,
    Clave,
    /// Any text, however long.
    Libre,
    /// What a phone's clock may say.
    Reloj,
    /// How many reports a phone holds.
    Cuantos,
    /// The reports of a batch: each is judged alone.
    Lote,
    /// What a phone believes that it sent.
    Tenidos,
    Decision,
    /// A side for each field that clashes, which is the title alone.
    Lados,
}

/// What the server must say of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing: the operation goes on.
    Bien,
    /// 422 with this code, and where inside the field it is.
    Mal(String, &'static str),
    /// 400: no JSON at all.
    NoJson,
    /// Another answer of this operation.
    Otro(u16, &'static str),
}

use Expectation::{Bien, NoJson};

/// A value as it stands in a body, and what must be said of it.
pub type Case = (String, Expectation);

fn invalid(codigo: &'static str) -> Expectation {
    Expectation::Mal(String::new(), codigo)
}

fn bad_at(donde: &str, codigo: &'static str) -> Expectation {
    Expectation::Mal(donde.to_owned(), codigo)
}

/// As a JSON string.
fn json_string(texto: &str) -> String {
    serde_json::Value::from(texto).to_string()
}

/// What is no JSON in any field.
const BROKEN_JSON: [&str; 10] = [
    "NaN",
    "Infinity",
    "-Infinity",
    "01",
    "+1",
    ".5",
    "'a'",
    "\"\\x41\"",
    "\"a\nb\"",
    "nulo",
];

/// What JSON can write and no value can hold: half an emoji, and a number beyond all numbers.
const IMPOSSIBLE: [&str; 4] = ["1e400", "-1e400", "\"\\ud800\"", "\"\\udc00a\""];

/// Every value worth trying in a field of this kind.
pub fn cases_of(clase: FieldKind) -> Vec<Case> {
    let mut casos: Vec<(String, Expectation)> = BROKEN_JSON
        .iter()
        .map(|r| ((*r).to_owned(), NoJson))
        .collect();
    let texto = !matches!(
        clase,
        FieldKind::Id
            | FieldKind::Entero
            | FieldKind::Version
            | FieldKind::VersionBase
            | FieldKind::Logico
            | FieldKind::Horas
            | FieldKind::Nombres(..)
            | FieldKind::ClavesPush
            | FieldKind::Areas
            | FieldKind::Ubicacion
            | FieldKind::Manifiesto
            | FieldKind::Cuantos
            | FieldKind::Lote
            | FieldKind::Tenidos
            | FieldKind::Lados
    );
    casos.extend(IMPOSSIBLE.map(|v| (v.to_owned(), invalid("tipo"))));
    let mut otro_tipo = vec!["1.5", "[[]]", "[1.5]", "-1e3"];
    match clase {
        FieldKind::Lote => otro_tipo = vec!["1.5", "-1e3", "1", "\"x\"", "true", "{}"],
        FieldKind::Tenidos => {
            otro_tipo.extend(["1", "\"x\"", "true", "{}", "[null]", "[1]", "[\"x\"]"]);
        }
        FieldKind::Lados | FieldKind::ClavesPush => otro_tipo.extend(["1", "\"x\"", "true", "[]"]),
        FieldKind::Ubicacion => otro_tipo.extend(["1", "\"x\"", "true", "[]", "[1, 2]"]),
        FieldKind::Manifiesto => {
            otro_tipo.extend(["1", "\"x\"", "true", "{}", "[[]]", "[null]", "[1]"]);
        }
        FieldKind::Areas => otro_tipo.extend([
            "1",
            "\"1\"",
            "true",
            "{}",
            "[\"1\"]",
            "[null]",
            "[99999999999999999999]",
        ]),
        FieldKind::Nombres(..) => {
            otro_tipo.extend(["1", "\"supervisor\"", "true", "{}", "[1]", "[null]"]);
        }
        FieldKind::Logico => otro_tipo.extend(["1", "0", "\"true\"", "[]", "{}"]),
        FieldKind::Rut => otro_tipo.extend(["true", "[]", "{}", "99999999999999999999"]),
        _ if texto => {
            otro_tipo.extend(["1", "true", "[]", "{}", "[\"x\"]", "99999999999999999999"]);
        }
        _ => otro_tipo.extend([
            "1.0",
            "\"1\"",
            "true",
            "[]",
            "{}",
            "[1]",
            "9223372036854775808",
            "-9223372036854775809",
            "1e2",
            "99999999999999999999999999999999999999999999",
        ]),
    }
    casos.extend(
        otro_tipo
            .into_iter()
            .map(|v| (v.to_owned(), invalid("tipo"))),
    );
    casos.extend(own_cases(clase));
    casos
}

fn own_cases(clase: FieldKind) -> Vec<Case> {
    match clase {
        FieldKind::Texto(min, max, lineas) => spelled::texts(min, max, lineas),
        FieldKind::Id => numbers(&[("no_existe", "0 -1 999 9223372036854775807"), ("", "1")]),
        FieldKind::Entero => numbers(&[("", "0 -1 9223372036854775807 -9223372036854775808")]),
        FieldKind::Version => "0 -1 2 9223372036854775807 -9223372036854775808"
            .split(' ')
            .map(|v| (v.to_owned(), Expectation::Otro(412, "version_desfasada")))
            .collect(),
        FieldKind::VersionBase => numbers(&[("rango", "-1"), ("", "0 9223372036854775807")]),
        FieldKind::Sha256 => spelled::hashes(),
        FieldKind::Uuid => spelled::uuids(),
        FieldKind::Fecha => spelled::dates(),
        FieldKind::Hora => spelled::hours(),
        FieldKind::Dispositivo => spelled::dispositivos(),
        FieldKind::Rut => spelled::ruts(),
        FieldKind::Rol => spelled::roles(),
        FieldKind::Email => spelled::emails(),
        FieldKind::Clave => spelled::passwords(),
        FieldKind::Logico | FieldKind::Libre => vec![],
        FieldKind::Horas => {
            numbers(&[("rango", "0 -1 87601 9223372036854775807"), ("", "1 87600")])
        }
        FieldKind::Nombres(todos, min) => nested::names(todos, min),
        FieldKind::Idioma => spelled::languages(),
        FieldKind::Plazo => spelled::plazos(),
        FieldKind::EstadoDeAccion => spelled::accion_estados(),
        FieldKind::Url => spelled::urls(),
        FieldKind::ClavesPush => nested::push_keys(),
        FieldKind::Areas => nested::areas(),
        FieldKind::Ubicacion => nested::ubicaciones(),
        FieldKind::Manifiesto => nested::manifests(),
        FieldKind::Reloj => sync::clocks(),
        FieldKind::Cuantos => numbers(&[
            ("rango", "-1 1000001 9223372036854775807"),
            ("", "0 1000000"),
        ]),
        FieldKind::Lote => sync::batches(),
        FieldKind::Tenidos => sync::held_reportes(),
        FieldKind::Decision => sync::decisiones(),
        FieldKind::Lados => sync::sides(),
    }
}

/// Groups of values separated by spaces; no code means that they are right.
fn numbers(grupos: &[(&'static str, &str)]) -> Vec<Case> {
    let dicho = |c: &'static str| if c.is_empty() { Bien } else { invalid(c) };
    grupos
        .iter()
        .flat_map(|(c, valores)| valores.split(' ').map(|v| (v.to_owned(), dicho(c))))
        .collect()
}
