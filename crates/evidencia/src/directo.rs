//! A small file in one go.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sha2::Digest as _;
use sigra_domain::{Quien, catalogo::Catalogo, hex};
use sigra_multimedia::{MAX_CABECERA, Tipo};
use sigra_store::multimedia::{Directo, RecibirDirecto};

use crate::{Evidencia, Rechazo, recibir::SILENCIO};

/// As long as such a file may take.
const PLAZO: Duration = Duration::from_mins(5);

/// Where it belongs.
#[derive(Clone, Debug)]
pub struct Destino {
    pub quien: Quien,
    pub catalogo: Arc<Catalogo>,
    pub reporte_id: i64,
    /// As the manifest names it.
    pub multimedia_uuid: Option<String>,
    /// What its sender says it is.
    pub sha256: Option<String>,
    /// Data, never a path; without one it gets one by its type.
    pub nombre: Option<String>,
    /// For a file that the manifest does not have.
    pub uuid_nuevo: String,
}

/// What came.
struct Llegado {
    tipo: Tipo,
    bytes: i64,
    sha256: String,
}

impl Evidencia {
    /// Takes a whole file and gives it to its report. To be run in a task of its own, so that a client
    /// that leaves can't stop it half-way.
    pub async fn recibe_directo<E: Send>(
        &self,
        destino: Destino,
        cuerpo: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    ) -> Result<Directo, Rechazo> {
        let clave = self.clave_nueva("objetos").await?;
        let guardado = tokio::time::timeout(PLAZO, self.guarda(&clave, cuerpo)).await;
        let guardado = guardado.unwrap_or(Err(Rechazo::Interrumpida));
        let resultado = match guardado {
            Ok(llegado) => self.da(destino, llegado, &clave).await,
            Err(e) => Err(e),
        };
        if !matches!(&resultado, Ok(d) if !d.sobra) {
            self.limpia(&clave).await;
        }
        resultado
    }

    async fn guarda<E: Send>(
        &self,
        clave: &str,
        mut cuerpo: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    ) -> Result<Llegado, Rechazo> {
        let max = self.limites().max_directo();
        let mut escritor = self.0.almacen.escritor(clave);
        let (mut hash, mut inicio, mut largo) = (sha2::Sha256::new(), Vec::new(), 0);
        let fin = loop {
            let bytes = match tokio::time::timeout(SILENCIO, cuerpo.next()).await {
                Ok(Some(Ok(bytes))) => bytes,
                Ok(None) => break Ok(()),
                Ok(Some(Err(_))) | Err(_) => break Err(Rechazo::Interrumpida),
            };
            largo += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            if largo > max {
                break Err(Rechazo::MuyGrande { max });
            }
            hash.update(&bytes);
            let falta = MAX_CABECERA.saturating_sub(inicio.len()).min(bytes.len());
            inicio.extend_from_slice(&bytes[..falta]);
            if let Err(e) = escritor.agrega(bytes).await {
                break Err(e.into());
            }
        };
        let tipo = fin.and_then(|()| self.juzga(&inicio, largo));
        match tipo {
            Ok(tipo) => {
                escritor.termina().await?;
                Ok(Llegado {
                    tipo,
                    bytes: largo,
                    sha256: hex(&hash.finalize()),
                })
            }
            Err(e) => {
                escritor.abandona().await.ok();
                Err(e)
            }
        }
    }

    async fn da(&self, d: Destino, llegado: Llegado, clave: &str) -> Result<Directo, Rechazo> {
        if d.sha256.is_some_and(|s| s != llegado.sha256) {
            return Err(Rechazo::HashDistinto);
        }
        let nombre = d
            .nombre
            .unwrap_or_else(|| format!("archivo.{}", llegado.tipo.extension()));
        let recibe = RecibirDirecto {
            quien: d.quien,
            catalogo: d.catalogo,
            reporte_id: d.reporte_id,
            multimedia_uuid: d.multimedia_uuid,
            uuid_nuevo: d.uuid_nuevo,
            nombre,
            tipo: llegado.tipo.mime().to_owned(),
            bytes: llegado.bytes,
            sha256: llegado.sha256,
            clave: clave.to_owned(),
        };
        let directo = self.0.store.escribir(recibe).await?;
        self.0.llegadas.notify_one();
        Ok(directo)
    }
}
