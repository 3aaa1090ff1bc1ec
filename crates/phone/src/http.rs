//! Requests and answers. Bodies go and come gzip, whatever the link saves.

use std::{
    io::{Read as _, Write as _},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use reqwest::{
    Method,
    header::{
        ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, LOCATION,
        RETRY_AFTER,
    },
    redirect,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Problema};

static OFFSET: HeaderName = HeaderName::from_static("upload-offset");

/// An answer larger than this (either form) is not one of SIGRA's.
const MAX_RESPONSE: usize = 64 * 1024 * 1024;

/// Something to ask of the server; it may be sent more than once.
#[derive(Clone, Debug)]
pub(crate) struct ApiRequest<'a> {
    pub metodo: Method,
    pub ruta: &'a str,
    pub consulta: Vec<(&'static str, String)>,
    pub cabeceras: Vec<(&'static str, String)>,
    /// JSON, gzip.
    pub gzip: Option<&'a [u8]>,
    /// Of a file.
    pub bytes: Option<Bytes>,
}

impl<'a> ApiRequest<'a> {
    pub(crate) fn new(metodo: Method, ruta: &'a str) -> Self {
        Self {
            metodo,
            ruta,
            consulta: vec![],
            cabeceras: vec![],
            gzip: None,
            bytes: None,
        }
    }

    pub(crate) fn post(ruta: &'a str, gzip: &'a [u8]) -> Self {
        Self {
            gzip: Some(gzip),
            ..Self::new(Method::POST, ruta)
        }
    }
}

/// An answer, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiResponse {
    /// HTTP.
    pub status: u16,
    /// `Retry-After`, when it is a number of seconds.
    pub reintentar_en: Option<Duration>,
    /// Decompressed.
    pub cuerpo: Vec<u8>,
    /// `Location`
    pub lugar: Option<String>,
    /// `Upload-Offset`, in bytes.
    pub desfase: Option<u64>,
}

impl ApiResponse {
    pub(crate) fn problema(&self) -> Option<Problema> {
        serde_json::from_slice(&self.cuerpo).ok()
    }

    /// The token was not good. A captive portal that says 401 is no SIGRA.
    pub(crate) fn no_autenticado(&self) -> bool {
        self.status == 401 && self.problema().is_some()
    }

    /// The body of a 200, or what another status means.
    pub(crate) fn data<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if self.status == 200 {
            return serde_json::from_slice(&self.cuerpo)
                .map_err(|e| Error::SinRespuesta(format!("no se entiende: {e}")));
        }
        Err(self.error())
    }

    /// It has this status, or what another means.
    pub(crate) fn expect_status(&self, status: u16) -> Result<(), Error> {
        if self.status == status {
            Ok(())
        } else {
            Err(self.error())
        }
    }

    fn error(&self) -> Error {
        let (status, problema) = (self.status, self.problema());
        // A body that was cut on its way is 400 and not for ever; 401 is the session's matter.
        let pasajero = status == 400 && problema.as_ref().is_some_and(|p| !p.permanente);
        if pasajero || matches!(status, 408 | 429 | 500..=599) {
            return Error::Espere {
                status,
                reintentar_en: self.reintentar_en,
            };
        }
        match problema {
            Some(p) if status >= 400 => Problema { status, ..p }.into(),
            _ => Error::SinRespuesta(format!("HTTP {status} que no es de SIGRA")),
        }
    }
}

/// The HTTP side of a phone, with its counts.
pub(crate) struct HttpClient {
    http: reqwest::Client,
    base: String,
    peticiones: AtomicU64,
    subidos: AtomicU64,
    bajados: AtomicU64,
}

/// What went over the link since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub peticiones: u64,
    pub subidos: u64,
    pub bajados: u64,
}

impl HttpClient {
    pub(crate) fn new(
        url: &str,
        plazo_conexion: Duration,
        plazo_peticion: Duration,
    ) -> Result<Self, Error> {
        Ok(Self {
            http: http(plazo_conexion, plazo_peticion)?,
            base: url.trim_end_matches('/').to_owned(),
            peticiones: AtomicU64::new(0),
            subidos: AtomicU64::new(0),
            bajados: AtomicU64::new(0),
        })
    }

    /// Another address, on new connections; the counts go on.
    pub(crate) fn set_url(
        &mut self,
        url: &str,
        plazo_conexion: Duration,
        plazo_peticion: Duration,
    ) -> Result<(), Error> {
        self.http = http(plazo_conexion, plazo_peticion)?;
        url.trim_end_matches('/').clone_into(&mut self.base);
        Ok(())
    }

    /// Sends once. Any failure before the last byte of the answer is [`Error::SinRespuesta`].
    pub(crate) async fn request(
        &self,
        peticion: &ApiRequest<'_>,
        token: Option<&str>,
    ) -> Result<ApiResponse, Error> {
        let url = format!("{}{}", self.base, peticion.ruta);
        let mut r = self
            .http
            .request(peticion.metodo.clone(), url)
            .query(&peticion.consulta)
            .header(ACCEPT_ENCODING, "gzip");
        if let Some(token) = token {
            r = r.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(gzip) = peticion.gzip {
            self.subidos.fetch_add(gzip.len() as u64, Relaxed);
            r = r
                .header(CONTENT_TYPE, "application/json")
                .header(CONTENT_ENCODING, "gzip")
                .body(gzip.to_vec());
        }
        for (nombre, value) in &peticion.cabeceras {
            r = r.header(*nombre, value);
        }
        if let Some(bytes) = &peticion.bytes {
            self.subidos.fetch_add(bytes.len() as u64, Relaxed);
            r = r
                .header(CONTENT_TYPE, "application/offset+octet-stream")
                .body(bytes.clone());
        }
        self.peticiones.fetch_add(1, Relaxed);
        let mut response = r.send().await.map_err(|e| transport_error(&e))?;
        let mut cuerpo = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| transport_error(&e))? {
            self.bajados.fetch_add(chunk.len() as u64, Relaxed);
            cuerpo.extend_from_slice(&chunk);
            if cuerpo.len() > MAX_RESPONSE {
                return Err(Error::SinRespuesta("es demasiado larga".into()));
            }
        }
        let cabecera =
            |nombre: &HeaderName| response.headers().get(nombre).and_then(|v| v.to_str().ok());
        if cabecera(&CONTENT_ENCODING) == Some("gzip") {
            cuerpo = decompress(&cuerpo)?;
        }
        Ok(ApiResponse {
            status: response.status().as_u16(),
            reintentar_en: cabecera(&RETRY_AFTER)
                .and_then(|s| s.trim().parse().ok())
                .map(Duration::from_secs),
            lugar: cabecera(&LOCATION).map(ToOwned::to_owned),
            desfase: cabecera(&OFFSET).and_then(|s| s.parse().ok()),
            cuerpo,
        })
    }

    /// The counts, which start again. Bytes are those of bodies as they travelled, answered or not.
    pub(crate) fn take_traffic(&self) -> Traffic {
        Traffic {
            peticiones: self.peticiones.swap(0, Relaxed),
            subidos: self.subidos.swap(0, Relaxed),
            bajados: self.bajados.swap(0, Relaxed),
        }
    }
}

fn http(plazo_conexion: Duration, plazo_peticion: Duration) -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
        .no_proxy()
        // A redirect would turn a batch into a GET, and comes from captive portals, not from SIGRA.
        .redirect(redirect::Policy::none())
        // Whether to send again is the queue's decision.
        .retry(reqwest::retry::never())
        .connect_timeout(plazo_conexion)
        .timeout(plazo_peticion)
        .build()
        .map_err(|e| Error::Http(e.to_string()))
}

fn transport_error(e: &reqwest::Error) -> Error {
    // The reason is in the innermost one.
    let mut causa: &dyn std::error::Error = e;
    while let Some(dentro) = causa.source() {
        causa = dentro;
    }
    Error::SinRespuesta(causa.to_string())
}

/// `datos` as JSON, gzip. The same data give the same bytes.
pub(crate) fn gzip_json(datos: &impl Serialize) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec(datos)?;
    gzip(&json)
}

pub(crate) fn gzip(json: &[u8]) -> Result<Vec<u8>, Error> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(json)
        .and_then(|()| gzip.finish())
        .map_err(|e| Error::Dato(e.to_string()))
}

fn decompress(gzip: &[u8]) -> Result<Vec<u8>, Error> {
    let mut cuerpo = Vec::new();
    GzDecoder::new(gzip)
        .take(MAX_RESPONSE as u64)
        .read_to_end(&mut cuerpo)
        .map_err(|e| Error::SinRespuesta(format!("llegó mal comprimida: {e}")))?;
    Ok(cuerpo)
}
