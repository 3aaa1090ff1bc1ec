//! People, for administradores.

pub mod crear;
pub mod dto;
pub mod editar;
pub mod lista;
pub mod restablecer;
pub mod ver;

use axum::{extract::FromRequestParts, extract::Path, http::request::Parts};
use sigra_domain::Rut;
use sigra_store::identity::UsuarioRefusal;

use crate::{code::Codigo, problem::Problema};

/// The RUT in the path, in any of its forms.
pub struct PathRut(pub Rut);

impl<S: Send + Sync> FromRequestParts<S> for PathRut {
    type Rejection = Problema;

    async fn from_request_parts(parts: &mut Parts, s: &S) -> Result<Self, Problema> {
        let texto = Path::<String>::from_request_parts(parts, s).await;
        texto
            .ok()
            .and_then(|Path(t)| Rut::parse(&t).ok())
            .map(Self)
            .ok_or_else(|| Codigo::NoEncontrado.into())
    }
}

impl From<UsuarioRefusal> for Problema {
    fn from(r: UsuarioRefusal) -> Self {
        match r {
            UsuarioRefusal::Existe => Codigo::RutExiste.into(),
            UsuarioRefusal::NoEncontrado => Codigo::NoEncontrado.into(),
            UsuarioRefusal::UltimoAdministrador => Codigo::UltimoAdministrador.into(),
            UsuarioRefusal::Area => Self::field("areas", sigra_domain::FieldErrorKind::NoExiste),
        }
    }
}
