//! Bytes of an upload come in.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sigra_domain::Quien;
use sigra_store::{
    Refused,
    reportes::StoredReporte,
    uploads::{AddUploadPart, Upload, UploadPart, UploadRefusal},
};
use tokio::time::Instant;

use crate::{
    Checksum, FileRefusal, FileService, checksum::Hasher, content::ContentReader, handover::Lease,
    part_writer::PartWriter,
};

/// A sender that is silent for that long is gone.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// As long as a request may take: far less than the sweeper waits before it takes a key that is noted.
const MAX_DURATION: Duration = Duration::from_hours(12);

/// What came of a request.
#[derive(Debug)]
pub struct UploadProgress {
    /// Where the upload stands.
    pub recibidos: i64,
    /// Until when it waits for more.
    pub expira: i64,
    /// The report that has the file now.
    pub reporte: Option<Box<StoredReporte>>,
}

/// One request's way through an upload.
struct UploadReceiver<'a> {
    files: &'a FileService,
    turno: Lease,
    subida: Upload,
    /// Durable, and known to the database.
    piezas: Vec<UploadPart>,
    cuenta: Option<Hasher>,
    /// While all that has come is in one part from the file's beginning.
    entero: Option<WholeFile>,
}

/// A part that is the file's object if all of it comes.
struct WholeFile {
    /// Noted, until the database tells of what is there.
    clave: String,
    leido: ContentReader,
}

enum BodyEnd {
    /// The sender said all it had.
    Completo,
    /// The link broke, or somebody else goes on.
    Cortado,
}

impl FileService {
    /// Takes what comes, from `desde` on. What came is kept when the link breaks, but with a checksum
    /// all or nothing. To be run in a task of its own, so that a client that leaves can't stop it.
    pub async fn receive<E: Send>(
        &self,
        quien: &Quien,
        id: &str,
        desde: i64,
        suma: Option<Checksum>,
        cuerpo: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    ) -> Result<UploadProgress, FileRefusal> {
        let turno = self.0.turnos.acquire(id).await;
        let clave = (desde == 0).then(|| self.random_key("objetos"));
        let lease = self.acquire_lease(quien.rut, id, clave.clone()).await;
        let (subida, piezas) = lease?;
        if desde != subida.recibidos {
            return Err(FileRefusal::OtroDesfase(subida.recibidos));
        }
        if subida.terminada.is_some() {
            // Perhaps the server fell before its report could take it.
            return self.adopt_finished(quien, &subida).await;
        }
        let entero = clave.filter(|_| subida.is_untouched());
        let mut labor = UploadReceiver {
            files: self,
            turno,
            subida,
            piezas,
            cuenta: suma.as_ref().map(Hasher::from_checksum),
            entero: entero.map(|clave| WholeFile {
                clave,
                leido: ContentReader::default(),
            }),
        };
        let llegado = labor.run(quien, suma.as_ref(), cuerpo).await;
        if let Some(entero) = labor.entero {
            // Nothing was told of it.
            self.discard(&entero.clave).await;
        }
        llegado
    }
}

impl UploadReceiver<'_> {
    async fn run<E: Send>(
        &mut self,
        quien: &Quien,
        suma: Option<&Checksum>,
        mut cuerpo: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    ) -> Result<UploadProgress, FileRefusal> {
        let inicio = Instant::now();
        let mut pieza = self.open_part().await?;
        let fin = loop {
            let trozo = tokio::select! {
                biased;
                () = self.turno.superseded() => break BodyEnd::Cortado,
                trozo = tokio::time::timeout(IDLE_TIMEOUT, cuerpo.next()) => trozo,
            };
            let bytes = match trozo {
                Ok(Some(Ok(bytes))) if inicio.elapsed() < MAX_DURATION => bytes,
                Ok(None) => break BodyEnd::Completo,
                Ok(Some(_)) | Err(_) => break BodyEnd::Cortado,
            };
            let largo = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            if largo > self.subida.bytes - pieza.end() {
                pieza.abort().await;
                return Err(FileRefusal::Sobran);
            }
            if let Some(cuenta) = &mut self.cuenta {
                cuenta.append(&bytes);
            }
            if let Some(entero) = &mut self.entero {
                entero.leido.append(&bytes);
            }
            pieza.append(bytes).await?;
            if suma.is_none()
                && pieza.is_progress_due(self.subida.bytes)
                && pieza.end() < self.subida.bytes
            {
                self.save(pieza).await?;
                pieza = self.open_part().await?;
            }
        };
        if let Some((suma, cuenta)) = suma.zip(self.cuenta.take()) {
            match fin {
                BodyEnd::Completo if cuenta.matches(suma) => {}
                fin => {
                    pieza.abort().await;
                    return Err(match fin {
                        BodyEnd::Completo => FileRefusal::SumaDistinta,
                        BodyEnd::Cortado => FileRefusal::Interrumpida,
                    });
                }
            }
        }
        if pieza.end() == self.subida.bytes {
            return self.finish(quien, pieza).await;
        }
        if pieza.has_data() {
            self.save(pieza).await?;
        } else {
            pieza.abort().await;
        }
        match fin {
            BodyEnd::Completo => Ok(UploadProgress {
                recibidos: self.subida.recibidos,
                expira: self.subida.expira,
                reporte: None,
            }),
            BodyEnd::Cortado => Err(FileRefusal::Interrumpida),
        }
    }

    async fn open_part(&self) -> Result<PartWriter, FileRefusal> {
        let interior = &self.files.0;
        if let Some(entero) = &self.entero {
            return Ok(PartWriter::from_start(&interior.blobs, &entero.clave));
        }
        PartWriter::new(
            &interior.blobs,
            interior.store.env(),
            &self.subida.id,
            &self.piezas,
        )
        .await
    }

    /// First the store, then the database.
    async fn save(&mut self, pieza: PartWriter) -> Result<(), FileRefusal> {
        let pieza = pieza.finish().await?;
        // Whatever comes of the write, it may be told of.
        self.entero = None;
        let agrega = AddUploadPart {
            id: self.subida.id.clone(),
            turno: self.subida.turno,
            recibidos: self.subida.recibidos,
            pieza: pieza.clone(),
        };
        match self.files.0.store.write(agrega).await {
            Err(Refused::Reason(UploadRefusal::TurnoPerdido)) => {
                self.files.discard(&pieza.clave).await;
                return Err(UploadRefusal::TurnoPerdido.into());
            }
            otro => otro?,
        }
        self.subida.recibidos = pieza.end();
        let reemplazada = self.piezas.pop_if(|p| p.desde == pieza.desde);
        self.piezas.push(pieza);
        if let Some(vieja) = reemplazada {
            self.files.discard(&vieja.clave).await;
        }
        Ok(())
    }

    async fn finish(
        &mut self,
        quien: &Quien,
        pieza: PartWriter,
    ) -> Result<UploadProgress, FileRefusal> {
        let ultima = pieza.finish().await?;
        if let Some(entero) = self.entero.take() {
            let contenido = entero.leido.finish();
            return self
                .files
                .finish(quien, &self.subida, &contenido, &entero.clave)
                .await;
        }
        self.piezas.retain(|p| p.desde < ultima.desde);
        self.piezas.push(ultima);
        self.files
            .finish_parts(quien, &self.subida, &self.piezas)
            .await
    }
}
