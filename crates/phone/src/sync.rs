//! The whole: push, pull, files, and what to do when the server's memory is in doubt.

use tokio::time::sleep;

use crate::{Error, Phone, StepOutcome, SyncEnd, SyncSummary, db::NamedValue};

enum SyncPhase {
    Sube,
    Baja,
    /// Files.
    Archivos,
}

impl Phone {
    /// Sends all reports that wait, brings all that changed, then sends the files, waiting between
    /// failures.
    ///
    /// The summary says how it ended. Errors are only those of the phone's own disk.
    pub async fn sync(&mut self) -> Result<SyncSummary, Error> {
        self.take_summary();
        let fin = match self.run_until_up_to_date().await {
            Ok(fin) => fin,
            Err(Error::SinRespuesta(_) | Error::Espere { .. }) => SyncEnd::SinEnlace,
            Err(Error::EntrarDeNuevo) => SyncEnd::EntrarDeNuevo,
            Err(Error::Problema(p)) => SyncEnd::Negado(p),
            Err(e) => return Err(e),
        };
        Ok(SyncSummary {
            fin,
            ..self.take_summary()
        })
    }

    /// The counts since they were last taken, for who drives the phone step by step; they start
    /// again.
    pub fn take_summary(&mut self) -> SyncSummary {
        let trafico = self.client.take_traffic();
        SyncSummary {
            peticiones: trafico.peticiones,
            bytes_subidos: trafico.subidos,
            bytes_bajados: trafico.bajados,
            ..std::mem::take(&mut self.summary)
        }
    }

    async fn run_until_up_to_date(&mut self) -> Result<SyncEnd, Error> {
        loop {
            if !self.retry_until_idle(&SyncPhase::Sube).await?
                || !self.retry_until_idle(&SyncPhase::Baja).await?
            {
                return Ok(SyncEnd::SinEnlace);
            }
            let mut c = self.db.acquire().await?;
            let en_duda = NamedValue::PorReconciliar.read(&mut c).await?.is_some();
            drop(c);
            if !en_duda {
                let antes = self.summary.archivos;
                let enviados = self.retry_until_idle(&SyncPhase::Archivos).await?;
                // A file that arrived is a change of its report.
                let al_dia = antes == self.summary.archivos
                    || self.retry_until_idle(&SyncPhase::Baja).await?;
                return Ok(if enviados && al_dia {
                    SyncEnd::AlDia
                } else {
                    SyncEnd::SinEnlace
                });
            }
            // What the server turns out to have lost goes up in the next round.
            self.reconcile().await?;
        }
    }

    /// Steps until there is nothing more to do in that direction; `false` after too many failures
    /// in a row.
    async fn retry_until_idle(&mut self, sentido: &SyncPhase) -> Result<bool, Error> {
        let (mut fallos, mut vueltas) = (0, 0);
        loop {
            let paso = match sentido {
                SyncPhase::Sube => self.push_once().await?,
                SyncPhase::Baja => self.pull_once().await?,
                SyncPhase::Archivos => self.upload_archivo_once().await?,
            };
            match paso {
                StepOutcome::Listo | StepOutcome::Aplazado(_) => return Ok(true),
                StepOutcome::Sigue => fallos = 0,
                // A server that does this again and again would cost the owner's data for nothing.
                StepOutcome::DesdeCero => {
                    vueltas += 1;
                    if vueltas >= self.settings.intentos {
                        return Ok(false);
                    }
                }
                StepOutcome::Espera(cuanto) => {
                    fallos += 1;
                    if fallos >= self.settings.intentos {
                        return Ok(false);
                    }
                    sleep(cuanto).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        SyncEnd,
        test_support::{Fixture, Reply, all_created, page, problema, reporte, sample_contenido},
    };

    #[tokio::test]
    async fn everything_goes_up_and_comes_down_through_failures() {
        let mut e = Fixture::new().await;
        let mut uuids = Vec::new();
        for _ in 0..3 {
            uuids.push(e.telefono.create(sample_contenido()).await.unwrap());
        }
        let bajan = json!([reporte(1, &uuids[0], 1, &sample_contenido())]);
        e.script.enqueue_answers([
            Reply::SePierde,
            Reply::Segun(all_created),
            Reply::Segun(all_created),
            Reply::Con(500, problema(500, "error_interno")),
            Reply::Con(200, page(&bajan, &json!([]), "c")),
        ]);
        let r = e.telefono.sync().await.unwrap();
        assert_eq!((r.enviados, r.creados, r.bajados), (3, 3, 1));
        assert_eq!((r.peticiones, r.fin), (5, SyncEnd::AlDia));
        let crudos = e
            .script
            .take_requests()
            .iter()
            .map(|p| p.crudo.len() as u64)
            .sum::<u64>();
        assert_eq!(r.bytes_subidos, crudos);
        assert!(r.bytes_bajados > 0);
    }

    #[tokio::test]
    async fn it_gives_up_after_a_few_failures_and_says_how_it_ended() {
        let mut e = Fixture::new().await;
        e.telefono.create(sample_contenido()).await.unwrap();
        let r = e.telefono.sync().await.unwrap();
        assert_eq!((r.peticiones, r.fin), (5, SyncEnd::SinEnlace));
        e.script
            .enqueue_answers([Reply::Con(422, problema(422, "datos_invalidos"))]);
        let r = e.telefono.sync().await.unwrap();
        assert!(matches!(r.fin, SyncEnd::Negado(p) if p.codigo == "datos_invalidos"));
        e.script.enqueue_answers([
            Reply::Con(401, problema(401, "token_vencido")),
            Reply::Con(401, problema(401, "sesion_cerrada")),
        ]);
        let r = e.telefono.sync().await.unwrap();
        assert_eq!(r.fin, SyncEnd::EntrarDeNuevo);
        assert_eq!(e.telefono.pending_count().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_server_that_begins_anew_again_and_again_is_left_alone() {
        let mut e = Fixture::new().await;
        for _ in 0..5 {
            let mut p = page(&json!([]), &json!([]), "c");
            p["hay_mas"] = true.into();
            e.script.enqueue_answers([
                Reply::Con(200, p),
                Reply::Con(410, problema(410, "alcance_cambiado")),
            ]);
        }
        let r = e.telefono.sync().await.unwrap();
        assert_eq!((r.peticiones, r.fin), (10, SyncEnd::SinEnlace));
    }
}
