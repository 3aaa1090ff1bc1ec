//! The way through the reports of a table, page by page: no statement lasts longer than a page takes.

use sigra_store::{
    Fallo,
    reportes::{CampoOrden, ClaveOrden, Filtro, Orden, lista},
};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::fila::{Fila, fila};
use crate::{App, acceso::Sesion, codigo::Codigo};

/// Reports read at once.
const PAGINA: i64 = 500;
/// Exports under way at once.
static EXPORTAN: Semaphore = Semaphore::const_new(4);

const ORDEN: Orden = Orden {
    campo: CampoOrden::Id,
    descendente: false,
};

pub struct Paseo {
    app: App,
    sesion: Sesion,
    filtro: Filtro,
    /// The last report read.
    despues: Option<(ClaveOrden, i64)>,
    fin: bool,
    _lugar: SemaphorePermit<'static>,
}

impl Paseo {
    /// Refused while too many are under way.
    pub fn nuevo(app: App, sesion: Sesion, filtro: Filtro) -> Result<Self, Codigo> {
        let lugar = EXPORTAN.try_acquire();
        Ok(Self {
            app,
            sesion,
            filtro,
            despues: None,
            fin: false,
            _lugar: lugar.map_err(|_| Codigo::ServidorOcupado)?,
        })
    }

    /// The next rows; `None` after the last.
    pub async fn siguiente(&mut self) -> Result<Option<Vec<Fila>>, Fallo> {
        if self.fin {
            return Ok(None);
        }
        if !self.sesion.sigue(&self.app).await? {
            return Err(Fallo::Interno("quien exportaba ya no puede"));
        }
        let mut lectura = self.app.store().leer().await?;
        let quien = &self.sesion.quien;
        let despues = self.despues.as_ref();
        let leidos = lista(&mut lectura, quien, &self.filtro, ORDEN, despues, PAGINA).await?;
        drop(lectura);
        self.fin = leidos.len() < usize::try_from(PAGINA).unwrap_or(usize::MAX);
        self.despues = leidos.last().map(|l| (ORDEN.clave(l), l.reporte.id));
        let una = |l| fila(l, &self.sesion.catalogo, self.app.zona());
        Ok(Some(leidos.iter().map(una).collect()))
    }
}
