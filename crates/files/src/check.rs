//! Whether every file that the database knows of is in the store, as it came.

use futures_util::TryStreamExt as _;
use sha2::Digest as _;
use sigra_domain::hex;
use sigra_store::{
    StoreError,
    uploads::{Blob, blobs_from, missing_blobs},
};

use crate::FileService;

/// Rows that are read at once.
const CHUNK: i64 = 500;

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// A report has it, and nothing is known of its bytes.
    SinObjeto,
    /// Its bytes are not in the store.
    Falta,
    /// They are others.
    Distinto,
    /// One of its small copies is not there; it can still be seen as it came.
    SinCopia,
    /// The store did not give it; it may be there.
    Ilegible,
}

/// A file that is not as it should be, by its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedFile {
    pub sha256: String,
    pub dano: Damage,
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntegrityReport {
    pub objetos: u64,
    pub bytes: u64,
    pub danados: Vec<DamagedFile>,
}

impl FileService {
    /// Reads every file whole. `avance` hears of each, with its bytes.
    pub async fn check(&self, mut avance: impl FnMut(u64)) -> Result<IntegrityReport, StoreError> {
        let mut r = IntegrityReport::default();
        let mut read = self.0.store.read().await?;
        for sha256 in missing_blobs(&mut read).await? {
            let dano = Damage::SinObjeto;
            r.danados.push(DamagedFile { sha256, dano });
        }
        drop(read);
        let mut start = String::new();
        loop {
            // Not held while the store is read.
            let mut read = self.0.store.read().await?;
            let objetos = blobs_from(&mut read, &start, CHUNK).await?;
            drop(read);
            let Some(ultimo) = objetos.last() else {
                return Ok(r);
            };
            start.clone_from(&ultimo.sha256);
            for blob in objetos {
                if let Some(dano) = self.check_blob(&blob).await {
                    let sha256 = blob.sha256;
                    r.danados.push(DamagedFile { sha256, dano });
                }
                let bytes = u64::try_from(blob.bytes).unwrap_or(0);
                r.objetos += 1;
                r.bytes += bytes;
                avance(bytes);
            }
        }
    }

    async fn check_blob(&self, o: &Blob) -> Option<Damage> {
        match self.hash_blob(&o.clave).await {
            Ok(hash) if hash == o.sha256 => {}
            Ok(_) => return Some(Damage::Distinto),
            Err(e) => return Some(damage(&e)),
        }
        for (clave, bytes) in [
            (&o.clave_miniatura, o.bytes_miniatura),
            (&o.clave_vista, o.bytes_vista),
        ] {
            let Some((clave, bytes)) = clave.as_ref().zip(bytes) else {
                continue;
            };
            let largo = self.0.blobs.size(clave).await;
            match largo {
                Ok(largo) if largo == u64::try_from(bytes).ok() => {}
                Ok(_) => return Some(Damage::SinCopia),
                Err(e) => return Some(damage(&e)),
            }
        }
        None
    }

    async fn hash_blob(&self, clave: &str) -> Result<String, crate::blobs::BlobError> {
        let mut chunks = self.0.blobs.read(clave, None).await?;
        let mut hash = sha2::Sha256::new();
        while let Some(chunk) = chunks.try_next().await? {
            hash.update(&chunk);
        }
        Ok(hex(&hash.finalize()))
    }
}

fn damage(e: &crate::blobs::BlobError) -> Damage {
    if matches!(e, crate::blobs::BlobError::NoEsta(_)) {
        Damage::Falta
    } else {
        Damage::Ilegible
    }
}
