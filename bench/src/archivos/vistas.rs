//! The small copies of photos, made in the background one photo at a time: the server is given photos
//! while it does not make them, and then does nothing else.

use std::time::{Duration, Instant};

use sigra_store::Env;

use super::{
    Taller,
    subir::{Subidos, sube},
};
use crate::{
    error::Error,
    lector::Lector,
    leer::con_cpu,
    medida::{Medicion, Ronda},
    pantalla::Etapa,
    proceso::Servidor,
};

pub const OPERACION: &str = "vistas";
const LISTAS: &str = "SELECT count(*) FROM objetos WHERE vistas = 'listas'";
/// How often the database is asked: a small part of what a photo takes.
const MIRADA: Duration = Duration::from_millis(10);
/// As long as one photo may take.
const PLAZO: Duration = Duration::from_mins(1);
/// As long as it may take to send them.
const ENVIO: Duration = Duration::from_mins(10);

/// Photos of a round.
fn por_ronda(rapido: bool) -> usize {
    if rapido { 4 } else { 8 }
}

/// The files that were sent, and how fast each got its copies. The first photo, whose time includes
/// the server's start, is not counted.
pub async fn mide(taller: &Taller<'_>) -> Result<(Medicion, Subidos), Error> {
    let (plan, sitio) = (taller.plan, &taller.sitio);
    let por_ronda = por_ronda(plan.rapido);
    let fotos = 1 + por_ronda * usize::try_from(plan.rondas).unwrap_or(1);
    let mut subidos = Subidos::default();
    let servidor = Servidor::arranca(&sitio.encargo).await?;
    sube(taller, &servidor, (1, fotos), ENVIO, &mut subidos).await?;
    servidor.para().await?;
    let etapa = Etapa::nueva(
        format!("{}: {OPERACION}, {fotos} fotos", sitio.motor.nombre()),
        u64::try_from(fotos).unwrap_or(0),
    );
    let mut encargo = sitio.encargo.clone();
    encargo.vistas = true;
    let servidor = Servidor::arranca(&encargo).await?;
    let mut mirador = Mirador {
        lector: Lector::abre(sitio.motor, &sitio.url).await?,
        etapa,
        listas: 0,
        desde: Env::monotonic_now(),
    };
    mirador.espera(1).await?;
    let mut rondas = Vec::new();
    for _ in 0..plan.rondas {
        rondas.push(con_cpu(&servidor, mirador.espera(por_ronda)).await?);
    }
    mirador.etapa.termina();
    mirador.lector.cierra().await?;
    let memoria_kib = servidor.memoria_kib();
    servidor.para().await?;
    let medicion = Medicion {
        motor: sitio.motor,
        operacion: OPERACION,
        conexiones: 0,
        por_lote: 0,
        rondas,
        directa: vec![],
        memoria_kib,
    };
    Ok((medicion, subidos))
}

/// Sees photos get their copies.
struct Mirador {
    lector: Lector,
    etapa: Etapa,
    listas: i64,
    /// When the last one was seen.
    desde: Instant,
}

impl Mirador {
    /// So many more photos.
    async fn espera(&mut self, cuantas: usize) -> Result<Ronda, Error> {
        let (inicio, mut tiempos) = (self.desde, Vec::new());
        while tiempos.len() < cuantas {
            tokio::time::sleep(MIRADA).await;
            let ahora = self
                .lector
                .filas(LISTAS)
                .await?
                .first()
                .map_or(0, |(n,)| *n);
            while self.listas < ahora {
                tiempos.push(self.desde.elapsed());
                self.desde = Env::monotonic_now();
                self.listas += 1;
                self.etapa.avanza();
            }
            if self.desde.elapsed() > PLAZO {
                return Err(Error::Servidor("no hizo las vistas a tiempo".into()));
            }
        }
        let segundos = (self.desde - inicio).as_secs_f64();
        Ok(Ronda::de(tiempos, segundos, 0))
    }
}
