//! A batch (*lote*): made, sent, and its answers applied.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    ApiResponse, Error, Phone,
    http::{ApiRequest, gzip_json},
    local_reporte::{LocalReporte, parse_contenido},
    row::Row,
    verdict::{ItemResult, Verdict},
};

/// The server's limit.
pub(crate) const MAX_ITEMS: usize = 500;
/// The server's 8 MiB of JSON, less room for what is around the items.
const MAX_BYTES: usize = 8 * 1024 * 1024 - 4 * 1024;

/// Frozen items with the request that carries them. Sending it twice sends the same bytes.
#[derive(Clone, Debug)]
pub struct Batch {
    cabeza: BatchHeader,
    items: Vec<Item>,
    gzip: Vec<u8>,
}

#[derive(Clone, Debug, Serialize)]
struct BatchHeader {
    device_id: String,
    timestamp: String,
    app_version: String,
    /// Reports that the phone still holds, besides those of this batch.
    pendientes: u64,
}

#[derive(Clone, Debug)]
struct Item {
    uuid_cliente: String,
    json: Box<RawValue>,
}

#[derive(Serialize)]
struct BatchBody<'a> {
    #[serde(flatten)]
    cabeza: &'a BatchHeader,
    reportes: Vec<&'a RawValue>,
}

/// What the answers to a batch changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppliedBatch {
    /// Items that left the queue: acknowledged, or put aside.
    pub salieron: usize,
    /// Items refused for now.
    pub aplazados: usize,
    /// Those of them that had been before.
    pub aplazados_otra_vez: usize,
    /// Items that were answered already (the same batch, sent twice).
    pub ya_respondidos: usize,
}

#[derive(Deserialize)]
struct BatchResponse {
    resultados: Vec<ItemResult>,
}

impl Batch {
    fn new(cabeza: BatchHeader, items: Vec<Item>) -> Result<Self, Error> {
        let reportes = items.iter().map(|i| &*i.json).collect();
        let gzip = gzip_json(&BatchBody {
            cabeza: &cabeza,
            reportes,
        })?;
        Ok(Self {
            cabeza,
            items,
            gzip,
        })
    }

    /// The request's body as it travels, gzip.
    pub fn body(&self) -> &[u8] {
        &self.gzip
    }

    /// The items in order: uuid and JSON.
    pub fn items(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.items
            .iter()
            .map(|i| (i.uuid_cliente.as_str(), i.json.get()))
    }

    pub fn item_count(&self) -> usize {
        self.items.len()
    }

    /// A batch of only these items, as when half of one is sent again; what is out of range is left
    /// out.
    pub fn slice(&self, rango: Range<usize>) -> Result<Self, Error> {
        let items = self.items.iter().take(rango.end).skip(rango.start);
        let items: Vec<_> = items.cloned().collect();
        let mut cabeza = self.cabeza.clone();
        cabeza.pendientes += (self.items.len() - items.len()) as u64;
        Self::new(cabeza, items)
    }

    pub(crate) fn as_request(&self) -> ApiRequest<'_> {
        ApiRequest::post("/sync/batch", &self.gzip)
    }
}

impl Phone {
    /// A batch of at most `max` items (and the server's limits), those that wait longest first.
    ///
    /// What goes into it is frozen on disk before this returns: whatever happens afterwards, the
    /// same bytes of each item go again until they are answered. A report is in it once.
    pub async fn build_batch(&mut self, max: usize) -> Result<Batch, Error> {
        let pendientes = self.pending_count().await?;
        let mut tx = self.db.begin().await?;
        let max = i64::try_from(max.clamp(1, MAX_ITEMS)).unwrap_or(1);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM cola
             WHERE aparte IS NULL AND (en_vuelo IS NOT NULL OR parche IS NOT NULL)
             ORDER BY aplazos, n LIMIT $1",
        )
        .bind(max)
        .fetch_all(&mut *tx)
        .await?;
        let (mut items, mut bytes) = (Vec::with_capacity(rows.len()), 0);
        for fila in rows {
            let mut local = LocalReporte::try_from(fila)?;
            let congelada = local.en_vuelo.is_some();
            local.freeze(&self.settings.device_id)?;
            if let Some(json) = &local.en_vuelo {
                bytes += json.len() + 1;
                if bytes > MAX_BYTES && !items.is_empty() {
                    break;
                }
                items.push(Item {
                    uuid_cliente: local.uuid_cliente.clone(),
                    json: RawValue::from_string(json.clone())?,
                });
            }
            if !congelada {
                local.save(&mut tx).await?;
            }
        }
        tx.commit().await?;
        let cabeza = BatchHeader {
            device_id: self.settings.device_id.clone(),
            timestamp: self.now().to_string(),
            app_version: self.settings.app_version.clone(),
            pendientes: pendientes.saturating_sub(items.len() as u64),
        };
        Batch::new(cabeza, items)
    }

    /// Sends the batch once, with the token at hand, and changes nothing on the phone.
    ///
    /// [`Error::SinRespuesta`] when no whole answer came: the server may have taken the batch.
    pub async fn send(&self, batch: &Batch) -> Result<ApiResponse, Error> {
        let token = Some(self.access_token()?);
        self.client.request(&batch.as_request(), token).await
    }

    /// Applies an answer, all of it or nothing, in one local transaction. Applying it again, or the
    /// answer to the same batch sent twice, changes nothing more.
    ///
    /// [`Error::SinRespuesta`] for what is no answer to this batch; other errors as its status says.
    pub async fn apply(
        &mut self,
        batch: &Batch,
        response: &ApiResponse,
    ) -> Result<AppliedBatch, Error> {
        let BatchResponse { resultados } = response.data()?;
        let es_suya = resultados.len() == batch.items.len()
            && resultados
                .iter()
                .zip(&batch.items)
                .all(|(r, i)| r.uuid_cliente == i.uuid_cliente);
        if !es_suya {
            return Err(Error::SinRespuesta("la respuesta es de otro lote".into()));
        }
        let (mut aplicado, mut summary) = (AppliedBatch::default(), self.summary.clone());
        summary.enviados += batch.items.len() as u64;
        let mut tx = self.db.begin().await?;
        for (item, ItemResult { verdict, .. }) in batch.items.iter().zip(resultados) {
            let json = item.json.get();
            let local = LocalReporte::read(&mut tx, &item.uuid_cliente).await?;
            let Some(mut local) = local.filter(|f| f.en_vuelo.as_deref() == Some(json)) else {
                aplicado.ya_respondidos += 1;
                continue;
            };
            summary.record(&verdict);
            if let Some((id, version)) = verdict.ack() {
                record_in_ledger(&mut tx, item, &verdict, id, version).await?;
            }
            local.apply_verdict(verdict)?;
            local.save(&mut tx).await?;
            if local.en_vuelo.is_none() {
                aplicado.salieron += 1;
            } else {
                aplicado.aplazados += 1;
                aplicado.aplazados_otra_vez += usize::from(local.aplazos > 1);
            }
        }
        tx.commit().await?;
        self.summary = summary;
        Ok(aplicado)
    }
}

async fn record_in_ledger(
    c: &mut sqlx::SqliteConnection,
    item: &Item,
    verdict: &Verdict,
    id: i64,
    version: i64,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO libro (uuid_cliente, sha256_contenido, resultado, id, version)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(item.uuid_cliente.as_str())
    .bind(parse_contenido(item.json.get())?.sha256())
    .bind(verdict.name())
    .bind(id)
    .bind(version)
    .execute(c)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
