//! Files on their way out, whole or in parts.

use std::{ops::Range, time::Duration};

use crate::blobs::{BlobError, BlobStore};
use bytes::Bytes;
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use sigra_media::{Cut, Segment, StrippedCopy};
use sigra_store::uploads::Blob;

use crate::FileService;

/// Zeros that are sent at once.
const ZEROS: u64 = 64 * 1024;

/// Which of its forms a file is asked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendition {
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
pub struct ServedFile {
    clave: String,
    limpia: Option<StrippedCopy>,
    /// In bytes.
    pub largo: u64,
}

/// Why it can't be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenditionUnavailable {
    /// It is being made.
    Todavia,
    /// The file has none.
    Nunca,
}

impl ServedFile {
    pub fn from_blob(objeto: &Blob, forma: Rendition) -> Result<Self, RenditionUnavailable> {
        let sin_forma = if objeto.vistas == "pendientes" {
            RenditionUnavailable::Todavia
        } else {
            RenditionUnavailable::Nunca
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
            Rendition::Original => guardada(&Some(objeto.clave.clone()), Some(objeto.bytes)),
            Rendition::Miniatura => guardada(&objeto.clave_miniatura, objeto.bytes_miniatura),
            Rendition::Vista => guardada(&objeto.clave_vista, objeto.bytes_vista),
            Rendition::Copia => {
                let recortes = objeto.recortes.as_deref().ok_or(sin_forma)?;
                let recortes: Vec<Cut> =
                    serde_json::from_str(recortes).map_err(|_| RenditionUnavailable::Nunca)?;
                // Nothing says where it was taken: the copy is the file.
                if recortes.is_empty() {
                    return guardada(&Some(objeto.clave.clone()), Some(objeto.bytes));
                }
                let limpia = StrippedCopy::new(u64::try_from(objeto.bytes).unwrap_or(0), &recortes);
                Ok(Self {
                    clave: objeto.clave.clone(),
                    largo: limpia.size(),
                    limpia: Some(limpia),
                })
            }
        }
    }
}

impl FileService {
    /// A link that the store itself answers; `None` where nobody reaches it, or where parts must be left
    /// out on the way.
    pub async fn presigned_url(
        &self,
        entrega: &ServedFile,
        plazo: Duration,
        disposicion: &str,
        tipo: &str,
    ) -> Result<Option<String>, BlobError> {
        if entrega.limpia.is_some() {
            return Ok(None);
        }
        let almacen = &self.0.almacen;
        almacen
            .presigned_url(&entrega.clave, plazo, disposicion, tipo)
            .await
    }

    /// The bytes of a part of it, as they come; the store is asked before this answers.
    pub async fn stream_range(
        &self,
        entrega: &ServedFile,
        rango: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        let almacen = self.0.almacen.clone();
        let clave = entrega.clave.clone();
        let Some(limpia) = &entrega.limpia else {
            return almacen.read(&clave, Some(rango)).await;
        };
        let mut tramos = limpia.segments(rango).into_iter();
        let primero = match tramos.next() {
            Some(tramo) => read(almacen.clone(), clave.clone(), tramo).await?,
            None => stream::empty().boxed(),
        };
        let resto = stream::iter(tramos)
            .then(move |tramo| read(almacen.clone(), clave.clone(), tramo))
            .try_flatten();
        Ok(primero.chain(resto).boxed())
    }
}

async fn read(
    almacen: BlobStore,
    clave: String,
    tramo: Segment,
) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
    Ok(match tramo {
        Segment::Original(rango) => almacen.read(&clave, Some(rango)).await?,
        Segment::Bytes(bytes) => stream::iter([Ok(bytes.into())]).boxed(),
        Segment::Ceros(n) => {
            let trozos = (0..n.div_ceil(ZEROS)).map(move |i| ZEROS.min(n - i * ZEROS));
            let ceros = trozos.map(|n| Ok(vec![0; usize::try_from(n).unwrap_or(0)].into()));
            stream::iter(ceros).boxed()
        }
    })
}
