//! The load: connections that each wait for an answer before they ask again.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use sigra_store::Entorno;
use tokio::task::JoinSet;

use crate::{
    error::Error,
    http::Conexion,
    medida::{Ronda, percentil_ms, real},
};

/// Puts a connection's next request into the buffer.
pub type Pedidos = Box<dyn FnMut(&mut Vec<u8>) + Send>;

/// What every answer must be: a fast wrong one is no figure.
#[derive(Clone, Debug)]
pub struct Esperado {
    pub status: u16,
    /// Text that stands in the body.
    pub contiene: String,
}

impl From<u16> for Esperado {
    fn from(status: u16) -> Self {
        Self {
            status,
            contiene: String::new(),
        }
    }
}

/// Asks for that long from as many connections as there are `pedidos`. Each answer must be as
/// `esperado`; what is under way when time is up is waited for and counts.
pub async fn ronda(
    direccion: SocketAddr,
    pedidos: Vec<Pedidos>,
    esperado: impl Into<Esperado>,
    duracion: Duration,
) -> Result<Ronda, Error> {
    let esperado = esperado.into();
    let mut conexiones = Vec::with_capacity(pedidos.len());
    for pedidos in pedidos {
        conexiones.push((Conexion::abre(direccion).await?, pedidos));
    }
    let inicio = Entorno::cronometro();
    let mut tareas: JoinSet<_> = conexiones
        .into_iter()
        .map(|(c, pedidos)| pregunta(c, pedidos, esperado.clone(), inicio, duracion))
        .collect();
    let (mut latencias, mut bytes) = (Vec::new(), 0);
    while let Some(suyas) = tareas.join_next().await {
        let (mut suyas, suyos) = suyas??;
        latencias.append(&mut suyas);
        bytes += suyos;
    }
    let segundos = inicio.elapsed().as_secs_f64();
    latencias.sort_unstable();
    let peticiones = u64::try_from(latencias.len()).unwrap_or(u64::MAX);
    Ok(Ronda {
        peticiones,
        segundos,
        por_segundo: real(peticiones) / segundos,
        bytes_por_peticion: real(u64::try_from(bytes).unwrap_or(u64::MAX))
            / real(peticiones.max(1)),
        p50_ms: percentil_ms(&latencias, 500),
        p99_ms: percentil_ms(&latencias, 990),
        cpu_us: None,
    })
}

async fn pregunta(
    mut conexion: Conexion,
    mut pedidos: Pedidos,
    esperado: Esperado,
    inicio: Instant,
    duracion: Duration,
) -> Result<(Vec<Duration>, usize), Error> {
    let (mut latencias, mut bytes) = (Vec::with_capacity(4_096), 0);
    let mut peticion = Vec::with_capacity(4_096);
    while inicio.elapsed() < duracion {
        peticion.clear();
        pedidos(&mut peticion);
        let enviada = Entorno::cronometro();
        let cuerpo = conexion.pide(&peticion, esperado.status).await?;
        latencias.push(enviada.elapsed());
        if !contiene(cuerpo, esperado.contiene.as_bytes()) {
            return Err(Error::Http("la respuesta dice otra cosa que lo esperado"));
        }
        bytes += peticion.len() + conexion.recibidos();
    }
    Ok((latencias, bytes))
}

/// What is looked for stands near the end of what SIGRA answers.
fn contiene(cuerpo: &[u8], texto: &[u8]) -> bool {
    let cerca = &cuerpo[cuerpo.len().saturating_sub(256)..];
    texto.is_empty() || cerca.windows(texto.len()).any(|v| v == texto)
}
