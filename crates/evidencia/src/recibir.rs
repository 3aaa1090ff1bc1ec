//! Bytes of an upload come in.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sigra_domain::Quien;
use sigra_store::{
    multimedia::{AgregarPieza, Pieza, RechazoSubida, Subida},
    reportes::ReporteLeido,
};

use crate::{Evidencia, Rechazo, Suma, pieza::EnCurso, suma::Cuenta, turnos::Turno};

/// A sender that is silent for that long is gone.
pub(crate) const SILENCIO: Duration = Duration::from_secs(30);

/// What came of a request.
#[derive(Debug)]
pub struct Recibida {
    /// Where the upload stands.
    pub recibidos: i64,
    /// Until when it waits for more.
    pub expira: i64,
    /// The report that has the file now.
    pub reporte: Option<Box<ReporteLeido>>,
}

/// One request's way through an upload.
struct Labor<'a> {
    evidencia: &'a Evidencia,
    turno: Turno,
    subida: Subida,
    /// Durable, and known to the database.
    piezas: Vec<Pieza>,
    cuenta: Option<Cuenta>,
}

enum Fin {
    /// The sender said all it had.
    Completo,
    /// The link broke, or somebody else goes on.
    Cortado,
}

impl Evidencia {
    /// Takes what comes, from `desde` on. What came is kept when the link breaks, but with a checksum
    /// all or nothing. To be run in a task of its own, so that a client that leaves can't stop it.
    pub async fn recibe<E: Send>(
        &self,
        quien: &Quien,
        id: &str,
        desde: i64,
        suma: Option<Suma>,
        cuerpo: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    ) -> Result<Recibida, Rechazo> {
        let turno = self.0.turnos.toma(id).await;
        let (subida, piezas) = self.toma_turno(quien.rut, id).await?;
        if desde != subida.recibidos {
            return Err(Rechazo::OtroDesfase(subida.recibidos));
        }
        if subida.terminada.is_some() {
            // Perhaps the server fell before its report could take it.
            return self.adoptada(quien, &subida).await;
        }
        let labor = Labor {
            evidencia: self,
            turno,
            subida,
            piezas,
            cuenta: suma.as_ref().map(Cuenta::de),
        };
        labor.hace(quien, suma.as_ref(), cuerpo).await
    }
}

impl Labor<'_> {
    async fn hace<E: Send>(
        mut self,
        quien: &Quien,
        suma: Option<&Suma>,
        mut cuerpo: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    ) -> Result<Recibida, Rechazo> {
        let mut pieza = self.pieza().await?;
        let fin = loop {
            let trozo = tokio::select! {
                biased;
                () = self.turno.terminado() => break Fin::Cortado,
                trozo = tokio::time::timeout(SILENCIO, cuerpo.next()) => trozo,
            };
            let bytes = match trozo {
                Ok(Some(Ok(bytes))) => bytes,
                Ok(None) => break Fin::Completo,
                Ok(Some(Err(_))) | Err(_) => break Fin::Cortado,
            };
            let largo = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            if largo > self.subida.bytes - pieza.hasta() {
                pieza.abandona().await;
                return Err(Rechazo::Sobran);
            }
            if let Some(cuenta) = &mut self.cuenta {
                cuenta.agrega(&bytes);
            }
            pieza.agrega(bytes).await?;
            if suma.is_none() && pieza.basta(self.subida.bytes) && pieza.hasta() < self.subida.bytes
            {
                self.guarda(pieza).await?;
                pieza = self.pieza().await?;
            }
        };
        if let Some((suma, cuenta)) = suma.zip(self.cuenta.take()) {
            match fin {
                Fin::Completo if cuenta.es(suma) => {}
                fin => {
                    pieza.abandona().await;
                    return Err(match fin {
                        Fin::Completo => Rechazo::SumaDistinta,
                        Fin::Cortado => Rechazo::Interrumpida,
                    });
                }
            }
        }
        if pieza.hasta() == self.subida.bytes {
            let ultima = pieza.termina().await?;
            self.piezas.retain(|p| p.desde < ultima.desde);
            self.piezas.push(ultima);
            return self.termina(quien).await;
        }
        if pieza.tiene() {
            self.guarda(pieza).await?;
        } else {
            pieza.abandona().await;
        }
        match fin {
            Fin::Completo => Ok(Recibida {
                recibidos: self.subida.recibidos,
                expira: self.subida.expira,
                reporte: None,
            }),
            Fin::Cortado => Err(Rechazo::Interrumpida),
        }
    }

    async fn pieza(&self) -> Result<EnCurso, Rechazo> {
        let interior = &self.evidencia.0;
        EnCurso::nueva(
            &interior.almacen,
            interior.store.entorno(),
            &self.subida.id,
            &self.piezas,
        )
        .await
    }

    /// First the store, then the database.
    async fn guarda(&mut self, pieza: EnCurso) -> Result<(), Rechazo> {
        let pieza = pieza.termina().await?;
        let agrega = AgregarPieza {
            id: self.subida.id.clone(),
            turno: self.subida.turno,
            recibidos: self.subida.recibidos,
            pieza: pieza.clone(),
        };
        match self.evidencia.0.store.escribir(agrega).await {
            Err(RechazoSubida::TurnoPerdido) => {
                self.evidencia.0.almacen.borra(&pieza.clave).await.ok();
                return Err(RechazoSubida::TurnoPerdido.into());
            }
            otro => otro?,
        }
        self.subida.recibidos = pieza.hasta();
        let reemplazada = self.piezas.pop_if(|p| p.desde == pieza.desde);
        self.piezas.push(pieza);
        if let Some(vieja) = reemplazada {
            self.evidencia.limpia(&vieja.clave).await;
        }
        Ok(())
    }

    async fn termina(self, quien: &Quien) -> Result<Recibida, Rechazo> {
        let Self {
            evidencia,
            turno: _turno,
            subida,
            piezas,
            ..
        } = self;
        evidencia.termina(quien, &subida, &piezas).await
    }
}
