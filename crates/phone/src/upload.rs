//! Files on their way up, over links that break (tus 1.0.0).
//!
//! Two requests are enough. *Creation* (`POST /multimedia/tus`) says whose file it is, how long and
//! with which hash; the same creation again finds the same upload and tells where it stands
//! (`Upload-Offset`), so that the phone need remember nothing. *PATCH* sends what comes from there on;
//! what came before a link broke is kept.

use std::{io::SeekFrom, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use reqwest::Method;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};

use crate::{
    Error, Phone, Problema, QueuedArchivo, StepOutcome,
    files::unreadable,
    http::{ApiRequest, ApiResponse},
};

const BASE_PATH: &str = "/multimedia/tus";
/// Bytes in one request, at most: what the phone holds in memory.
const CHUNK_SIZE: u64 = 4 * 1024 * 1024;
/// How often a file that the server finds damaged is sent from its beginning.
const MAX_DAMAGED: i64 = 3;

/// An upload as the server last told of it.
#[derive(Clone, Debug)]
pub(crate) struct OngoingUpload {
    uuid: String,
    lugar: String,
    /// Bytes that the server has.
    va_en: u64,
}

impl Phone {
    /// One request for the next file. A token that expired is renewed on the way.
    ///
    /// Errors are only those that waiting does not mend.
    pub async fn upload_archivo_once(&mut self) -> Result<StepOutcome, Error> {
        let Some(archivo) = self.next_archivo().await? else {
            return Ok(StepOutcome::Listo);
        };
        let uuid = archivo.archivo.uuid_cliente.clone();
        let conocida = self.en_subida.take().filter(|s| s.uuid == uuid);
        let avance = match conocida {
            None => self.begin_upload(&archivo).await,
            Some(subida) => self.send_next(&archivo, subida).await,
        };
        match avance {
            Ok(subida) => {
                self.delay.success();
                if subida.va_en == size(&archivo) {
                    self.mark_archivo_sent(&uuid).await?;
                    self.summary.archivos += 1;
                    self.summary.bytes_de_archivos += subida.va_en;
                } else {
                    self.en_subida = Some(subida);
                }
                Ok(StepOutcome::Sigue)
            }
            Err(Error::Problema(p)) => self.handle_refusal(&uuid, *p).await,
            // What is not there any more can't be sent; its owner must know.
            Err(Error::Archivo(causa)) => {
                let p = Problema {
                    status: 0,
                    codigo: "archivo_ilegible".into(),
                    permanente: true,
                    detail: causa,
                    errores: vec![],
                    actual: None,
                };
                self.handle_refusal(&uuid, p).await
            }
            Err(e) => self.retry_if_transient(e),
        }
    }

    /// Begins an upload, or asks where it stands.
    async fn begin_upload(&mut self, archivo: &QueuedArchivo) -> Result<OngoingUpload, Error> {
        let a = &archivo.archivo;
        let par = |clave: &str, value: &str| format!("{clave} {}", STANDARD.encode(value));
        let metadatos = [
            par("multimedia_uuid", &a.uuid_cliente),
            par("reporte_uuid", &archivo.reporte_uuid),
            par("filename", &a.nombre),
            par("filetype", &a.tipo),
            par("sha256", &a.sha256),
        ];
        let request = ApiRequest {
            cabeceras: vec![
                ("tus-resumable", "1.0.0".into()),
                ("upload-length", a.bytes.to_string()),
                ("upload-metadata", metadatos.join(",")),
            ],
            ..ApiRequest::new(Method::POST, BASE_PATH)
        };
        let r = self.request(&request).await?;
        r.expect_status(201)?;
        let (Some(lugar), Some(va_en)) = (r.lugar.clone(), r.desfase) else {
            return Err(Error::SinRespuesta("falta dónde va la subida".into()));
        };
        if va_en > 0 && va_en < size(archivo) {
            self.summary.reanudados += 1;
        }
        Self::upload_state(archivo, lugar, &r)
    }

    /// Sends what comes next.
    async fn send_next(
        &mut self,
        archivo: &QueuedArchivo,
        subida: OngoingUpload,
    ) -> Result<OngoingUpload, Error> {
        let bytes = read_chunk(&archivo.ruta, subida.va_en).await?;
        if bytes.is_empty() {
            return Err(unreadable(&archivo.ruta, &"es más corto que antes"));
        }
        let request = ApiRequest {
            cabeceras: vec![
                ("tus-resumable", "1.0.0".into()),
                ("upload-offset", subida.va_en.to_string()),
            ],
            bytes: Some(bytes),
            ..ApiRequest::new(Method::PATCH, &subida.lugar)
        };
        let r = self.request(&request).await?;
        // Another connection of this phone was still at it: the server says where it stands now.
        if r.problema().is_none_or(|p| p.codigo != "desfase_distinto") {
            r.expect_status(204)?;
        }
        Self::upload_state(archivo, subida.lugar, &r)
    }

    fn upload_state(
        archivo: &QueuedArchivo,
        lugar: String,
        r: &ApiResponse,
    ) -> Result<OngoingUpload, Error> {
        let va_en = r.desfase.filter(|n| *n <= size(archivo));
        Ok(OngoingUpload {
            uuid: archivo.archivo.uuid_cliente.clone(),
            lugar,
            va_en: va_en.ok_or_else(|| Error::SinRespuesta("la subida va más allá".into()))?,
        })
    }

    /// The server refuses a file, or will take it another time.
    async fn handle_refusal(&mut self, uuid: &str, p: Problema) -> Result<StepOutcome, Error> {
        // An upload that was given up is begun anew.
        if p.codigo == "no_encontrado" {
            return Ok(StepOutcome::Sigue);
        }
        let aplazos = self.defer_archivo(uuid).await?;
        let danado = p.codigo == "hash_distinto" && aplazos >= MAX_DAMAGED;
        if p.permanente || danado {
            self.mark_archivo_rejected(uuid, &p).await?;
            self.summary.archivos_rechazados += 1;
            return Ok(StepOutcome::Sigue);
        }
        Ok(StepOutcome::Espera(self.failure(None)))
    }
}

fn size(archivo: &QueuedArchivo) -> u64 {
    u64::try_from(archivo.archivo.bytes).unwrap_or(0)
}

async fn read_chunk(ruta: &Path, desde: u64) -> Result<Bytes, Error> {
    let lee = async {
        let mut archivo = File::open(ruta).await?;
        archivo.seek(SeekFrom::Start(desde)).await?;
        let mut bytes = Vec::new();
        archivo.take(CHUNK_SIZE).read_to_end(&mut bytes).await?;
        Ok::<_, std::io::Error>(bytes.into())
    };
    lee.await.map_err(|e| unreadable(ruta, &e))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        ArchivoState, Attachment, StepOutcome,
        test_support::{Fixture, Reply, all_created, problema, sample_contenido},
    };

    const CREATED_AT_OFFSET_0: &str = "201 X\r\nlocation: /multimedia/tus/a\r\nupload-offset: 0";
    const CREATED_AT_OFFSET_3: &str = "201 X\r\nlocation: /multimedia/tus/a\r\nupload-offset: 3";

    /// A report that the server has, with one file of ten bytes.
    async fn with_photo() -> Fixture {
        let mut e = Fixture::new().await;
        let ruta = e.carpeta.path().join("roca.jpg");
        std::fs::write(&ruta, "0123456789").unwrap();
        let adjunto = Attachment {
            ruta,
            nombre: "roca.jpg".into(),
            tipo: "image/jpeg".into(),
        };
        e.telefono
            .create_with_archivos(sample_contenido(), &[adjunto])
            .await
            .unwrap();
        // Not before its report.
        assert_eq!(
            e.telefono.upload_archivo_once().await.unwrap(),
            StepOutcome::Listo
        );
        e.script.enqueue_answers([Reply::Segun(all_created)]);
        e.telefono.push_once().await.unwrap();
        let manifiesto = &e.script.take_requests()[0].cuerpo["reportes"][0]["multimedia"];
        assert_eq!(manifiesto[0]["bytes"], 10);
        e
    }

    async fn run_steps(e: &mut Fixture, n: usize) -> Vec<String> {
        for _ in 0..n {
            e.telefono.upload_archivo_once().await.unwrap();
        }
        let linea = |p: crate::test_support::RecordedRequest| {
            let bytes = String::from_utf8(p.crudo).unwrap();
            format!("{} {bytes}", p.linea)
        };
        e.script.take_requests().into_iter().map(linea).collect()
    }

    #[tokio::test]
    async fn a_cut_upload_goes_on_where_the_server_says() {
        let mut e = with_photo().await;
        e.script.enqueue_answers([
            Reply::Crudo(CREATED_AT_OFFSET_0, ""),
            Reply::SePierde,
            Reply::Crudo(CREATED_AT_OFFSET_3, ""),
            Reply::Crudo("409 X\r\nupload-offset: 5", WRONG_OFFSET),
            Reply::Crudo("204 X\r\nupload-offset: 10", ""),
        ]);
        let visto = run_steps(&mut e, 6).await;
        let esperado = [
            "POST /multimedia/tus ",
            "PATCH /multimedia/tus/a 0123456789",
            "POST /multimedia/tus ",
            "PATCH /multimedia/tus/a 3456789",
            "PATCH /multimedia/tus/a 56789",
        ];
        assert_eq!(visto, esperado);
        assert_eq!(
            e.telefono.archivos().await.unwrap()[0].estado,
            ArchivoState::Enviado
        );
        let r = e.telefono.take_summary();
        assert_eq!((r.archivos, r.bytes_de_archivos, r.reanudados), (1, 10, 1));
    }

    #[tokio::test]
    async fn a_file_that_is_refused_is_told_and_holds_up_nobody() {
        for (falla, veces) in [("tipo_no_admitido", 1), ("hash_distinto", 3)] {
            let mut e = with_photo().await;
            for _ in 0..veces {
                let mut p = problema(422, falla);
                p["permanente"] = json!(falla == "tipo_no_admitido");
                e.script
                    .enqueue_answers([Reply::Crudo(CREATED_AT_OFFSET_0, ""), Reply::Con(422, p)]);
                run_steps(&mut e, 2).await;
            }
            assert_eq!(
                e.telefono.upload_archivo_once().await.unwrap(),
                StepOutcome::Listo
            );
            let estado = &e.telefono.archivos().await.unwrap()[0].estado;
            assert!(matches!(estado, ArchivoState::Rechazado(p) if p.codigo == falla));
        }
        let mut e = with_photo().await;
        std::fs::remove_file(&e.telefono.archivos().await.unwrap()[0].ruta).unwrap();
        e.script
            .enqueue_answers([Reply::Crudo(CREATED_AT_OFFSET_0, "")]);
        run_steps(&mut e, 2).await;
        let estado = &e.telefono.archivos().await.unwrap()[0].estado;
        assert!(matches!(estado, ArchivoState::Rechazado(p) if p.codigo == "archivo_ilegible"));
    }

    #[tokio::test]
    async fn a_server_from_a_backup_gets_its_files_again() {
        let mut e = with_photo().await;
        e.script.enqueue_answers([
            Reply::Crudo(CREATED_AT_OFFSET_0, ""),
            Reply::Crudo("204 X\r\nupload-offset: 10", ""),
        ]);
        run_steps(&mut e, 2).await;
        e.script.enqueue_answers([Reply::Segun(|cuerpo| {
            let uuid = &cuerpo["reportes"][0]["uuid_cliente"];
            json!({"resultados": [{"uuid_cliente": uuid, "resultado": "multimedia_pendiente"}]})
        })]);
        e.telefono.reconcile().await.unwrap();
        let estado = &e.telefono.archivos().await.unwrap()[0].estado;
        assert_eq!(estado, &ArchivoState::Pendiente);
    }

    const WRONG_OFFSET: &str = r#"{"codigo": "desfase_distinto", "permanente": false}"#;
}
