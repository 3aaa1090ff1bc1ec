//! Small copies, and what a copy without location leaves out: made in the background, one file at a time.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use crate::blobs::BlobStore;
use futures_util::TryStreamExt as _;
use sigra_media::{Cut, MAX_DECODE_MEMORY, MediaType, Previews, cuts, make_previews};
use sigra_store::uploads::{Blob, ClaimPreviews, ReleasePreviews, SavePreviews, StoredPreview};
use tokio::runtime::Handle;

use crate::{FileRefusal, FileService};

/// More pieces than any camera leaves to cut out.
const MAX_CUTS: usize = 1_000;
/// Bytes that are read of a long file at once.
const WINDOW: u64 = 64 * 1024;

/// What was found of a file.
type CutsAndPreviews = (Option<Vec<Cut>>, Option<Previews>);

impl FileService {
    /// Makes the copies of one file, if one waits for them. A server calls it from one task.
    pub async fn make_previews(&self) -> Result<bool, FileRefusal> {
        let Some(blob) = self.0.store.write(ClaimPreviews).await? else {
            return Ok(false);
        };
        let found = match self.inspect(&blob).await {
            Ok(found) => found,
            Err(e) => {
                // The store's fault, not the file's.
                let sha256 = blob.sha256;
                self.0.store.write(ReleasePreviews(sha256)).await?;
                return Err(e.into());
            }
        };
        self.save_previews(blob, found).await?;
        Ok(true)
    }

    async fn inspect(&self, blob: &Blob) -> Result<CutsAndPreviews, crate::blobs::BlobError> {
        let blobs = self.0.blobs.clone();
        let Some(tipo) = MediaType::from_mime(&blob.tipo) else {
            return Ok((None, None));
        };
        let largo = u64::try_from(blob.bytes).unwrap_or(0);
        let done = if tipo.is_image() {
            let max = usize::try_from(MAX_DECODE_MEMORY).unwrap_or(usize::MAX);
            let bytes = blobs.read_all(&blob.clave, max).await?;
            tokio::task::spawn_blocking(move || {
                let cortes = cuts(tipo, &mut Cursor::new(&bytes), largo);
                (cortes, make_previews(tipo, bytes.into()).ok())
            })
        } else {
            let reader = BlobReader {
                blobs,
                clave: blob.clave.clone(),
                largo,
                en: 0,
                window: (0, vec![]),
                handle: Handle::current(),
            };
            tokio::task::spawn_blocking(move || {
                let mut reader = reader;
                (cuts(tipo, &mut reader, largo), None)
            })
        };
        // A decoder that gave up in the middle leaves a file without copies.
        let Ok((cortes, copias)) = done.await else {
            return Ok((None, None));
        };
        let cortes = cortes.map_err(crate::blobs::BlobError::Carpeta)?;
        Ok((cortes.filter(|c| c.len() <= MAX_CUTS), copias))
    }

    async fn save_previews(
        &self,
        blob: Blob,
        (cortes, copias): CutsAndPreviews,
    ) -> Result<(), FileRefusal> {
        let copias = match copias {
            Some(v) => Some((
                self.save_copy(v.miniatura).await?,
                self.save_copy(v.vista).await?,
            )),
            None => None,
        };
        let cortes = cortes.and_then(|c| serde_json::to_string(&c).ok());
        let guarda = SavePreviews {
            sha256: blob.sha256,
            copias: copias.clone(),
            recortes: cortes,
        };
        let guardado = self.0.store.write(guarda).await?;
        for copia in copias
            .iter()
            .flat_map(|(m, v)| [m, v])
            .filter(|_| !guardado)
        {
            self.discard(&copia.clave).await;
        }
        Ok(())
    }

    async fn save_copy(&self, bytes: Vec<u8>) -> Result<StoredPreview, FileRefusal> {
        let copia = StoredPreview {
            clave: self.new_blob_key("vistas").await?,
            bytes: i64::try_from(bytes.len()).unwrap_or(0),
        };
        self.0.blobs.write(&copia.clave, bytes.into()).await?;
        Ok(copia)
    }
}

/// A long object read here and there, from a thread that may wait.
struct BlobReader {
    blobs: BlobStore,
    clave: String,
    largo: u64,
    en: u64,
    /// What was read last, and where it begins.
    window: (u64, Vec<u8>),
    handle: Handle,
}

impl BlobReader {
    fn fetch(&mut self) -> io::Result<()> {
        let hasta = self.largo.min(self.en.saturating_add(WINDOW));
        let (blobs, clave, range) = (&self.blobs, &self.clave, self.en..hasta);
        let bytes = self.handle.block_on(async {
            let chunks = blobs.read(clave, Some(range)).await?;
            let todo: Vec<bytes::Bytes> = chunks.try_collect().await?;
            Ok::<_, crate::blobs::BlobError>(todo.concat())
        });
        self.window = (self.en, bytes.map_err(io::Error::other)?);
        Ok(())
    }
}

impl Read for BlobReader {
    fn read(&mut self, hacia: &mut [u8]) -> io::Result<usize> {
        if self.en >= self.largo || hacia.is_empty() {
            return Ok(0);
        }
        let (start, bytes) = &self.window;
        let fin = start + u64::try_from(bytes.len()).unwrap_or(0);
        if self.en < *start || self.en >= fin {
            self.fetch()?;
        }
        let (start, bytes) = &self.window;
        let salta = usize::try_from(self.en - start).unwrap_or(usize::MAX);
        let quedan = bytes.get(salta..).unwrap_or_default();
        let n = quedan.len().min(hacia.len());
        hacia[..n].copy_from_slice(&quedan[..n]);
        self.en += u64::try_from(n).unwrap_or(0);
        Ok(n)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, a: SeekFrom) -> io::Result<u64> {
        let en = match a {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::Current(d) => self.en.checked_add_signed(d),
            SeekFrom::End(d) => self.largo.checked_add_signed(d),
        };
        self.en = en.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.en)
    }
}
