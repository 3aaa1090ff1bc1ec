//! Whether every file that the database knows of is in the store, as it came.

use futures_util::TryStreamExt as _;
use sha2::Digest as _;
use sigra_domain::hex;
use sigra_store::{
    Fallo,
    multimedia::{Objeto, objetos_desde, sin_objeto},
};

use crate::Evidencia;

/// Rows that are read at once.
const TANDA: i64 = 500;

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dano {
    /// A report has it, and nothing is known of its bytes.
    SinObjeto,
    /// Its bytes are not in the store.
    Falta,
    /// They are others.
    Distinto,
    /// One of its small copies is not there; it can still be seen as it came.
    SinCopia,
    /// The store did not give it; it may be there.
    Ilegible,
}

/// A file that is not as it should be, by its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Danado {
    pub sha256: String,
    pub dano: Dano,
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    pub objetos: u64,
    pub bytes: u64,
    pub danados: Vec<Danado>,
}

impl Evidencia {
    /// Reads every file whole. `avance` hears of each, with its bytes.
    pub async fn revisa(&self, mut avance: impl FnMut(u64)) -> Result<Revision, Fallo> {
        let mut r = Revision::default();
        let mut lectura = self.0.store.leer().await?;
        for sha256 in sin_objeto(&mut lectura).await? {
            let dano = Dano::SinObjeto;
            r.danados.push(Danado { sha256, dano });
        }
        drop(lectura);
        let mut desde = String::new();
        loop {
            // Not held while the store is read.
            let mut lectura = self.0.store.leer().await?;
            let objetos = objetos_desde(&mut lectura, &desde, TANDA).await?;
            drop(lectura);
            let Some(ultimo) = objetos.last() else {
                return Ok(r);
            };
            desde.clone_from(&ultimo.sha256);
            for objeto in objetos {
                if let Some(dano) = self.revisa_objeto(&objeto).await {
                    let sha256 = objeto.sha256;
                    r.danados.push(Danado { sha256, dano });
                }
                let bytes = u64::try_from(objeto.bytes).unwrap_or(0);
                r.objetos += 1;
                r.bytes += bytes;
                avance(bytes);
            }
        }
    }

    async fn revisa_objeto(&self, o: &Objeto) -> Option<Dano> {
        match self.hash_de(&o.clave).await {
            Ok(hash) if hash == o.sha256 => {}
            Ok(_) => return Some(Dano::Distinto),
            Err(e) => return Some(dano(&e)),
        }
        for (clave, bytes) in [
            (&o.clave_miniatura, o.bytes_miniatura),
            (&o.clave_vista, o.bytes_vista),
        ] {
            let Some((clave, bytes)) = clave.as_ref().zip(bytes) else {
                continue;
            };
            let largo = self.0.almacen.largo(clave).await;
            match largo {
                Ok(largo) if largo == u64::try_from(bytes).ok() => {}
                Ok(_) => return Some(Dano::SinCopia),
                Err(e) => return Some(dano(&e)),
            }
        }
        None
    }

    async fn hash_de(&self, clave: &str) -> Result<String, sigra_almacen::Fallo> {
        let mut trozos = self.0.almacen.lee(clave, None).await?;
        let mut hash = sha2::Sha256::new();
        while let Some(trozo) = trozos.try_next().await? {
            hash.update(&trozo);
        }
        Ok(hex(&hash.finalize()))
    }
}

fn dano(e: &sigra_almacen::Fallo) -> Dano {
    if matches!(e, sigra_almacen::Fallo::NoEsta(_)) {
        Dano::Falta
    } else {
        Dano::Ilegible
    }
}
