//! Values for a field, good and bad, as they stand in a body, and what must be said of each.

mod anidados;
mod escritos;
mod sync;

/// The kind of a field, with its limits.
#[derive(Clone, Copy, Debug)]
pub enum Clase {
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
pub enum Dicho {
    /// Nothing: the operation goes on.
    Bien,
    /// 422 with this code, and where inside the field it is.
    Mal(String, &'static str),
    /// 400: no JSON at all.
    NoJson,
    /// Another answer of this operation.
    Otro(u16, &'static str),
}

use Dicho::{Bien, NoJson};

/// A value as it stands in a body, and what must be said of it.
pub type Caso = (String, Dicho);

fn mal(codigo: &'static str) -> Dicho {
    Dicho::Mal(String::new(), codigo)
}

fn en(donde: &str, codigo: &'static str) -> Dicho {
    Dicho::Mal(donde.to_owned(), codigo)
}

/// As a JSON string.
fn t(texto: &str) -> String {
    serde_json::Value::from(texto).to_string()
}

/// What is no JSON in any field.
const ROTOS: [&str; 10] = [
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
const IMPOSIBLES: [&str; 4] = ["1e400", "-1e400", "\"\\ud800\"", "\"\\udc00a\""];

/// Every value worth trying in a field of this kind.
pub fn de(clase: Clase) -> Vec<Caso> {
    let mut casos: Vec<(String, Dicho)> = ROTOS.iter().map(|r| ((*r).to_owned(), NoJson)).collect();
    let texto = !matches!(
        clase,
        Clase::Id
            | Clase::Entero
            | Clase::Version
            | Clase::VersionBase
            | Clase::Logico
            | Clase::Horas
            | Clase::Nombres(..)
            | Clase::ClavesPush
            | Clase::Areas
            | Clase::Ubicacion
            | Clase::Manifiesto
            | Clase::Cuantos
            | Clase::Lote
            | Clase::Tenidos
            | Clase::Lados
    );
    casos.extend(IMPOSIBLES.map(|v| (v.to_owned(), mal("tipo"))));
    let mut otro_tipo = vec!["1.5", "[[]]", "[1.5]", "-1e3"];
    match clase {
        Clase::Lote => otro_tipo = vec!["1.5", "-1e3", "1", "\"x\"", "true", "{}"],
        Clase::Tenidos => {
            otro_tipo.extend(["1", "\"x\"", "true", "{}", "[null]", "[1]", "[\"x\"]"]);
        }
        Clase::Lados | Clase::ClavesPush => otro_tipo.extend(["1", "\"x\"", "true", "[]"]),
        Clase::Ubicacion => otro_tipo.extend(["1", "\"x\"", "true", "[]", "[1, 2]"]),
        Clase::Manifiesto => {
            otro_tipo.extend(["1", "\"x\"", "true", "{}", "[[]]", "[null]", "[1]"]);
        }
        Clase::Areas => otro_tipo.extend([
            "1",
            "\"1\"",
            "true",
            "{}",
            "[\"1\"]",
            "[null]",
            "[99999999999999999999]",
        ]),
        Clase::Nombres(..) => {
            otro_tipo.extend(["1", "\"supervisor\"", "true", "{}", "[1]", "[null]"]);
        }
        Clase::Logico => otro_tipo.extend(["1", "0", "\"true\"", "[]", "{}"]),
        Clase::Rut => otro_tipo.extend(["true", "[]", "{}", "99999999999999999999"]),
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
    casos.extend(otro_tipo.into_iter().map(|v| (v.to_owned(), mal("tipo"))));
    casos.extend(propios(clase));
    casos
}

fn propios(clase: Clase) -> Vec<Caso> {
    match clase {
        Clase::Texto(min, max, lineas) => escritos::textos(min, max, lineas),
        Clase::Id => numeros(&[("no_existe", "0 -1 999 9223372036854775807"), ("", "1")]),
        Clase::Entero => numeros(&[("", "0 -1 9223372036854775807 -9223372036854775808")]),
        Clase::Version => "0 -1 2 9223372036854775807 -9223372036854775808"
            .split(' ')
            .map(|v| (v.to_owned(), Dicho::Otro(412, "version_desfasada")))
            .collect(),
        Clase::VersionBase => numeros(&[("rango", "-1"), ("", "0 9223372036854775807")]),
        Clase::Sha256 => escritos::hashes(),
        Clase::Uuid => escritos::uuids(),
        Clase::Fecha => escritos::fechas(),
        Clase::Hora => escritos::horas(),
        Clase::Dispositivo => escritos::dispositivos(),
        Clase::Rut => escritos::ruts(),
        Clase::Rol => escritos::roles(),
        Clase::Email => escritos::correos(),
        Clase::Clave => escritos::claves(),
        Clase::Logico | Clase::Libre => vec![],
        Clase::Horas => numeros(&[("rango", "0 -1 87601 9223372036854775807"), ("", "1 87600")]),
        Clase::Nombres(todos, min) => anidados::nombres(todos, min),
        Clase::Idioma => escritos::idiomas(),
        Clase::Plazo => escritos::plazos(),
        Clase::EstadoDeAccion => escritos::estados_de_accion(),
        Clase::Url => escritos::direcciones(),
        Clase::ClavesPush => anidados::claves_push(),
        Clase::Areas => anidados::areas(),
        Clase::Ubicacion => anidados::ubicaciones(),
        Clase::Manifiesto => anidados::manifiestos(),
        Clase::Reloj => sync::relojes(),
        Clase::Cuantos => numeros(&[
            ("rango", "-1 1000001 9223372036854775807"),
            ("", "0 1000000"),
        ]),
        Clase::Lote => sync::lotes(),
        Clase::Tenidos => sync::tenidos(),
        Clase::Decision => sync::decisiones(),
        Clase::Lados => sync::lados(),
    }
}

/// Groups of values separated by spaces; no code means that they are right.
fn numeros(grupos: &[(&'static str, &str)]) -> Vec<Caso> {
    let dicho = |c: &'static str| if c.is_empty() { Bien } else { mal(c) };
    grupos
        .iter()
        .flat_map(|(c, valores)| valores.split(' ').map(|v| (v.to_owned(), dicho(c))))
        .collect()
}
