//! What a measurement is: rounds, and their median with the extremes beside it.

use std::time::Duration;

use serde::Serialize;

use crate::base::Motor;

/// One round of SIGRA.
#[derive(Clone, Debug, Serialize)]
pub struct Ronda {
    pub peticiones: u64,
    pub segundos: f64,
    /// Requests per second; of batches, their reports; of files, their MiB; photos done.
    pub por_segundo: f64,
    /// Both ways, headers included.
    pub bytes_por_peticion: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Processor time of the server process, all threads, per request; only where `/proc` tells.
    pub cpu_us: Option<f64>,
}

/// One round of the bare database on one connection, or of the bare disk.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RondaDirecta {
    /// Reports, or files.
    pub hechos: u64,
    /// Reports, or MiB.
    pub por_segundo: f64,
}

/// What was asked, of which database, from how many connections.
#[derive(Clone, Debug, Serialize)]
pub struct Medicion {
    pub motor: Motor,
    pub operacion: &'static str,
    /// 0 for what the server does on its own.
    pub conexiones: u32,
    /// Reports in a request that carries several; 0 for all others.
    pub por_lote: u32,
    pub rondas: Vec<Ronda>,
    /// Rounds of the reference, each right after the round of SIGRA with the same number.
    pub directa: Vec<RondaDirecta>,
    /// Peak resident memory of the server process (`VmHWM`), its start included.
    pub memoria_kib: Option<u64>,
}

/// Median with extremes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Resumen {
    pub mediana: f64,
    pub min: f64,
    pub max: f64,
}

impl Ronda {
    /// Of so many requests, in any order, that took so long together and so many bytes, both ways.
    pub fn de(mut latencias: Vec<Duration>, segundos: f64, bytes: usize) -> Self {
        latencias.sort_unstable();
        let peticiones = u64::try_from(latencias.len()).unwrap_or(u64::MAX);
        Self {
            peticiones,
            segundos,
            por_segundo: real(peticiones) / segundos,
            bytes_por_peticion: real(u64::try_from(bytes).unwrap_or(u64::MAX))
                / real(peticiones.max(1)),
            p50_ms: percentil_ms(&latencias, 500),
            p99_ms: percentil_ms(&latencias, 990),
            cpu_us: None,
        }
    }
}

impl Resumen {
    /// `None` of nothing.
    pub fn de(valores: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut v: Vec<f64> = valores.into_iter().collect();
        v.sort_by(f64::total_cmp);
        let (min, max) = (*v.first()?, *v.last()?);
        let medio = v.len() / 2;
        let mediana = if v.len() % 2 == 1 {
            v[medio]
        } else {
            f64::midpoint(v[medio - 1], v[medio])
        };
        Some(Self { mediana, min, max })
    }
}

impl Medicion {
    pub fn por_segundo(&self) -> Option<Resumen> {
        Resumen::de(self.rondas.iter().map(|r| r.por_segundo))
    }

    pub fn directa_por_segundo(&self) -> Option<Resumen> {
        Resumen::de(self.directa.iter().map(|r| r.por_segundo))
    }

    /// SIGRA over the bare database: the ratio of the medians, and the extremes of the ratios of
    /// neighbouring rounds.
    pub fn razon(&self) -> Option<Resumen> {
        let mediana = self.por_segundo()?.mediana / self.directa_por_segundo()?.mediana;
        let pares = self.rondas.iter().zip(&self.directa);
        let pares = Resumen::de(pares.map(|(a, b)| a.por_segundo / b.por_segundo))?;
        Some(Resumen { mediana, ..pares })
    }

    pub fn memoria_mib(&self) -> Option<f64> {
        self.memoria_kib.map(|kib| real(kib) / 1_024.0)
    }

    /// Bytes on the wire for each report of a batch.
    pub fn bytes_por_reporte(&self) -> Option<f64> {
        let bytes = self.mediana(|r| Some(r.bytes_por_peticion))?;
        (self.por_lote > 0).then(|| bytes / f64::from(self.por_lote))
    }

    /// The median over the rounds of one of their figures.
    pub fn mediana(&self, cifra: impl Fn(&Ronda) -> Option<f64>) -> Option<f64> {
        Resumen::de(self.rondas.iter().filter_map(cifra)).map(|r| r.mediana)
    }
}

/// The latency that this share of the requests did not exceed, in milliseconds (nearest rank).
fn percentil_ms(ordenadas: &[Duration], permil: usize) -> f64 {
    let rango = (ordenadas.len() * permil).div_ceil(1_000).max(1);
    ordenadas
        .get(rango - 1)
        .map_or(0.0, |d| d.as_secs_f64() * 1_000.0)
}

/// Of a count that fits; beyond four thousand million the figure would be wrong elsewhere too.
pub fn real(n: u64) -> f64 {
    u32::try_from(n).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Resumen, percentil_ms};

    #[test]
    fn medians() {
        let r = |v: &[f64]| Resumen::de(v.iter().copied()).map(|r| (r.mediana, r.min, r.max));
        assert_eq!(r(&[]), None);
        assert_eq!(r(&[3.0, 1.0, 9.0]), Some((3.0, 1.0, 9.0)));
        assert_eq!(r(&[4.0, 1.0, 2.0, 9.0]), Some((3.0, 1.0, 9.0)));
    }

    #[test]
    fn percentiles() {
        let ms: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        let p = |permil| format!("{:.0}", percentil_ms(&ms, permil));
        assert_eq!([p(500), p(990), p(1_000)], ["100", "198", "200"]);
        assert_eq!(format!("{:.0}", percentil_ms(&ms[..1], 500)), "1");
        assert_eq!(format!("{:.0}", percentil_ms(&[], 500)), "0");
    }
}
