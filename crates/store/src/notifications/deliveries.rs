//! What went out, for whoever administers the site: what is on its way, what arrived, what was given up.

use sigra_domain::{Instante, Rut, bitacora::FieldValues};
use sigra_store_macros::FromRow;

use crate::{ReadConn, StoreError, Tx, Write, db::with_conn};

/// Something on its way, or past it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub id: i64,
    /// `correo`, `push` or `webhook`.
    pub canal: String,
    /// A person's rut, a subscription or a webhook.
    pub destino: i64,
    pub evento: String,
    pub reporte_id: Option<i64>,
    pub estado: String,
    pub intentos: i64,
    /// When it is tried next, while it is on its way.
    pub proximo: Instante,
    pub error: Option<String>,
    pub creada: Instante,
    pub terminada: Option<Instante>,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    canal: String,
    destino: i64,
    evento: String,
    reporte_id: Option<i64>,
    estado: String,
    intentos: i64,
    proximo: i64,
    error: Option<String>,
    creada: i64,
    terminada: Option<i64>,
}

/// A page of those in `estado`, newest first.
pub async fn deliveries(
    lectura: &mut ReadConn,
    estado: &str,
    antes_de: Option<i64>,
    limite: i64,
) -> Result<Vec<Delivery>, StoreError> {
    let filas: Vec<Row> = with_conn!(lectura.conn(), c => sqlx::query_as(
        "SELECT id, canal, destino, evento, reporte_id, estado, intentos, proximo, error, creada, terminada
         FROM entregas WHERE estado = $1 AND id < $2 ORDER BY id DESC LIMIT $3")
        .bind(estado).bind(antes_de.unwrap_or(i64::MAX)).bind(limite)
        .fetch_all(&mut **c).await)?;
    let entrega = |f: Row| Delivery {
        id: f.id,
        canal: f.canal,
        destino: f.destino,
        evento: f.evento,
        reporte_id: f.reporte_id,
        estado: f.estado,
        intentos: f.intentos,
        proximo: Instante(f.proximo),
        error: f.error,
        creada: Instante(f.creada),
        terminada: f.terminada.map(Instante),
    };
    Ok(filas.into_iter().map(entrega).collect())
}

/// Whether something may be taken: asked often, and cheap.
pub async fn has_due(lectura: &mut ReadConn, ahora: Instante) -> Result<bool, StoreError> {
    // In the order of the index: an EXISTS would be planned by statistics, which are old when many wait.
    let primera: Option<i64> = with_conn!(lectura.conn(), c => sqlx::query_scalar(
        "SELECT proximo FROM entregas WHERE estado = 'pendiente' ORDER BY proximo LIMIT 1")
        .fetch_optional(&mut **c).await)?;
    Ok(primera.is_some_and(|p| p <= ahora.0))
}

/// One that was given up goes again, from its first try.
#[derive(Debug)]
pub struct Resend {
    pub id: i64,
    pub actor: Rut,
}

impl Write for Resend {
    /// Whether there is such a one; one that was not given up stays as it is.
    type Out = bool;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        tx.lock_settings().await?;
        let estado: Option<String> = with_conn!(tx.conn, c => sqlx::query_scalar(
            "SELECT estado FROM entregas WHERE id = $1").bind(self.id)
            .fetch_optional(&mut **c).await)?;
        if estado.as_deref() == Some("muerta") {
            with_conn!(tx.conn, c => sqlx::query(
                "UPDATE entregas SET estado = 'pendiente', intentos = 0, proximo = $2, creada = $2,
                    terminada = NULL, tomada = NULL WHERE id = $1")
                .bind(self.id).bind(tx.ahora.0).execute(&mut **c).await.map(drop))?;
            let estado = |e: &str| FieldValues::from_iter([("estado".to_owned(), e.into())]);
            tx.record_setting_change(
                format!("entrega:{}", self.id),
                "reenviar",
                Some(self.actor),
                (estado("muerta"), estado("pendiente")),
            )
            .await?;
        }
        Ok(estado.is_some())
    }
}
