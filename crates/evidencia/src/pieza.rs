//! A piece on its way into the store.

use std::time::Duration;

use bytes::Bytes;
use sigra_almacen::{Almacen, Escritor};
use sigra_domain::hex;
use sigra_store::{
    Entorno,
    multimedia::{Pieza, carpeta},
};
use tokio::time::Instant;

use crate::Rechazo;

/// A piece of that many bytes is told to the database, and the next begins.
const BASTA: i64 = 8 * 1024 * 1024;
/// So is a smaller one after that time: what a server that is killed forgets.
const PLAZO: Duration = Duration::from_secs(1);
/// And one of that part of the file, so that no photo goes up almost twice for one fall of the server;
const PARTE: i64 = 8;
/// but not sooner: on a fast link there is hardly anything to lose, and each costs a transaction.
const PLAZO_PARTE: Duration = Duration::from_millis(100);
/// A piece shorter than that is written again together with the next: a link that breaks all the time
/// must not leave thousands of them.
const CORTA: i64 = 1024 * 1024;

pub(crate) struct EnCurso {
    escritor: Escritor,
    clave: String,
    desde: i64,
    hasta: i64,
    /// Its first new byte, in the file.
    nuevos: i64,
    /// When its first new byte came.
    inicio: Option<Instant>,
}

impl EnCurso {
    /// The piece after those; it takes in the last of them if that is short.
    pub(crate) async fn nueva(
        almacen: &Almacen,
        entorno: &Entorno,
        subida_id: &str,
        piezas: &[Pieza],
    ) -> Result<Self, Rechazo> {
        let hasta = piezas.last().map_or(0, Pieza::hasta);
        let clave = format!("{}{}", carpeta(subida_id), hex(&entorno.azar::<16>()));
        let mut nueva = Self {
            escritor: almacen.escritor(&clave),
            clave,
            desde: hasta,
            hasta,
            nuevos: hasta,
            inicio: None,
        };
        if let Some(corta) = piezas.last().filter(|p| p.bytes < CORTA) {
            let max = usize::try_from(corta.bytes).unwrap_or(0);
            let bytes = almacen.lee_todo(&corta.clave, max).await?;
            nueva.escritor.agrega(bytes).await?;
            nueva.desde = corta.desde;
        }
        Ok(nueva)
    }

    pub(crate) async fn agrega(&mut self, bytes: Bytes) -> Result<(), Rechazo> {
        self.inicio.get_or_insert_with(Instant::now);
        self.hasta += i64::try_from(bytes.len()).unwrap_or(0);
        Ok(self.escritor.agrega(bytes).await?)
    }

    /// Where in the file it ends so far.
    pub(crate) fn hasta(&self) -> i64 {
        self.hasta
    }

    /// Whether something new is in it.
    pub(crate) fn tiene(&self) -> bool {
        self.inicio.is_some()
    }

    /// Whether it is time to tell of it, in a file of `largo` bytes.
    pub(crate) fn basta(&self, largo: i64) -> bool {
        let hace = |plazo| self.inicio.is_some_and(|i| i.elapsed() >= plazo);
        let es_parte = (self.hasta - self.nuevos).saturating_mul(PARTE) >= largo;
        hace(PLAZO) || es_parte && hace(PLAZO_PARTE) || self.hasta - self.desde >= BASTA
    }

    /// Durable in the store from here on.
    pub(crate) async fn termina(self) -> Result<Pieza, Rechazo> {
        let pieza = Pieza {
            desde: self.desde,
            bytes: self.hasta - self.desde,
            clave: self.clave,
        };
        self.escritor.termina().await?;
        Ok(pieza)
    }

    /// Nobody will hear of it.
    pub(crate) async fn abandona(self) {
        if let Err(error) = self.escritor.abandona().await {
            tracing::debug!(%error, "un pedazo a medias queda para el barrido");
        }
    }
}
