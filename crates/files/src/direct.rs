//! A small file in one go.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sha2::Digest as _;
use sigra_domain::{Quien, catalogo::Catalogo, hex};
use sigra_media::{MAX_HEADER, MediaType};
use sigra_store::uploads::{DirectUpload, ReceiveDirectUpload};

use crate::{FileRefusal, FileService, receive::IDLE_TIMEOUT};

/// As long as such a file may take.
const TIMEOUT: Duration = Duration::from_mins(5);

/// Where it belongs.
#[derive(Clone, Debug)]
pub struct DirectTarget {
    pub quien: Quien,
    pub catalogo: Arc<Catalogo>,
    pub reporte_id: i64,
    /// As the manifest names it.
    pub multimedia_uuid: Option<String>,
    /// What its sender says it is.
    pub sha256: Option<String>,
    /// Data, never a path; without one it gets one by its type.
    pub nombre: Option<String>,
    /// For a file that the manifest does not have.
    pub uuid_nuevo: String,
}

/// What came.
struct ReceivedFile {
    tipo: MediaType,
    bytes: i64,
    sha256: String,
}

impl FileService {
    /// Takes a whole file and gives it to its report. To be run in a task of its own, so that a client
    /// that leaves can't stop it half-way.
    pub async fn receive_direct<E: Send>(
        &self,
        destino: DirectTarget,
        cuerpo: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    ) -> Result<DirectUpload, FileRefusal> {
        let clave = self.new_blob_key("objetos").await?;
        let guardado = tokio::time::timeout(TIMEOUT, self.save(&clave, cuerpo)).await;
        let guardado = guardado.unwrap_or(Err(FileRefusal::Interrumpida));
        let resultado = match guardado {
            Ok(llegado) => self.attach(destino, llegado, &clave).await,
            Err(e) => Err(e),
        };
        if !matches!(&resultado, Ok(d) if !d.sobra) {
            self.discard(&clave).await;
        }
        resultado
    }

    async fn save<E: Send>(
        &self,
        clave: &str,
        mut cuerpo: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    ) -> Result<ReceivedFile, FileRefusal> {
        let max = self.limits().max_direct();
        let mut escritor = self.0.almacen.writer(clave);
        let (mut hash, mut inicio, mut largo) = (sha2::Sha256::new(), Vec::new(), 0);
        let fin = loop {
            let bytes = match tokio::time::timeout(IDLE_TIMEOUT, cuerpo.next()).await {
                Ok(Some(Ok(bytes))) => bytes,
                Ok(None) => break Ok(()),
                Ok(Some(Err(_))) | Err(_) => break Err(FileRefusal::Interrumpida),
            };
            largo += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            if largo > max {
                break Err(FileRefusal::MuyGrande { max });
            }
            hash.update(&bytes);
            let falta = MAX_HEADER.saturating_sub(inicio.len()).min(bytes.len());
            inicio.extend_from_slice(&bytes[..falta]);
            if let Err(e) = escritor.append(bytes).await {
                break Err(e.into());
            }
        };
        let tipo = fin.and_then(|()| self.check_media_type(&inicio, largo));
        match tipo {
            Ok(tipo) => {
                escritor.finish().await?;
                Ok(ReceivedFile {
                    tipo,
                    bytes: largo,
                    sha256: hex(&hash.finalize()),
                })
            }
            Err(e) => {
                escritor.abort().await.ok();
                Err(e)
            }
        }
    }

    async fn attach(
        &self,
        d: DirectTarget,
        llegado: ReceivedFile,
        clave: &str,
    ) -> Result<DirectUpload, FileRefusal> {
        if d.sha256.is_some_and(|s| s != llegado.sha256) {
            return Err(FileRefusal::HashDistinto);
        }
        let nombre = d
            .nombre
            .unwrap_or_else(|| format!("archivo.{}", llegado.tipo.extension()));
        let recibe = ReceiveDirectUpload {
            quien: d.quien,
            catalogo: d.catalogo,
            reporte_id: d.reporte_id,
            multimedia_uuid: d.multimedia_uuid,
            uuid_nuevo: d.uuid_nuevo,
            nombre,
            tipo: llegado.tipo.mime().to_owned(),
            bytes: llegado.bytes,
            sha256: llegado.sha256,
            clave: clave.to_owned(),
        };
        let directo = self.0.store.write(recibe).await?;
        self.0.llegadas.notify_one();
        Ok(directo)
    }
}
