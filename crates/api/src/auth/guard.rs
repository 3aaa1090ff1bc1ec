//! Who may call an operation: decided before its handler runs, by the table in the router.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use sigra_domain::{Instante, Quien, Rol, catalogo::Catalogo};
use sigra_store::StoreError;

use crate::{
    App,
    code::Codigo,
    problem::Problema,
    tokens::{AUD_API, AUD_BROWSER},
};

/// The cookie of a session.
pub const SESSION_COOKIE: &str = "sigra_sesion";

/// The permission of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Anybody.
    Publico,
    /// Anybody signed in, a person with a temporary password included.
    CambioDePassword,
    /// Anybody signed in.
    Autenticado,
    /// The same, for what a browser shows by itself (`<img>`): the cookie of the session will do.
    Navegador,
    /// Supervisores and administradores.
    Supervision,
    /// The same, for what a browser fetches by a link: the cookie of the session will do.
    SupervisionNavegador,
    Administrador,
}

impl Permission {
    /// As the API description names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Publico => "publico",
            Self::CambioDePassword => "cambio_de_password",
            Self::Autenticado => "autenticado",
            Self::Navegador => "navegador",
            Self::Supervision => "supervision",
            Self::SupervisionNavegador => "supervision_navegador",
            Self::Administrador => "administrador",
        }
    }

    /// What the check itself can answer.
    pub fn codes(self) -> Vec<Codigo> {
        use Codigo as C;
        let mut codes = match self {
            Self::Publico => return vec![],
            _ => vec![
                C::NoAutenticado,
                C::TokenInvalido,
                C::TokenVencido,
                C::SesionCerrada,
                C::UsuarioInactivo,
            ],
        };
        if self != Self::CambioDePassword {
            codes.push(C::DebeCambiarPassword);
        }
        if matches!(
            self,
            Self::Supervision | Self::SupervisionNavegador | Self::Administrador
        ) {
            codes.push(C::SinPermiso);
        }
        codes
    }

    /// Whether the cookie of the session will do.
    pub fn allows_cookie(self) -> bool {
        matches!(self, Self::Navegador | Self::SupervisionNavegador)
    }

    fn allows(self, rol: Rol) -> bool {
        match self {
            Self::Publico | Self::CambioDePassword | Self::Autenticado | Self::Navegador => true,
            Self::Supervision | Self::SupervisionNavegador => rol != Rol::Trabajador,
            Self::Administrador => rol == Rol::Administrador,
        }
    }
}

/// The caller of an operation that is not public.
#[derive(Clone)]
pub struct Session {
    pub id: i64,
    pub quien: Quien,
    /// Name and first surname.
    pub nombre: String,
    /// The catalogue as it is now.
    pub catalogo: Arc<Catalogo>,
    /// When the request was understood, before its body was read.
    pub ahora: Instante,
}

impl Session {
    /// Whether the caller is still who they were when a long answer began: neither deactivated, nor
    /// signed out, nor of another role or areas.
    pub async fn is_still_valid(&self, app: &App) -> Result<bool, StoreError> {
        let store = app.store();
        let ahora = store.env().now();
        let i = store.identify(self.id, self.quien.rut, ahora).await?;
        Ok(i.is_some_and(|i| i.activo && i.quien == self.quien))
    }
}

/// Only the layer [`require`] puts it there: a route that is not in the router's table has no caller.
impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Problema;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problema> {
        parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| Codigo::NoAutenticado.into())
    }
}

/// Lets a request through to its operation, or answers in its place.
pub async fn require(
    State((app, permiso)): State<(App, Permission)>,
    mut request: Request,
    next: Next,
) -> Response {
    match authenticate(&app, permiso, request.headers()).await {
        Ok(sesion) => {
            request.extensions_mut().insert(sesion);
            next.run(request).await
        }
        Err(problema) => problema.into_response(),
    }
}

async fn authenticate(
    app: &App,
    permiso: Permission,
    headers: &HeaderMap,
) -> Result<Session, Problema> {
    let ahora = app.store().env().now();
    let from_cookie = || cookie(headers).filter(|_| permiso.allows_cookie());
    let claims = if let Some(token) = bearer(headers) {
        app.tokens().verify(token, AUD_API, ahora)?
    } else {
        let token = from_cookie().ok_or(Codigo::NoAutenticado)?;
        app.tokens().verify(token, AUD_BROWSER, ahora)?
    };
    let rut = sigra_domain::Rut::new(claims.rut).map_err(|_| Codigo::TokenInvalido)?;
    let i = app
        .store()
        .identify(claims.sesion_id, rut, ahora)
        .await?
        .ok_or(Codigo::SesionCerrada)?;
    if !i.activo {
        return Err(Codigo::UsuarioInactivo.into());
    }
    if i.debe_cambiar_password && permiso != Permission::CambioDePassword {
        return Err(Codigo::DebeCambiarPassword.into());
    }
    if !permiso.allows(i.quien.rol) {
        return Err(Codigo::SinPermiso.into());
    }
    let catalogo = app.store().catalogo_at(i.catalogo_version).await?;
    Ok(Session {
        id: i.sesion_id,
        quien: i.quien,
        nombre: i.nombre,
        catalogo,
        ahora,
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// The token in the session's cookie.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).iter();
    let mut pairs = values
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(SESSION_COOKIE)?.strip_prefix('='))
}
