//! `POST /sync/conflictos/{id}/resolver`

use std::collections::BTreeMap;

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use sigra_domain::{
    Field, FieldError, FieldErrorKind,
    campo::{FieldErrors, tipo},
    reporte::Contenido,
    sync::{Decision, Lado},
};
use sigra_store::sync::{ConflictoRefusal, ResolveConflicto};
use utoipa::ToSchema;

use crate::{
    App,
    auth::guard::Session,
    body::{Id, JsonBody},
    code::Codigo,
    files::{adopt, expected},
    idempotent::{reporte_response, to_http},
    problem::Problema,
    reportes::dto::{Reporte, to_dto},
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
    decision: Field<String>,
    /// La versión del reporte que la persona vio.
    #[serde(default)]
    #[schema(required = true, value_type = i64)]
    version: Field<i64>,
    /// `servidor` o `cliente` por cada campo que choca; solo con `mezcla`.
    #[serde(default)]
    #[schema(required = false, value_type = Option<BTreeMap<String, Lado>>)]
    campos: Field<BTreeMap<String, String>>,
}

impl Resolucion {
    fn validate(self) -> Result<(Decision, i64), Problema> {
        let mut e = FieldErrors::default();
        let version = e.optional("version", self.version, tipo::INTEGER);
        let campos = e.optional("campos", self.campos, tipo::OBJECT);
        let decision = e.required("decision", self.decision, tipo::STRING);
        let decision = decision.and_then(|d| match d.as_str() {
            "servidor" => Some(Decision::Servidor),
            "cliente" => Some(Decision::Cliente),
            "mezcla" => Some(Decision::Mezcla(sides(campos.unwrap_or_default(), &mut e))),
            _ => e.take("decision", Err(FieldErrorKind::NoExiste)),
        });
        let decision = e.finish(decision)?;
        Ok((decision, version.ok_or(Codigo::FaltaVersion)?))
    }
}

fn sides(campos: BTreeMap<String, String>, e: &mut FieldErrors) -> BTreeMap<String, Lado> {
    let mut lados = BTreeMap::new();
    for (campo, lado) in campos {
        // What is no field of a report is not repeated to whoever sent it.
        let Some(conocido) = Contenido::FIELDS.into_iter().find(|c| *c == campo) else {
            e.add("campos", FieldErrorKind::NoEnConflicto);
            continue;
        };
        let lado = Lado::from_name(&lado).ok_or(FieldErrorKind::NoExiste);
        if let Some(lado) = e.take(&format!("campos.{conocido}"), lado) {
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
    sesion: Session,
    Id(id): Id,
    JsonBody { datos, .. }: JsonBody<Resolucion>,
) -> Result<Response, Problema> {
    let (decision, version) = datos.validate()?;
    let op = ResolveConflicto {
        quien: sesion.quien.clone(),
        id,
        decision,
        version,
        catalogo: sesion.catalogo.clone(),
    };
    let leido = app.store().write(op).await;
    let leido =
        leido.map_err(|r| Problema::from_refused(r, |reason| to_problema(reason, &sesion)))?;
    let adoptados = adopt(&app, &sesion, expected(&leido)).await;
    let mut adoptados = adoptados.into_iter();
    let leido = adoptados
        .rfind(|l| l.reporte.id == leido.reporte.id)
        .unwrap_or(leido);
    Ok(to_http(reporte_response(StatusCode::OK, &leido, &sesion)?))
}

fn to_problema(reason: ConflictoRefusal, sesion: &Session) -> Problema {
    match reason {
        ConflictoRefusal::NoEncontrado => Codigo::NoEncontrado.into(),
        ConflictoRefusal::Retirado => Codigo::ReporteRetirado.into(),
        ConflictoRefusal::Resuelto => Codigo::ConflictoResuelto.into(),
        ConflictoRefusal::Decidido => Codigo::ReporteDecidido.into(),
        ConflictoRefusal::VersionDesfasada(leido) => {
            let actual = serde_json::to_value(to_dto(&leido, &sesion.catalogo));
            Problema::from(Codigo::VersionDesfasada).with_current(actual.unwrap_or_default())
        }
        ConflictoRefusal::Datos(errores) => Vec::<FieldError>::into(errores),
    }
}
