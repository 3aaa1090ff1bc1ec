//! All of an upload has come: what it is, whether it is what was announced, and where it stays.

use futures_util::TryStreamExt as _;
use sigra_domain::{Quien, hex};
use sigra_media::{MAX_PIXELS, MediaType, dimensions};
use sigra_store::{
    Refused, StoreError,
    uploads::{
        AdoptUpload, FinishUpload, RecordBlobKey, Upload, UploadOutcome, UploadPart, UploadRefusal,
    },
};

use crate::{
    FileRefusal, FileService, UploadProgress,
    content::{Content, ContentReader},
};

impl FileService {
    /// Of pieces that are durable, the last of them not yet known to the database: makes one object of them
    /// and ends the upload.
    pub(crate) async fn finish_parts(
        &self,
        quien: &Quien,
        subida: &Upload,
        piezas: &[UploadPart],
    ) -> Result<UploadProgress, FileRefusal> {
        let clave = self.new_blob_key("objetos").await?;
        match self.assemble(piezas, &clave).await {
            Ok(contenido) => self.finish(quien, subida, &contenido, &clave).await,
            Err(e) => Err(e),
        }
    }

    /// Of an object that is durable, under a key that is noted: the upload ends with all of it or stays
    /// where it was.
    pub(crate) async fn finish(
        &self,
        quien: &Quien,
        subida: &Upload,
        contenido: &Content,
        clave: &str,
    ) -> Result<UploadProgress, FileRefusal> {
        let juicio = self.judge(subida, contenido);
        let desenlace = match &juicio {
            Ok(tipo) => UploadOutcome::Bien {
                clave: clave.to_owned(),
                tipo: tipo.mime().to_owned(),
            },
            Err(_) => UploadOutcome::Mal,
        };
        let fin = FinishUpload {
            quien: quien.clone(),
            id: subida.id.clone(),
            turno: subida.turno,
            desenlace,
        };
        let fin = self.0.store.write(fin).await;
        if juicio.is_err() || matches!(fin, Err(Refused::Reason(UploadRefusal::TurnoPerdido))) {
            self.discard(clave).await;
        }
        let fin = fin?;
        for clave in &fin.sobran {
            self.discard(clave).await;
        }
        juicio?;
        self.0.llegadas.notify_one();
        Ok(UploadProgress {
            recibidos: subida.bytes,
            expira: subida.expira,
            reporte: fin.reporte.map(Box::new),
        })
    }

    /// A finished upload, given to its report if there is one.
    pub(crate) async fn adopt_finished(
        &self,
        quien: &Quien,
        subida: &Upload,
    ) -> Result<UploadProgress, FileRefusal> {
        let adopta = AdoptUpload {
            quien: quien.clone(),
            subida_id: subida.id.clone(),
        };
        Ok(UploadProgress {
            recibidos: subida.bytes,
            expira: subida.expira,
            reporte: self.0.store.write(adopta).await?.map(Box::new),
        })
    }

    /// A key that says nothing of what it will hold.
    pub(crate) fn random_key(&self, carpeta: &str) -> String {
        let azar = hex(&self.0.store.env().random::<16>());
        format!("{carpeta}/{}/{azar}", &azar[..2])
    }

    /// The same, noted, so that what is written there is not forgotten.
    pub(crate) async fn new_blob_key(&self, carpeta: &str) -> Result<String, StoreError> {
        let clave = self.random_key(carpeta);
        self.0.store.write(RecordBlobKey(clave.clone())).await?;
        Ok(clave)
    }

    /// Makes one object of the pieces.
    async fn assemble(&self, piezas: &[UploadPart], clave: &str) -> Result<Content, FileRefusal> {
        let blobs = &self.0.blobs;
        let mut destino = None;
        if let [unica] = piezas {
            blobs.copy(&unica.clave, clave).await?;
        } else {
            destino = Some(blobs.writer(clave));
        }
        let mut leido = ContentReader::default();
        for pieza in piezas {
            let mut bytes = blobs.read(&pieza.clave, None).await?;
            while let Some(trozo) = bytes.try_next().await? {
                leido.append(&trozo);
                if let Some(destino) = &mut destino {
                    destino.append(trozo).await?;
                }
            }
        }
        if let Some(destino) = destino {
            destino.finish().await?;
        }
        Ok(leido.finish())
    }

    /// Whether it is what was announced, and something that is kept.
    fn judge(&self, subida: &Upload, c: &Content) -> Result<MediaType, FileRefusal> {
        if c.largo != subida.bytes || c.sha256 != subida.sha256 {
            return Err(FileRefusal::HashDistinto);
        }
        self.check_media_type(&c.inicio, c.largo)
    }

    /// By the bytes alone.
    pub(crate) fn check_media_type(
        &self,
        inicio: &[u8],
        largo: i64,
    ) -> Result<MediaType, FileRefusal> {
        let tipo = MediaType::from_bytes(inicio).map_err(FileRefusal::NoAdmitido)?;
        let max = self.limits().max_for(tipo);
        if largo > max {
            return Err(FileRefusal::MuyGrande { max });
        }
        if dimensions(tipo, inicio).is_some_and(|m| m.pixels() > MAX_PIXELS) {
            return Err(FileRefusal::MuchosPixeles);
        }
        Ok(tipo)
    }
}
