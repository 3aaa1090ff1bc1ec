//! A client of the HTTP API, as a phone or a panel is one: it shares no code with the server.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, RequestBuilder, Url, header::RETRY_AFTER};
use serde::Serialize;
use serde_json::{Value, json};
use sigra_domain::Rut;

use crate::error::DemoError;

/// How often a request is sent when the server says that it is busy.
const MAX_ATTEMPTS: u32 = 8;
/// A server that asks for a longer pause than this has more than a moment's trouble.
const MAX_RETRY_DELAY: u64 = 30;

/// Cheap to clone; the clones share connections.
#[derive(Clone)]
pub(super) struct ApiClient {
    http: reqwest::Client,
    base: Url,
    token: Option<Arc<str>>,
}

/// An answer whose meaning its reader decides.
pub(super) struct ApiResponse {
    peticion: String,
    pub(super) status: u16,
    cuerpo: Value,
}

impl ApiClient {
    pub(super) fn new(base: Url) -> Result<Self, DemoError> {
        let http = reqwest::Client::builder()
            // The server is this process: a proxy named in the environment can't reach it.
            .no_proxy()
            .timeout(Duration::from_mins(1))
            .build()
            .map_err(|e| DemoError::Interno(e.to_string()))?;
        Ok(Self {
            http,
            base,
            token: None,
        })
    }

    /// Logs in; the clone speaks for that person.
    pub(super) async fn log_in(&self, rut: Rut, password: &str) -> Result<Self, DemoError> {
        let cuerpo = json!({ "rut": rut, "password": password });
        self.with_session(self.post("auth/login", &cuerpo).await?)
    }

    /// Changes the password of the person it speaks for; earlier tokens end.
    pub(super) async fn change_password(
        &self,
        vieja: &str,
        nueva: &str,
    ) -> Result<Self, DemoError> {
        let cuerpo = json!({ "password": vieja, "new_password": nueva });
        self.with_session(self.post("auth/cambiar-password", &cuerpo).await?)
    }

    fn with_session(&self, respuesta: ApiResponse) -> Result<Self, DemoError> {
        let token = respuesta.require(&[200])?.text("access_token")?;
        Ok(Self {
            token: Some(token.into()),
            ..self.clone()
        })
    }

    pub(super) async fn get(
        &self,
        ruta: &str,
        consulta: &[(&str, &str)],
    ) -> Result<ApiResponse, DemoError> {
        let mut url = self.url(ruta)?;
        if !consulta.is_empty() {
            url.query_pairs_mut().extend_pairs(consulta);
        }
        self.send(format!("GET /{ruta}"), self.http.request(Method::GET, url))
            .await
    }

    pub(super) async fn post(
        &self,
        ruta: &str,
        cuerpo: &(impl Serialize + Sync),
    ) -> Result<ApiResponse, DemoError> {
        self.send_with_body(Method::POST, ruta, cuerpo).await
    }

    pub(super) async fn put(
        &self,
        ruta: &str,
        cuerpo: &(impl Serialize + Sync),
    ) -> Result<ApiResponse, DemoError> {
        self.send_with_body(Method::PUT, ruta, cuerpo).await
    }

    async fn send_with_body(
        &self,
        metodo: Method,
        ruta: &str,
        cuerpo: &(impl Serialize + Sync),
    ) -> Result<ApiResponse, DemoError> {
        let peticion = format!("{metodo} /{ruta}");
        let pedido = self.http.request(metodo, self.url(ruta)?).json(cuerpo);
        self.send(peticion, pedido).await
    }

    fn url(&self, ruta: &str) -> Result<Url, DemoError> {
        self.base
            .join(ruta)
            .map_err(|e| DemoError::Interno(e.to_string()))
    }

    /// Sends until the server is not too busy (429, 503), a bounded number of times.
    async fn send(
        &self,
        peticion: String,
        pedido: RequestBuilder,
    ) -> Result<ApiResponse, DemoError> {
        let pedido = match &self.token {
            Some(token) => pedido.bearer_auth(token),
            None => pedido,
        };
        let mut intento = 1;
        loop {
            let este = pedido
                .try_clone()
                .ok_or_else(|| DemoError::Interno("una petición no se puede repetir".into()))?;
            let sin_respuesta = |e| DemoError::SinRespuesta(peticion.clone(), e);
            let respuesta = este.send().await.map_err(sin_respuesta)?;
            let status = respuesta.status().as_u16();
            if matches!(status, 429 | 503) && intento < MAX_ATTEMPTS {
                intento += 1;
                tokio::time::sleep(retry_after(&respuesta)).await;
                continue;
            }
            let bytes = respuesta.bytes().await.map_err(sin_respuesta)?;
            // An answer that is not JSON has nothing to read; its status says enough.
            let cuerpo = serde_json::from_slice(&bytes).unwrap_or_default();
            return Ok(ApiResponse {
                peticion,
                status,
                cuerpo,
            });
        }
    }
}

/// `Retry-After` in seconds; its other form, a date, is not one that SIGRA sends.
fn retry_after(respuesta: &reqwest::Response) -> Duration {
    let segundos = respuesta
        .headers()
        .get(RETRY_AFTER)
        .and_then(|v| v.to_str().ok()?.parse().ok())
        .unwrap_or(1);
    Duration::from_secs(segundos.clamp(1, MAX_RETRY_DELAY))
}

impl ApiResponse {
    /// This answer, when its status is one of those.
    pub(super) fn require(self, buenos: &[u16]) -> Result<Self, DemoError> {
        if buenos.contains(&self.status) {
            Ok(self)
        } else {
            Err(self.into_unexpected())
        }
    }

    fn into_unexpected(self) -> DemoError {
        let detalle = self
            .cuerpo
            .get("detail")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let detalle = detalle.to_owned();
        DemoError::Respuesta {
            peticion: self.peticion,
            status: self.status,
            detalle,
        }
    }

    pub(super) fn body(self) -> Value {
        self.cuerpo
    }

    pub(super) fn text(&self, campo: &str) -> Result<String, DemoError> {
        let texto = self.cuerpo.get(campo).and_then(Value::as_str);
        texto
            .map(str::to_owned)
            .ok_or_else(|| self.missing_field(campo))
    }

    pub(super) fn array(&self, campo: &str) -> Result<&[Value], DemoError> {
        let lista = self.cuerpo.get(campo).and_then(Value::as_array);
        lista
            .map(Vec::as_slice)
            .ok_or_else(|| self.missing_field(campo))
    }

    fn missing_field(&self, campo: &str) -> DemoError {
        DemoError::Respuesta {
            peticion: self.peticion.clone(),
            status: self.status,
            detalle: format!("falta «{campo}»"),
        }
    }
}
