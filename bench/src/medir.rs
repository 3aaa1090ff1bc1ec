//! The whole run: each database in turn.

use serde::Serialize;
use sigra_store::Entorno;

use crate::{
    base::{Bases, Durabilidad, Motor},
    cambios,
    cli::{Clase, Plan},
    crear,
    directa::Directa,
    disco,
    error::Error,
    leer, lotes,
    medida::{Medicion, Resumen},
    pantalla::aviso,
    sitio::{Sitio, asienta},
    verifica,
};

/// Where and on what it was measured.
#[derive(Debug, Serialize)]
pub struct Maquina {
    pub nucleos: usize,
    pub sistema_de_archivos: Option<String>,
    /// 4 KiB made durable, in milliseconds.
    pub fsync_ms: Option<Resumen>,
    pub sqlite: &'static str,
    pub postgres: Option<Durabilidad>,
}

#[derive(Debug, Serialize)]
pub struct Resultados {
    pub version: &'static str,
    pub fecha: String,
    pub rapido: bool,
    pub filas: u32,
    pub rondas: u32,
    pub segundos: u64,
    pub maquina: Maquina,
    pub mediciones: Vec<Medicion>,
}

pub async fn todo(bases: &Bases, plan: &Plan) -> Result<Resultados, Error> {
    let mut motores = plan.motores.clone();
    if !plan.exigido && !bases.hay(Motor::Postgres) {
        aviso("No hay PostgreSQL (scripts/con-postgres lo inicia): se mide solo SQLite.");
        motores.retain(|m| *m == Motor::Sqlite);
    }
    let mut postgres = None;
    if motores.contains(&Motor::Postgres) {
        postgres = Some(bases.durabilidad().await?);
    }
    let maquina = Maquina {
        nucleos: std::thread::available_parallelism().map_or(1, usize::from),
        sistema_de_archivos: disco::sistema_de_archivos(bases.dir()),
        fsync_ms: disco::fsync_ms(bases.dir())?,
        sqlite: rusqlite::version(),
        postgres,
    };
    let fecha = Entorno::default().ahora().to_string();
    let mut mediciones = Vec::new();
    for motor in motores {
        mediciones.append(&mut uno(bases, plan, motor).await?);
    }
    Ok(Resultados {
        version: env!("CARGO_PKG_VERSION"),
        fecha,
        rapido: plan.rapido,
        filas: plan.filas,
        rondas: plan.rondas,
        segundos: plan.duracion.as_secs(),
        maquina,
        mediciones,
    })
}

/// Reads first, while there are exactly as many reports as were asked for.
async fn uno(bases: &Bases, plan: &Plan, motor: Motor) -> Result<Vec<Medicion>, Error> {
    let sitio = Sitio::prepara(bases, motor, plan).await?;
    let mut leidas = Vec::new();
    if plan.mide(Clase::Leer) {
        leidas = leer::mide(&sitio, plan).await?;
    }
    if plan.mide(Clase::Cambios) {
        leidas.append(&mut cambios::mide(&sitio, plan).await?);
    }
    let mut mediciones = Vec::new();
    let mut creados = 0;
    if plan.mide(Clase::Crear) || plan.mide(Clase::Lotes) {
        (mediciones, creados) = creaciones(bases, plan, &sitio).await?;
    }
    verifica::sigra(&sitio, plan.filas, creados).await?;
    mediciones.append(&mut leidas);
    Ok(mediciones)
}

/// With how many reports SIGRA acknowledged.
async fn creaciones(
    bases: &Bases,
    plan: &Plan,
    sitio: &Sitio,
) -> Result<(Vec<Medicion>, u64), Error> {
    let copia = bases.copia(sitio.motor, &sitio.url).await?;
    asienta(sitio.motor, &copia).await?;
    let mut directa = Directa::abre(sitio.motor, &copia, &sitio.casos).await?;
    let mut mediciones = Vec::new();
    let (mut creados, mut directos) = (0, 0);
    if plan.mide(Clase::Crear) {
        for conexiones in crear::CONEXIONES {
            let c;
            (directa, c) = crear::mide(sitio, plan, conexiones, directa).await?;
            creados += c.de_sigra;
            directos += c.directos;
            mediciones.push(c.medicion);
        }
    }
    if plan.mide(Clase::Lotes) {
        for tamano in lotes::TAMANOS {
            for telefonos in lotes::TELEFONOS {
                let l;
                (directa, l) = lotes::mide(sitio, plan, (tamano, telefonos), directa).await?;
                creados += l.de_sigra;
                directos += l.directos;
                mediciones.push(l.medicion);
            }
        }
    }
    drop(directa);
    verifica::directa(sitio.motor, &copia, plan.filas, directos).await?;
    Ok((mediciones, creados))
}
