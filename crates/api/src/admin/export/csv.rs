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
use sigra_domain::{FieldErrorKind, campo::FieldErrors};
use sigra_store::StoreError;
use utoipa::IntoParams;

use super::{
    pager::Pager,
    row::{COLUMNS, CellValue, Row},
};
use crate::{
    App, auth::guard::Session, body::QueryParams, download::set_attachment, problem::Problema,
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
    sesion: Session,
    QueryParams(filtros): QueryParams<Filtros>,
    QueryParams(formato): QueryParams<Formato>,
) -> Result<Response, Problema> {
    let mut e = FieldErrors::default();
    let filtro = filtros.to_filter(&sesion.catalogo, &mut e);
    let separador = match formato.separador.as_deref() {
        None | Some("" | ",") => b',',
        Some(";") => b';',
        Some(_) => {
            e.add("separador", FieldErrorKind::Formato(", o ;", ", or ;"));
            b','
        }
    };
    e.finish(Some(()))?;
    let nombre = format!("reportes-{}.csv", app.zona().fecha(sesion.ahora));
    let mut pager = Pager::new(app, sesion, filtro)?;
    // What can't even begin is told as a problem.
    let primeras = pager.next_rows().await?.unwrap_or_default();
    let cabeza = to_csv(separador, true, &primeras)?;
    let rest = stream::try_unfold(pager, move |mut pager| async move {
        let filas = pager.next_rows().await.map_err(std::io::Error::other)?;
        let trozo = filas.map(|f| to_csv(separador, false, &f)).transpose();
        let trozo = trozo.map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>(trozo.map(|t| (t, pager)))
    });
    let cabeza = stream::iter([Ok(cabeza)]);
    let mut r = Body::from_stream(futures_util::StreamExt::chain(cabeza, rest)).into_response();
    set_attachment(&mut r, "text/csv; charset=utf-8; header=present", &nombre);
    Ok(r)
}

/// Rows as text; the first with the names of the columns.
fn to_csv(separador: u8, primera: bool, filas: &[Row]) -> Result<Bytes, StoreError> {
    // By its mark Excel knows that it is UTF-8.
    let inicio = if primera { "\u{feff}".into() } else { vec![] };
    let mut writer = ::csv::WriterBuilder::new()
        .delimiter(separador)
        .terminator(::csv::Terminator::CRLF)
        .from_writer(inicio);
    let ilegible = |e: ::csv::Error| StoreError::Dato(e.to_string());
    if primera {
        writer.write_record(COLUMNS).map_err(ilegible)?;
    }
    for fila in filas {
        let campos = fila.each_ref().map(|c| quote_field(c, separador == b';'));
        let campos = campos.iter().map(|c| c.as_bytes());
        writer.write_record(campos).map_err(ilegible)?;
    }
    let bytes = writer.into_inner();
    bytes
        .map(Bytes::from)
        .map_err(|e| StoreError::Dato(e.to_string()))
}

fn quote_field(celda: &CellValue, con_coma: bool) -> Cow<'_, str> {
    match celda {
        CellValue::Vacia => "".into(),
        CellValue::Texto(t) => neutralize_formula(t),
        CellValue::Propio(t) | CellValue::Hora(t) => t.into(),
        CellValue::Entero(n) => n.to_string().into(),
        CellValue::Decimal(x) if con_coma => x.to_string().replace('.', ",").into(),
        CellValue::Decimal(x) => x.to_string().into(),
        CellValue::Dia(dia) => dia.to_string().into(),
    }
}

/// A text that no spreadsheet takes for a formula (OWASP, CSV Injection).
fn neutralize_formula(texto: &str) -> Cow<'_, str> {
    if texto.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{texto}").into()
    } else {
        texto.into()
    }
}
