//! The whole: push, pull, files, and what to do when the server's memory is in doubt.

use tokio::time::sleep;

use crate::{Error, Fin, Paso, Resumen, Telefono, disco::Nota};

enum Sentido {
    Sube,
    Baja,
    /// Files.
    Archivos,
}

impl Telefono {
    /// Sends all reports that wait, brings all that changed, then sends the files, waiting between
    /// failures.
    ///
    /// The summary says how it ended. Errors are only those of the phone's own disk.
    pub async fn sincroniza(&mut self) -> Result<Resumen, Error> {
        self.toma_resumen();
        let fin = match self.hasta_estar_al_dia().await {
            Ok(fin) => fin,
            Err(Error::SinRespuesta(_) | Error::Espere { .. }) => Fin::SinEnlace,
            Err(Error::EntrarDeNuevo) => Fin::EntrarDeNuevo,
            Err(Error::Problema(p)) => Fin::Negado(p),
            Err(e) => return Err(e),
        };
        Ok(Resumen {
            fin,
            ..self.toma_resumen()
        })
    }

    /// The counts since they were last taken, for who drives the phone step by step; they start
    /// again.
    pub fn toma_resumen(&mut self) -> Resumen {
        let trafico = self.cliente.toma_trafico();
        Resumen {
            peticiones: trafico.peticiones,
            bytes_subidos: trafico.subidos,
            bytes_bajados: trafico.bajados,
            ..std::mem::take(&mut self.resumen)
        }
    }

    async fn hasta_estar_al_dia(&mut self) -> Result<Fin, Error> {
        loop {
            if !self.insiste(&Sentido::Sube).await? || !self.insiste(&Sentido::Baja).await? {
                return Ok(Fin::SinEnlace);
            }
            let mut c = self.disco.acquire().await?;
            let en_duda = Nota::PorReconciliar.lee(&mut c).await?.is_some();
            drop(c);
            if !en_duda {
                let antes = self.resumen.archivos;
                let enviados = self.insiste(&Sentido::Archivos).await?;
                // A file that arrived is a change of its report.
                let al_dia = antes == self.resumen.archivos || self.insiste(&Sentido::Baja).await?;
                return Ok(if enviados && al_dia {
                    Fin::AlDia
                } else {
                    Fin::SinEnlace
                });
            }
            // What the server turns out to have lost goes up in the next round.
            self.reconciliar().await?;
        }
    }

    /// Steps until there is nothing more to do in that direction; `false` after too many failures
    /// in a row.
    async fn insiste(&mut self, sentido: &Sentido) -> Result<bool, Error> {
        let (mut fallos, mut vueltas) = (0, 0);
        loop {
            let paso = match sentido {
                Sentido::Sube => self.push_una_vez().await?,
                Sentido::Baja => self.pull_una_vez().await?,
                Sentido::Archivos => self.archivo_una_vez().await?,
            };
            match paso {
                Paso::Listo | Paso::Aplazado(_) => return Ok(true),
                Paso::Sigue => fallos = 0,
                // A server that does this again and again would cost the owner's data for nothing.
                Paso::DesdeCero => {
                    vueltas += 1;
                    if vueltas >= self.ajustes.intentos {
                        return Ok(false);
                    }
                }
                Paso::Espera(cuanto) => {
                    fallos += 1;
                    if fallos >= self.ajustes.intentos {
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
        Fin,
        pruebas::{Contesta, Escena, pagina, problema, reporte, roca, todo_creado},
    };

    #[tokio::test]
    async fn everything_goes_up_and_comes_down_through_failures() {
        let mut e = Escena::nueva().await;
        let mut uuids = Vec::new();
        for _ in 0..3 {
            uuids.push(e.telefono.crear(roca()).await.unwrap());
        }
        let bajan = json!([reporte(1, &uuids[0], 1, &roca())]);
        e.guion.contesta([
            Contesta::SePierde,
            Contesta::Segun(todo_creado),
            Contesta::Segun(todo_creado),
            Contesta::Con(500, problema(500, "error_interno")),
            Contesta::Con(200, pagina(&bajan, &json!([]), "c")),
        ]);
        let r = e.telefono.sincroniza().await.unwrap();
        assert_eq!((r.enviados, r.creados, r.bajados), (3, 3, 1));
        assert_eq!((r.peticiones, r.fin), (5, Fin::AlDia));
        let crudos = e
            .guion
            .pedidos()
            .iter()
            .map(|p| p.crudo.len() as u64)
            .sum::<u64>();
        assert_eq!(r.bytes_subidos, crudos);
        assert!(r.bytes_bajados > 0);
    }

    #[tokio::test]
    async fn it_gives_up_after_a_few_failures_and_says_how_it_ended() {
        let mut e = Escena::nueva().await;
        e.telefono.crear(roca()).await.unwrap();
        let r = e.telefono.sincroniza().await.unwrap();
        assert_eq!((r.peticiones, r.fin), (5, Fin::SinEnlace));
        e.guion
            .contesta([Contesta::Con(422, problema(422, "datos_invalidos"))]);
        let r = e.telefono.sincroniza().await.unwrap();
        assert!(matches!(r.fin, Fin::Negado(p) if p.codigo == "datos_invalidos"));
        e.guion.contesta([
            Contesta::Con(401, problema(401, "token_vencido")),
            Contesta::Con(401, problema(401, "sesion_cerrada")),
        ]);
        let r = e.telefono.sincroniza().await.unwrap();
        assert_eq!(r.fin, Fin::EntrarDeNuevo);
        assert_eq!(e.telefono.pendientes().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_server_that_begins_anew_again_and_again_is_left_alone() {
        let mut e = Escena::nueva().await;
        for _ in 0..5 {
            let mut p = pagina(&json!([]), &json!([]), "c");
            p["hay_mas"] = true.into();
            e.guion.contesta([
                Contesta::Con(200, p),
                Contesta::Con(410, problema(410, "alcance_cambiado")),
            ]);
        }
        let r = e.telefono.sincroniza().await.unwrap();
        assert_eq!((r.peticiones, r.fin), (10, Fin::SinEnlace));
    }
}
