//! `GET /usuarios`

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use serde::{Deserialize, Serialize};
use sigra_domain::{Falla, campo::Errores};
use sigra_store::identidad::{FiltroUsuarios, lista_usuarios};
use utoipa::IntoParams;

use super::vista::{Usuario, rol};
use crate::{
    App,
    codigo::Codigo,
    cuerpo::Consulta,
    pagina::{self, Pagina, Pedida, cursor, huella},
    problema::Problema,
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::CursorInvalido];

/// Filtros de la lista de usuarios.
#[derive(Deserialize, Serialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Parametros {
    /// `administrador`, `supervisor` o `trabajador`.
    rol: Option<String>,
    /// `true` o `false`.
    activo: Option<String>,
}

/// Listar usuarios.
///
/// En orden de RUT.
#[utoipa::path(get, path = "/usuarios", tag = "usuarios", params(Parametros, Pedida),
    responses((status = 200, description = "Una página", body = Pagina<Usuario>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Consulta(p): Consulta<Parametros>,
    Consulta(pedida): Consulta<Pedida>,
) -> Result<Response, Problema> {
    let huella = huella(&p);
    let mut e = Errores::default();
    let dicho = |t: &Option<String>| t.clone().filter(|t| !t.is_empty());
    let mut filtro = FiltroUsuarios {
        rol: dicho(&p.rol).and_then(|t| e.toma("rol", rol(&t))),
        activo: dicho(&p.activo).and_then(|t| {
            let valor = match t.as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(Falla::Formato("true o false", "true or false")),
            };
            e.toma("activo", valor)
        }),
        despues: None,
    };
    let limite = pedida.limite(&mut e);
    e.fin(Some(()))?;
    filtro.despues = pedida.tras(&huella)?;
    let mut lectura = app.store().leer().await?;
    let usuarios = lista_usuarios(&mut lectura, &filtro, limite + 1).await?;
    let (usuarios, siguiente) =
        pagina::corta(usuarios, limite, |u| cursor(&huella, u.rut.cuerpo()));
    let items = usuarios.into_iter().map(Usuario::from).collect();
    Ok(pagina::responde(&uri, &Pagina { items, siguiente }))
}
