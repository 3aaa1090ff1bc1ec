//! People, for administradores.

pub mod crear;
pub mod editar;
pub mod lista;
pub mod restablecer;
pub mod ver;
pub mod vista;

use axum::{extract::FromRequestParts, extract::Path, http::request::Parts};
use sigra_domain::Rut;
use sigra_store::identidad::RechazoUsuario;

use crate::{codigo::Codigo, problema::Problema};

/// The RUT in the path, in any of its forms.
pub struct RutDeRuta(pub Rut);

impl<S: Send + Sync> FromRequestParts<S> for RutDeRuta {
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

impl From<RechazoUsuario> for Problema {
    fn from(r: RechazoUsuario) -> Self {
        match r {
            RechazoUsuario::Existe => Codigo::RutExiste.into(),
            RechazoUsuario::NoEncontrado => Codigo::NoEncontrado.into(),
            RechazoUsuario::UltimoAdministrador => Codigo::UltimoAdministrador.into(),
            RechazoUsuario::Area => Self::campo("areas", sigra_domain::Falla::NoExiste),
            RechazoUsuario::Fallo(f) => f.into(),
        }
    }
}
