//! A small file in one go.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sigra_domain::{Quien, catalogo::Catalogo};
use sigra_media::MediaType;
use sigra_store::uploads::{DirectUpload, ReceiveDirectUpload};

use crate::{
    FileRefusal, FileService,
    content::{Content, ContentReader},
    receive::IDLE_TIMEOUT,
};

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
    contenido: Content,
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
        let mut writer = self.0.blobs.writer(clave);
        let mut leido = ContentReader::default();
        let fin = loop {
            let bytes = match tokio::time::timeout(IDLE_TIMEOUT, cuerpo.next()).await {
                Ok(Some(Ok(bytes))) => bytes,
                Ok(None) => break Ok(()),
                Ok(Some(Err(_))) | Err(_) => break Err(FileRefusal::Interrumpida),
            };
            leido.append(&bytes);
            if leido.size() > max {
                break Err(FileRefusal::MuyGrande { max });
            }
            if let Err(e) = writer.append(bytes).await {
                break Err(e.into());
            }
        };
        let contenido = leido.finish();
        let tipo = fin.and_then(|()| self.check_media_type(&contenido.inicio, contenido.largo));
        match tipo {
            Ok(tipo) => {
                writer.finish().await?;
                Ok(ReceivedFile { tipo, contenido })
            }
            Err(e) => {
                writer.abort().await.ok();
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
        let ReceivedFile { tipo, contenido } = llegado;
        if d.sha256.is_some_and(|s| s != contenido.sha256) {
            return Err(FileRefusal::HashDistinto);
        }
        let nombre = d
            .nombre
            .unwrap_or_else(|| format!("archivo.{}", tipo.extension()));
        let recibe = ReceiveDirectUpload {
            quien: d.quien,
            catalogo: d.catalogo,
            reporte_id: d.reporte_id,
            multimedia_uuid: d.multimedia_uuid,
            uuid_nuevo: d.uuid_nuevo,
            nombre,
            tipo: tipo.mime().to_owned(),
            bytes: contenido.largo,
            sha256: contenido.sha256,
            clave: clave.to_owned(),
        };
        let directo = self.0.store.write(recibe).await?;
        self.0.llegadas.notify_one();
        Ok(directo)
    }
}
