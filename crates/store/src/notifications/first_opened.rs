//! Who opened a report first: so that nobody is told that nobody did.

use sigra_domain::Rut;

use crate::{Store, StoreError, Tx, Write, db::with_conn};

struct RecordFirstOpened {
    reporte_id: i64,
    rut: Rut,
}

impl Write for RecordFirstOpened {
    type Out = ();
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        with_conn!(tx.conn, c => sqlx::query(
            "INSERT INTO aperturas (reporte_id, rut, en) VALUES ($1, $2, $3)
             ON CONFLICT (reporte_id) DO NOTHING")
            .bind(self.reporte_id).bind(self.rut.body()).bind(tx.ahora.0)
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}

impl Store {
    /// Somebody who may decide it has it open. Written once; asked first, for reading is cheap.
    pub async fn record_opened(&self, reporte_id: i64, rut: Rut) -> Result<(), StoreError> {
        let mut lectura = self.read().await?;
        let abierto: Option<i64> = with_conn!(lectura.conn(), c => sqlx::query_scalar(
            "SELECT 1 FROM aperturas WHERE reporte_id = $1")
            .bind(reporte_id).fetch_optional(&mut **c).await)?;
        drop(lectura);
        match abierto {
            Some(_) => Ok(()),
            None => self.write(RecordFirstOpened { reporte_id, rut }).await,
        }
    }
}
