//! The bodies of sync calls: large, on slow links, and judged part by part.

use std::{marker::PhantomData, ops::Range, time::Duration};

use axum::extract::{FromRequest, Request};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;

use super::{
    es_json, interpreta,
    presupuesto::{Lleno, Lugar},
};
use crate::{App, acceso::Sesion, codigo::Codigo, problema::Problema};

/// What a sync call's body is, apart from its JSON.
pub trait DeSync {
    /// What a body beyond the limits is told.
    const DEMASIADO: Codigo;
}

/// The body of a sync call: large, and on a slow link. It is kept as text, so that each report in it
/// can be judged alone.
pub struct CuerpoDeSync<M> {
    texto: String,
    /// Where bytes stood that are no UTF-8.
    ilegibles: Vec<usize>,
    _lugar: Lugar,
    de: PhantomData<M>,
}

/// The largest body of a sync call, decompressed.
pub const MAX_CUERPO_SYNC: usize = 8 * 1024 * 1024;
/// How long such a body may take to arrive.
const PLAZO_SYNC: Duration = Duration::from_mins(2);
/// What its answer may take, for which there is room too: an answer is as large as its body or less, but
/// for what a batch has to tell of reports that others changed.
const RESPUESTA: usize = 256 * 1024;
/// How long it may be silent.
const SILENCIO: Duration = Duration::from_secs(30);

impl<M: DeSync> FromRequest<App> for CuerpoDeSync<M> {
    type Rejection = Problema;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problema> {
        if !es_json(request.headers()) {
            return Err(Codigo::TipoDeContenido.into());
        }
        let sesion: Option<&Sesion> = request.extensions().get();
        let rut = sesion.ok_or(Codigo::NoAutenticado)?.quien.rut;
        let mut lugar = app.presupuesto().lugar(rut);
        let lectura = lee_en_presupuesto(request, &mut lugar, M::DEMASIADO);
        let bytes = tokio::time::timeout(PLAZO_SYNC, lectura)
            .await
            .map_err(|_| Codigo::CuerpoLento)??;
        let mut ilegibles = vec![];
        let texto = String::from_utf8(bytes).unwrap_or_else(|e| {
            let mut texto = String::with_capacity(e.as_bytes().len());
            for trozo in e.as_bytes().utf8_chunks() {
                texto.push_str(trozo.valid());
                if !trozo.invalid().is_empty() {
                    ilegibles.push(texto.len());
                    texto.push(char::REPLACEMENT_CHARACTER);
                }
            }
            texto
        });
        Ok(Self {
            texto,
            ilegibles,
            _lugar: lugar,
            de: PhantomData,
        })
    }
}

impl<M> CuerpoDeSync<M> {
    /// In bytes.
    pub fn largo(&self) -> usize {
        self.texto.len()
    }

    pub fn lee<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problema> {
        interpreta(self.texto.as_bytes())
    }

    /// Whether bytes in this part of it were no text.
    pub fn ilegible(&self, parte: &str) -> bool {
        let dentro = self.lugar(parte);
        self.ilegibles.iter().any(|i| dentro.contains(i))
    }

    /// Whether all of it was text, but for this part.
    pub fn ilegible_solo_en(&self, parte: &str) -> bool {
        let dentro = self.lugar(parte);
        self.ilegibles.iter().all(|i| dentro.contains(i))
    }

    fn lugar(&self, parte: &str) -> Range<usize> {
        let inicio = self.texto.as_ptr().addr();
        let desde = parte.as_ptr().addr().wrapping_sub(inicio);
        desde..desde.saturating_add(parte.len())
    }
}

/// Reads a body while there is room for it among all that arrive.
async fn lee_en_presupuesto(
    request: Request,
    lugar: &mut Lugar,
    demasiado: Codigo,
) -> Result<Vec<u8>, Problema> {
    let mut cuerpo = Limited::new(request.into_body(), MAX_CUERPO_SYNC);
    let mut bytes = Vec::new();
    let siguiente = async |cuerpo: &mut Limited<_>| {
        let trozo = tokio::time::timeout(SILENCIO, cuerpo.frame()).await;
        trozo.map_err(|_| Problema::from(Codigo::CuerpoLento))
    };
    while let Some(trozo) = siguiente(&mut cuerpo).await? {
        let trozo = trozo.map_err(|e| {
            if e.is::<LengthLimitError>() {
                Problema::from(demasiado)
            } else {
                Codigo::CuerpoIlegible.into()
            }
        })?;
        let Some(datos) = trozo.data_ref() else {
            continue;
        };
        let cabe = lugar.crece(RESPUESTA + bytes.len() + datos.len());
        cabe.map_err(|Lleno| Codigo::ServidorOcupado)?;
        bytes.extend_from_slice(datos);
    }
    Ok(bytes)
}
