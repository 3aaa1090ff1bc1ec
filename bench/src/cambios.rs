//! `GET /sync/changes`: pages of 200 from all over the feed, and pulls that find nothing new.

use std::{io::Write as _, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    carga::{Pedidos, ronda},
    cli::Plan,
    error::Error,
    http::Conexion,
    leer::con_cpu,
    medida::Medicion,
    numero,
    pantalla::Etapa,
    proceso::Servidor,
    sitio::Sitio,
};

pub const CONEXIONES: [u32; 2] = [1, 32];
const CALENTAMIENTO: Duration = Duration::from_millis(500);
const BIEN: u16 = 200;
const PAGINA: usize = 200;
/// Different places, so that no answer is just kept.
const LUGARES: usize = 256;

#[derive(Deserialize)]
struct Pagina {
    reportes: Vec<Value>,
    cursor: String,
    hay_mas: bool,
}

pub async fn mide(sitio: &Sitio, plan: &Plan) -> Result<Vec<Medicion>, Error> {
    let portador = sitio.gente.portador(&sitio.gente.administrador)?;
    let servidor = Servidor::arranca(&sitio.encargo).await?;
    let (lugares, fin) = recorre(&servidor, &portador).await?;
    servidor.para().await?;
    let mut mediciones = Vec::new();
    for (operacion, cursores) in [
        ("cambios: página de 200", lugares),
        ("cambios: nada nuevo", vec![fin]),
    ] {
        let preguntas: Vec<Vec<u8>> = cursores.iter().map(|c| pregunta(&portador, c)).collect();
        let preguntas = Arc::new(preguntas);
        for conexiones in CONEXIONES {
            mediciones.push(una(sitio, plan, operacion, &preguntas, conexiones).await?);
        }
    }
    Ok(mediciones)
}

async fn una(
    sitio: &Sitio,
    plan: &Plan,
    operacion: &'static str,
    preguntas: &Arc<Vec<Vec<u8>>>,
    conexiones: u32,
) -> Result<Medicion, Error> {
    let texto = format!(
        "{}: {operacion}, {}",
        sitio.motor.nombre(),
        numero::conexiones(conexiones)
    );
    let etapa = Etapa::nueva(texto, plan.rondas.into());
    let servidor = Servidor::arranca(&sitio.encargo).await?;
    let pedidos = || -> Vec<Pedidos> {
        let cuantas = usize::try_from(conexiones).unwrap_or(1);
        (0..cuantas)
            .map(|c| en_turno(Arc::clone(preguntas), c * 7))
            .collect()
    };
    ronda(servidor.direccion, pedidos(), BIEN, CALENTAMIENTO).await?;
    let mut rondas = Vec::new();
    for _ in 0..plan.rondas {
        let ronda = ronda(servidor.direccion, pedidos(), BIEN, plan.duracion);
        rondas.push(con_cpu(&servidor, ronda).await?);
        etapa.avanza();
    }
    let memoria_kib = servidor.memoria_kib();
    servidor.para().await?;
    etapa.termina();
    Ok(Medicion {
        motor: sitio.motor,
        operacion,
        conexiones,
        por_lote: 0,
        rondas,
        directa: vec![],
        memoria_kib,
    })
}

/// Walks the feed once: cursors that a full page follows, and the last one.
async fn recorre(servidor: &Servidor, portador: &str) -> Result<(Vec<String>, String), Error> {
    let mut conexion = Conexion::abre(servidor.direccion).await?;
    let (mut lugares, mut cursor) = (Vec::new(), String::new());
    loop {
        let cuerpo = conexion.pide(&pregunta(portador, &cursor), BIEN).await?;
        let pagina: Pagina = serde_json::from_slice(cuerpo)?;
        if pagina.reportes.len() == PAGINA && lugares.len() < LUGARES {
            lugares.push(cursor);
        }
        cursor = pagina.cursor;
        if !pagina.hay_mas {
            break;
        }
    }
    if lugares.is_empty() {
        return Err(Error::Negado(
            "ninguna página de cambios está llena: mida con más --filas".into(),
        ));
    }
    Ok((lugares, cursor))
}

fn pregunta(portador: &str, cursor: &str) -> Vec<u8> {
    let mut p = Vec::new();
    // Writing to memory does not fail.
    write!(
        p,
        "GET /sync/changes?limite={PAGINA}&cursor={cursor} HTTP/1.1\r\nHost: sigra\r\nAuthorization: {portador}\r\n\r\n"
    )
    .ok();
    p
}

fn en_turno(preguntas: Arc<Vec<Vec<u8>>>, primera: usize) -> Pedidos {
    let mut i = primera;
    Box::new(move |buf| {
        buf.extend_from_slice(&preguntas[i % preguntas.len()]);
        i += 1;
    })
}
