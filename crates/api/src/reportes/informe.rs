//! `GET /reportes/{id}/informe.pdf`

mod escribano;
mod hojeo;
mod lugares;
mod palabras;

use std::{
    fs::File,
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::TryStreamExt as _;
use sigra_almacen::Fallo;
use sigra_domain::reporte::EstadoArchivo;
use sigra_evidencia::{Entrega, Forma};
use sigra_informe as pdf;
use sigra_store::{
    cadena_de, identidad,
    multimedia::servible,
    reportes::{Cual, ReporteLeido},
};
use tokio::time::timeout;

use self::{
    escribano::{Escribano, es_foto, tamano},
    hojeo::Hojeo,
};
use super::ver::{abre, vigente};
use crate::{App, acceso::Sesion, codigo::Codigo, cuerpo::Id, descarga, problema::Problema};

pub use self::lugares::Lugares;

pub const CODIGOS: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::ReporteRetirado,
    Codigo::ServidorOcupado,
];

/// Of a view, in bytes: they are small.
const MAX_VISTA: u64 = 2 * 1024 * 1024;
/// How long a report's history and photos may take to be read.
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
    let lugar = app
        .informes()
        .toma(sesion.quien.rut)
        .ok_or(Codigo::ServidorOcupado)?;
    let lee = async {
        let mut hojeo = Hojeo::de(&leido);
        let mut lectura = app.store().leer().await?;
        let cadena = cadena_de(&mut lectura, &leido, |entrada| hojeo.ve(entrada)).await?;
        let cadena = cadena.ok_or(Codigo::NoEncontrado)?;
        let nombres = identidad::nombres(&mut lectura, &hojeo.ruts).await?;
        drop(lectura);
        let fotos = fotos(&app, &leido).await?;
        Ok::<_, Problema>((hojeo, cadena, nombres, fotos))
    };
    let leidos = timeout(PLAZO, lee)
        .await
        .map_err(|_| Codigo::NoDisponible)?;
    let (hojeo, cadena, nombres, fotos) = leidos?;
    let pide = (sesion.nombre.clone(), sesion.ahora);
    let escribano = Escribano {
        zona: app.zona().clone(),
        catalogo: Arc::clone(&sesion.catalogo),
        nombres,
        leido,
    };
    let compone = tokio::task::spawn_blocking(move || {
        // Whoever hangs up leaves a document that is still being set: its place is taken until then.
        let _lugar = lugar;
        let documento = escribano.documento(pide, &hojeo, &cadena, fotos);
        let archivo = guarda(&pdf::pdf(&documento).map_err(io::Error::other)?)?;
        Ok::<_, io::Error>((archivo, escribano.leido))
    });
    let compuesto = compone.await.map_err(|e| Problema::interno(&e))?;
    let (archivo, leido) = compuesto.map_err(|e| Problema::interno(&e))?;
    abre(&app, &sesion, &leido);
    let nombre = format!("reporte-{id}.pdf");
    let mut r = descarga::archivo(archivo, "application/pdf", &nombre)
        .map_err(|e| Problema::interno(&e))?;
    r.headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(r)
}

/// Out of memory, however slowly it is read.
fn guarda(bytes: &[u8]) -> io::Result<File> {
    let mut archivo = tempfile::tempfile()?;
    archivo.write_all(bytes)?;
    Ok(archivo)
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

/// Empty when it has none yet, or never will: damaged, say, or gone from the store.
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
    let trozos = async {
        let trozos = app.evidencia().entrega(&entrega, 0..entrega.largo).await?;
        trozos.try_collect::<Vec<_>>().await
    };
    match trozos.await {
        Ok(trozos) => Ok(trozos.concat()),
        Err(Fallo::NoEsta(_) | Fallo::MuyGrande) => Ok(vec![]),
        Err(e) => Err(e.into()),
    }
}
