//! A piece on its way into the store.

use std::time::Duration;

use crate::blobs::{BlobStore, BlobWriter};
use bytes::Bytes;
use sigra_domain::hex;
use sigra_store::{
    Env,
    uploads::{UploadPart, key_prefix},
};
use tokio::time::Instant;

use crate::FileRefusal;

/// A piece of that many bytes is told to the database, and the next begins.
const FLUSH_BYTES: i64 = 8 * 1024 * 1024;
/// So is a smaller one after that time: what a server that is killed forgets.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);
/// And one of that part of the file, so that no photo goes up almost twice for one fall of the server;
const FLUSH_FRACTION: i64 = 8;
/// but not sooner: on a fast link there is hardly anything to lose, and each costs a transaction.
const MIN_FLUSH_INTERVAL: Duration = Duration::from_millis(100);
/// A piece shorter than that is written again together with the next: a link that breaks all the time
/// must not leave thousands of them.
const MERGE_BELOW: i64 = 1024 * 1024;

pub(crate) struct PartWriter {
    writer: BlobWriter,
    clave: String,
    desde: i64,
    hasta: i64,
    /// Its first new byte, in the file.
    nuevos: i64,
    /// When its first new byte came.
    inicio: Option<Instant>,
}

impl PartWriter {
    /// All of the file from its beginning, as far as it comes.
    pub(crate) fn from_start(blobs: &BlobStore, clave: &str) -> Self {
        Self::from_offset(blobs, clave.to_owned(), 0)
    }

    fn from_offset(blobs: &BlobStore, clave: String, desde: i64) -> Self {
        Self {
            writer: blobs.writer(&clave),
            clave,
            desde,
            hasta: desde,
            nuevos: desde,
            inicio: None,
        }
    }

    /// The piece after those; it takes in the last of them if that is short.
    pub(crate) async fn new(
        blobs: &BlobStore,
        env: &Env,
        subida_id: &str,
        parts: &[UploadPart],
    ) -> Result<Self, FileRefusal> {
        let hasta = parts.last().map_or(0, UploadPart::end);
        let clave = format!("{}{}", key_prefix(subida_id), hex(&env.random::<16>()));
        let mut nueva = Self::from_offset(blobs, clave, hasta);
        if let Some(corta) = parts.last().filter(|p| p.bytes < MERGE_BELOW) {
            let max = usize::try_from(corta.bytes).unwrap_or(0);
            let bytes = blobs.read_all(&corta.clave, max).await?;
            nueva.writer.append(bytes).await?;
            nueva.desde = corta.desde;
        }
        Ok(nueva)
    }

    pub(crate) async fn append(&mut self, bytes: Bytes) -> Result<(), FileRefusal> {
        self.inicio.get_or_insert_with(Instant::now);
        self.hasta += i64::try_from(bytes.len()).unwrap_or(0);
        Ok(self.writer.append(bytes).await?)
    }

    /// Where in the file it ends so far.
    pub(crate) fn end(&self) -> i64 {
        self.hasta
    }

    /// Whether something new is in it.
    pub(crate) fn has_data(&self) -> bool {
        self.inicio.is_some()
    }

    /// Whether it is time to tell of it, in a file of `largo` bytes.
    pub(crate) fn is_progress_due(&self, largo: i64) -> bool {
        let hace = |plazo| self.inicio.is_some_and(|i| i.elapsed() >= plazo);
        let es_parte = (self.hasta - self.nuevos).saturating_mul(FLUSH_FRACTION) >= largo;
        hace(FLUSH_INTERVAL)
            || es_parte && hace(MIN_FLUSH_INTERVAL)
            || self.hasta - self.desde >= FLUSH_BYTES
    }

    /// Durable in the store from here on.
    pub(crate) async fn finish(self) -> Result<UploadPart, FileRefusal> {
        let part = UploadPart {
            desde: self.desde,
            bytes: self.hasta - self.desde,
            clave: self.clave,
        };
        self.writer.finish().await?;
        Ok(part)
    }

    /// Nobody will hear of it.
    pub(crate) async fn abort(self) {
        if let Err(error) = self.writer.abort().await {
            tracing::debug!(%error, "un pedazo a medias queda para el barrido");
        }
    }
}
