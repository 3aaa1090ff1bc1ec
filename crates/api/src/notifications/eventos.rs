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
use sigra_domain::{FieldErrorKind, Language, campo::FieldErrors};
use sigra_store::{StoreError, notifications};
use tokio::{sync::watch, time::Instant};
use utoipa::IntoParams;

use super::{lista::to_dto, subscribers::Subscriber};
use crate::{
    App,
    auth::guard::Session,
    body::QueryParams,
    code::Codigo,
    problem::{Problema, headers_language},
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos];

/// Silence is broken that often, so that neither side nor what is between them takes it for the end.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often it is looked whether the person may still listen, besides each time that there is something to tell.
const ACCESS_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// Read at once.
const PAGE_SIZE: i64 = 100;
/// What a client waits before it comes back.
const RETRY_DELAY: Duration = Duration::from_secs(2);

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
static NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

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
    sesion: Session,
    headers: HeaderMap,
    QueryParams(p): QueryParams<Parametros>,
) -> Result<Response, Problema> {
    let mut e = FieldErrors::default();
    let dicho = match headers.get(&LAST_EVENT_ID) {
        Some(v) => Some(("Last-Event-ID", v.to_str().unwrap_or("?"))),
        None => p
            .desde
            .as_deref()
            .filter(|d| !d.is_empty())
            .map(|d| ("desde", d)),
    };
    let desde = dicho.and_then(|(campo, texto)| e.take(campo, parse_number(texto)));
    e.finish(Some(()))?;
    // Before the table is read: what comes after that wakes it.
    let subscriber = app.subscribers().subscribe(sesion.quien.rut);
    let subscriber = subscriber.ok_or(Codigo::ServidorOcupado)?;
    let mut conn = app.store().read().await?;
    let ultima = match desde {
        Some(_) => notifications::last_id(&mut conn, None).await?,
        None => notifications::last_id(&mut conn, Some(sesion.quien.rut)).await?,
    };
    drop(conn);
    let reiniciado = desde.is_some_and(|d| d > ultima);
    let desde = desde.unwrap_or(ultima).min(ultima);
    let listo = Event::default()
        .event("listo")
        .id(desde.to_string())
        .retry(RETRY_DELAY)
        .data(format!("{{\"reiniciado\":{reiniciado}}}"));
    let flujo = EventStream {
        shutdown: app.shutdown_signal(),
        idioma: headers_language(&headers),
        app,
        sesion,
        subscriber,
        ultima: desde,
        cola: [listo].into(),
        hay: true,
        revision: Instant::now() + ACCESS_CHECK_INTERVAL,
    };
    let eventos = stream::unfold(flujo, |mut f| async {
        f.next_event().await.map(|e| (Ok::<_, Infallible>(e), f))
    });
    let latido = KeepAlive::new().interval(HEARTBEAT).text("latido");
    let mut r = Sse::new(eventos).keep_alive(latido).into_response();
    let h = r.headers_mut();
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    h.insert(&NO_BUFFERING, HeaderValue::from_static("no"));
    Ok(r)
}

fn parse_number(texto: &str) -> Result<i64, FieldErrorKind> {
    let n = texto.parse().ok().filter(|n| *n >= 0);
    n.ok_or(FieldErrorKind::Formato("un número", "a number"))
}

/// One person's stream.
struct EventStream {
    app: App,
    sesion: Session,
    subscriber: Subscriber,
    shutdown: watch::Receiver<bool>,
    idioma: Language,
    /// The last that was read.
    ultima: i64,
    /// Read, and not sent yet.
    cola: VecDeque<Event>,
    /// There may be more in the table.
    hay: bool,
    revision: Instant,
}

impl EventStream {
    /// `None`: it ends, and its client comes back or may not.
    async fn next_event(&mut self) -> Option<Event> {
        loop {
            // Also while there is much to tell and it is read slowly.
            if Instant::now() >= self.revision && !self.is_still_allowed().await {
                return None;
            }
            if let Some(evento) = self.cola.pop_front() {
                return Some(evento);
            }
            if self.hay {
                if !self.is_still_allowed().await {
                    return None;
                }
                if let Err(error) = self.read().await {
                    tracing::warn!(%error, "un flujo en vivo termina");
                    return None;
                }
                continue;
            }
            tokio::select! {
                hay = self.subscriber.changed() => {
                    if !hay {
                        return None;
                    }
                    self.hay = true;
                }
                _ = self.shutdown.wait_for(|c| *c) => return None,
                () = tokio::time::sleep_until(self.revision) => {}
            }
        }
    }

    /// Nobody is cut off because the database is busy.
    async fn is_still_allowed(&mut self) -> bool {
        self.revision = Instant::now() + ACCESS_CHECK_INTERVAL;
        self.sesion.is_still_valid(&self.app).await.unwrap_or(true)
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        let mut conn = self.app.store().read().await?;
        let rut = self.sesion.quien.rut;
        let nuevas = notifications::after(&mut conn, rut, self.ultima, PAGE_SIZE).await?;
        drop(conn);
        self.hay = nuevas.sigue;
        self.ultima = nuevas.hasta;
        for n in &nuevas.notificaciones {
            let evento = Event::default().event("notificacion").id(n.id.to_string());
            match evento.json_data(to_dto(n, self.idioma)) {
                Ok(evento) => self.cola.push_back(evento),
                Err(error) => tracing::error!(%error, "una notificación no se puede enviar"),
            }
        }
        Ok(())
    }
}
