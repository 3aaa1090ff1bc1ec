//! Answers that are saved as files.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
};

use axum::{
    body::Body,
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::stream;

/// Read and sent at once.
const CHUNK_SIZE: usize = 64 * 1024;

/// Marks answers that are sent as they are: packed already, or a part of a file, which compressed is a part of
/// nothing.
#[derive(Clone, Copy)]
pub struct NoCompression;

/// Whether an answer may be compressed on its way.
pub fn is_compressible(_: StatusCode, _: Version, _: &HeaderMap, extensiones: &Extensions) -> bool {
    extensiones.get::<NoCompression>().is_none()
}

/// Says that it is to be saved, and under which name.
pub fn set_attachment(r: &mut Response, tipo: &'static str, nombre: &str) {
    let h = r.headers_mut();
    h.insert(header::CONTENT_TYPE, HeaderValue::from_static(tipo));
    if let Ok(v) = HeaderValue::from_str(&format!("attachment; filename=\"{nombre}\"")) {
        h.insert(header::CONTENT_DISPOSITION, v);
    }
}

/// All of a file, piece by piece.
pub fn archivo(mut archivo: File, tipo: &'static str, nombre: &str) -> io::Result<Response> {
    let largo = archivo.seek(SeekFrom::End(0))?;
    archivo.rewind()?;
    let mut r = Body::from_stream(chunks(archivo)).into_response();
    set_attachment(&mut r, tipo, nombre);
    r.headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(largo));
    r.extensions_mut().insert(NoCompression);
    Ok(r)
}

fn chunks(archivo: File) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(archivo, |mut archivo| async move {
        let lee = tokio::task::spawn_blocking(move || {
            let mut trozo = vec![0; CHUNK_SIZE];
            let n = archivo.read(&mut trozo)?;
            trozo.truncate(n);
            Ok::<_, io::Error>((trozo, archivo))
        });
        let (trozo, archivo) = lee.await.map_err(io::Error::other)??;
        Ok((!trozo.is_empty()).then(|| (Bytes::from(trozo), archivo)))
    })
}
