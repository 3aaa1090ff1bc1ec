//! `POST /sync/conflictos/{id}/resolver`

use std::collections::BTreeMap;

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use sigra_domain::{
    Campo, ErrorCampo, Falla,
    campo::{Errores, tipo},
    reporte::Contenido,
    sync::{Decision, Lado},
};
use sigra_store::sync::{RechazoConflicto, ResolverConflicto};
use utoipa::ToSchema;

use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::{Cuerpo, Id},
    escritura::{a_http, con_reporte},
    multimedia::{adopta, esperados},
    problema::Problema,
    reportes::vista::{Reporte, vista},
};

pub const CODIGOS: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::ReporteRetirado,
    Codigo::ReporteDecidido,
    Codigo::ConflictoResuelto,
    Codigo::VersionDesfasada,
    Codigo::FaltaVersion,
];

/// Qué se decide sobre un conflicto.
#[derive(Deserialize, ToSchema)]
#[schema(as = Resolucion, example = json!({"decision": "mezcla", "version": 3, "campos": {"titulo": "cliente"}}))]
pub struct Resolucion {
    /// `servidor`: el reporte queda como está. `cliente`: donde chocan vale lo del teléfono. `mezcla`: cada campo
    /// que choca según `campos`.
    #[serde(default)]
    #[schema(required = true, value_type = String)]
    decision: Campo<String>,
    /// La versión del reporte que la persona vio.
    #[serde(default)]
    #[schema(required = true, value_type = i64)]
    version: Campo<i64>,
    /// `servidor` o `cliente` por cada campo que choca; solo con `mezcla`.
    #[serde(default)]
    #[schema(required = false, value_type = Option<BTreeMap<String, Lado>>)]
    campos: Campo<BTreeMap<String, String>>,
}

impl Resolucion {
    fn valida(self) -> Result<(Decision, i64), Problema> {
        let mut e = Errores::default();
        let version = e.opcional("version", self.version, tipo::ENTERO);
        let campos = e.opcional("campos", self.campos, tipo::OBJETO);
        let decision = e.requerido("decision", self.decision, tipo::TEXTO);
        let decision = decision.and_then(|d| match d.as_str() {
            "servidor" => Some(Decision::Servidor),
            "cliente" => Some(Decision::Cliente),
            "mezcla" => Some(Decision::Mezcla(lados(campos.unwrap_or_default(), &mut e))),
            _ => e.toma("decision", Err(Falla::NoExiste)),
        });
        let decision = e.fin(decision)?;
        Ok((decision, version.ok_or(Codigo::FaltaVersion)?))
    }
}

fn lados(campos: BTreeMap<String, String>, e: &mut Errores) -> BTreeMap<String, Lado> {
    let mut lados = BTreeMap::new();
    for (campo, lado) in campos {
        // What is no field of a report is not repeated to whoever sent it.
        let Some(conocido) = Contenido::CAMPOS.into_iter().find(|c| *c == campo) else {
            e.agrega("campos", Falla::NoEnConflicto);
            continue;
        };
        let lado = Lado::de_nombre(&lado).ok_or(Falla::NoExiste);
        if let Some(lado) = e.toma(&format!("campos.{conocido}"), lado) {
            lados.insert(campo, lado);
        }
    }
    lados
}

/// Resolver un conflicto.
///
/// Lo hace su autor o quien puede decidir el reporte; queda en la bitácora. Sobre un reporte decidido solo se
/// puede `servidor`. La misma resolución enviada otra vez responde 200 y no escribe nada.
#[utoipa::path(post, path = "/sync/conflictos/{id}/resolver", tag = "sync", request_body = Resolucion,
    params(("id" = i64, Path)),
    responses((status = 200, description = "El reporte como quedó", body = Reporte, headers(("ETag" = String)))))]
pub async fn resolver(
    State(app): State<App>,
    sesion: Sesion,
    Id(id): Id,
    Cuerpo { datos, .. }: Cuerpo<Resolucion>,
) -> Result<Response, Problema> {
    let (decision, version) = datos.valida()?;
    let op = ResolverConflicto {
        quien: sesion.quien.clone(),
        id,
        decision,
        version,
        catalogo: sesion.catalogo.clone(),
    };
    let leido = app.store().escribir(op).await;
    let leido = leido.map_err(|r| problema(r, &sesion))?;
    let adoptados = adopta(&app, &sesion, esperados(&leido)).await;
    let mut adoptados = adoptados.into_iter();
    let leido = adoptados
        .rfind(|l| l.reporte.id == leido.reporte.id)
        .unwrap_or(leido);
    Ok(a_http(con_reporte(StatusCode::OK, &leido, &sesion)?))
}

fn problema(rechazo: RechazoConflicto, sesion: &Sesion) -> Problema {
    match rechazo {
        RechazoConflicto::NoEncontrado => Codigo::NoEncontrado.into(),
        RechazoConflicto::Retirado => Codigo::ReporteRetirado.into(),
        RechazoConflicto::Resuelto => Codigo::ConflictoResuelto.into(),
        RechazoConflicto::Decidido => Codigo::ReporteDecidido.into(),
        RechazoConflicto::VersionDesfasada(leido) => {
            let actual = serde_json::to_value(vista(&leido, &sesion.catalogo));
            Problema::from(Codigo::VersionDesfasada).con_actual(actual.unwrap_or_default())
        }
        RechazoConflicto::Datos(errores) => Vec::<ErrorCampo>::into(errores),
        RechazoConflicto::Fallo(f) => f.into(),
    }
}
