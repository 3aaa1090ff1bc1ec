//! The whole run: each database in turn.

use serde::Serialize;
use sigra_store::Env;

use crate::{
    archivos,
    base::{Bases, Durabilidad, Motor},
    cambios,
    cli::{Clase, Plan},
    crear, disco,
    error::Error,
    leer, lotes,
    medida::{Medicion, Resumen},
    pantalla::aviso,
    par::Par,
    sitio::Sitio,
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
        aviso("No hay PostgreSQL (scripts/with-postgres lo inicia): se mide solo SQLite.");
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
    let fecha = Env::default().now().to_string();
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

/// What is read is read where nobody writes; what is written is written to copies, one pair for each
/// kind of request, so that nobody measures on what an earlier measurement left.
async fn uno(bases: &Bases, plan: &Plan, motor: Motor) -> Result<Vec<Medicion>, Error> {
    let sitio = Sitio::prepara(bases, motor, plan).await?;
    let (mut leidas, mut escritas) = (Vec::new(), Vec::new());
    if plan.mide(Clase::Leer) {
        leidas = leer::mide(&sitio, plan).await?;
    }
    if plan.mide(Clase::Cambios) {
        leidas.append(&mut cambios::mide(&sitio, plan).await?);
    }
    if plan.mide(Clase::Crear) {
        let mut par = Par::nuevo(bases, &sitio).await?;
        for conexiones in crear::CONEXIONES {
            let pedidos = || crear::pedidos(&sitio, conexiones);
            let m;
            (par, m) = par
                .mide(plan, crear::escritura(conexiones, &pedidos))
                .await?;
            escritas.push(m);
        }
        par.verifica(bases, plan.filas).await?;
    }
    if plan.mide(Clase::Lotes) {
        for tamano in plan.lotes() {
            let mut par = Par::nuevo(bases, &sitio).await?;
            for telefonos in plan.telefonos() {
                let forma = (tamano, telefonos);
                let pedidos = || lotes::pedidos(&sitio, forma);
                let m;
                (par, m) = par
                    .mide(plan, lotes::escritura(motor, forma, &pedidos))
                    .await?;
                escritas.push(m);
            }
            par.verifica(bases, plan.filas).await?;
        }
    }
    escritas.append(&mut leidas);
    if plan.mide(Clase::Archivos) {
        escritas.append(&mut Box::pin(archivos::mide(bases, &sitio, plan)).await?);
    }
    Ok(escritas)
}
