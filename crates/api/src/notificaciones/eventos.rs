//! `GET /eventos`

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use serde::Deserialize;
use sigra_domain::{Falla, Idioma, campo::Errores};
use sigra_store::{Fallo, avisos};
use tokio::{sync::watch, time::Instant};
use utoipa::IntoParams;

use super::{lista::vista, oyentes::Oyente};
use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::Consulta,
    problema::{Problema, idioma_de_headers},
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos];

/// Silence is broken that often, so that neither side nor what is between them takes it for the end.
const LATIDO: Duration = Duration::from_secs(15);
/// How often it is looked whether the person may still listen, besides each time that there is something to tell.
const REVISION: Duration = Duration::from_secs(5);
/// Read at once.
const PAGINA: i64 = 100;
/// What a client waits before it comes back.
const VUELTA: Duration = Duration::from_secs(2);

static ULTIMO: HeaderName = HeaderName::from_static("last-event-id");
static SIN_BUFER: HeaderName = HeaderName::from_static("x-accel-buffering");

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Parametros {
    /// Lo mismo que `Last-Event-ID`, para la primera conexión.
    #[param(example = "31")]
    desde: Option<String>,
}

/// Recibir mis notificaciones en vivo.
///
/// Server-Sent Events. Primero `listo`, cuyo id dice desde dónde se escucha; después una `notificacion` por aviso, con su id
/// y lo mismo que `GET /notificaciones`. Quien vuelve con `Last-Event-ID` recibe lo que faltó, una vez y en orden. Si
/// `listo` dice `reiniciado`, el servidor volvió de un respaldo: pida la lista de nuevo. Cada 15 segundos hay un comentario.
#[utoipa::path(get, path = "/eventos", tag = "notificaciones",
    params(Parametros, ("Last-Event-ID" = Option<i64>, Header, description = "Id del último evento que llegó")),
    responses((status = 200, description = "El flujo; no termina", body = String, content_type = "text/event-stream",
        example = json!("retry: 2000\nevent: listo\nid: 30\ndata: {\"reiniciado\":false}\n\nevent: notificacion\nid: 31\ndata: {\"id\":31,…}\n\n"))))]
pub async fn escuchar(
    State(app): State<App>,
    sesion: Sesion,
    headers: HeaderMap,
    Consulta(p): Consulta<Parametros>,
) -> Result<Response, Problema> {
    let mut e = Errores::default();
    let dicho = match headers.get(&ULTIMO) {
        Some(v) => Some(("Last-Event-ID", v.to_str().unwrap_or("?"))),
        None => p
            .desde
            .as_deref()
            .filter(|d| !d.is_empty())
            .map(|d| ("desde", d)),
    };
    let desde = dicho.and_then(|(campo, texto)| e.toma(campo, numero(texto)));
    e.fin(Some(()))?;
    // Before the table is read: what comes after that wakes it.
    let oyente = app.oyentes().entra(sesion.quien.rut);
    let oyente = oyente.ok_or(Codigo::ServidorOcupado)?;
    let mut lectura = app.store().leer().await?;
    let ultima = match desde {
        Some(_) => avisos::ultima(&mut lectura, None).await?,
        None => avisos::ultima(&mut lectura, Some(sesion.quien.rut)).await?,
    };
    drop(lectura);
    let reiniciado = desde.is_some_and(|d| d > ultima);
    let desde = desde.unwrap_or(ultima).min(ultima);
    let listo = Event::default()
        .event("listo")
        .id(desde.to_string())
        .retry(VUELTA)
        .data(format!("{{\"reiniciado\":{reiniciado}}}"));
    let flujo = Flujo {
        cierre: app.cierre(),
        idioma: idioma_de_headers(&headers),
        app,
        sesion,
        oyente,
        ultima: desde,
        cola: [listo].into(),
        hay: true,
        revision: Instant::now() + REVISION,
    };
    let eventos = stream::unfold(flujo, |mut f| async {
        f.siguiente().await.map(|e| (Ok::<_, Infallible>(e), f))
    });
    let latido = KeepAlive::new().interval(LATIDO).text("latido");
    let mut r = Sse::new(eventos).keep_alive(latido).into_response();
    let h = r.headers_mut();
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    h.insert(&SIN_BUFER, HeaderValue::from_static("no"));
    Ok(r)
}

fn numero(texto: &str) -> Result<i64, Falla> {
    let n = texto.parse().ok().filter(|n| *n >= 0);
    n.ok_or(Falla::Formato("un número", "a number"))
}

/// One person's stream.
struct Flujo {
    app: App,
    sesion: Sesion,
    oyente: Oyente,
    cierre: watch::Receiver<bool>,
    idioma: Idioma,
    /// The last that was read.
    ultima: i64,
    /// Read, and not sent yet.
    cola: VecDeque<Event>,
    /// There may be more in the table.
    hay: bool,
    revision: Instant,
}

impl Flujo {
    /// `None`: it ends, and its client comes back or may not.
    async fn siguiente(&mut self) -> Option<Event> {
        loop {
            // Also while there is much to tell and it is read slowly.
            if Instant::now() >= self.revision && !self.sigue_pudiendo().await {
                return None;
            }
            if let Some(evento) = self.cola.pop_front() {
                return Some(evento);
            }
            if self.hay {
                if !self.sigue_pudiendo().await {
                    return None;
                }
                if let Err(error) = self.lee().await {
                    tracing::warn!(%error, "un flujo en vivo termina");
                    return None;
                }
                continue;
            }
            tokio::select! {
                hay = self.oyente.hay() => {
                    if !hay {
                        return None;
                    }
                    self.hay = true;
                }
                _ = self.cierre.wait_for(|c| *c) => return None,
                () = tokio::time::sleep_until(self.revision) => {}
            }
        }
    }

    /// Nobody is cut off because the database is busy.
    async fn sigue_pudiendo(&mut self) -> bool {
        self.revision = Instant::now() + REVISION;
        self.sesion.sigue(&self.app).await.unwrap_or(true)
    }

    async fn lee(&mut self) -> Result<(), Fallo> {
        let mut lectura = self.app.store().leer().await?;
        let rut = self.sesion.quien.rut;
        let nuevas = avisos::tras(&mut lectura, rut, self.ultima, PAGINA).await?;
        drop(lectura);
        self.hay = nuevas.sigue;
        self.ultima = nuevas.hasta;
        for n in &nuevas.notificaciones {
            let evento = Event::default().event("notificacion").id(n.id.to_string());
            match evento.json_data(vista(n, self.idioma)) {
                Ok(evento) => self.cola.push_back(evento),
                Err(error) => tracing::error!(%error, "una notificación no se puede enviar"),
            }
        }
        Ok(())
    }
}
