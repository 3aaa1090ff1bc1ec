//! The bodies of sync calls: large, on slow links, and judged part by part.

use std::{marker::PhantomData, ops::Range, time::Duration};

use axum::extract::{FromRequest, Request};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;

use super::{
    is_json,
    memory_budget::{BudgetExhausted, Reservation},
    parse_object,
};
use crate::{App, auth::guard::Session, code::Codigo, problem::Problema};

/// What a sync call's body is, apart from its JSON.
pub trait SyncBodyKind {
    /// What a body beyond the limits is told.
    const TOO_LARGE: Codigo;
}

/// The body of a sync call: large, and on a slow link. It is kept as text, so that each report in it
/// can be judged alone.
pub struct SyncBody<M> {
    texto: String,
    /// Where bytes stood that are no UTF-8.
    ilegibles: Vec<usize>,
    _slot: Reservation,
    de: PhantomData<M>,
}

/// The largest body of a sync call, decompressed.
pub const MAX_SYNC_BODY: usize = 8 * 1024 * 1024;
/// How long such a body may take to arrive.
const SYNC_BODY_TIMEOUT: Duration = Duration::from_mins(2);
/// What its answer may take, for which there is room too: an answer is as large as its body or less, but
/// for what a batch has to tell of reports that others changed.
const RESPONSE_BYTES: usize = 256 * 1024;
/// How long it may be silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

impl<M: SyncBodyKind> FromRequest<App> for SyncBody<M> {
    type Rejection = Problema;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problema> {
        if !is_json(request.headers()) {
            return Err(Codigo::TipoDeContenido.into());
        }
        let sesion: Option<&Session> = request.extensions().get();
        let rut = sesion.ok_or(Codigo::NoAutenticado)?.quien.rut;
        let mut slot = app.memory_budget().slot(rut);
        let reading = read_within_budget(request, &mut slot, M::TOO_LARGE);
        let bytes = tokio::time::timeout(SYNC_BODY_TIMEOUT, reading)
            .await
            .map_err(|_| Codigo::CuerpoLento)??;
        let mut ilegibles = vec![];
        let texto = String::from_utf8(bytes).unwrap_or_else(|e| {
            let mut texto = String::with_capacity(e.as_bytes().len());
            for chunk in e.as_bytes().utf8_chunks() {
                texto.push_str(chunk.valid());
                if !chunk.invalid().is_empty() {
                    ilegibles.push(texto.len());
                    texto.push(char::REPLACEMENT_CHARACTER);
                }
            }
            texto
        });
        Ok(Self {
            texto,
            ilegibles,
            _slot: slot,
            de: PhantomData,
        })
    }
}

impl<M> SyncBody<M> {
    /// In bytes.
    pub fn size(&self) -> usize {
        self.texto.len()
    }

    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problema> {
        parse_object(self.texto.as_bytes())
    }

    /// Whether bytes in this part of it were no text.
    pub fn is_unreadable(&self, parte: &str) -> bool {
        let dentro = self.slot(parte);
        self.ilegibles.iter().any(|i| dentro.contains(i))
    }

    /// Whether all of it was text, but for this part.
    pub fn is_unreadable_only_in(&self, parte: &str) -> bool {
        let dentro = self.slot(parte);
        self.ilegibles.iter().all(|i| dentro.contains(i))
    }

    fn slot(&self, parte: &str) -> Range<usize> {
        let inicio = self.texto.as_ptr().addr();
        let desde = parte.as_ptr().addr().wrapping_sub(inicio);
        desde..desde.saturating_add(parte.len())
    }
}

/// Reads a body while there is room for it among all that arrive.
async fn read_within_budget(
    request: Request,
    slot: &mut Reservation,
    demasiado: Codigo,
) -> Result<Vec<u8>, Problema> {
    let mut body = Limited::new(request.into_body(), MAX_SYNC_BODY);
    let mut bytes = Vec::new();
    let next = async |body: &mut Limited<_>| {
        let chunk = tokio::time::timeout(IDLE_TIMEOUT, body.frame()).await;
        chunk.map_err(|_| Problema::from(Codigo::CuerpoLento))
    };
    while let Some(chunk) = next(&mut body).await? {
        let chunk = chunk.map_err(|e| {
            if e.is::<LengthLimitError>() {
                Problema::from(demasiado)
            } else {
                Codigo::CuerpoIlegible.into()
            }
        })?;
        let Some(datos) = chunk.data_ref() else {
            continue;
        };
        let fits = slot.grow(RESPONSE_BYTES + bytes.len() + datos.len());
        fits.map_err(|BudgetExhausted| Codigo::ServidorOcupado)?;
        bytes.extend_from_slice(datos);
    }
    Ok(bytes)
}
