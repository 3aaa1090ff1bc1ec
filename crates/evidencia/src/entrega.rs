//! Files on their way out, whole or in parts.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use sigra_almacen::{Almacen, Fallo};
use sigra_multimedia::{Limpia, Recorte, Tramo};
use sigra_store::multimedia::Objeto;

use crate::Evidencia;

/// Zeros that are sent at once.
const CEROS: u64 = 64 * 1024;

/// Which of its forms a file is asked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forma {
    /// As it was sent.
    Original,
    /// The same without where it was taken.
    Copia,
    /// For a list.
    Miniatura,
    /// For a screen.
    Vista,
}

/// What can be given.
#[derive(Clone, Debug)]
pub struct Entrega {
    clave: String,
    limpia: Option<Limpia>,
    /// In bytes.
    pub largo: u64,
}

/// Why it can't be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinForma {
    /// It is being made.
    Todavia,
    /// The file has none.
    Nunca,
}

impl Entrega {
    pub fn de(objeto: &Objeto, forma: Forma) -> Result<Self, SinForma> {
        let sin_forma = if objeto.vistas == "pendientes" {
            SinForma::Todavia
        } else {
            SinForma::Nunca
        };
        let guardada = |clave: &Option<String>, bytes: Option<i64>| {
            let (clave, bytes) = clave.clone().zip(bytes).ok_or(sin_forma)?;
            Ok(Self {
                clave,
                limpia: None,
                largo: u64::try_from(bytes).unwrap_or(0),
            })
        };
        match forma {
            Forma::Original => guardada(&Some(objeto.clave.clone()), Some(objeto.bytes)),
            Forma::Miniatura => guardada(&objeto.clave_miniatura, objeto.bytes_miniatura),
            Forma::Vista => guardada(&objeto.clave_vista, objeto.bytes_vista),
            Forma::Copia => {
                let recortes = objeto.recortes.as_deref().ok_or(sin_forma)?;
                let recortes: Vec<Recorte> =
                    serde_json::from_str(recortes).map_err(|_| SinForma::Nunca)?;
                // Nothing says where it was taken: the copy is the file.
                if recortes.is_empty() {
                    return guardada(&Some(objeto.clave.clone()), Some(objeto.bytes));
                }
                let limpia = Limpia::nueva(u64::try_from(objeto.bytes).unwrap_or(0), &recortes);
                Ok(Self {
                    clave: objeto.clave.clone(),
                    largo: limpia.largo(),
                    limpia: Some(limpia),
                })
            }
        }
    }
}

impl Evidencia {
    /// A link that the store itself answers; `None` where nobody reaches it, or where parts must be left
    /// out on the way.
    pub async fn enlace(
        &self,
        entrega: &Entrega,
        plazo: Duration,
        disposicion: &str,
        tipo: &str,
    ) -> Result<Option<String>, Fallo> {
        if entrega.limpia.is_some() {
            return Ok(None);
        }
        let almacen = &self.0.almacen;
        almacen
            .enlace(&entrega.clave, plazo, disposicion, tipo)
            .await
    }

    /// The bytes of a part of it, as they come; the store is asked before this answers.
    pub async fn entrega(
        &self,
        entrega: &Entrega,
        rango: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, Fallo>>, Fallo> {
        let almacen = self.0.almacen.clone();
        let clave = entrega.clave.clone();
        let Some(limpia) = &entrega.limpia else {
            return almacen.lee(&clave, Some(rango)).await;
        };
        let mut tramos = limpia.tramos(rango).into_iter();
        let primero = match tramos.next() {
            Some(tramo) => lee(almacen.clone(), clave.clone(), tramo).await?,
            None => stream::empty().boxed(),
        };
        let resto = stream::iter(tramos)
            .then(move |tramo| lee(almacen.clone(), clave.clone(), tramo))
            .try_flatten();
        Ok(primero.chain(resto).boxed())
    }
}

async fn lee(
    almacen: Almacen,
    clave: String,
    tramo: Tramo,
) -> Result<BoxStream<'static, Result<Bytes, Fallo>>, Fallo> {
    Ok(match tramo {
        Tramo::Original(rango) => almacen.lee(&clave, Some(rango)).await?,
        Tramo::Bytes(bytes) => stream::iter([Ok(bytes.into())]).boxed(),
        Tramo::Ceros(n) => {
            let trozos = (0..n.div_ceil(CEROS)).map(move |i| CEROS.min(n - i * CEROS));
            let ceros = trozos.map(|n| Ok(vec![0; usize::try_from(n).unwrap_or(0)].into()));
            stream::iter(ceros).boxed()
        }
    })
}
