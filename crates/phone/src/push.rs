//! The push: batches until nothing waits, and what each kind of failure means for the next one.

use std::time::Duration;

use crate::{AppliedBatch, Batch, Error, Phone, batch::MAX_ITEMS, local_reporte::LocalReporte};

/// What one step of a push or a pull came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
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

impl StepOutcome {
    /// How long to wait before the next step.
    pub fn delay(self) -> Option<Duration> {
        match self {
            Self::Listo | Self::Sigue | Self::DesdeCero => None,
            Self::Aplazado(cuanto) | Self::Espera(cuanto) => Some(cuanto),
        }
    }
}

impl Phone {
    /// Makes a batch, sends it, applies its answer. A token that expired is renewed on the way, and
    /// the same batch goes again.
    ///
    /// Errors are only those that waiting does not mend: [`Error::EntrarDeNuevo`],
    /// [`Error::Problema`] with what the server has against the request as such, or the disk.
    pub async fn push_once(&mut self) -> Result<StepOutcome, Error> {
        let lote = self.build_batch(self.tamano_lote).await?;
        if lote.item_count() == 0 {
            // Edits that came to nothing may have stood before others.
            let quedan = self.pending_count().await? > 0;
            return Ok(if quedan {
                StepOutcome::Sigue
            } else {
                StepOutcome::Listo
            });
        }
        match self.deliver(&lote).await {
            // Those that were never put off go first: when one of the others comes again, all of
            // them had their turn.
            Ok(aplicado) if aplicado.salieron == 0 && aplicado.aplazados_otra_vez > 0 => {
                Ok(StepOutcome::Aplazado(self.failure(None)))
            }
            Ok(_) => {
                self.delay.success();
                self.tamano_lote = (self.tamano_lote * 2).min(MAX_ITEMS);
                Ok(StepOutcome::Sigue)
            }
            // What is too large may pass in smaller pieces; what can't be made smaller never will.
            Err(Error::Problema(p)) if p.status == 413 => {
                if let [(uuid, _)] = *lote.items().collect::<Vec<_>>() {
                    let mut tx = self.db.begin().await?;
                    if let Some(mut local) = LocalReporte::read(&mut tx, uuid).await? {
                        local.reject(*p)?;
                        local.save(&mut tx).await?;
                    }
                    tx.commit().await?;
                    self.summary.rechazados += 1;
                }
                self.halve_batch(&lote);
                Ok(StepOutcome::Sigue)
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
                    self.halve_batch(&lote);
                }
                self.retry_if_transient(e)
            }
        }
    }

    async fn deliver(&mut self, lote: &Batch) -> Result<AppliedBatch, Error> {
        let response = self.request(&lote.as_request()).await?;
        self.apply(lote, &response).await
    }

    /// The next batch is half as large: on a link that breaks, a small one may get through.
    fn halve_batch(&mut self, lote: &Batch) {
        self.tamano_lote = (lote.item_count() / 2).max(1);
    }

    /// A wait for what time may mend, the error itself for anything else.
    pub(crate) fn retry_if_transient(&mut self, e: Error) -> Result<StepOutcome, Error> {
        match e {
            Error::SinRespuesta(_) => Ok(StepOutcome::Espera(self.failure(None))),
            Error::Espere { reintentar_en, .. } => {
                Ok(StepOutcome::Espera(self.failure(reintentar_en)))
            }
            e => Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::{
        Error, QueueState, StepOutcome,
        test_support::{Fixture, Reply, all_created, problema, sample_contenido, titulo},
    };

    async fn with_reportes(n: usize) -> Fixture {
        let mut e = Fixture::new().await;
        for _ in 0..n {
            e.telefono.create(sample_contenido()).await.unwrap();
        }
        e
    }

    fn batch_sizes(e: &Fixture) -> Vec<usize> {
        let largo = |p: crate::test_support::RecordedRequest| {
            p.cuerpo["reportes"].as_array().unwrap().len()
        };
        e.script.take_requests().into_iter().map(largo).collect()
    }

    #[tokio::test]
    async fn batches_shrink_when_the_link_breaks_and_grow_again() {
        let mut e = with_reportes(20).await;
        e.script.enqueue_answers([
            Reply::SePierde,
            Reply::Crudo("200 OK", "<html>portal</html>"),
            Reply::Con(408, problema(408, "cuerpo_lento")),
            Reply::Segun(all_created),
            Reply::Segun(all_created),
            Reply::Segun(all_created),
            Reply::Segun(all_created),
        ]);
        for _ in 0..3 {
            let paso = e.telefono.push_once().await.unwrap();
            assert!(matches!(paso, StepOutcome::Espera(_)), "{paso:?}");
        }
        for _ in 0..4 {
            assert_eq!(e.telefono.push_once().await.unwrap(), StepOutcome::Sigue);
        }
        assert_eq!(e.telefono.push_once().await.unwrap(), StepOutcome::Listo);
        assert_eq!(batch_sizes(&e), [20, 10, 5, 2, 4, 8, 6]);
    }

    #[tokio::test]
    async fn retry_after_is_obeyed_and_a_busy_server_is_no_broken_link() {
        let mut e = with_reportes(4).await;
        e.script.enqueue_answers([
            Reply::Crudo("429 X\r\nretry-after: 30", "{}"),
            Reply::Con(503, problema(503, "no_disponible")),
        ]);
        let pedida = Duration::from_secs(30);
        let delay = e.telefono.push_once().await.unwrap().delay().unwrap();
        assert!((pedida..pedida + Duration::from_millis(2)).contains(&delay));
        assert!(e.telefono.push_once().await.unwrap().delay() < Some(pedida));
        assert_eq!(batch_sizes(&e), [4, 4]);
        assert_eq!(e.telefono.pending_count().await.unwrap(), 4);
    }

    #[tokio::test]
    async fn an_edit_that_came_to_nothing_holds_up_nobody() {
        let mut e = Fixture::new().await;
        let uuid = e.acked_reporte(1).await;
        e.telefono.edit(&uuid, titulo("Otro")).await.unwrap();
        e.telefono.edit(&uuid, titulo("Roca")).await.unwrap();
        e.telefono.create(sample_contenido()).await.unwrap();
        e.telefono.tamano_lote = 1;
        e.script.enqueue_answers([Reply::Segun(all_created)]);
        for esperado in [StepOutcome::Sigue, StepOutcome::Sigue, StepOutcome::Listo] {
            assert_eq!(e.telefono.push_once().await.unwrap(), esperado);
        }
        assert_eq!(batch_sizes(&e), [1]);
    }

    #[tokio::test]
    async fn too_large_is_halved_and_what_can_not_be_is_put_aside() {
        let mut e = with_reportes(2).await;
        e.script.enqueue_answers([
            Reply::Con(413, problema(413, "cuerpo_muy_grande")),
            Reply::Con(413, problema(413, "cuerpo_muy_grande")),
            Reply::Segun(all_created),
        ]);
        for _ in 0..3 {
            assert_eq!(e.telefono.push_once().await.unwrap(), StepOutcome::Sigue);
        }
        assert_eq!(batch_sizes(&e), [2, 1, 1]);
        let propios = e.telefono.own_reportes().await.unwrap();
        assert!(matches!(&propios[0].estado, QueueState::Rechazado(p) if p.status == 413));
        assert_eq!(propios[1].estado, QueueState::Entregado);
    }

    #[tokio::test]
    async fn a_no_to_the_whole_request_is_told_and_nothing_is_lost() {
        let mut e = with_reportes(2).await;
        e.script
            .enqueue_answers([Reply::Con(403, problema(403, "debe_cambiar_password"))]);
        let error = e.telefono.push_once().await.unwrap_err();
        assert!(matches!(error, Error::Problema(p) if p.codigo == "debe_cambiar_password"));
        assert_eq!(e.telefono.pending_count().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn what_the_server_puts_off_does_not_hold_up_the_rest() {
        let mut e = with_reportes(3).await;
        e.telefono.tamano_lote = 1;
        let aplaza = |cuerpo: &serde_json::Value| {
            let uuid = &cuerpo["reportes"][0]["uuid_cliente"];
            json!({"resultados": [{"uuid_cliente": uuid, "resultado": "rechazado",
                "error": problema(503, "no_disponible")}]})
        };
        // Two are put off, the third goes through, and then the first one is asked again.
        e.script.enqueue_answers([
            Reply::Segun(aplaza),
            Reply::SePierde,
            Reply::Segun(aplaza),
            Reply::SePierde,
            Reply::Segun(all_created),
            Reply::SePierde,
            Reply::Segun(aplaza),
        ]);
        for _ in 0..3 {
            assert_eq!(e.telefono.push_once().await.unwrap(), StepOutcome::Sigue);
            // A broken link keeps the next batch at one item.
            e.telefono.push_once().await.unwrap();
        }
        let paso = e.telefono.push_once().await.unwrap();
        assert!(matches!(paso, StepOutcome::Aplazado(_)), "{paso:?}");
        assert_eq!(e.telefono.pending_count().await.unwrap(), 2);
    }
}
