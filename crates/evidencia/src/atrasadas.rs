//! Files whose server fell after they had arrived and before their report had them.

use sigra_domain::{Quien, Rut};
use sigra_store::{
    Fallo,
    identidad::usuario,
    multimedia::{Adoptar, atrasadas},
};

use crate::Evidencia;

/// In one go; the rest next time.
const TANDA: i64 = 1_000;

impl Evidencia {
    /// Gives them to their reports, and says how many. To be called now and then.
    pub async fn adopta_atrasadas(&self) -> Result<usize, Fallo> {
        let mut lectura = self.0.store.leer().await?;
        let esperan = atrasadas(&mut lectura, TANDA).await?;
        let mut suyas = Vec::with_capacity(esperan.len());
        for (subida_id, rut) in esperan {
            let rut = Rut::new(rut).map_err(|_| Fallo::Dato(format!("subida {subida_id}")))?;
            if let Some(u) = usuario(&mut lectura, rut).await? {
                let (rol, areas) = (u.rol, u.areas);
                suyas.push((Quien { rut, rol, areas }, subida_id));
            }
        }
        drop(lectura);
        let mut adoptadas = 0;
        for (quien, subida_id) in suyas {
            let adoptada = self.0.store.escribir(Adoptar { quien, subida_id }).await?;
            adoptadas += usize::from(adoptada.is_some());
        }
        Ok(adoptadas)
    }
}
