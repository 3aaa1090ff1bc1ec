//! Reconciling: the phone proves that the server has all that it acknowledged.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Error, Telefono,
    archivos::de_nuevo,
    disco::Nota,
    ficha::Ficha,
    fila::Fila,
    http::{Peticion, comprime},
    reporte::Reporte,
    tirar::retira,
};

/// Reports in one request, the server's limit.
const MAX: usize = 10_000;

/// What the server has of what it acknowledged, by uuid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliacion {
    pub iguales: u64,
    /// Lost by the server, and queued to be created again.
    pub faltan: Vec<String>,
    /// Other content: somebody edited it (the next pull brings that), or something still waits.
    pub distintos: Vec<String>,
    /// The content is there, files are missing.
    pub multimedia_pendiente: Vec<String>,
    pub retirados: Vec<String>,
}

#[derive(Serialize)]
struct Afirmacion<'a> {
    uuid_cliente: &'a str,
    sha256_contenido: &'a str,
    version: i64,
}

#[derive(Deserialize)]
struct Respuestas {
    #[serde(alias = "reportes")]
    resultados: Vec<Respuesta>,
}

#[derive(Deserialize)]
struct Respuesta {
    uuid_cliente: String,
    resultado: Suerte,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Suerte {
    Igual,
    Falta,
    Distinto,
    MultimediaPendiente,
    Retirado,
}

impl Telefono {
    /// Asks about every acknowledged report, and mends what the phone can. Meant for when the queue
    /// is empty and the mirror fresh: a server that came back from a backup is then given again
    /// what it lost.
    ///
    /// Any [`Error`] of a request; what was mended before it stays mended.
    pub async fn reconciliar(&mut self) -> Result<Reconciliacion, Error> {
        let filas: Vec<Fila> =
            sqlx::query_as("SELECT * FROM cola WHERE base IS NOT NULL ORDER BY n")
                .fetch_all(&self.disco)
                .await?;
        let fichas = filas
            .into_iter()
            .map(Ficha::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        let mut suma = Reconciliacion::default();
        for parte in fichas.chunks(MAX) {
            let afirmaciones: Vec<_> = parte
                .iter()
                .filter_map(|f| {
                    f.base.as_ref().map(|b| Afirmacion {
                        uuid_cliente: &f.uuid_cliente,
                        sha256_contenido: &b.sha256,
                        version: b.version,
                    })
                })
                .collect();
            let datos = json!({
                "device_id": self.ajustes.device_id,
                "reportes": afirmaciones,
            });
            let gzip = comprime(&datos)?;
            let respuesta = self
                .pide(&Peticion::post("/sync/reconciliar", &gzip))
                .await?;
            let Respuestas { resultados } = respuesta.datos()?;
            let es_suya = resultados.len() == afirmaciones.len()
                && resultados
                    .iter()
                    .zip(&afirmaciones)
                    .all(|(r, a)| r.uuid_cliente == a.uuid_cliente);
            if !es_suya {
                return Err(Error::SinRespuesta("la respuesta es de otra lista".into()));
            }
            self.remedia(resultados, &mut suma).await?;
        }
        let mut c = self.disco.acquire().await?;
        Nota::PorReconciliar.quita(&mut c).await?;
        Ok(suma)
    }

    async fn remedia(
        &mut self,
        respuestas: Vec<Respuesta>,
        suma: &mut Reconciliacion,
    ) -> Result<(), Error> {
        let mut tx = self.disco.begin().await?;
        for Respuesta {
            uuid_cliente: uuid,
            resultado,
        } in respuestas
        {
            match resultado {
                Suerte::Igual => suma.iguales += 1,
                Suerte::MultimediaPendiente => {
                    de_nuevo(&mut tx, &uuid).await?;
                    suma.multimedia_pendiente.push(uuid);
                }
                Suerte::Retirado => {
                    retira(&mut tx, &uuid).await?;
                    suma.retirados.push(uuid);
                }
                Suerte::Falta => {
                    if let Some(mut ficha) = Ficha::lee(&mut tx, &uuid).await? {
                        ficha.falta()?;
                        ficha.guarda(&mut tx).await?;
                    }
                    de_nuevo(&mut tx, &uuid).await?;
                    suma.faltan.push(uuid);
                }
                Suerte::Distinto => {
                    let ficha = Ficha::lee(&mut tx, &uuid).await?;
                    let suyo = Reporte::visto(&mut tx, &uuid).await?;
                    if let Some((mut ficha, suyo)) = ficha.zip(suyo) {
                        ficha.retrocede(&suyo);
                        ficha.guarda(&mut tx).await?;
                    }
                    suma.distintos.push(uuid);
                }
            }
        }
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        Estado, Fin, Reconciliacion,
        pruebas::{Contesta, Escena, pagina, problema, reporte, roca, titulo, todo_creado},
    };

    fn responde(e: &Escena, suertes: &[(&str, &str)]) {
        let lista: Vec<Value> = suertes
            .iter()
            .map(|(uuid, resultado)| json!({"uuid_cliente": uuid, "resultado": resultado}))
            .collect();
        e.guion
            .contesta([Contesta::Con(200, json!({"resultados": lista}))]);
    }

    #[tokio::test]
    async fn what_the_server_lost_is_created_again() {
        let mut e = Escena::nueva().await;
        let (uno, dos) = (e.entregado(1).await, e.entregado(2).await);
        responde(&e, &[(&uno, "igual"), (&dos, "falta")]);
        let esperado = Reconciliacion {
            iguales: 1,
            faltan: vec![dos.clone()],
            ..Reconciliacion::default()
        };
        assert_eq!(e.telefono.reconciliar().await.unwrap(), esperado);
        let pedido = &e.guion.pedidos()[0].cuerpo;
        assert_eq!(pedido["device_id"], "moto-1");
        let afirmado =
            json!({"uuid_cliente": uno, "sha256_contenido": roca().sha256(), "version": 1});
        assert_eq!(pedido["reportes"][0], afirmado);
        let lote = e.telefono.arma_lote(10).await.unwrap();
        let items: Vec<_> = lote.items().collect();
        assert_eq!((items.len(), items[0].0), (1, dos.as_str()));
        assert!(!items[0].1.contains("version_base"));
    }

    #[tokio::test]
    async fn an_edit_that_a_restored_server_forgot_is_one_again() {
        let mut e = Escena::nueva().await;
        let uuid = e.entregado(1).await;
        e.telefono.editar(&uuid, titulo("Dos")).await.unwrap();
        e.responde(
            &json!({"uuid_cliente": uuid, "resultado": "actualizado", "id": 1, "version": 2}),
        )
        .await;
        let viejo = json!([reporte(1, &uuid, 1, &roca())]);
        e.guion.contesta([
            Contesta::Con(200, pagina(&json!([]), &json!([]), "c")),
            Contesta::Con(410, problema(410, "cursor_vencido")),
            Contesta::Con(200, pagina(&viejo, &json!([]), "c")),
        ]);
        assert_eq!(e.telefono.sincroniza().await.unwrap().fin, Fin::AlDia);
        responde(&e, &[(&uuid, "distinto")]);
        e.guion.contesta([
            Contesta::Segun(todo_creado),
            Contesta::Con(200, pagina(&json!([]), &json!([]), "d")),
        ]);
        e.guion.pedidos();
        let resumen = e.telefono.sincroniza().await.unwrap();
        assert_eq!((resumen.fin, resumen.enviados), (Fin::AlDia, 1));
        let pedidos = e.guion.pedidos();
        let lineas: Vec<_> = pedidos
            .iter()
            .map(|p| p.linea.split('?').next().unwrap())
            .collect();
        let esperadas = [
            "GET /sync/changes",
            "GET /sync/changes",
            "POST /sync/reconciliar",
            "POST /sync/batch",
            "GET /sync/changes",
        ];
        assert_eq!(lineas, esperadas);
        let item = &pedidos[3].cuerpo["reportes"][0];
        assert_eq!(
            (&item["titulo"], &item["version_base"]),
            (&json!("Dos"), &json!(1))
        );
    }

    #[tokio::test]
    async fn an_answer_about_other_reports_mends_nothing() {
        let mut e = Escena::nueva().await;
        let uuid = e.entregado(1).await;
        responde(&e, &[("otro", "falta")]);
        assert!(e.telefono.reconciliar().await.is_err());
        responde(&e, &[]);
        assert!(e.telefono.reconciliar().await.is_err());
        let propio = e.telefono.propio(&uuid).await.unwrap().unwrap();
        assert_eq!(propio.estado, Estado::Entregado);
    }
}
