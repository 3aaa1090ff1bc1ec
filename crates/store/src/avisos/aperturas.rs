//! Who opened a report first: so that nobody is told that nobody did.

use sigra_domain::Rut;

use crate::{Fallo, Store, Tx, Write, db::con};

struct Abrir {
    reporte_id: i64,
    rut: Rut,
}

impl Write for Abrir {
    type Out = ();
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fallo> {
        con!(tx.conn, c => sqlx::query(
            "INSERT INTO aperturas (reporte_id, rut, en) VALUES ($1, $2, $3)
             ON CONFLICT (reporte_id) DO NOTHING")
            .bind(self.reporte_id).bind(self.rut.cuerpo()).bind(tx.ahora.0)
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}

impl Store {
    /// Somebody who may decide it has it open. Written once; asked first, for reading is cheap.
    pub async fn abre_reporte(&self, reporte_id: i64, rut: Rut) -> Result<(), Fallo> {
        let mut lectura = self.leer().await?;
        let abierto: Option<i64> = con!(lectura.conn(), c => sqlx::query_scalar(
            "SELECT 1 FROM aperturas WHERE reporte_id = $1")
            .bind(reporte_id).fetch_optional(&mut **c).await)?;
        drop(lectura);
        match abierto {
            Some(_) => Ok(()),
            None => self.escribir(Abrir { reporte_id, rut }).await,
        }
    }
}
