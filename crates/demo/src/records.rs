//! The accident records that come with SIGRA, read as reports.

use serde::Deserialize;
use sigra_domain::{Fecha, reporte::MAX_TITULO};

use crate::error::DemoError;

const CSV: &[u8] = include_bytes!("../../../demo/incidentes-industriales.csv");

/// How many records there are; the limit of `--reportes`.
pub(super) const TOTAL: u16 = 425;
/// Areas that the catalogue is seeded with; the file's 12 places are spread over them.
const AREAS: i64 = 10;

/// One accident in the terms of SIGRA.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AccidentRecord {
    pub(super) titulo: String,
    pub(super) descripcion: String,
    pub(super) area_id: i64,
    pub(super) severidad_id: i64,
    pub(super) fecha: Fecha,
}

/// The columns that are used; serde ignores the others.
#[derive(Deserialize)]
struct CsvRow {
    #[serde(rename = "Data")]
    data: String,
    #[serde(rename = "Countries")]
    pais: String,
    #[serde(rename = "Local")]
    local: String,
    #[serde(rename = "Industry Sector")]
    sector: String,
    #[serde(rename = "Potential Accident Level")]
    nivel: String,
    #[serde(rename = "Critical Risk")]
    riesgo: String,
    #[serde(rename = "Description")]
    descripcion: String,
}

/// All records that come with the program.
pub(super) fn records() -> Result<Vec<AccidentRecord>, DemoError> {
    parse_csv(CSV)
}

fn parse_csv(csv: &[u8]) -> Result<Vec<AccidentRecord>, DemoError> {
    let mut lector = csv::Reader::from_reader(csv);
    lector
        .deserialize::<CsvRow>()
        .enumerate()
        .map(|(i, fila)| {
            let fila = fila.map_err(|e| DemoError::Datos(e.to_string()))?;
            to_record(&fila).ok_or_else(|| {
                DemoError::Datos(format!("el registro {} tiene un valor desconocido", i + 1))
            })
        })
        .collect()
}

fn to_record(fila: &CsvRow) -> Option<AccidentRecord> {
    let lugar = parse_number(&fila.local, "Local_")?;
    Some(AccidentRecord {
        titulo: titulo(fila),
        descripcion: fila.descripcion.trim().to_owned(),
        area_id: (lugar - 1).rem_euclid(AREAS) + 1,
        severidad_id: severidad(fila.nivel.trim())?,
        fecha: parse_fecha(&fila.data)?,
    })
}

/// `Pressed – Local 01, Country 01 (Mining)`.
fn titulo(fila: &CsvRow) -> String {
    let en_una_linea = |t: &str| {
        t.replace('_', " ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let [riesgo, local, pais, sector] =
        [&fila.riesgo, &fila.local, &fila.pais, &fila.sector].map(|t| en_una_linea(t));
    let titulo = format!("{riesgo} – {local}, {pais} ({sector})");
    if titulo.chars().count() <= MAX_TITULO {
        return titulo;
    }
    titulo.chars().take(MAX_TITULO - 1).chain(['…']).collect()
}

/// What could have happened, not what did: that is what a supervisor must look at first.
fn severidad(nivel: &str) -> Option<i64> {
    match nivel {
        "I" | "II" => Some(1),
        "III" => Some(2),
        "IV" | "V" | "VI" => Some(3),
        _ => None,
    }
}

/// `dd-mm-yyyy`, with or without a time after it (it is always midnight and means nothing).
fn parse_fecha(data: &str) -> Option<Fecha> {
    let mut partes = data.split_whitespace().next()?.splitn(3, '-');
    let (dia, mes, anio) = (partes.next()?, partes.next()?, partes.next()?);
    Fecha::parse(&format!("{anio}-{mes}-{dia}"))
}

fn parse_number(texto: &str, prefijo: &str) -> Option<i64> {
    texto
        .trim()
        .strip_prefix(prefijo)?
        .parse()
        .ok()
        .filter(|n| *n > 0)
}

#[cfg(test)]
mod tests {
    use super::{TOTAL, parse_csv, records};

    const HEADER: &str = ",Data,Countries,Local,Industry Sector,Accident Level,Potential Accident Level,\
        Genre,Employee or Third Party,Critical Risk,Description\r\n";

    fn parse_one(local: &str, nivel: &str, riesgo: &str) -> Option<super::AccidentRecord> {
        let csv = format!(
            "{HEADER}7,29-02-2016 00:00,Country_02,{local},Metals,I,{nivel},Male,Employee,\
             \"{riesgo}\",\"Una línea,\r\notra ​línea\"\r\n"
        );
        parse_csv(csv.as_bytes()).ok()?.pop()
    }

    #[test]
    fn a_record_becomes_a_report() {
        let r = parse_one("Local_03", "III", "\nNot applicable").unwrap();
        assert_eq!(r.titulo, "Not applicable – Local 03, Country 02 (Metals)");
        assert_eq!(r.descripcion, "Una línea,\r\notra \u{200b}línea");
        assert_eq!(r.fecha.to_string(), "2016-02-29");
        assert_eq!((r.area_id, r.severidad_id), (3, 2));
    }

    #[test]
    fn places_and_levels() {
        for (local, area) in [
            ("Local_01", 1),
            ("Local_10", 10),
            ("Local_11", 1),
            ("Local_12", 2),
        ] {
            assert_eq!(
                parse_one(local, "I", "Cut").unwrap().area_id,
                area,
                "{local}"
            );
        }
        for (nivel, severidad) in [
            ("I", 1),
            ("II", 1),
            ("III", 2),
            ("IV", 3),
            ("V", 3),
            ("VI", 3),
        ] {
            assert_eq!(
                parse_one("Local_01", nivel, "Cut").unwrap().severidad_id,
                severidad,
                "{nivel}"
            );
        }
    }

    #[test]
    fn what_is_unknown_is_an_error_and_not_a_guess() {
        for (local, nivel) in [("Local_00", "I"), ("Place_01", "I"), ("Local_01", "VII")] {
            assert!(parse_one(local, nivel, "Cut").is_none(), "{local} {nivel}");
        }
    }

    #[test]
    fn a_long_title_is_cut() {
        let titulo = parse_one("Local_01", "I", &"ñ".repeat(400)).unwrap().titulo;
        assert_eq!(titulo.chars().count(), 255);
        assert!(titulo.ends_with("ñ…"));
    }

    #[test]
    fn the_whole_file() {
        let todos = records().unwrap();
        assert_eq!(todos.len(), usize::from(TOTAL));
        let largos = todos.iter().map(|r| r.descripcion.chars().count());
        assert_eq!((largos.clone().min(), largos.max()), (Some(94), Some(1029)));
        for area in 1..=10 {
            assert!(todos.iter().any(|r| r.area_id == area), "{area}");
        }
        let severidades = [1, 2, 3].map(|s| todos.iter().filter(|r| r.severidad_id == s).count());
        assert_eq!(severidades, [144, 106, 175]);
        assert!(todos.iter().all(|r| !r.titulo.contains(char::is_control)));
    }
}
