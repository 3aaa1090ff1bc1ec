//! The ledger (*libro*): every acknowledgement the phone ever got, to compare with what the server
//! has.

use sigra_store_macros::FromRow;

use crate::{Error, Phone};

/// One acknowledged item.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct LedgerEntry {
    pub uuid_cliente: String,
    /// Of the content that was sent. With `fusionado`, and with `duplicado` of such a one, the
    /// report holds more than that.
    pub sha256_contenido: String,
    /// As on the wire; never `rechazado`.
    pub resultado: String,
    /// The server's id of the report.
    pub id: i64,
    /// As answered; of a conflict, the current one then.
    pub version: i64,
}

impl Phone {
    /// All of it, in the order it came. The table refuses changes.
    pub async fn ledger(&self) -> Result<Vec<LedgerEntry>, Error> {
        let asientos = sqlx::query_as(
            "SELECT uuid_cliente, sha256_contenido, resultado, id, version FROM libro ORDER BY n",
        )
        .fetch_all(&self.db)
        .await?;
        Ok(asientos)
    }
}
