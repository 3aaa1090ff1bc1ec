//! `GET /reportes/{id}/informe.pdf`

mod escribano;
mod palabras;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::TryStreamExt as _;
use sigra_domain::{Rut, reporte::EstadoArchivo};
use sigra_evidencia::{Entrega, Forma};
use sigra_informe as pdf;
use sigra_store::{
    cadena_de, identidad,
    multimedia::servible,
    reportes::{Cual, ReporteLeido},
};
use tokio::time::timeout;

use self::escribano::{Escribano, es_foto, tamano};
use super::ver::{abre, vigente};
use crate::{App, acceso::Sesion, codigo::Codigo, cuerpo::Id, problema::Problema};

pub const CODIGOS: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::ReporteRetirado,
    Codigo::ServidorOcupado,
];

/// Documents that are prepared: one of them is set at a time, the others wait for it.
pub const EN_CURSO: usize = 4;
/// Of a view, in bytes: they are small.
const MAX_VISTA: u64 = 2 * 1024 * 1024;
/// How long the photos of one document may take to be read.
const PLAZO: Duration = Duration::from_secs(20);

/// Bajar un reporte como PDF.
///
/// El reporte, sus fotos, lo que se dijo y su bitácora con los hashes, para guardar o imprimir.
#[utoipa::path(get, path = "/reportes/{id}/informe.pdf", tag = "reportes",
    params(("id" = i64, Path, description = "Id del reporte")),
    responses((status = 200, description = "El documento", content_type = "application/pdf",
        headers(("Content-Disposition" = String)))))]
pub async fn informe(
    State(app): State<App>,
    sesion: Sesion,
    Id(id): Id,
) -> Result<Response, Problema> {
    let leido = vigente(&app, &sesion, &Cual::Id(id)).await?;
    abre(&app, &sesion, &leido);
    let lugar = Arc::clone(app.informes())
        .try_acquire_owned()
        .map_err(|_| Codigo::ServidorOcupado)?;
    let mut lectura = app.store().leer().await?;
    let cadena = cadena_de(&mut lectura, &leido)
        .await?
        .ok_or(Codigo::NoEncontrado)?;
    let dijeron = cadena.entradas.iter().filter_map(|g| Rut::new(g.rut).ok());
    let responsables = leido.reporte.acciones.values().map(|m| m.responsable);
    let ruts: BTreeSet<Rut> = dijeron
        .chain(responsables)
        .chain([leido.reporte.rut])
        .collect();
    let nombres = identidad::nombres(&mut lectura, &ruts).await?;
    drop(lectura);
    let fotos = timeout(PLAZO, fotos(&app, &leido))
        .await
        .map_err(|_| Codigo::NoDisponible)??;
    let escribano = Escribano {
        zona: app.zona(),
        catalogo: &sesion.catalogo,
        nombres,
        leido: &leido,
    };
    let documento = escribano.documento(&sesion, &cadena, fotos);
    // Whoever hangs up leaves a document that is still being set: its place is taken until then.
    let bytes = tokio::task::spawn_blocking(move || {
        let _lugar = lugar;
        pdf::pdf(&documento)
    });
    let bytes = bytes.await.map_err(|e| Problema::interno(&e))?;
    let mut r = bytes.map_err(|e| Problema::interno(&e))?.into_response();
    let h = r.headers_mut();
    h.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/pdf"),
    );
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(v) = HeaderValue::from_str(&format!("attachment; filename=\"reporte-{id}.pdf\"")) {
        h.insert(header::CONTENT_DISPOSITION, v);
    }
    Ok(r)
}

/// The small copies of its photos, without location; one that can't be shown is told in words.
async fn fotos(app: &App, leido: &ReporteLeido) -> Result<Vec<pdf::Foto>, Problema> {
    let mut fotos = vec![];
    for a in leido.archivos.iter().filter(|a| es_foto(a)) {
        let se_lee = fotos.len() < pdf::MAX_FOTOS && a.estado == EstadoArchivo::Subido;
        let jpeg = if se_lee {
            vista(app, a.id).await?
        } else {
            vec![]
        };
        let estado = palabras::archivo(a.estado);
        fotos.push(pdf::Foto {
            nombre: a.archivo.nombre.clone(),
            sha256: a.archivo.sha256.clone(),
            detalle: Some(format!(
                "{}, {}, {estado}",
                a.archivo.tipo,
                tamano(a.archivo.bytes)
            )),
            jpeg,
        });
    }
    Ok(fotos)
}

/// Empty when it has none yet, or never will: damaged, say.
async fn vista(app: &App, id: i64) -> Result<Vec<u8>, Problema> {
    let mut lectura = app.store().leer().await?;
    let s = servible(&mut lectura, id).await?;
    drop(lectura);
    let objeto = s.and_then(|s| s.objeto);
    let Some(entrega) = objeto.and_then(|o| Entrega::de(&o, Forma::Vista).ok()) else {
        return Ok(vec![]);
    };
    if entrega.largo > MAX_VISTA {
        return Ok(vec![]);
    }
    let trozos = app.evidencia().entrega(&entrega, 0..entrega.largo).await?;
    let trozos: Vec<bytes::Bytes> = trozos.try_collect().await?;
    Ok(trozos.concat())
}
