//! Reconciling: the phone proves that the server has all that it acknowledged.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Error, Phone,
    db::NamedValue,
    files::resend,
    http::{ApiRequest, gzip_json},
    local_reporte::LocalReporte,
    pull::mark_retirado,
    reporte::Reporte,
    row::Row,
};

/// Reports in one request, the server's limit.
const MAX: usize = 10_000;

/// What the server has of what it acknowledged, by uuid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReconcileReport {
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
struct HeldReporte<'a> {
    uuid_cliente: &'a str,
    sha256_contenido: &'a str,
    version: i64,
}

#[derive(Deserialize)]
struct ReconcileResponse {
    #[serde(alias = "reportes")]
    resultados: Vec<ReconcileItem>,
}

#[derive(Deserialize)]
struct ReconcileItem {
    uuid_cliente: String,
    resultado: ReconcileResult,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReconcileResult {
    Igual,
    Falta,
    Distinto,
    MultimediaPendiente,
    Retirado,
}

impl Phone {
    /// Asks about every acknowledged report, and mends what the phone can. Meant for when the queue
    /// is empty and the mirror fresh: a server that came back from a backup is then given again
    /// what it lost.
    ///
    /// Any [`Error`] of a request; what was mended before it stays mended.
    pub async fn reconcile(&mut self) -> Result<ReconcileReport, Error> {
        let rows: Vec<Row> = sqlx::query_as("SELECT * FROM cola WHERE base IS NOT NULL ORDER BY n")
            .fetch_all(&self.db)
            .await?;
        let locals = rows
            .into_iter()
            .map(LocalReporte::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        let mut checksum = ReconcileReport::default();
        for parte in locals.chunks(MAX) {
            let afirmaciones: Vec<_> = parte
                .iter()
                .filter_map(|f| {
                    f.base.as_ref().map(|b| HeldReporte {
                        uuid_cliente: &f.uuid_cliente,
                        sha256_contenido: &b.sha256,
                        version: b.version,
                    })
                })
                .collect();
            let datos = json!({
                "device_id": self.settings.device_id,
                "reportes": afirmaciones,
            });
            let gzip = gzip_json(&datos)?;
            let response = self
                .request(&ApiRequest::post("/sync/reconciliar", &gzip))
                .await?;
            let ReconcileResponse { resultados } = response.data()?;
            let es_suya = resultados.len() == afirmaciones.len()
                && resultados
                    .iter()
                    .zip(&afirmaciones)
                    .all(|(r, a)| r.uuid_cliente == a.uuid_cliente);
            if !es_suya {
                return Err(Error::SinRespuesta("la respuesta es de otra lista".into()));
            }
            self.repair(resultados, &mut checksum).await?;
        }
        let mut c = self.db.acquire().await?;
        NamedValue::PorReconciliar.remove(&mut c).await?;
        Ok(checksum)
    }

    async fn repair(
        &mut self,
        respuestas: Vec<ReconcileItem>,
        checksum: &mut ReconcileReport,
    ) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        for ReconcileItem {
            uuid_cliente: uuid,
            resultado,
        } in respuestas
        {
            match resultado {
                ReconcileResult::Igual => checksum.iguales += 1,
                ReconcileResult::MultimediaPendiente => {
                    resend(&mut tx, &uuid).await?;
                    checksum.multimedia_pendiente.push(uuid);
                }
                ReconcileResult::Retirado => {
                    mark_retirado(&mut tx, &uuid).await?;
                    checksum.retirados.push(uuid);
                }
                ReconcileResult::Falta => {
                    if let Some(mut local) = LocalReporte::read(&mut tx, &uuid).await? {
                        local.recreate()?;
                        local.save(&mut tx).await?;
                    }
                    resend(&mut tx, &uuid).await?;
                    checksum.faltan.push(uuid);
                }
                ReconcileResult::Distinto => {
                    let local = LocalReporte::read(&mut tx, &uuid).await?;
                    let suyo = Reporte::find_seen(&mut tx, &uuid).await?;
                    if let Some((mut local, suyo)) = local.zip(suyo) {
                        local.roll_back(&suyo);
                        local.save(&mut tx).await?;
                    }
                    checksum.distintos.push(uuid);
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
        QueueState, ReconcileReport, SyncEnd,
        test_support::{
            Fixture, Reply, all_created, page, problema, reporte, sample_contenido, titulo,
        },
    };

    fn respond(e: &Fixture, suertes: &[(&str, &str)]) {
        let lista: Vec<Value> = suertes
            .iter()
            .map(|(uuid, resultado)| json!({"uuid_cliente": uuid, "resultado": resultado}))
            .collect();
        e.script
            .enqueue_answers([Reply::Con(200, json!({"resultados": lista}))]);
    }

    #[tokio::test]
    async fn what_the_server_lost_is_created_again() {
        let mut e = Fixture::new().await;
        let (uno, dos) = (e.acked_reporte(1).await, e.acked_reporte(2).await);
        respond(&e, &[(&uno, "igual"), (&dos, "falta")]);
        let esperado = ReconcileReport {
            iguales: 1,
            faltan: vec![dos.clone()],
            ..ReconcileReport::default()
        };
        assert_eq!(e.telefono.reconcile().await.unwrap(), esperado);
        let request = &e.script.take_requests()[0].cuerpo;
        assert_eq!(request["device_id"], "moto-1");
        let afirmado = json!({"uuid_cliente": uno, "sha256_contenido": sample_contenido().sha256(), "version": 1});
        assert_eq!(request["reportes"][0], afirmado);
        let batch = e.telefono.build_batch(10).await.unwrap();
        let items: Vec<_> = batch.items().collect();
        assert_eq!((items.len(), items[0].0), (1, dos.as_str()));
        assert!(!items[0].1.contains("version_base"));
    }

    #[tokio::test]
    async fn an_edit_that_a_restored_server_forgot_is_one_again() {
        let mut e = Fixture::new().await;
        let uuid = e.acked_reporte(1).await;
        e.telefono.edit(&uuid, titulo("Dos")).await.unwrap();
        e.respond(
            &json!({"uuid_cliente": uuid, "resultado": "actualizado", "id": 1, "version": 2}),
        )
        .await;
        let viejo = json!([reporte(1, &uuid, 1, &sample_contenido())]);
        e.script.enqueue_answers([
            Reply::Con(200, page(&json!([]), &json!([]), "c")),
            Reply::Con(410, problema(410, "cursor_vencido")),
            Reply::Con(200, page(&viejo, &json!([]), "c")),
        ]);
        assert_eq!(e.telefono.sync().await.unwrap().fin, SyncEnd::AlDia);
        respond(&e, &[(&uuid, "distinto")]);
        e.script.enqueue_answers([
            Reply::Segun(all_created),
            Reply::Con(200, page(&json!([]), &json!([]), "d")),
        ]);
        e.script.take_requests();
        let summary = e.telefono.sync().await.unwrap();
        assert_eq!((summary.fin, summary.enviados), (SyncEnd::AlDia, 1));
        let requests = e.script.take_requests();
        let lineas: Vec<_> = requests
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
        let item = &requests[3].cuerpo["reportes"][0];
        assert_eq!(
            (&item["titulo"], &item["version_base"]),
            (&json!("Dos"), &json!(1))
        );
    }

    #[tokio::test]
    async fn an_answer_about_other_reports_mends_nothing() {
        let mut e = Fixture::new().await;
        let uuid = e.acked_reporte(1).await;
        respond(&e, &[("otro", "falta")]);
        assert!(e.telefono.reconcile().await.is_err());
        respond(&e, &[]);
        assert!(e.telefono.reconcile().await.is_err());
        let propio = e.telefono.own_reporte(&uuid).await.unwrap().unwrap();
        assert_eq!(propio.estado, QueueState::Entregado);
    }
}
