//! `GET` and `POST /notifications/push`, `DELETE /notifications/push/{id}`

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use sigra_delivery::push::{self, PushSubscription};
use sigra_domain::{
    Field, FieldErrorKind,
    campo::{FieldErrors, JsonObject, tipo},
};
use sigra_store::notifications::{Subscribe, SubscriptionRefusal, Unsubscribe};
use utoipa::ToSchema;

use crate::{
    App,
    auth::guard::Session,
    body::{Id, JsonBody},
    code::Codigo,
    problem::Problema,
};

pub const CODIGOS_CLAVE: &[Codigo] = &[];
pub const CODIGOS_SUSCRIBIR: &[Codigo] = &[Codigo::SuscripcionAjena];
pub const CODIGOS_QUITAR: &[Codigo] = &[Codigo::NoEncontrado];

/// Web Push: longer addresses than any push service gives.
const MAX_ENDPOINT: usize = 2_000;

/// Con qué se suscribe un navegador.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"clave": "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"}))]
pub struct ClavePush {
    /// La `applicationServerKey` de `pushManager.subscribe` (VAPID, RFC 8292).
    pub clave: String,
}

/// Lo que da `PushSubscription.toJSON()` de un navegador.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
    "keys": {"p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", "auth": "BTBZMqHH6r4Tts7J_aSIgg"}
}))]
pub struct SuscripcionCreate {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 2_000)]
    endpoint: Field<String>,
    #[serde(default)]
    #[schema(value_type = ClavesCreate, required = true)]
    keys: Field<JsonObject<ClavesCreate>>,
}

/// Las claves del navegador, en base64url.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", "auth": "BTBZMqHH6r4Tts7J_aSIgg"}))]
pub struct ClavesCreate {
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    p256dh: Field<String>,
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    auth: Field<String>,
}

/// Un navegador suscrito.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": 4}))]
pub struct Suscrita {
    pub id: i64,
}

/// Ver con qué clave se suscribe un navegador.
#[utoipa::path(get, path = "/notificaciones/push", tag = "notificaciones",
    responses((status = 200, description = "La clave", body = ClavePush)))]
pub async fn clave(State(app): State<App>) -> Json<ClavePush> {
    let clave = app.delivery_worker().vapid_public_key().to_owned();
    Json(ClavePush { clave })
}

/// Suscribir este navegador.
///
/// De una persona se recuerdan los diez últimos. El mismo navegador otra vez es el mismo; con otra persona, pasa a ella.
#[utoipa::path(post, path = "/notificaciones/push", tag = "notificaciones", request_body = SuscripcionCreate,
    responses((status = 201, description = "Suscrito", body = Suscrita)))]
pub async fn suscribir(
    State(app): State<App>,
    sesion: Session,
    JsonBody { datos, .. }: JsonBody<SuscripcionCreate>,
) -> Result<(StatusCode, Json<Suscrita>), Problema> {
    let mut e = FieldErrors::default();
    let endpoint = e
        .required("endpoint", datos.endpoint, tipo::STRING)
        .and_then(|t| e.take("endpoint", address(&app, t)));
    let claves = e.required("keys", datos.keys, tipo::OBJECT);
    let claves = claves.and_then(|JsonObject(k)| {
        let p256dh = e.required("keys.p256dh", k.p256dh, tipo::STRING);
        let auth = e.required("keys.auth", k.auth, tipo::STRING);
        p256dh.zip(auth)
    });
    let claves = claves.and_then(|(p256dh, auth)| {
        // Whatever the address: what is wrong with it was said already.
        let s = PushSubscription::new(
            "https://push.example/",
            &p256dh,
            &auth,
            app.delivery_worker().a_push(),
        );
        match s {
            Err(push::InvalidSubscription::P256dh) => e.add("keys.p256dh", BAD_KEY),
            Err(push::InvalidSubscription::Auth) => e.add("keys.auth", BAD_KEY),
            Err(push::InvalidSubscription::Endpoint(_)) | Ok(_) => return Some((p256dh, auth)),
        }
        None
    });
    let ((endpoint, circuito), (p256dh, auth)) = e.finish(endpoint.zip(claves))?;
    let suscribir = Subscribe {
        rut: sesion.quien.rut,
        endpoint,
        p256dh,
        auth,
        circuito,
    };
    let id = app.store().write(suscribir).await?;
    Ok((StatusCode::CREATED, Json(Suscrita { id })))
}

/// It, and the push service by which its subscriptions fail together.
fn address(app: &App, endpoint: String) -> Result<(String, String), FieldErrorKind> {
    if endpoint.len() > MAX_ENDPOINT {
        return Err(FieldErrorKind::Largo {
            min: 1,
            max: MAX_ENDPOINT,
        });
    }
    let url = app
        .delivery_worker()
        .a_push()
        .check(&endpoint)
        .map_err(|_| BAD_URL)?;
    let circuito = format!("push:{}", url.host_str().unwrap_or_default());
    Ok((endpoint, circuito))
}

const BAD_URL: FieldErrorKind = FieldErrorKind::Formato(
    "la dirección https de un servicio de Internet",
    "the https address of a service in the Internet",
);
const BAD_KEY: FieldErrorKind = FieldErrorKind::Formato(
    "la clave en base64url que dio el navegador",
    "the base64url key that the browser gave",
);

impl From<SubscriptionRefusal> for Problema {
    fn from(r: SubscriptionRefusal) -> Self {
        match r {
            SubscriptionRefusal::Ajena => Codigo::SuscripcionAjena.into(),
        }
    }
}

/// Quitar un navegador.
#[utoipa::path(delete, path = "/notificaciones/push/{id}", tag = "notificaciones",
    params(("id" = i64, Path, description = "Id de la suscripción")),
    responses((status = 204, description = "Ya no recibe")))]
pub async fn quitar(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
) -> Result<StatusCode, Problema> {
    let rut = sesion.quien.rut;
    if app.store().write(Unsubscribe { rut, id }).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Codigo::NoEncontrado.into())
    }
}
