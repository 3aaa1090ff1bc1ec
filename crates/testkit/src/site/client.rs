//! Requests as a client makes them; every problem that comes back must be in the description.

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{Persona, openapi};

/// The client of every test.
pub fn http() -> reqwest::Client {
    builder().build().expect("cliente")
}

/// Of one that differs. Nobody here has a certificate, so none reads the system's authorities.
pub fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().tls_certs_only([])
}

/// The bytes that somebody may see.
pub async fn download(http: &reqwest::Client, url: &str, token: &str, ruta: &str) -> bytes::Bytes {
    let r = http.get(format!("{url}{ruta}")).bearer_auth(token).send();
    let r = r.await.expect("baja");
    assert_eq!(r.status().as_u16(), 200, "{ruta}");
    r.bytes().await.expect("baja")
}

pub struct TestRequest {
    pedido: reqwest::RequestBuilder,
    metodo: String,
    ruta: String,
}

#[derive(Debug)]
pub struct ApiResponse {
    pub status: u16,
    pub headers: HeaderMap,
    /// Null when the body is no JSON.
    pub json: Value,
    pub texto: String,
}

impl TestRequest {
    pub fn new(http: &reqwest::Client, url: &str, metodo: &str, ruta: &str) -> Self {
        let metodo_http = metodo.parse().expect("método");
        Self {
            pedido: http.request(metodo_http, format!("{url}{ruta}")),
            metodo: metodo.to_owned(),
            ruta: ruta.to_owned(),
        }
    }

    pub fn by(self, quien: &Persona) -> Self {
        self.token(&quien.token)
    }

    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn header(mut self, nombre: &str, valor: &str) -> Self {
        self.pedido = self.pedido.header(nombre, valor);
        self
    }

    pub fn idempotency_key(self, clave: &str) -> Self {
        self.header("idempotency-key", clave)
    }

    pub fn if_match(self, version: i64) -> Self {
        self.header("if-match", &format!("\"{version}\""))
    }

    pub fn json(mut self, cuerpo: &Value) -> Self {
        self.pedido = self.pedido.json(cuerpo);
        self
    }

    /// A body as it is, with `application/json`.
    pub fn raw(mut self, cuerpo: impl Into<reqwest::Body>) -> Self {
        self.pedido = self
            .pedido
            .header("content-type", "application/json")
            .body(cuerpo);
        self
    }

    /// A body as it is, with no type.
    pub fn body(mut self, cuerpo: impl Into<reqwest::Body>) -> Self {
        self.pedido = self.pedido.body(cuerpo);
        self
    }

    pub fn query(mut self, pares: &[(&str, &str)]) -> Self {
        self.pedido = self.pedido.query(pares);
        self
    }

    /// Sends; panics only when no answer comes.
    pub async fn send(self) -> ApiResponse {
        let (metodo, ruta) = (self.metodo.clone(), self.ruta.clone());
        self.attempt()
            .await
            .unwrap_or_else(|e| panic!("{metodo} {ruta}: {e:?}"))
    }

    pub async fn attempt(self) -> Result<ApiResponse, reqwest::Error> {
        let r = self.pedido.send().await?;
        let (status, headers) = (r.status().as_u16(), r.headers().clone());
        let texto = match headers.get("content-type") {
            Some(t) if t == "text/event-stream" => first_event(r).await?,
            _ => r.text().await?,
        };
        let json = serde_json::from_str(&texto).unwrap_or(Value::Null);
        let respuesta = ApiResponse {
            status,
            headers,
            json,
            texto,
        };
        openapi::check_problema(&self.metodo, &self.ruta, &respuesta);
        Ok(respuesta)
    }
}

/// Of a stream that does not end.
async fn first_event(mut r: reqwest::Response) -> Result<String, reqwest::Error> {
    let mut bytes = vec![];
    while !bytes.ends_with(b"\n\n") {
        let Some(trozo) = r.chunk().await? else { break };
        bytes.extend(trozo);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl ApiResponse {
    pub fn code(&self) -> &str {
        self.json["codigo"].as_str().unwrap_or_default()
    }

    pub fn id(&self) -> i64 {
        self.json["id"].as_i64().expect("id")
    }

    pub fn version(&self) -> i64 {
        self.json["version"].as_i64().expect("version")
    }

    pub fn header(&self, nombre: &str) -> &str {
        self.headers
            .get(nombre)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    }

    #[track_caller]
    pub fn expect_status(self, status: u16, codigo: &str) -> Self {
        assert_eq!(
            (self.status, self.code()),
            (status, codigo),
            "{}",
            self.texto
        );
        self
    }
}
