//! Files: how fast they come and go over HTTP, beside the disk alone in the same run, and how fast
//! photos get their small copies.

mod anuncio;
pub mod bajar;
mod directo;
mod molde;
pub mod subir;
mod verifica;
pub mod vistas;

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    base::Bases,
    cli::Plan,
    error::Error,
    medida::{Medicion, Ronda, RondaDirecta, real},
    numero,
    pantalla::Etapa,
    proceso::Servidor,
    sitio::{Sitio, asienta},
};
pub use molde::MIB_POR_ARCHIVO;
use molde::Molde;

pub const CONEXIONES: [u16; 2] = [1, 16];
/// Files of a round at most: of a fast disk a round is over before its time.
pub const LIMITE: usize = 256;
/// Not counted in any figure, but its files are.
const CALENTAMIENTO: Duration = Duration::from_millis(500);

/// A copy of the database, with an empty place for files.
pub struct Taller<'a> {
    bases: &'a Bases,
    plan: &'a Plan,
    sitio: Sitio,
    molde: Arc<Molde>,
}

/// Nobody may have the seeded database open.
pub async fn mide(bases: &Bases, semilla: &Sitio, plan: &Plan) -> Result<Vec<Medicion>, Error> {
    let molde = Arc::new(tokio::task::spawn_blocking(Molde::nuevo).await??);
    let (mut subidas, mut bajadas) = (Vec::new(), Vec::new());
    for conexiones in CONEXIONES {
        let taller = Taller::nuevo(bases, semilla, plan, &molde).await?;
        let (medicion, subidos) = subir::mide(&taller, conexiones).await?;
        subidas.push(medicion);
        let guardados = verifica::subidos(&taller, plan.filas, subidos).await?;
        bajadas.push(bajar::mide(&taller, &guardados).await?);
        taller.quita().await?;
    }
    let taller = Taller::nuevo(bases, semilla, plan, &molde).await?;
    let (medicion, subidos) = vistas::mide(&taller).await?;
    let fotos = subidos.archivos.iter().map(Vec::len).sum();
    verifica::subidos(&taller, plan.filas, subidos).await?;
    verifica::vistas(&taller, fotos).await?;
    taller.quita().await?;
    subidas.append(&mut bajadas);
    subidas.push(medicion);
    Ok(subidas)
}

impl<'a> Taller<'a> {
    async fn nuevo(
        bases: &'a Bases,
        semilla: &Sitio,
        plan: &'a Plan,
        molde: &Arc<Molde>,
    ) -> Result<Self, Error> {
        let mut sitio = semilla.con_url(bases.copia(semilla.motor, &semilla.url).await?);
        asienta(sitio.motor, &sitio.url).await?;
        sitio.encargo.archivos = bases.carpeta()?;
        sitio.encargo.vistas = false;
        Ok(Self {
            bases,
            plan,
            sitio,
            molde: Arc::clone(molde),
        })
    }

    /// A new directory in the place for files.
    fn carpeta(&self) -> Result<PathBuf, Error> {
        let carpeta = self.sitio.encargo.archivos.join("directo");
        std::fs::create_dir(&carpeta)?;
        Ok(carpeta)
    }

    /// Rounds of a server that was just started, each with one of the disk.
    async fn mide(
        &self,
        operacion: &'static str,
        conexiones: u16,
        mut una: impl AsyncFnMut(&Servidor, Duration) -> Result<(Ronda, RondaDirecta), Error>,
    ) -> Result<Medicion, Error> {
        let plan = self.plan;
        let (motor, conexiones) = (self.sitio.motor, u32::from(conexiones));
        let etapa = Etapa::nueva(
            format!(
                "{}: {operacion} archivos, {}",
                motor.nombre(),
                numero::conexiones(conexiones)
            ),
            plan.rondas.into(),
        );
        let servidor = Servidor::arranca(&self.sitio.encargo).await?;
        una(&servidor, CALENTAMIENTO).await?;
        let (mut rondas, mut directa) = (Vec::new(), Vec::new());
        for _ in 0..plan.rondas {
            let (mut suya, disco) = una(&servidor, plan.duracion).await?;
            suya.por_segundo = real(suya.peticiones) * f64::from(MIB_POR_ARCHIVO) / suya.segundos;
            rondas.push(suya);
            directa.push(disco);
            etapa.avanza();
        }
        let memoria_kib = servidor.memoria_kib();
        servidor.para().await?;
        etapa.termina();
        Ok(Medicion {
            motor,
            operacion,
            conexiones,
            por_lote: 0,
            rondas,
            directa,
            memoria_kib,
        })
    }

    /// Gives the space back before the run ends.
    async fn quita(self) -> Result<(), Error> {
        std::fs::remove_dir_all(&self.sitio.encargo.archivos)?;
        self.bases.quita(self.sitio.motor, &self.sitio.url).await
    }
}
