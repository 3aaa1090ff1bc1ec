//! Files whose server fell after they had arrived and before their report had them.

use sigra_domain::{Quien, Rut};
use sigra_store::{
    StoreError,
    identity::usuario,
    uploads::{AdoptUpload, pending_adoption},
};

use crate::FileService;

/// In one go; the rest next time.
const CHUNK: i64 = 1_000;

impl FileService {
    /// Gives them to their reports, and says how many. To be called now and then.
    pub async fn adopt_pending(&self) -> Result<usize, StoreError> {
        let mut read = self.0.store.read().await?;
        let esperan = pending_adoption(&mut read, CHUNK).await?;
        let mut suyas = Vec::with_capacity(esperan.len());
        for (subida_id, rut) in esperan {
            let rut = Rut::new(rut).map_err(|_| StoreError::Dato(format!("subida {subida_id}")))?;
            if let Some(u) = usuario(&mut read, rut).await? {
                let (rol, areas) = (u.rol, u.areas);
                suyas.push((Quien { rut, rol, areas }, subida_id));
            }
        }
        drop(read);
        let mut adoptadas = 0;
        for (quien, subida_id) in suyas {
            let adoptada = self.0.store.write(AdoptUpload { quien, subida_id }).await?;
            adoptadas += usize::from(adoptada.is_some());
        }
        Ok(adoptadas)
    }
}
