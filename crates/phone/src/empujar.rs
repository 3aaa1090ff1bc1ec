//! The push: batches until nothing waits, and what each kind of failure means for the next one.

use std::time::Duration;

use crate::{Aplicado, Error, Lote, Telefono, ficha::Ficha, lote::MAX_ITEMS};

/// What one step of a push or a pull came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paso {
    /// Nothing more to do.
    Listo,
    /// It went on; there may be more.
    Sigue,
    /// The server's order of changes began anew: the mirror is empty and the pull starts over.
    DesdeCero,
    /// The server answered and put everything off: try again after this long, or go on with
    /// something else.
    Aplazado(Duration),
    /// No answer, or one that asks to wait: try again after this long.
    Espera(Duration),
}

impl Paso {
    /// How long to wait before the next step.
    pub fn esperar(self) -> Option<Duration> {
        match self {
            Self::Listo | Self::Sigue | Self::DesdeCero => None,
            Self::Aplazado(cuanto) | Self::Espera(cuanto) => Some(cuanto),
        }
    }
}

impl Telefono {
    /// Makes a batch, sends it, applies its answer. A token that expired is renewed on the way, and
    /// the same batch goes again.
    ///
    /// Errors are only those that waiting does not mend: [`Error::EntrarDeNuevo`],
    /// [`Error::Problema`] with what the server has against the request as such, or the disk.
    pub async fn push_una_vez(&mut self) -> Result<Paso, Error> {
        let lote = self.arma_lote(self.tamano_lote).await?;
        if lote.largo() == 0 {
            // Edits that came to nothing may have stood before others.
            let quedan = self.pendientes().await? > 0;
            return Ok(if quedan { Paso::Sigue } else { Paso::Listo });
        }
        match self.entrega(&lote).await {
            // Those that were never put off go first: when one of the others comes again, all of
            // them had their turn.
            Ok(aplicado) if aplicado.salieron == 0 && aplicado.aplazados_otra_vez > 0 => {
                Ok(Paso::Aplazado(self.fallo(None)))
            }
            Ok(_) => {
                self.espera.exito();
                self.tamano_lote = (self.tamano_lote * 2).min(MAX_ITEMS);
                Ok(Paso::Sigue)
            }
            // What is too large may pass in smaller pieces; what can't be made smaller never will.
            Err(Error::Problema(p)) if p.status == 413 => {
                if let [(uuid, _)] = *lote.items().collect::<Vec<_>>() {
                    let mut tx = self.disco.begin().await?;
                    if let Some(mut ficha) = Ficha::lee(&mut tx, uuid).await? {
                        ficha.rechaza(*p)?;
                        ficha.guarda(&mut tx).await?;
                    }
                    tx.commit().await?;
                    self.resumen.rechazados += 1;
                }
                self.parte_lote(&lote);
                Ok(Paso::Sigue)
            }
            Err(e) => {
                if matches!(
                    e,
                    Error::SinRespuesta(_)
                        | Error::Espere {
                            status: 400 | 408,
                            ..
                        }
                ) {
                    self.parte_lote(&lote);
                }
                self.pasajero(e)
            }
        }
    }

    async fn entrega(&mut self, lote: &Lote) -> Result<Aplicado, Error> {
        let respuesta = self.pide(&lote.peticion()).await?;
        self.aplica(lote, &respuesta).await
    }

    /// The next batch is half as large: on a link that breaks, a small one may get through.
    fn parte_lote(&mut self, lote: &Lote) {
        self.tamano_lote = (lote.largo() / 2).max(1);
    }

    /// A wait for what time may mend, the error itself for anything else.
    pub(crate) fn pasajero(&mut self, e: Error) -> Result<Paso, Error> {
        match e {
            Error::SinRespuesta(_) => Ok(Paso::Espera(self.fallo(None))),
            Error::Espere { reintentar_en, .. } => Ok(Paso::Espera(self.fallo(reintentar_en))),
            e => Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::{
        Error, Estado, Paso,
        pruebas::{Contesta, Escena, problema, roca, titulo, todo_creado},
    };

    async fn con_reportes(n: usize) -> Escena {
        let mut e = Escena::nueva().await;
        for _ in 0..n {
            e.telefono.crear(roca()).await.unwrap();
        }
        e
    }

    fn largos(e: &Escena) -> Vec<usize> {
        let largo = |p: crate::pruebas::Pedido| p.cuerpo["reportes"].as_array().unwrap().len();
        e.guion.pedidos().into_iter().map(largo).collect()
    }

    #[tokio::test]
    async fn batches_shrink_when_the_link_breaks_and_grow_again() {
        let mut e = con_reportes(20).await;
        e.guion.contesta([
            Contesta::SePierde,
            Contesta::Crudo("200 OK", "<html>portal</html>"),
            Contesta::Con(408, problema(408, "cuerpo_lento")),
            Contesta::Segun(todo_creado),
            Contesta::Segun(todo_creado),
            Contesta::Segun(todo_creado),
            Contesta::Segun(todo_creado),
        ]);
        for _ in 0..3 {
            let paso = e.telefono.push_una_vez().await.unwrap();
            assert!(matches!(paso, Paso::Espera(_)), "{paso:?}");
        }
        for _ in 0..4 {
            assert_eq!(e.telefono.push_una_vez().await.unwrap(), Paso::Sigue);
        }
        assert_eq!(e.telefono.push_una_vez().await.unwrap(), Paso::Listo);
        assert_eq!(largos(&e), [20, 10, 5, 2, 4, 8, 6]);
    }

    #[tokio::test]
    async fn retry_after_is_obeyed_and_a_busy_server_is_no_broken_link() {
        let mut e = con_reportes(4).await;
        e.guion.contesta([
            Contesta::Crudo("429 X\r\nretry-after: 30", "{}"),
            Contesta::Con(503, problema(503, "no_disponible")),
        ]);
        let pedida = Duration::from_secs(30);
        let espera = e.telefono.push_una_vez().await.unwrap().esperar().unwrap();
        assert!((pedida..pedida + Duration::from_millis(2)).contains(&espera));
        assert!(e.telefono.push_una_vez().await.unwrap().esperar() < Some(pedida));
        assert_eq!(largos(&e), [4, 4]);
        assert_eq!(e.telefono.pendientes().await.unwrap(), 4);
    }

    #[tokio::test]
    async fn an_edit_that_came_to_nothing_holds_up_nobody() {
        let mut e = Escena::nueva().await;
        let uuid = e.entregado(1).await;
        e.telefono.editar(&uuid, titulo("Otro")).await.unwrap();
        e.telefono.editar(&uuid, titulo("Roca")).await.unwrap();
        e.telefono.crear(roca()).await.unwrap();
        e.telefono.tamano_lote = 1;
        e.guion.contesta([Contesta::Segun(todo_creado)]);
        for esperado in [Paso::Sigue, Paso::Sigue, Paso::Listo] {
            assert_eq!(e.telefono.push_una_vez().await.unwrap(), esperado);
        }
        assert_eq!(largos(&e), [1]);
    }

    #[tokio::test]
    async fn too_large_is_halved_and_what_can_not_be_is_put_aside() {
        let mut e = con_reportes(2).await;
        e.guion.contesta([
            Contesta::Con(413, problema(413, "cuerpo_muy_grande")),
            Contesta::Con(413, problema(413, "cuerpo_muy_grande")),
            Contesta::Segun(todo_creado),
        ]);
        for _ in 0..3 {
            assert_eq!(e.telefono.push_una_vez().await.unwrap(), Paso::Sigue);
        }
        assert_eq!(largos(&e), [2, 1, 1]);
        let propios = e.telefono.propios().await.unwrap();
        assert!(matches!(&propios[0].estado, Estado::Rechazado(p) if p.status == 413));
        assert_eq!(propios[1].estado, Estado::Entregado);
    }

    #[tokio::test]
    async fn a_no_to_the_whole_request_is_told_and_nothing_is_lost() {
        let mut e = con_reportes(2).await;
        e.guion
            .contesta([Contesta::Con(403, problema(403, "debe_cambiar_password"))]);
        let error = e.telefono.push_una_vez().await.unwrap_err();
        assert!(matches!(error, Error::Problema(p) if p.codigo == "debe_cambiar_password"));
        assert_eq!(e.telefono.pendientes().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn what_the_server_puts_off_does_not_hold_up_the_rest() {
        let mut e = con_reportes(3).await;
        e.telefono.tamano_lote = 1;
        let aplaza = |cuerpo: &serde_json::Value| {
            let uuid = &cuerpo["reportes"][0]["uuid_cliente"];
            json!({"resultados": [{"uuid_cliente": uuid, "resultado": "rechazado",
                "error": problema(503, "no_disponible")}]})
        };
        // Two are put off, the third goes through, and then the first one is asked again.
        e.guion.contesta([
            Contesta::Segun(aplaza),
            Contesta::SePierde,
            Contesta::Segun(aplaza),
            Contesta::SePierde,
            Contesta::Segun(todo_creado),
            Contesta::SePierde,
            Contesta::Segun(aplaza),
        ]);
        for _ in 0..3 {
            assert_eq!(e.telefono.push_una_vez().await.unwrap(), Paso::Sigue);
            // A broken link keeps the next batch at one item.
            e.telefono.push_una_vez().await.unwrap();
        }
        let paso = e.telefono.push_una_vez().await.unwrap();
        assert!(matches!(paso, Paso::Aplazado(_)), "{paso:?}");
        assert_eq!(e.telefono.pendientes().await.unwrap(), 2);
    }
}
