//! All of an upload has come: what it is, whether it is what was announced, and where it stays.

use futures_util::TryStreamExt as _;
use sha2::Digest as _;
use sigra_domain::{Quien, hex};
use sigra_multimedia::{MAX_CABECERA, MAX_PIXELES, Tipo, medidas};
use sigra_store::{
    Fallo,
    multimedia::{
        Adoptar, AnotarClave, Desenlace, Pieza, RechazoSubida, Subida, TerminarSubida, carpeta,
    },
};

use crate::{Evidencia, Rechazo, Recibida};

impl Evidencia {
    /// Of pieces that are durable, the last of them not yet known to the database: the upload ends with
    /// all of them or stays where it was.
    pub(crate) async fn termina(
        &self,
        quien: &Quien,
        subida: &Subida,
        piezas: &[Pieza],
    ) -> Result<Recibida, Rechazo> {
        let clave = self.clave_nueva("objetos").await?;
        let juicio = self.junta(subida, piezas, &clave).await;
        if let Err(e @ Rechazo::Almacen(_)) = juicio {
            return Err(e);
        }
        let desenlace = match &juicio {
            Ok(tipo) => Desenlace::Bien {
                clave: clave.clone(),
                tipo: tipo.mime().to_owned(),
            },
            Err(_) => Desenlace::Mal,
        };
        let fin = TerminarSubida {
            id: subida.id.clone(),
            turno: subida.turno,
            desenlace,
        };
        let sobra = self.0.store.escribir(fin).await;
        match sobra {
            Err(RechazoSubida::TurnoPerdido) => {
                self.limpia(&clave).await;
                return Err(RechazoSubida::TurnoPerdido.into());
            }
            otro => {
                // Somebody sent the same bytes before: theirs stay.
                if otro? || juicio.is_err() {
                    self.limpia(&clave).await;
                }
            }
        }
        self.limpia(&carpeta(&subida.id)).await;
        juicio?;
        self.0.llegadas.notify_one();
        self.adoptada(quien, subida).await
    }

    /// A finished upload, given to its report if there is one.
    pub(crate) async fn adoptada(
        &self,
        quien: &Quien,
        subida: &Subida,
    ) -> Result<Recibida, Rechazo> {
        let adopta = Adoptar {
            quien: quien.clone(),
            subida_id: subida.id.clone(),
        };
        Ok(Recibida {
            recibidos: subida.bytes,
            expira: subida.expira,
            reporte: self.0.store.escribir(adopta).await?.map(Box::new),
        })
    }

    /// A key that says nothing of what it will hold; noted, so that what is written there is not
    /// forgotten.
    pub(crate) async fn clave_nueva(&self, carpeta: &str) -> Result<String, Fallo> {
        let azar = hex(&self.0.store.entorno().azar::<16>());
        let clave = format!("{carpeta}/{}/{azar}", &azar[..2]);
        self.0.store.escribir(AnotarClave(clave.clone())).await?;
        Ok(clave)
    }

    /// Makes one object of the pieces, and judges it.
    async fn junta(&self, subida: &Subida, piezas: &[Pieza], clave: &str) -> Result<Tipo, Rechazo> {
        let almacen = &self.0.almacen;
        let mut destino = None;
        if let [unica] = piezas {
            almacen.copia(&unica.clave, clave).await?;
        } else {
            destino = Some(almacen.escritor(clave));
        }
        let (mut hash, mut inicio) = (sha2::Sha256::new(), Vec::new());
        let mut largo = 0;
        for pieza in piezas {
            let mut bytes = almacen.lee(&pieza.clave, None).await?;
            while let Some(trozo) = bytes.try_next().await? {
                hash.update(&trozo);
                largo += i64::try_from(trozo.len()).unwrap_or(0);
                let falta = MAX_CABECERA.saturating_sub(inicio.len()).min(trozo.len());
                inicio.extend_from_slice(&trozo[..falta]);
                if let Some(destino) = &mut destino {
                    destino.agrega(trozo).await?;
                }
            }
        }
        if let Some(destino) = destino {
            destino.termina().await?;
        }
        if largo != subida.bytes || hex(&hash.finalize()) != subida.sha256 {
            return Err(Rechazo::HashDistinto);
        }
        self.juzga(&inicio, largo)
    }

    /// By the bytes alone.
    pub(crate) fn juzga(&self, inicio: &[u8], largo: i64) -> Result<Tipo, Rechazo> {
        let tipo = Tipo::de_bytes(inicio).map_err(Rechazo::NoAdmitido)?;
        let max = self.limites().de(tipo);
        if largo > max {
            return Err(Rechazo::MuyGrande { max });
        }
        if medidas(tipo, inicio).is_some_and(|m| m.pixeles() > MAX_PIXELES) {
            return Err(Rechazo::MuchosPixeles);
        }
        Ok(tipo)
    }
}
