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
    ArchivoPropio, Error, Paso, Problema, Telefono,
    archivos::ilegible,
    http::{Peticion, Respuesta},
};

const RAIZ: &str = "/multimedia/tus";
/// Bytes in one request, at most: what the phone holds in memory.
const TROZO: u64 = 4 * 1024 * 1024;
/// How often a file that the server finds damaged is sent from its beginning.
const MAX_DANADO: i64 = 3;

/// An upload as the server last told of it.
#[derive(Clone, Debug)]
pub(crate) struct EnSubida {
    uuid: String,
    lugar: String,
    /// Bytes that the server has.
    va_en: u64,
}

impl Telefono {
    /// One request for the next file. A token that expired is renewed on the way.
    ///
    /// Errors are only those that waiting does not mend.
    pub async fn archivo_una_vez(&mut self) -> Result<Paso, Error> {
        let Some(archivo) = self.proximo_archivo().await? else {
            return Ok(Paso::Listo);
        };
        let uuid = archivo.archivo.uuid_cliente.clone();
        let conocida = self.en_subida.take().filter(|s| s.uuid == uuid);
        let avance = match conocida {
            None => self.anuncia(&archivo).await,
            Some(subida) => self.agrega(&archivo, subida).await,
        };
        match avance {
            Ok(subida) => {
                self.espera.exito();
                if subida.va_en == largo(&archivo) {
                    self.archivo_enviado(&uuid).await?;
                    self.resumen.archivos += 1;
                    self.resumen.bytes_de_archivos += subida.va_en;
                } else {
                    self.en_subida = Some(subida);
                }
                Ok(Paso::Sigue)
            }
            Err(Error::Problema(p)) => self.negado(&uuid, *p).await,
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
                self.negado(&uuid, p).await
            }
            Err(e) => self.pasajero(e),
        }
    }

    /// Begins an upload, or asks where it stands.
    async fn anuncia(&mut self, archivo: &ArchivoPropio) -> Result<EnSubida, Error> {
        let a = &archivo.archivo;
        let par = |clave: &str, valor: &str| format!("{clave} {}", STANDARD.encode(valor));
        let metadatos = [
            par("multimedia_uuid", &a.uuid_cliente),
            par("reporte_uuid", &archivo.reporte_uuid),
            par("filename", &a.nombre),
            par("filetype", &a.tipo),
            par("sha256", &a.sha256),
        ];
        let peticion = Peticion {
            cabeceras: vec![
                ("tus-resumable", "1.0.0".into()),
                ("upload-length", a.bytes.to_string()),
                ("upload-metadata", metadatos.join(",")),
            ],
            ..Peticion::nueva(Method::POST, RAIZ)
        };
        let r = self.pide(&peticion).await?;
        r.con_status(201)?;
        let (Some(lugar), Some(va_en)) = (r.lugar.clone(), r.desfase) else {
            return Err(Error::SinRespuesta("falta dónde va la subida".into()));
        };
        if va_en > 0 && va_en < largo(archivo) {
            self.resumen.reanudados += 1;
        }
        Self::subida(archivo, lugar, &r)
    }

    /// Sends what comes next.
    async fn agrega(
        &mut self,
        archivo: &ArchivoPropio,
        subida: EnSubida,
    ) -> Result<EnSubida, Error> {
        let bytes = trozo(&archivo.ruta, subida.va_en).await?;
        if bytes.is_empty() {
            return Err(ilegible(&archivo.ruta, &"es más corto que antes"));
        }
        let peticion = Peticion {
            cabeceras: vec![
                ("tus-resumable", "1.0.0".into()),
                ("upload-offset", subida.va_en.to_string()),
            ],
            bytes: Some(bytes),
            ..Peticion::nueva(Method::PATCH, &subida.lugar)
        };
        let r = self.pide(&peticion).await?;
        // Another connection of this phone was still at it: the server says where it stands now.
        if r.problema().is_none_or(|p| p.codigo != "desfase_distinto") {
            r.con_status(204)?;
        }
        Self::subida(archivo, subida.lugar, &r)
    }

    fn subida(archivo: &ArchivoPropio, lugar: String, r: &Respuesta) -> Result<EnSubida, Error> {
        let va_en = r.desfase.filter(|n| *n <= largo(archivo));
        Ok(EnSubida {
            uuid: archivo.archivo.uuid_cliente.clone(),
            lugar,
            va_en: va_en.ok_or_else(|| Error::SinRespuesta("la subida va más allá".into()))?,
        })
    }

    /// The server refuses a file, or will take it another time.
    async fn negado(&mut self, uuid: &str, p: Problema) -> Result<Paso, Error> {
        // An upload that was given up is begun anew.
        if p.codigo == "no_encontrado" {
            return Ok(Paso::Sigue);
        }
        let aplazos = self.archivo_aplazado(uuid).await?;
        let danado = p.codigo == "hash_distinto" && aplazos >= MAX_DANADO;
        if p.permanente || danado {
            self.archivo_rechazado(uuid, &p).await?;
            self.resumen.archivos_rechazados += 1;
            return Ok(Paso::Sigue);
        }
        Ok(Paso::Espera(self.fallo(None)))
    }
}

fn largo(archivo: &ArchivoPropio) -> u64 {
    u64::try_from(archivo.archivo.bytes).unwrap_or(0)
}

async fn trozo(ruta: &Path, desde: u64) -> Result<Bytes, Error> {
    let lee = async {
        let mut archivo = File::open(ruta).await?;
        archivo.seek(SeekFrom::Start(desde)).await?;
        let mut bytes = Vec::new();
        archivo.take(TROZO).read_to_end(&mut bytes).await?;
        Ok::<_, std::io::Error>(bytes.into())
    };
    lee.await.map_err(|e| ilegible(ruta, &e))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        Adjunto, EstadoDeArchivo, Paso,
        pruebas::{Contesta, Escena, problema, roca, todo_creado},
    };

    const CREADA: &str = "201 X\r\nlocation: /multimedia/tus/a\r\nupload-offset: 0";
    const EN_TRES: &str = "201 X\r\nlocation: /multimedia/tus/a\r\nupload-offset: 3";

    /// A report that the server has, with one file of ten bytes.
    async fn con_foto() -> Escena {
        let mut e = Escena::nueva().await;
        let ruta = e.carpeta.path().join("roca.jpg");
        std::fs::write(&ruta, "0123456789").unwrap();
        let adjunto = Adjunto {
            ruta,
            nombre: "roca.jpg".into(),
            tipo: "image/jpeg".into(),
        };
        e.telefono
            .crear_con_archivos(roca(), &[adjunto])
            .await
            .unwrap();
        // Not before its report.
        assert_eq!(e.telefono.archivo_una_vez().await.unwrap(), Paso::Listo);
        e.guion.contesta([Contesta::Segun(todo_creado)]);
        e.telefono.push_una_vez().await.unwrap();
        let manifiesto = &e.guion.pedidos()[0].cuerpo["reportes"][0]["multimedia"];
        assert_eq!(manifiesto[0]["bytes"], 10);
        e
    }

    async fn pasos(e: &mut Escena, n: usize) -> Vec<String> {
        for _ in 0..n {
            e.telefono.archivo_una_vez().await.unwrap();
        }
        let linea = |p: crate::pruebas::Pedido| {
            let bytes = String::from_utf8(p.crudo).unwrap();
            format!("{} {bytes}", p.linea)
        };
        e.guion.pedidos().into_iter().map(linea).collect()
    }

    #[tokio::test]
    async fn a_cut_upload_goes_on_where_the_server_says() {
        let mut e = con_foto().await;
        e.guion.contesta([
            Contesta::Crudo(CREADA, ""),
            Contesta::SePierde,
            Contesta::Crudo(EN_TRES, ""),
            Contesta::Crudo("409 X\r\nupload-offset: 5", DESFASE),
            Contesta::Crudo("204 X\r\nupload-offset: 10", ""),
        ]);
        let visto = pasos(&mut e, 6).await;
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
            EstadoDeArchivo::Enviado
        );
        let r = e.telefono.toma_resumen();
        assert_eq!((r.archivos, r.bytes_de_archivos, r.reanudados), (1, 10, 1));
    }

    #[tokio::test]
    async fn a_file_that_is_refused_is_told_and_holds_up_nobody() {
        for (falla, veces) in [("tipo_no_admitido", 1), ("hash_distinto", 3)] {
            let mut e = con_foto().await;
            for _ in 0..veces {
                let mut p = problema(422, falla);
                p["permanente"] = json!(falla == "tipo_no_admitido");
                e.guion
                    .contesta([Contesta::Crudo(CREADA, ""), Contesta::Con(422, p)]);
                pasos(&mut e, 2).await;
            }
            assert_eq!(e.telefono.archivo_una_vez().await.unwrap(), Paso::Listo);
            let estado = &e.telefono.archivos().await.unwrap()[0].estado;
            assert!(matches!(estado, EstadoDeArchivo::Rechazado(p) if p.codigo == falla));
        }
        let mut e = con_foto().await;
        std::fs::remove_file(&e.telefono.archivos().await.unwrap()[0].ruta).unwrap();
        e.guion.contesta([Contesta::Crudo(CREADA, "")]);
        pasos(&mut e, 2).await;
        let estado = &e.telefono.archivos().await.unwrap()[0].estado;
        assert!(matches!(estado, EstadoDeArchivo::Rechazado(p) if p.codigo == "archivo_ilegible"));
    }

    #[tokio::test]
    async fn a_server_from_a_backup_gets_its_files_again() {
        let mut e = con_foto().await;
        e.guion.contesta([
            Contesta::Crudo(CREADA, ""),
            Contesta::Crudo("204 X\r\nupload-offset: 10", ""),
        ]);
        pasos(&mut e, 2).await;
        e.guion.contesta([Contesta::Segun(|cuerpo| {
            let uuid = &cuerpo["reportes"][0]["uuid_cliente"];
            json!({"resultados": [{"uuid_cliente": uuid, "resultado": "multimedia_pendiente"}]})
        })]);
        e.telefono.reconciliar().await.unwrap();
        let estado = &e.telefono.archivos().await.unwrap()[0].estado;
        assert_eq!(estado, &EstadoDeArchivo::Pendiente);
    }

    const DESFASE: &str = r#"{"codigo": "desfase_distinto", "permanente": false}"#;
}
