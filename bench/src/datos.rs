//! Reports of realistic size, made of the accident records that come with SIGRA.

use serde::Deserialize;
use serde_json::{Value, json};
use sigra_domain::Instante;

use crate::error::Error;

const CSV: &[u8] = include_bytes!("../../demo/incidentes-industriales.csv");

/// Where a body's uuid stands until a request gets its own.
const UUID_CERO: &str = "00000000-0000-4000-8000-000000000000";
/// Phones come back from places without signal with reports of the last two days.
const ENTRE_REPORTES: i64 = 7 * Instante::MINUTE;

/// The columns that are used; serde ignores the others.
#[derive(Deserialize)]
struct Fila {
    #[serde(rename = "Local")]
    local: String,
    #[serde(rename = "Potential Accident Level")]
    nivel: String,
    #[serde(rename = "Critical Risk")]
    riesgo: String,
    #[serde(rename = "Description")]
    descripcion: String,
}

/// One record as the body of `POST /reportes/`.
#[derive(Clone, Debug)]
pub struct Caso {
    pub hora: Instante,
    pub area_id: i64,
    cuerpo: Value,
    /// The same as bytes, and where in them the uuid begins.
    pub json: Vec<u8>,
    pub uuid_en: usize,
}

/// All records, as phones would send them at that moment.
pub fn casos(ahora: Instante) -> Result<Vec<Caso>, Error> {
    csv::Reader::from_reader(CSV)
        .deserialize::<Fila>()
        .enumerate()
        .map(|(i, fila)| {
            let fila = fila.map_err(|e| Error::Datos(e.to_string()))?;
            caso(i, &fila, ahora).ok_or_else(|| Error::Datos(format!("registro {}", i + 1)))
        })
        .collect()
}

fn caso(i: usize, fila: &Fila, ahora: Instante) -> Option<Caso> {
    let lugar: i64 = fila.local.trim().strip_prefix("Local_")?.parse().ok()?;
    let severidad = match fila.nivel.trim() {
        "I" | "II" => 1,
        "III" => 2,
        _ => 3,
    };
    let hora = ahora.plus(-ENTRE_REPORTES * i64::try_from(i).ok()?);
    let area_id = (lugar - 1).rem_euclid(10) + 1;
    let riesgo = fila.riesgo.split_whitespace().collect::<Vec<_>>().join(" ");
    let cuerpo = json!({
        "titulo": format!("{riesgo} – local {lugar}"),
        "descripcion": fila.descripcion.trim(),
        "area_id": area_id,
        "severidad_id": severidad,
        "uuid_cliente": UUID_CERO,
        "hora_creado": hora.to_string(),
        "device_id": format!("moto-e7-{:04}", i % 64),
        "ubicacion": {
            "lat": -33.1512, "lon": -70.2871, "precision_m": 12.5,
            "referencia": format!("Nivel {}, galería {lugar}", 1_000 + 50 * (i % 9)),
        },
    });
    let json = cuerpo.to_string();
    let uuid_en = json.find(UUID_CERO)?;
    Some(Caso {
        hora,
        area_id,
        cuerpo,
        json: json.into_bytes(),
        uuid_en,
    })
}

impl Caso {
    /// The body with a uuid and a time of its own, for the storage's API.
    pub fn con(&self, uuid: &str, hora: Instante) -> Value {
        let mut cuerpo = self.cuerpo.clone();
        cuerpo["uuid_cliente"] = uuid.into();
        cuerpo["hora_creado"] = hora.to_string().into();
        cuerpo
    }
}

/// The areas with most records, most first.
pub fn areas_grandes(casos: &[Caso]) -> Vec<i64> {
    let cuantos = |area: i64| casos.iter().filter(|c| c.area_id == area).count();
    let mut areas: Vec<i64> = (1..=10).collect();
    areas.sort_by_key(|a| std::cmp::Reverse(cuantos(*a)));
    areas
}

/// Writes a random v4 uuid over 36 bytes.
pub fn escribe_uuid(azar: [u8; 16], en: &mut [u8]) {
    let uuid = uuid::Builder::from_random_bytes(azar).into_uuid();
    let mut texto = uuid::Uuid::encode_buffer();
    let texto = uuid.hyphenated().encode_lower(&mut texto);
    if let Some(destino) = en.get_mut(..texto.len()) {
        destino.copy_from_slice(texto.as_bytes());
    }
}

/// A random v4 uuid.
pub fn uuid_nuevo(azar: [u8; 16]) -> String {
    uuid::Builder::from_random_bytes(azar)
        .into_uuid()
        .to_string()
}

#[cfg(test)]
mod tests {
    use sigra_domain::Instante;

    use super::{UUID_CERO, areas_grandes, casos, escribe_uuid};

    #[test]
    fn bodies_are_of_realistic_size_and_take_a_uuid() {
        let casos = casos(Instante(1_772_373_600_000)).unwrap();
        assert_eq!(casos.len(), 425);
        let media = casos.iter().map(|c| c.json.len()).sum::<usize>() / casos.len();
        assert!((550..750).contains(&media), "{media} bytes");
        assert_eq!(areas_grandes(&casos).len(), 10);
        let mut cuerpo = casos[0].json.clone();
        escribe_uuid([7; 16], &mut cuerpo[casos[0].uuid_en..]);
        let texto = String::from_utf8(cuerpo).unwrap();
        assert!(!texto.contains(UUID_CERO));
        assert!(
            texto.contains("\"07070707-0707-4707-8707-070707070707\""),
            "{texto}"
        );
    }
}
