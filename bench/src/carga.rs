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

/// Asks for that long from as many connections as there are `pedidos`. Each answer must have the
/// status `esperado`; what is under way when time is up is waited for and counts.
pub async fn ronda(
    direccion: SocketAddr,
    pedidos: Vec<Pedidos>,
    esperado: u16,
    duracion: Duration,
) -> Result<Ronda, Error> {
    let mut conexiones = Vec::with_capacity(pedidos.len());
    for pedidos in pedidos {
        conexiones.push((Conexion::abre(direccion).await?, pedidos));
    }
    let inicio = Entorno::cronometro();
    let mut tareas: JoinSet<_> = conexiones
        .into_iter()
        .map(|(c, pedidos)| pregunta(c, pedidos, esperado, inicio, duracion))
        .collect();
    let mut latencias = Vec::new();
    while let Some(suyas) = tareas.join_next().await {
        latencias.append(&mut suyas??);
    }
    let segundos = inicio.elapsed().as_secs_f64();
    latencias.sort_unstable();
    let peticiones = u64::try_from(latencias.len()).unwrap_or(u64::MAX);
    Ok(Ronda {
        peticiones,
        segundos,
        por_segundo: real(peticiones) / segundos,
        p50_ms: percentil_ms(&latencias, 500),
        p99_ms: percentil_ms(&latencias, 990),
        cpu_us: None,
    })
}

async fn pregunta(
    mut conexion: Conexion,
    mut pedidos: Pedidos,
    esperado: u16,
    inicio: Instant,
    duracion: Duration,
) -> Result<Vec<Duration>, Error> {
    let mut latencias = Vec::with_capacity(4_096);
    let mut peticion = Vec::with_capacity(4_096);
    while inicio.elapsed() < duracion {
        peticion.clear();
        pedidos(&mut peticion);
        let enviada = Entorno::cronometro();
        conexion.pide(&peticion, esperado).await?;
        latencias.push(enviada.elapsed());
    }
    Ok(latencias)
}
