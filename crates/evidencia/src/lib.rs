//! Files that arrive over bad links: bytes go to the store first, then the database is told of them,
//! so that what it says of a file is always true of its bytes.

mod atrasadas;
mod barrido;
mod directo;
mod entrega;
mod limites;
mod pieza;
mod rechazo;
mod recibir;
mod revisar;
mod suma;
mod terminar;
mod trabajo;
mod turnos;
mod vistas;

use std::sync::Arc;

use sigra_almacen::Almacen;
use sigra_domain::{Quien, Rut, hex};
use sigra_store::{
    Store,
    multimedia::{
        Adoptar, CrearSubida, EliminarArchivo, OlvidarClave, QuitarSubida, RechazoSubida, Subida,
        TomarTurno, carpeta, en_espera,
    },
    reportes::ReporteLeido,
};

pub use barrido::Barrido;
pub use directo::Destino;
pub use entrega::{Entrega, Forma, SinForma};
pub use limites::Limites;
pub use rechazo::Rechazo;
pub use recibir::Recibida;
pub use revisar::{Danado, Dano, Revision};
pub use sigra_multimedia::{NoAdmitido, Tipo};
pub use sigra_store::multimedia::Anuncio;
pub use suma::{Algoritmo, Suma};
use tokio::sync::Notify;
use turnos::Turnos;

/// The service of files. Cheap to clone.
#[derive(Clone)]
pub struct Evidencia(Arc<Interior>);

struct Interior {
    store: Store,
    almacen: Almacen,
    limites: Limites,
    turnos: Turnos,
    /// Told of each file that comes in here.
    llegadas: Notify,
}

impl Evidencia {
    pub fn nueva(store: Store, almacen: Almacen, limites: Limites) -> Self {
        Self(Arc::new(Interior {
            store,
            almacen,
            limites,
            turnos: Turnos::default(),
            llegadas: Notify::new(),
        }))
    }

    pub fn limites(&self) -> &Limites {
        &self.0.limites
    }

    /// Whether files can be taken and given now.
    pub async fn lista(&self) -> Result<(), sigra_almacen::Fallo> {
        self.0.almacen.responde().await
    }

    /// Begins an upload, or finds the same one that was begun before.
    pub async fn crea(&self, quien: &Quien, anuncio: Anuncio) -> Result<Subida, Rechazo> {
        let limites = &self.0.limites;
        limites.admite(&anuncio)?;
        let subida = self.0.store.escribir(CrearSubida {
            quien: quien.clone(),
            id: hex(&self.0.store.entorno().azar::<16>()),
            anuncio,
            vigencia: limites.vigencia_ms,
            max_abiertas: limites.max_abiertas,
            max_bytes: limites.max_bytes_abiertos,
        });
        Ok(subida.await?)
    }

    /// Where an upload stands. Whoever was still sending to it is cut off first, and what came of that
    /// is counted.
    pub async fn estado(&self, rut: Rut, id: &str) -> Result<Subida, Rechazo> {
        let _turno = self.0.turnos.toma(id).await;
        let turno = self.toma_turno(rut, id).await?;
        Ok(turno.0)
    }

    /// Gives an upload up. A file that a report has stays.
    pub async fn quita(&self, rut: Rut, id: &str) -> Result<(), Rechazo> {
        let _turno = self.0.turnos.toma(id).await;
        let id = id.to_owned();
        let carpeta = carpeta(&id);
        self.0.store.escribir(QuitarSubida { rut, id }).await?;
        self.limpia(&carpeta).await;
        Ok(())
    }

    /// A file that will not come, or that must not stay.
    pub async fn elimina(
        &self,
        quien: &Quien,
        id: i64,
        detalle: String,
    ) -> Result<(), RechazoSubida> {
        let quien = quien.clone();
        let elimina = EliminarArchivo { quien, id, detalle };
        self.0.store.escribir(elimina).await
    }

    /// Gives the files that wait for these uuids to their reports, and answers with the reports.
    pub async fn adopta(
        &self,
        quien: &Quien,
        uuids: &[&str],
    ) -> Result<Vec<ReporteLeido>, sigra_store::Fallo> {
        let mut lectura = self.0.store.leer().await?;
        let esperan = en_espera(&mut lectura, quien.rut, uuids).await?;
        drop(lectura);
        let mut reportes = Vec::new();
        for subida_id in esperan {
            let quien = quien.clone();
            let adoptada = self.0.store.escribir(Adoptar { quien, subida_id }).await?;
            reportes.extend(adoptada);
        }
        Ok(reportes)
    }

    async fn toma_turno(
        &self,
        rut: Rut,
        id: &str,
    ) -> Result<(Subida, Vec<sigra_store::multimedia::Pieza>), RechazoSubida> {
        let toma = TomarTurno {
            rut,
            id: id.to_owned(),
            vigencia: self.0.limites.vigencia_ms,
        };
        self.0.store.escribir(toma).await
    }

    /// Takes away what the database says nobody needs; what can't be taken now is found again by the
    /// sweeper.
    async fn limpia(&self, clave: &str) {
        let quitado = match clave.strip_suffix('/') {
            Some(carpeta) => self.0.almacen.borra_bajo(carpeta).await,
            None => self.0.almacen.borra(clave).await,
        };
        match quitado {
            Ok(()) => {
                let olvido = OlvidarClave(clave.to_owned());
                if let Err(error) = self.0.store.escribir(olvido).await {
                    tracing::warn!(%error, "una clave sin uso queda para después");
                }
            }
            Err(error) => tracing::warn!(%error, "un archivo sin uso queda para después"),
        }
    }
}
