//! The sweeper: takes away what nothing needs any more, a day after it was last needed.

use sigra_domain::Instante;
use sigra_store::{
    Fallo,
    multimedia::{QuitarVencida, SoltarObjeto, basura, carpeta, sin_uso, vencidas},
};

use crate::Evidencia;

/// What is taken away of each kind in one go; the rest next time.
const TANDA: i64 = 1_000;
/// How long an object stays that nothing refers to, and a key that nobody took away.
const GRACIA: i64 = Instante::DIA;

/// What was taken away, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Barrido {
    /// Uploads that nobody went on with.
    pub subidas: usize,
    /// Files that no report has.
    pub objetos: usize,
    /// Remains of servers that fell.
    pub restos: usize,
}

impl Evidencia {
    /// To be called now and then, by any number of servers. A `simulacro` only counts.
    pub async fn barre(&self, simulacro: bool) -> Result<Barrido, Fallo> {
        let ahora = self.0.store.entorno().ahora();
        let antes = ahora.mas(-GRACIA);
        let mut lectura = self.0.store.leer().await?;
        let subidas = vencidas(&mut lectura, ahora, TANDA).await?;
        let objetos = sin_uso(&mut lectura, antes, TANDA).await?;
        let restos = basura(&mut lectura, antes, TANDA).await?;
        drop(lectura);
        let mut hecho = Barrido {
            subidas: subidas.len(),
            objetos: objetos.len(),
            restos: restos.len(),
        };
        if simulacro {
            return Ok(hecho);
        }
        for id in subidas {
            let carpeta = carpeta(&id);
            if self.0.store.escribir(QuitarVencida(id)).await? {
                self.limpia(&carpeta).await;
            } else {
                hecho.subidas -= 1;
            }
        }
        for sha256 in objetos {
            let suelta = SoltarObjeto {
                sha256,
                desde: antes,
            };
            let claves = self.0.store.escribir(suelta).await?;
            if claves.is_empty() {
                hecho.objetos -= 1;
            }
            for clave in claves {
                self.limpia(&clave).await;
            }
        }
        for clave in restos {
            self.limpia(&clave).await;
        }
        Ok(hecho)
    }
}
