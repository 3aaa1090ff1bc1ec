//! All of an upload has come: what it is, whether it is what was announced, and where it stays.

use futures_util::TryStreamExt as _;
use sha2::Digest as _;
use sigra_domain::{Quien, hex};
use sigra_media::{MAX_HEADER, MAX_PIXELS, MediaType, dimensions};
use sigra_store::{
    Refused, StoreError,
    uploads::{
        AdoptUpload, FinishUpload, RecordBlobKey, Upload, UploadOutcome, UploadPart, UploadRefusal,
        key_prefix,
    },
};

use crate::{FileRefusal, FileService, UploadProgress};

impl FileService {
    /// Of pieces that are durable, the last of them not yet known to the database: the upload ends with
    /// all of them or stays where it was.
    pub(crate) async fn finish(
        &self,
        quien: &Quien,
        subida: &Upload,
        piezas: &[UploadPart],
    ) -> Result<UploadProgress, FileRefusal> {
        let clave = self.new_blob_key("objetos").await?;
        let juicio = self.assemble(subida, piezas, &clave).await;
        if let Err(e @ FileRefusal::Almacen(_)) = juicio {
            return Err(e);
        }
        let desenlace = match &juicio {
            Ok(tipo) => UploadOutcome::Bien {
                clave: clave.clone(),
                tipo: tipo.mime().to_owned(),
            },
            Err(_) => UploadOutcome::Mal,
        };
        let fin = FinishUpload {
            id: subida.id.clone(),
            turno: subida.turno,
            desenlace,
        };
        let sobra = self.0.store.write(fin).await;
        match sobra {
            Err(Refused::Reason(UploadRefusal::TurnoPerdido)) => {
                self.discard(&clave).await;
                return Err(UploadRefusal::TurnoPerdido.into());
            }
            otro => {
                // Somebody sent the same bytes before: theirs stay.
                if otro? || juicio.is_err() {
                    self.discard(&clave).await;
                }
            }
        }
        self.discard(&key_prefix(&subida.id)).await;
        juicio?;
        self.0.llegadas.notify_one();
        self.adopt_finished(quien, subida).await
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

    /// A key that says nothing of what it will hold; noted, so that what is written there is not
    /// forgotten.
    pub(crate) async fn new_blob_key(&self, carpeta: &str) -> Result<String, StoreError> {
        let azar = hex(&self.0.store.env().random::<16>());
        let clave = format!("{carpeta}/{}/{azar}", &azar[..2]);
        self.0.store.write(RecordBlobKey(clave.clone())).await?;
        Ok(clave)
    }

    /// Makes one object of the pieces, and judges it.
    async fn assemble(
        &self,
        subida: &Upload,
        piezas: &[UploadPart],
        clave: &str,
    ) -> Result<MediaType, FileRefusal> {
        let almacen = &self.0.almacen;
        let mut destino = None;
        if let [unica] = piezas {
            almacen.copy(&unica.clave, clave).await?;
        } else {
            destino = Some(almacen.writer(clave));
        }
        let (mut hash, mut inicio) = (sha2::Sha256::new(), Vec::new());
        let mut largo = 0;
        for pieza in piezas {
            let mut bytes = almacen.read(&pieza.clave, None).await?;
            while let Some(trozo) = bytes.try_next().await? {
                hash.update(&trozo);
                largo += i64::try_from(trozo.len()).unwrap_or(0);
                let falta = MAX_HEADER.saturating_sub(inicio.len()).min(trozo.len());
                inicio.extend_from_slice(&trozo[..falta]);
                if let Some(destino) = &mut destino {
                    destino.append(trozo).await?;
                }
            }
        }
        if let Some(destino) = destino {
            destino.finish().await?;
        }
        if largo != subida.bytes || hex(&hash.finalize()) != subida.sha256 {
            return Err(FileRefusal::HashDistinto);
        }
        self.check_media_type(&inicio, largo)
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
