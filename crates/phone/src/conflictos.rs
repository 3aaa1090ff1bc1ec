//! Conflicts: what both sides changed, and whose word counts.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sigra_domain::sync::Lado;

use crate::{
    Conflicto, Error, Phone,
    http::{ApiRequest, gzip_json},
    local_reporte::{HoldReason, LocalReporte},
    reporte::Reporte,
    row::Row,
};

/// Times that a decision is sent again because the report changed meanwhile.
const MAX_ATTEMPTS: u32 = 5;

/// Whose word counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", content = "campos", rename_all = "snake_case")]
pub enum ConflictoPolicy {
    /// The report stays as it is; on a decided report the only one that the server takes.
    Servidor,
    /// The phone's values replace it.
    Cliente,
    /// Field by field, for each of [`Conflicto::label_fields`].
    Mezcla(BTreeMap<String, Lado>),
}

#[derive(Serialize)]
struct Decision<'a> {
    #[serde(flatten)]
    politica: &'a ConflictoPolicy,
    version: i64,
}

impl Phone {
    /// The conflicts of this phone that nobody decided yet, as far as it knows.
    pub async fn conflictos(&self) -> Result<Vec<Conflicto>, Error> {
        let rows: Vec<Row> =
            sqlx::query_as("SELECT * FROM cola WHERE aparte IS NOT NULL ORDER BY n")
                .fetch_all(&self.db)
                .await?;
        let mut conflictos = Vec::new();
        for fila in rows {
            if let Some(HoldReason::Conflicto(c)) = LocalReporte::try_from(fila)?.aparte {
                conflictos.push(*c);
            }
        }
        Ok(conflictos)
    }

    /// Decides the conflict `id` and tells the server. Edits made since the conflict was known go
    /// with the next push, on what was decided.
    ///
    /// When the report changed meanwhile, the decision goes again for its new version, a few times.
    /// When somebody else decided otherwise and a pull brought that, theirs counts.
    /// [`Error::SinConflicto`] when the phone knows no such conflict, else any [`Error`] of a
    /// request; nothing changed then, and the same decision can be sent again.
    pub async fn resolve_conflicto(
        &mut self,
        id: i64,
        politica: &ConflictoPolicy,
    ) -> Result<(), Error> {
        let conflicto = self.conflictos().await?.into_iter().find(|c| c.id == id);
        let Conflicto {
            uuid_cliente,
            actual,
            ..
        } = conflicto.ok_or(Error::SinConflicto(id))?;
        let ruta = format!("/sync/conflictos/{id}/resolver");
        let mut version = actual.version;
        for intento in 1.. {
            let gzip = gzip_json(&Decision { politica, version })?;
            let response = self.request(&ApiRequest::post(&ruta, &gzip)).await?;
            match response.data::<Reporte>() {
                Ok(decidido) => return self.record_decision(&uuid_cliente, &decidido).await,
                Err(Error::Problema(p)) if p.status == 412 && intento < MAX_ATTEMPTS => {
                    let nueva = p.actual.as_ref().map(|a| &a["version"]);
                    match nueva.and_then(Value::as_i64) {
                        Some(nueva) => version = nueva,
                        None => return Err(Error::Problema(p)),
                    }
                }
                Err(Error::Problema(p)) if p.codigo == "conflicto_resuelto" => {
                    let mut c = self.db.acquire().await?;
                    let visto = Reporte::find_seen(&mut c, &uuid_cliente).await?;
                    drop(c);
                    return match visto.filter(|v| v.version > actual.version) {
                        Some(visto) => self.record_decision(&uuid_cliente, &visto).await,
                        None => Err(Error::Problema(p)),
                    };
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    async fn record_decision(&mut self, uuid: &str, decidido: &Reporte) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        if let Some(mut local) = LocalReporte::read(&mut tx, uuid).await? {
            local.resolve(decidido);
            local.save(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        ConflictoPolicy, Error, Lado, QueueState,
        test_support::{Fixture, Reply, page, problema, reporte, sample_contenido, titulo},
    };

    /// An acknowledged report whose title both sides changed: conflict 9, the server at version 3.
    async fn with_conflicto() -> (Fixture, String) {
        let mut e = Fixture::new().await;
        let uuid = e.acked_reporte(1).await;
        e.telefono.edit(&uuid, titulo("Mío")).await.unwrap();
        let suyo = titulo("Suyo").apply_to(&sample_contenido());
        let mut actual = reporte(1, &uuid, 3, &suyo);
        actual["sync_status"] = "conflicto".into();
        e.respond(
            &json!({"uuid_cliente": uuid, "resultado": "conflicto", "id": 1, "version": 3,
            "conflicto_id": 9, "actual": actual, "campos": [{"campo": "titulo", "base": "Roca",
            "servidor": "Suyo", "cliente": "Mío"}]}),
        )
        .await;
        (e, uuid)
    }

    fn decided_reporte(uuid: &str, version: i64, t: &str) -> Value {
        reporte(1, uuid, version, &titulo(t).apply_to(&sample_contenido()))
    }

    #[tokio::test]
    async fn a_conflict_waits_for_a_decision_and_both_sides_are_there() {
        let (mut e, uuid) = with_conflicto().await;
        e.restart().await;
        assert_eq!(e.telefono.build_batch(10).await.unwrap().item_count(), 0);
        let conflictos = e.telefono.conflictos().await.unwrap();
        let [c] = &conflictos[..] else {
            panic!("{conflictos:?}");
        };
        assert_eq!((c.id, c.uuid_cliente.as_str()), (9, uuid.as_str()));
        assert_eq!(
            (
                c.actual.contenido.titulo.as_str(),
                c.enviado.titulo.as_str()
            ),
            ("Suyo", "Mío")
        );
        assert_eq!(c.campos[0].cliente, "Mío");
        assert_eq!(e.telefono.ledger().await.unwrap()[1].resultado, "conflicto");
    }

    #[tokio::test]
    async fn a_decision_goes_again_for_the_version_that_there_is() {
        let (mut e, uuid) = with_conflicto().await;
        let mut tarde = problema(412, "version_desfasada");
        tarde["actual"] = decided_reporte(&uuid, 5, "Suyo");
        e.script.enqueue_answers([
            Reply::Con(412, tarde),
            Reply::SePierde,
            Reply::Con(200, decided_reporte(&uuid, 6, "Mío")),
        ]);
        let campos = [("titulo".to_owned(), Lado::Cliente)].into();
        let lost = e
            .telefono
            .resolve_conflicto(9, &ConflictoPolicy::Mezcla(campos))
            .await;
        assert!(matches!(lost, Err(Error::SinRespuesta(_))));
        e.telefono
            .resolve_conflicto(9, &ConflictoPolicy::Cliente)
            .await
            .unwrap();
        let requests = e.script.take_requests();
        assert_eq!(requests[0].linea, "POST /sync/conflictos/9/resolver");
        let cuerpos: Vec<_> = requests.into_iter().map(|p| p.cuerpo).collect();
        let mezcla = |version| {
            json!({"decision": "mezcla", "version": version,
            "campos": {"titulo": "cliente"}})
        };
        let client = json!({"decision": "cliente", "version": 3});
        assert_eq!(cuerpos, [mezcla(3), mezcla(5), client]);
        let propio = e.telefono.own_reporte(&uuid).await.unwrap().unwrap();
        assert_eq!(
            (propio.version, propio.estado),
            (Some(6), QueueState::Entregado)
        );
        let otra_vez = e
            .telefono
            .resolve_conflicto(9, &ConflictoPolicy::Servidor)
            .await;
        assert!(matches!(otra_vez, Err(Error::SinConflicto(9))));
    }

    #[tokio::test]
    async fn a_pull_tells_that_somebody_else_decided() {
        let (mut e, uuid) = with_conflicto().await;
        let mut sigue = decided_reporte(&uuid, 4, "Suyo");
        sigue["sync_status"] = "conflicto".into();
        for (r, estado) in [
            (sigue, QueueState::EnConflicto),
            (decided_reporte(&uuid, 5, "Suyo"), QueueState::Entregado),
        ] {
            let p = page(&json!([r]), &json!([]), "c");
            e.script.enqueue_answers([Reply::Con(200, p)]);
            e.telefono.pull_once().await.unwrap();
            let propio = e.telefono.own_reporte(&uuid).await.unwrap().unwrap();
            assert_eq!(propio.estado, estado);
        }
    }

    #[tokio::test]
    async fn a_decision_that_comes_too_late_gives_way() {
        let (mut e, uuid) = with_conflicto().await;
        let resuelto = || Reply::Con(409, problema(409, "conflicto_resuelto"));
        e.script.enqueue_answers([resuelto()]);
        let antes_de_saber = e
            .telefono
            .resolve_conflicto(9, &ConflictoPolicy::Cliente)
            .await;
        assert!(matches!(antes_de_saber, Err(Error::Problema(_))));
        // Another conflict of the same report is still open.
        let mut suyo = decided_reporte(&uuid, 4, "Suyo");
        suyo["sync_status"] = "conflicto".into();
        let p = page(&json!([suyo]), &json!([]), "c");
        e.script.enqueue_answers([Reply::Con(200, p), resuelto()]);
        e.telefono.pull_once().await.unwrap();
        e.telefono
            .resolve_conflicto(9, &ConflictoPolicy::Cliente)
            .await
            .unwrap();
        let propio = e.telefono.own_reporte(&uuid).await.unwrap().unwrap();
        assert_eq!(
            (propio.version, propio.estado),
            (Some(4), QueueState::Entregado)
        );
    }

    #[tokio::test]
    async fn an_edit_during_the_conflict_does_not_undo_the_decision_unseen() {
        for (queda, base) in [("Suyo", 1), ("Mío", 5)] {
            let (mut e, uuid) = with_conflicto().await;
            e.telefono.edit(&uuid, titulo("Después")).await.unwrap();
            e.script
                .enqueue_answers([Reply::Con(200, decided_reporte(&uuid, 5, queda))]);
            e.telefono
                .resolve_conflicto(9, &ConflictoPolicy::Servidor)
                .await
                .unwrap();
            let batch = e.telefono.build_batch(10).await.unwrap();
            let (_, item) = batch.items().next().unwrap();
            let item: Value = serde_json::from_str(item).unwrap();
            let esperado = (&json!("Después"), &json!(base));
            assert_eq!((&item["titulo"], &item["version_base"]), esperado);
        }
    }
}
