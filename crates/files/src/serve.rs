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
    clean: Option<StrippedCopy>,
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
    pub fn from_blob(blob: &Blob, forma: Rendition) -> Result<Self, RenditionUnavailable> {
        let sin_forma = if blob.vistas == "pendientes" {
            RenditionUnavailable::Todavia
        } else {
            RenditionUnavailable::Nunca
        };
        let guardada = |clave: &Option<String>, bytes: Option<i64>| {
            let (clave, bytes) = clave.clone().zip(bytes).ok_or(sin_forma)?;
            Ok(Self {
                clave,
                clean: None,
                largo: u64::try_from(bytes).unwrap_or(0),
            })
        };
        match forma {
            Rendition::Original => guardada(&Some(blob.clave.clone()), Some(blob.bytes)),
            Rendition::Miniatura => guardada(&blob.clave_miniatura, blob.bytes_miniatura),
            Rendition::Vista => guardada(&blob.clave_vista, blob.bytes_vista),
            Rendition::Copia => {
                let cuts = blob.recortes.as_deref().ok_or(sin_forma)?;
                let cuts: Vec<Cut> =
                    serde_json::from_str(cuts).map_err(|_| RenditionUnavailable::Nunca)?;
                // Nothing says where it was taken: the copy is the file.
                if cuts.is_empty() {
                    return guardada(&Some(blob.clave.clone()), Some(blob.bytes));
                }
                let clean = StrippedCopy::new(u64::try_from(blob.bytes).unwrap_or(0), &cuts);
                Ok(Self {
                    clave: blob.clave.clone(),
                    largo: clean.size(),
                    clean: Some(clean),
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
        if entrega.clean.is_some() {
            return Ok(None);
        }
        let blobs = &self.0.blobs;
        blobs
            .presigned_url(&entrega.clave, plazo, disposicion, tipo)
            .await
    }

    /// The bytes of a part of it, as they come; the store is asked before this answers.
    pub async fn stream_range(
        &self,
        entrega: &ServedFile,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        let blobs = self.0.blobs.clone();
        let clave = entrega.clave.clone();
        let Some(clean) = &entrega.clean else {
            return blobs.read(&clave, Some(range)).await;
        };
        let mut segments = clean.segments(range).into_iter();
        let primero = match segments.next() {
            Some(segment) => read(blobs.clone(), clave.clone(), segment).await?,
            None => stream::empty().boxed(),
        };
        let rest = stream::iter(segments)
            .then(move |segment| read(blobs.clone(), clave.clone(), segment))
            .try_flatten();
        Ok(primero.chain(rest).boxed())
    }
}

async fn read(
    blobs: BlobStore,
    clave: String,
    segment: Segment,
) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
    Ok(match segment {
        Segment::Original(range) => blobs.read(&clave, Some(range)).await?,
        Segment::Bytes(bytes) => stream::iter([Ok(bytes.into())]).boxed(),
        Segment::Ceros(n) => {
            let chunks = (0..n.div_ceil(ZEROS)).map(move |i| ZEROS.min(n - i * ZEROS));
            let ceros = chunks.map(|n| Ok(vec![0; usize::try_from(n).unwrap_or(0)].into()));
            stream::iter(ceros).boxed()
        }
    })
}
