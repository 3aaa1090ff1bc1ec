//! The pull: what changed on the server, page by page, into the mirror (*vistos*).

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use sqlx::SqliteConnection;

use crate::{
    Error, Phone, Problema, StepOutcome, db::NamedValue, http::ApiRequest,
    local_reporte::LocalReporte, reporte::Reporte,
};

/// Reports in one page, the server's limit.
pub(crate) const MAX_PAGE: usize = 1_000;

#[derive(Deserialize)]
struct FeedPage {
    reportes: Vec<Reporte>,
    retirados: Vec<Retirado>,
    catalogos: Option<Value>,
    cursor: String,
    hay_mas: bool,
}

/// A report that left the view of this person.
#[derive(Deserialize)]
struct Retirado {
    id: i64,
    uuid_cliente: String,
    motivo: String,
}

impl Phone {
    /// Asks for one page and applies it together with its cursor, so that a phone that dies in
    /// between neither misses a page nor needs one twice.
    ///
    /// Errors as [`Phone::push_once`].
    pub async fn pull_once(&mut self) -> Result<StepOutcome, Error> {
        let mut c = self.db.acquire().await?;
        let cursor = NamedValue::Cursor.read(&mut c).await?;
        drop(c);
        let empezando = cursor.is_none();
        let mut consulta = vec![("limite", self.tamano_pagina.to_string())];
        consulta.extend(cursor.map(|cursor| ("cursor", cursor)));
        let request = ApiRequest {
            consulta,
            ..ApiRequest::new(Method::GET, "/sync/changes")
        };
        let pagina = match self.request(&request).await {
            Ok(response) => response.data::<FeedPage>(),
            Err(e) => Err(e),
        };
        match pagina {
            Ok(pagina) => {
                let hay_mas = pagina.hay_mas;
                self.apply_page(pagina).await?;
                self.delay.success();
                let limit = self.settings.pagina.clamp(1, MAX_PAGE);
                self.tamano_pagina = (self.tamano_pagina * 2).min(limit);
                Ok(if hay_mas {
                    StepOutcome::Sigue
                } else {
                    StepOutcome::Listo
                })
            }
            Err(Error::Problema(p)) if !empezando && starts_over(&p) => {
                self.forget_seen(&p).await?;
                Ok(StepOutcome::DesdeCero)
            }
            Err(e) => {
                if matches!(e, Error::SinRespuesta(_)) {
                    self.tamano_pagina = (self.tamano_pagina / 2).max(1);
                }
                self.retry_if_transient(e)
            }
        }
    }

    async fn apply_page(&mut self, pagina: FeedPage) -> Result<(), Error> {
        let (llegan, se_van) = (pagina.reportes.len(), pagina.retirados.len());
        let mut tx = self.db.begin().await?;
        for reporte in pagina.reportes {
            if let Some(mut local) = LocalReporte::read(&mut tx, &reporte.uuid_cliente).await? {
                local.apply_pulled(&reporte);
                local.save(&mut tx).await?;
            }
            reporte.record(&mut tx).await?;
        }
        for retirado in pagina.retirados {
            sqlx::query("DELETE FROM vistos WHERE id = $1")
                .bind(retirado.id)
                .execute(&mut *tx)
                .await?;
            // Otherwise it is still there, only not in this person's view.
            if retirado.motivo != "fuera_de_alcance" {
                mark_retirado(&mut tx, &retirado.uuid_cliente).await?;
            }
        }
        if let Some(catalogos) = pagina.catalogos {
            NamedValue::Catalogos
                .set(&mut tx, &catalogos.to_string())
                .await?;
        }
        NamedValue::Cursor.set(&mut tx, &pagina.cursor).await?;
        tx.commit().await?;
        self.summary.bajados += llegan as u64;
        self.summary.retirados += se_van as u64;
        Ok(())
    }

    /// Forgets the mirror, never the queue. After `cursor_vencido` the server may have come back
    /// from an old backup: what it acknowledged has to be proved again.
    async fn forget_seen(&mut self, p: &Problema) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        sqlx::query("DELETE FROM vistos").execute(&mut *tx).await?;
        NamedValue::Cursor.remove(&mut tx).await?;
        if p.codigo != "alcance_cambiado" {
            NamedValue::PorReconciliar.set(&mut tx, "1").await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// All that the server showed this person, by id.
    pub async fn seen_reportes(&self) -> Result<Vec<Reporte>, Error> {
        let rows: Vec<String> = sqlx::query_scalar("SELECT json FROM vistos ORDER BY id")
            .fetch_all(&self.db)
            .await?;
        let lee = |json: String| Ok(serde_json::from_str(&json)?);
        rows.into_iter().map(lee).collect()
    }
}

fn starts_over(p: &Problema) -> bool {
    p.status == 410 || p.codigo == "cursor_invalido"
}

/// An own report was withdrawn: what still waits for it can't be sent any more, and its owner is
/// told.
pub(crate) async fn mark_retirado(c: &mut SqliteConnection, uuid: &str) -> Result<(), Error> {
    let local = LocalReporte::read(c, uuid).await?;
    if let Some(mut local) = local.filter(LocalReporte::is_pending) {
        local.reject(Problema {
            status: 410,
            codigo: "reporte_retirado".into(),
            permanente: true,
            detail: "Un administrador retiró este reporte; lo que usted escribió sigue en este \
                     teléfono."
                .into(),
            errores: vec![],
            actual: None,
        })?;
        local.save(c).await?;
    }
    Ok(())
}

impl Reporte {
    /// Into the mirror; an older version than what is there changes nothing.
    async fn record(&self, c: &mut SqliteConnection) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO vistos (id, uuid_cliente, version, json) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO UPDATE SET version = excluded.version, json = excluded.json
             WHERE excluded.version > vistos.version",
        )
        .bind(self.id)
        .bind(self.uuid_cliente.as_str())
        .bind(self.version)
        .bind(self.json.to_string())
        .execute(c)
        .await?;
        Ok(())
    }

    pub(crate) async fn find_seen(
        c: &mut SqliteConnection,
        uuid: &str,
    ) -> Result<Option<Self>, Error> {
        let json: Option<String> =
            sqlx::query_scalar("SELECT json FROM vistos WHERE uuid_cliente = $1")
                .bind(uuid)
                .fetch_optional(c)
                .await?;
        Ok(json.map(|j| serde_json::from_str(&j)).transpose()?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        Error, QueueState, StepOutcome,
        test_support::{Fixture, Reply, page, problema, reporte, sample_contenido, titulo},
    };

    const OTHER_UUID: &str = "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11";

    async fn pull_page(e: &mut Fixture, contesta: Reply) -> StepOutcome {
        e.script.enqueue_answers([contesta]);
        e.telefono.pull_once().await.unwrap()
    }

    fn page_with(reportes: &serde_json::Value, cursor: &str) -> Reply {
        Reply::Con(200, page(reportes, &json!([]), cursor))
    }

    #[tokio::test]
    async fn pages_follow_the_cursor_and_versions_never_go_back() {
        let mut e = Fixture::new().await;
        let mut primera = page(
            &json!([reporte(1, OTHER_UUID, 5, &sample_contenido())]),
            &json!([]),
            "c 1/é",
        );
        primera["hay_mas"] = true.into();
        primera["catalogos"] = json!({"version": 3});
        assert_eq!(
            pull_page(&mut e, Reply::Con(200, primera)).await,
            StepOutcome::Sigue
        );
        e.restart().await;
        let vieja = titulo("Vieja").apply_to(&sample_contenido());
        let segunda = page_with(&json!([reporte(1, OTHER_UUID, 4, &vieja)]), "c2");
        assert_eq!(pull_page(&mut e, segunda).await, StepOutcome::Listo);
        let lineas: Vec<_> = e
            .script
            .take_requests()
            .into_iter()
            .map(|p| p.linea)
            .collect();
        let esperadas = [
            "GET /sync/changes?limite=500",
            "GET /sync/changes?limite=500&cursor=c+1%2F%C3%A9",
        ];
        assert_eq!(lineas, esperadas);
        let vistos = e.telefono.seen_reportes().await.unwrap();
        assert_eq!((vistos.len(), vistos[0].version), (1, 5));
        assert_eq!(vistos[0].contenido, sample_contenido());
        assert_eq!(
            e.telefono.catalogos().await.unwrap(),
            Some(json!({"version": 3}))
        );
    }

    #[tokio::test]
    async fn a_newer_version_is_the_base_only_when_nothing_waits() {
        let mut e = Fixture::new().await;
        let (quieto, editado) = (e.acked_reporte(1).await, e.acked_reporte(2).await);
        e.telefono.edit(&editado, titulo("Mío")).await.unwrap();
        let suyo = titulo("Suyo").apply_to(&sample_contenido());
        let nuevos = json!([
            reporte(1, &quieto, 3, &suyo),
            reporte(2, &editado, 3, &suyo)
        ]);
        pull_page(&mut e, page_with(&nuevos, "c")).await;
        let propios = e.telefono.own_reportes().await.unwrap();
        assert_eq!((propios[0].version, propios[1].version), (Some(3), Some(1)));
        assert_eq!(propios[0].contenido, suyo);
        assert_eq!(propios[1].contenido.titulo, "Mío");
    }

    #[tokio::test]
    async fn a_withdrawn_report_leaves_and_takes_no_edit_with_it() {
        let mut e = Fixture::new().await;
        let uuid = e.acked_reporte(1).await;
        pull_page(
            &mut e,
            page_with(&json!([reporte(1, &uuid, 1, &sample_contenido())]), "c"),
        )
        .await;
        e.telefono.edit(&uuid, titulo("Mío")).await.unwrap();
        let retirados = json!([{"id": 1, "uuid_cliente": uuid, "motivo": "retirado"}]);
        pull_page(&mut e, Reply::Con(200, page(&json!([]), &retirados, "d"))).await;
        assert!(e.telefono.seen_reportes().await.unwrap().is_empty());
        let propio = e.telefono.own_reporte(&uuid).await.unwrap().unwrap();
        assert_eq!(propio.contenido.titulo, "Mío");
        assert!(
            matches!(propio.estado, QueueState::Rechazado(p) if p.codigo == "reporte_retirado")
        );
    }

    #[tokio::test]
    async fn after_410_the_pull_starts_over_and_the_queue_stays() {
        let mut e = Fixture::new().await;
        let uuid = e.telefono.create(sample_contenido()).await.unwrap();
        pull_page(
            &mut e,
            page_with(
                &json!([reporte(1, OTHER_UUID, 5, &sample_contenido())]),
                "c",
            ),
        )
        .await;
        let cambio = Reply::Con(410, problema(410, "alcance_cambiado"));
        assert_eq!(pull_page(&mut e, cambio).await, StepOutcome::DesdeCero);
        assert!(e.telefono.seen_reportes().await.unwrap().is_empty());
        assert_eq!(e.telefono.pending_count().await.unwrap(), 1);
        e.script.take_requests();
        pull_page(
            &mut e,
            page_with(
                &json!([reporte(1, OTHER_UUID, 2, &sample_contenido())]),
                "c",
            ),
        )
        .await;
        assert_eq!(
            e.script.take_requests()[0].linea,
            "GET /sync/changes?limite=500"
        );
        assert_eq!(e.telefono.seen_reportes().await.unwrap()[0].version, 2);
        assert!(e.telefono.own_reporte(&uuid).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_page_that_is_none_leaves_the_cursor_where_it_was() {
        let mut e = Fixture::new().await;
        let mut sin_cursor = page(
            &json!([reporte(1, OTHER_UUID, 5, &sample_contenido())]),
            &json!([]),
            "c",
        );
        sin_cursor["cursor"] = json!(null);
        let paso = pull_page(&mut e, Reply::Con(200, sin_cursor)).await;
        assert!(matches!(paso, StepOutcome::Espera(_)));
        assert!(e.telefono.seen_reportes().await.unwrap().is_empty());
        e.script.take_requests();
        e.script
            .enqueue_answers([Reply::Con(410, problema(410, "cursor_vencido"))]);
        // Without a cursor there is nothing to forget.
        let error = e.telefono.pull_once().await.unwrap_err();
        assert!(matches!(error, Error::Problema(p) if p.status == 410));
        // A smaller page may get through.
        assert_eq!(
            e.script.take_requests()[0].linea,
            "GET /sync/changes?limite=250"
        );
    }

    #[tokio::test]
    async fn a_report_from_another_phone_can_be_edited_here() {
        let mut e = Fixture::new().await;
        let nadie = e.telefono.edit(OTHER_UUID, titulo("Mío")).await;
        assert!(matches!(nadie, Err(Error::NoExiste(_))));
        pull_page(
            &mut e,
            page_with(
                &json!([reporte(1, OTHER_UUID, 5, &sample_contenido())]),
                "c",
            ),
        )
        .await;
        e.telefono.edit(OTHER_UUID, titulo("Mío")).await.unwrap();
        let batch = e.telefono.build_batch(1).await.unwrap();
        let (_, item) = batch.items().next().unwrap();
        let item: serde_json::Value = serde_json::from_str(item).unwrap();
        assert_eq!(
            (&item["version_base"], &item["titulo"]),
            (&json!(5), &json!("Mío"))
        );
    }
}
