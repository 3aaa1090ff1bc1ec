//! `POST /reportes/{id}/multimedia`

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use multer::{Error, Field, Multipart};
use sigra_domain::{
    FieldErrorKind,
    campo::FieldErrors,
    reporte::{parse_file_name, parse_uuid_cliente, random_uuid, sha256},
};
use sigra_files::{DirectTarget, FileRefusal};
use sigra_store::{reportes::ReporteRef, uploads::DirectUpload};

use super::metered_stream::{ByteAllowance, MeteredStream};
use crate::{
    App,
    body::Id,
    code::Codigo,
    guard::Session,
    idempotent::{a_http, reporte_response},
    problem::Problema,
    reportes::{dto::Reporte, ver::find_active},
};

pub const CODIGOS: &[Codigo] = &[
    Codigo::FormularioInvalido,
    Codigo::CuerpoIlegible,
    Codigo::CuerpoLento,
    Codigo::DatosInvalidos,
    Codigo::NoEncontrado,
    Codigo::SinPermiso,
    Codigo::ReporteRetirado,
    Codigo::ReporteDecidido,
    Codigo::DemasiadosArchivos,
    Codigo::ArchivoDistinto,
    Codigo::ArchivoEliminado,
    Codigo::ArchivoMuyGrande,
    Codigo::TipoNoAdmitido,
    Codigo::FotoHeic,
    Codigo::ImagenMuyGrande,
    Codigo::HashDistinto,
];

/// More than any client has reason to send.
const MAX_PARTS: usize = 16;
/// Bytes of a part that is no file, with its headers.
const MAX_PART: usize = 16 * 1024;
/// Bytes of a text.
const MAX_TEXT: usize = 256;
/// Characters of what divides the parts (RFC 2046, 5.1.1).
const MAX_BOUNDARY: usize = 70;

/// What comes before the file.
#[derive(Default)]
struct FormFields {
    multimedia_uuid: Option<String>,
    sha256: Option<String>,
}

/// Enviar un archivo pequeño de una vez.
///
/// `multimedia_uuid` y `sha256` son opcionales y van antes de `archivo`. Sin `multimedia_uuid` el archivo es el del
/// manifiesto que tenga el mismo hash; si ninguno lo tiene, se agrega. Lo mismo otra vez responde 200. Lo que se
/// corta no se guarda: con mala señal use `/multimedia/tus`.
#[utoipa::path(post, path = "/reportes/{id}/multimedia", tag = "multimedia",
    request_body(content_type = "multipart/form-data", content = Formulario),
    params(("id" = i64, Path, description = "Id del reporte")),
    responses(
        (status = 201, description = "El reporte tiene el archivo", body = Reporte, headers(("ETag" = String))),
        (status = 200, description = "Ya lo tenía", body = Reporte, headers(("ETag" = String)))))]
pub async fn enviar(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    headers: HeaderMap,
    cuerpo: Body,
) -> Result<Response, Problema> {
    let tipo = headers.get(header::CONTENT_TYPE);
    let frontera = tipo
        .and_then(|v| v.to_str().ok())
        .and_then(|t| multer::parse_boundary(t).ok())
        .filter(|f| f.len() <= MAX_BOUNDARY)
        .ok_or(Codigo::FormularioInvalido)?;
    // Nobody sends megabytes to be told that they may not.
    let r = find_active(&app, &sesion, &ReporteRef::Id(id))
        .await?
        .reporte;
    if !sesion.quien.can_edit(r.rut, r.contenido.area_id) {
        return Err(Codigo::SinPermiso.into());
    }
    let permitido = ByteAllowance::default();
    let goteo = MeteredStream::new(cuerpo.into_data_stream(), permitido.clone());
    let mut partes = Multipart::new(goteo, frontera);
    let espera = tokio::time::timeout(
        super::IDLE_TIMEOUT,
        read_until_archivo(&mut partes, &permitido),
    );
    let (dicho, archivo) = espera.await.map_err(|_| Codigo::CuerpoLento)??;
    let nombre = archivo.file_name().map(ToOwned::to_owned);
    let mut e = FieldErrors::default();
    let uuid = dicho.multimedia_uuid;
    // In lower case, as manifests are kept.
    let uuid = uuid.map(|t| parse_uuid_cliente(&t)).transpose();
    let uuid = e.take("multimedia_uuid", uuid);
    let hash = e.take("sha256", dicho.sha256.map(sha256).transpose());
    let nombre = nombre.filter(|n| !n.is_empty()).map(parse_file_name);
    let nombre = e.take("archivo", nombre.transpose());
    let dichos = (|| Some((uuid?, hash?, nombre?)))();
    let (multimedia_uuid, sha256, nombre) = e.finish(dichos)?;
    let destino = DirectTarget {
        quien: sesion.quien.clone(),
        catalogo: sesion.catalogo.clone(),
        reporte_id: id,
        multimedia_uuid,
        sha256,
        nombre,
        uuid_nuevo: random_uuid(app.store().env().random()),
    };
    permitido.lift_limit();
    let evidencia = app.files().clone();
    // What has come is told to the report also when the client leaves.
    let tarea = tokio::spawn(async move { evidencia.receive_direct(destino, archivo).await });
    let directo = tarea.await.map_err(|e| Problema::internal(&e))?;
    let DirectUpload {
        leido, es_nuevo, ..
    } = directo.map_err(to_problema)?;
    let status = if es_nuevo {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut r = reporte_response(status, &leido, &sesion)?;
    r.location = None;
    Ok(a_http(r))
}

/// Reads up to the file.
async fn read_until_archivo(
    partes: &mut Multipart<'static>,
    permitido: &ByteAllowance,
) -> Result<(FormFields, Field<'static>), Problema> {
    let mut dicho = FormFields::default();
    for _ in 0..MAX_PARTS {
        permitido.allow(MAX_PART);
        let Some(mut parte) = partes.next_field().await.map_err(|e| unreadable(&e))? else {
            return Err(Problema::field("archivo", FieldErrorKind::Requerido));
        };
        let campo = match parte.name() {
            Some("archivo") => return Ok((dicho, parte)),
            Some("multimedia_uuid") => Some(&mut dicho.multimedia_uuid),
            Some("sha256") => Some(&mut dicho.sha256),
            _ => None,
        };
        let mut texto = Vec::new();
        while let Some(trozo) = parte.chunk().await.map_err(|e| unreadable(&e))? {
            if campo.is_some() {
                texto.extend_from_slice(&trozo);
            }
            if texto.len() > MAX_TEXT {
                return Err(Codigo::FormularioInvalido.into());
            }
        }
        if let Some(campo) = campo {
            let texto = String::from_utf8(texto).map_err(|_| Codigo::FormularioInvalido)?;
            *campo = (!texto.is_empty()).then_some(texto);
        }
    }
    Err(Codigo::FormularioInvalido.into())
}

/// Cut on its way, or wrong from the beginning.
fn unreadable(e: &Error) -> Problema {
    match e {
        Error::StreamReadFailed(causa) if !causa.is::<super::metered_stream::TooManyBytes>() => {
            Codigo::CuerpoIlegible.into()
        }
        Error::IncompleteFieldData { .. } | Error::IncompleteHeaders | Error::IncompleteStream => {
            Codigo::CuerpoIlegible.into()
        }
        _ => Codigo::FormularioInvalido.into(),
    }
}

fn to_problema(r: FileRefusal) -> Problema {
    match r {
        // Nothing of it was kept: there is no place to go on from.
        FileRefusal::Interrumpida => Codigo::CuerpoIlegible.into(),
        otro => otro.into(),
    }
}

/// Las partes del formulario.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "describes what is read as a stream")]
#[schema(example = json!({"multimedia_uuid": "0b54a1cc-76c1-4c70-9a3e-0a3d0a8f5b1e", "archivo": "(bytes)"}))]
pub struct Formulario {
    /// Como lo nombra el manifiesto.
    #[schema(format = "uuid", required = false)]
    multimedia_uuid: Option<String>,
    /// Para comprobar que llegó entero.
    #[schema(required = false)]
    sha256: Option<String>,
    /// El archivo; va al final.
    #[schema(format = Binary)]
    archivo: String,
}
