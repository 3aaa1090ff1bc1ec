//! Reports of realistic size, made of the accident records that come with SIGRA.

use serde::Deserialize;
use serde_json::json;
use sigra_domain::Instante;
use sigra_store::Env;

use crate::Error;

const CSV: &[u8] = include_bytes!("../../demo/incidentes-industriales.csv");
/// Phones come back from places without signal with reports of the last two days.
const BETWEEN: i64 = 7 * Instante::MINUTE;

/// The columns that are used.
#[derive(Deserialize)]
struct Record {
    #[serde(rename = "Local")]
    place: String,
    #[serde(rename = "Potential Accident Level")]
    level: String,
    #[serde(rename = "Critical Risk")]
    risk: String,
    #[serde(rename = "Description")]
    description: String,
}

/// Reports in turn, for ever, each new.
pub struct Samples {
    /// JSON without its closing brace.
    bodies: Vec<String>,
    env: Env,
}

impl Samples {
    pub fn new() -> Result<Self, Error> {
        let records = csv::Reader::from_reader(CSV).into_deserialize();
        let bodies = (0..).zip(records).map(|(i, record)| body(i, &record?));
        Ok(Self {
            bodies: bodies.collect::<Result<_, Error>>()?,
            env: Env::default(),
        })
    }

    /// One as a phone sends it now, with further fields.
    pub fn json(&self, i: usize, more: &str) -> String {
        let i = i % self.bodies.len();
        let age = BETWEEN * i64::try_from(i).unwrap_or_default();
        self.json_at(i, self.env.now().plus(-age), more)
    }

    /// One of that moment.
    pub fn json_at(&self, i: usize, hora: Instante, more: &str) -> String {
        let body = &self.bodies[i % self.bodies.len()];
        let uuid = self.uuid();
        format!(r#"{body},"uuid_cliente":"{uuid}","hora_creado":"{hora}"{more}}}"#)
    }

    /// A batch as a phone sends it.
    pub fn batch(&self, reportes: impl Iterator<Item = String>) -> String {
        format!(
            r#"{{"device_id":"moto-1","timestamp":"{}","pendientes":0,"reportes":[{}]}}"#,
            self.env.now(),
            reportes.collect::<Vec<_>>().join(",")
        )
    }

    /// A random one.
    pub fn uuid(&self) -> uuid::Uuid {
        uuid::Builder::from_random_bytes(self.env.random()).into_uuid()
    }
}

fn body(i: usize, record: &Record) -> Result<String, Error> {
    let place: i64 = record.place.trim().trim_start_matches("Local_").parse()?;
    let severidad = match record.level.trim() {
        "I" | "II" => 1,
        "III" => 2,
        _ => 3,
    };
    let mut body = json!({
        "titulo": format!("{} – local {place}", record.risk.trim()),
        "descripcion": record.description.trim(),
        "area_id": (place - 1).rem_euclid(10) + 1,
        "severidad_id": severidad,
        "device_id": format!("moto-e7-{:04}", i % 64),
        "ubicacion": {
            "lat": -33.1512, "lon": -70.2871, "precision_m": 12.5,
            "referencia": format!("Nivel {}, galería {place}", 1_000 + 50 * (i % 9)),
        },
    })
    .to_string();
    body.pop();
    Ok(body)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::Samples;

    #[test]
    fn bodies_are_json_of_realistic_size() {
        let samples = Samples::new().unwrap();
        let bodies: Vec<String> = (0..425).map(|i| samples.json(i, r#","x":1"#)).collect();
        let mean = bodies.iter().map(String::len).sum::<usize>() / bodies.len();
        assert!((550..750).contains(&mean), "{mean} bytes");
        for body in bodies {
            let json: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(json["x"], 1);
            assert!(json["ubicacion"]["lat"].is_f64(), "{body}");
        }
    }
}
