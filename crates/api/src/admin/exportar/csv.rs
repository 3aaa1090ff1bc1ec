//! `GET /admin/export.csv`

use std::borrow::Cow;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use sigra_domain::{Falla, campo::Errores};
use sigra_store::Fallo;
use utoipa::IntoParams;

use super::{
    fila::{COLUMNAS, Celda, Fila},
    paseo::Paseo,
};
use crate::{
    App, acceso::Sesion, cuerpo::Consulta, descarga::adjunta, problema::Problema,
    reportes::lista::Filtros,
};

/// Cómo se escribe la tabla.
#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Formato {
    /// `,` (normal) o `;`, con que los decimales llevan coma, como espera Excel en español.
    #[param(example = ";")]
    separador: Option<String>,
}

/// Exportar reportes como CSV.
///
/// Con los filtros de la lista, por id; solo los que quien pregunta puede ver, sin los retirados. Horas de la faena. Un texto que
/// empieza con `=`, `+`, `-` o `@` lleva un apóstrofo delante, para que ninguna planilla lo ejecute. Si el archivo se corta, la
/// descarga falla: no queda una tabla incompleta que parezca completa.
#[utoipa::path(get, path = "/admin/export.csv", tag = "administracion", params(Filtros, Formato),
    responses((status = 200, description = "La tabla, en UTF-8 con BOM", body = String, content_type = "text/csv",
        headers(("Content-Disposition" = String)),
        example = json!("id,uuid_cliente,titulo,…\r\n17,0191d1c5-3b7e-7cc0-9d56-6a5d1c3b2f10,Roca suelta en galería 4,…\r\n"))))]
pub async fn csv(
    State(app): State<App>,
    sesion: Sesion,
    Consulta(filtros): Consulta<Filtros>,
    Consulta(formato): Consulta<Formato>,
) -> Result<Response, Problema> {
    let mut e = Errores::default();
    let filtro = filtros.filtro(&sesion.catalogo, &mut e);
    let separador = match formato.separador.as_deref() {
        None | Some("" | ",") => b',',
        Some(";") => b';',
        Some(_) => {
            e.agrega("separador", Falla::Formato(", o ;", ", or ;"));
            b','
        }
    };
    e.fin(Some(()))?;
    let nombre = format!("reportes-{}.csv", app.zona().fecha(sesion.ahora));
    let mut paseo = Paseo::nuevo(app, sesion, filtro)?;
    // What can't even begin is told as a problem.
    let primeras = paseo.siguiente().await?.unwrap_or_default();
    let cabeza = texto(separador, true, &primeras)?;
    let resto = stream::try_unfold(paseo, move |mut paseo| async move {
        let filas = paseo.siguiente().await.map_err(std::io::Error::other)?;
        let trozo = filas.map(|f| texto(separador, false, &f)).transpose();
        let trozo = trozo.map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>(trozo.map(|t| (t, paseo)))
    });
    let cabeza = stream::iter([Ok(cabeza)]);
    let mut r = Body::from_stream(futures_util::StreamExt::chain(cabeza, resto)).into_response();
    adjunta(&mut r, "text/csv; charset=utf-8; header=present", &nombre);
    Ok(r)
}

/// Rows as text; the first with the names of the columns.
fn texto(separador: u8, primera: bool, filas: &[Fila]) -> Result<Bytes, Fallo> {
    // By its mark Excel knows that it is UTF-8.
    let inicio = if primera { "\u{feff}".into() } else { vec![] };
    let mut escritor = ::csv::WriterBuilder::new()
        .delimiter(separador)
        .terminator(::csv::Terminator::CRLF)
        .from_writer(inicio);
    let ilegible = |e: ::csv::Error| Fallo::Dato(e.to_string());
    if primera {
        escritor.write_record(COLUMNAS).map_err(ilegible)?;
    }
    for fila in filas {
        let campos = fila.each_ref().map(|c| campo(c, separador == b';'));
        let campos = campos.iter().map(|c| c.as_bytes());
        escritor.write_record(campos).map_err(ilegible)?;
    }
    let bytes = escritor.into_inner();
    bytes
        .map(Bytes::from)
        .map_err(|e| Fallo::Dato(e.to_string()))
}

fn campo(celda: &Celda, con_coma: bool) -> Cow<'_, str> {
    match celda {
        Celda::Vacia => "".into(),
        Celda::Texto(t) => inerte(t),
        Celda::Propio(t) | Celda::Hora(t) => t.into(),
        Celda::Entero(n) => n.to_string().into(),
        Celda::Decimal(x) if con_coma => x.to_string().replace('.', ",").into(),
        Celda::Decimal(x) => x.to_string().into(),
        Celda::Dia(dia) => dia.to_string().into(),
    }
}

/// A text that no spreadsheet takes for a formula (OWASP, CSV Injection).
fn inerte(texto: &str) -> Cow<'_, str> {
    if texto.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{texto}").into()
    } else {
        texto.into()
    }
}
