//! What the project wants of a measurement, as a multiple of the bare database.

use crate::{
    base::Motor,
    crear, lotes,
    medida::Medicion,
    numero::{conexiones, numero},
};

struct Meta {
    motor: Motor,
    operacion: &'static str,
    conexiones: u32,
    por_lote: u32,
    razon: f64,
}

const METAS: [Meta; 3] = [
    Meta {
        motor: Motor::Sqlite,
        operacion: crear::OPERACION,
        conexiones: 64,
        por_lote: 0,
        razon: 2.0,
    },
    Meta {
        motor: Motor::Sqlite,
        operacion: lotes::OPERACION,
        conexiones: 16,
        por_lote: 100,
        razon: 0.6,
    },
    Meta {
        motor: Motor::Postgres,
        operacion: lotes::OPERACION,
        conexiones: 16,
        por_lote: 100,
        razon: 0.5,
    },
];

/// A line for each aim whose figure was measured.
pub fn metas(mediciones: &[Medicion]) -> Vec<String> {
    METAS.iter().filter_map(|m| m.dice(mediciones)).collect()
}

impl Meta {
    fn dice(&self, mediciones: &[Medicion]) -> Option<String> {
        let m = mediciones.iter().find(|m| {
            (m.motor, m.operacion) == (self.motor, self.operacion)
                && (m.conexiones, m.por_lote) == (self.conexiones, self.por_lote)
        })?;
        let razon = m.razon()?.mediana;
        let cumplida = if razon >= self.razon {
            "cumplida"
        } else {
            "NO cumplida"
        };
        let lote = match self.por_lote {
            0 => String::new(),
            n => format!(" de {n}"),
        };
        Some(format!(
            "Meta: {}{lote}, {}, ≥ {} × {} directo: {cumplida} ({} ×).",
            self.operacion,
            conexiones(self.conexiones),
            numero(self.razon, 1),
            self.motor.nombre(),
            numero(razon, 2)
        ))
    }
}
