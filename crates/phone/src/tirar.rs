//! The pull: what changed on the server, page by page, into the mirror (*vistos*).

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use sqlx::SqliteConnection;

use crate::{
    Error, Paso, Problema, Telefono, disco::Nota, ficha::Ficha, http::Peticion, reporte::Reporte,
};

/// Reports in one page, the server's limit.
pub(crate) const MAX_PAGINA: usize = 1_000;

#[derive(Deserialize)]
struct Pagina {
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

impl Telefono {
    /// Asks for one page and applies it together with its cursor, so that a phone that dies in
    /// between neither misses a page nor needs one twice.
    ///
    /// Errors as [`Telefono::push_una_vez`].
    pub async fn pull_una_vez(&mut self) -> Result<Paso, Error> {
        let mut c = self.disco.acquire().await?;
        let cursor = Nota::Cursor.lee(&mut c).await?;
        drop(c);
        let empezando = cursor.is_none();
        let mut consulta = vec![("limite", self.tamano_pagina.to_string())];
        consulta.extend(cursor.map(|cursor| ("cursor", cursor)));
        let peticion = Peticion {
            consulta,
            ..Peticion::nueva(Method::GET, "/sync/changes")
        };
        let pagina = match self.pide(&peticion).await {
            Ok(respuesta) => respuesta.datos::<Pagina>(),
            Err(e) => Err(e),
        };
        match pagina {
            Ok(pagina) => {
                let hay_mas = pagina.hay_mas;
                self.aplica_pagina(pagina).await?;
                self.espera.exito();
                let tope = self.ajustes.pagina.clamp(1, MAX_PAGINA);
                self.tamano_pagina = (self.tamano_pagina * 2).min(tope);
                Ok(if hay_mas { Paso::Sigue } else { Paso::Listo })
            }
            Err(Error::Problema(p)) if !empezando && empieza_de_nuevo(&p) => {
                self.olvida_vistos(&p).await?;
                Ok(Paso::DesdeCero)
            }
            Err(e) => {
                if matches!(e, Error::SinRespuesta(_)) {
                    self.tamano_pagina = (self.tamano_pagina / 2).max(1);
                }
                self.pasajero(e)
            }
        }
    }

    async fn aplica_pagina(&mut self, pagina: Pagina) -> Result<(), Error> {
        let (llegan, se_van) = (pagina.reportes.len(), pagina.retirados.len());
        let mut tx = self.disco.begin().await?;
        for reporte in pagina.reportes {
            if let Some(mut ficha) = Ficha::lee(&mut tx, &reporte.uuid_cliente).await? {
                ficha.llega(&reporte);
                ficha.guarda(&mut tx).await?;
            }
            reporte.anota(&mut tx).await?;
        }
        for retirado in pagina.retirados {
            sqlx::query("DELETE FROM vistos WHERE id = $1")
                .bind(retirado.id)
                .execute(&mut *tx)
                .await?;
            // Otherwise it is still there, only not in this person's view.
            if retirado.motivo != "fuera_de_alcance" {
                retira(&mut tx, &retirado.uuid_cliente).await?;
            }
        }
        if let Some(catalogos) = pagina.catalogos {
            Nota::Catalogos.pon(&mut tx, &catalogos.to_string()).await?;
        }
        Nota::Cursor.pon(&mut tx, &pagina.cursor).await?;
        tx.commit().await?;
        self.resumen.bajados += llegan as u64;
        self.resumen.retirados += se_van as u64;
        Ok(())
    }

    /// Forgets the mirror, never the queue. After `cursor_vencido` the server may have come back
    /// from an old backup: what it acknowledged has to be proved again.
    async fn olvida_vistos(&mut self, p: &Problema) -> Result<(), Error> {
        let mut tx = self.disco.begin().await?;
        sqlx::query("DELETE FROM vistos").execute(&mut *tx).await?;
        Nota::Cursor.quita(&mut tx).await?;
        if p.codigo != "alcance_cambiado" {
            Nota::PorReconciliar.pon(&mut tx, "1").await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// All that the server showed this person, by id.
    pub async fn vistos(&self) -> Result<Vec<Reporte>, Error> {
        let filas: Vec<String> = sqlx::query_scalar("SELECT json FROM vistos ORDER BY id")
            .fetch_all(&self.disco)
            .await?;
        let lee = |json: String| Ok(serde_json::from_str(&json)?);
        filas.into_iter().map(lee).collect()
    }
}

fn empieza_de_nuevo(p: &Problema) -> bool {
    p.status == 410 || p.codigo == "cursor_invalido"
}

/// An own report was withdrawn: what still waits for it can't be sent any more, and its owner is
/// told.
pub(crate) async fn retira(c: &mut SqliteConnection, uuid: &str) -> Result<(), Error> {
    let ficha = Ficha::lee(c, uuid).await?;
    if let Some(mut ficha) = ficha.filter(Ficha::espera) {
        ficha.rechaza(Problema {
            status: 410,
            codigo: "reporte_retirado".into(),
            permanente: true,
            detail: "Un administrador retiró este reporte; lo que usted escribió sigue en este \
                     teléfono."
                .into(),
            errores: vec![],
            actual: None,
        })?;
        ficha.guarda(c).await?;
    }
    Ok(())
}

impl Reporte {
    /// Into the mirror; an older version than what is there changes nothing.
    async fn anota(&self, c: &mut SqliteConnection) -> Result<(), Error> {
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

    pub(crate) async fn visto(c: &mut SqliteConnection, uuid: &str) -> Result<Option<Self>, Error> {
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
        Error, Estado, Paso,
        pruebas::{Contesta, Escena, pagina, problema, reporte, roca, titulo},
    };

    const AJENO: &str = "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11";

    async fn baja(e: &mut Escena, contesta: Contesta) -> Paso {
        e.guion.contesta([contesta]);
        e.telefono.pull_una_vez().await.unwrap()
    }

    fn con(reportes: &serde_json::Value, cursor: &str) -> Contesta {
        Contesta::Con(200, pagina(reportes, &json!([]), cursor))
    }

    #[tokio::test]
    async fn pages_follow_the_cursor_and_versions_never_go_back() {
        let mut e = Escena::nueva().await;
        let mut primera = pagina(&json!([reporte(1, AJENO, 5, &roca())]), &json!([]), "c 1/é");
        primera["hay_mas"] = true.into();
        primera["catalogos"] = json!({"version": 3});
        assert_eq!(baja(&mut e, Contesta::Con(200, primera)).await, Paso::Sigue);
        e.reinicia().await;
        let vieja = titulo("Vieja").sobre(&roca());
        let segunda = con(&json!([reporte(1, AJENO, 4, &vieja)]), "c2");
        assert_eq!(baja(&mut e, segunda).await, Paso::Listo);
        let lineas: Vec<_> = e.guion.pedidos().into_iter().map(|p| p.linea).collect();
        let esperadas = [
            "GET /sync/changes?limite=500",
            "GET /sync/changes?limite=500&cursor=c+1%2F%C3%A9",
        ];
        assert_eq!(lineas, esperadas);
        let vistos = e.telefono.vistos().await.unwrap();
        assert_eq!((vistos.len(), vistos[0].version), (1, 5));
        assert_eq!(vistos[0].contenido, roca());
        assert_eq!(
            e.telefono.catalogos().await.unwrap(),
            Some(json!({"version": 3}))
        );
    }

    #[tokio::test]
    async fn a_newer_version_is_the_base_only_when_nothing_waits() {
        let mut e = Escena::nueva().await;
        let (quieto, editado) = (e.entregado(1).await, e.entregado(2).await);
        e.telefono.editar(&editado, titulo("Mío")).await.unwrap();
        let suyo = titulo("Suyo").sobre(&roca());
        let nuevos = json!([
            reporte(1, &quieto, 3, &suyo),
            reporte(2, &editado, 3, &suyo)
        ]);
        baja(&mut e, con(&nuevos, "c")).await;
        let propios = e.telefono.propios().await.unwrap();
        assert_eq!((propios[0].version, propios[1].version), (Some(3), Some(1)));
        assert_eq!(propios[0].contenido, suyo);
        assert_eq!(propios[1].contenido.titulo, "Mío");
    }

    #[tokio::test]
    async fn a_withdrawn_report_leaves_and_takes_no_edit_with_it() {
        let mut e = Escena::nueva().await;
        let uuid = e.entregado(1).await;
        baja(&mut e, con(&json!([reporte(1, &uuid, 1, &roca())]), "c")).await;
        e.telefono.editar(&uuid, titulo("Mío")).await.unwrap();
        let retirados = json!([{"id": 1, "uuid_cliente": uuid, "motivo": "retirado"}]);
        baja(
            &mut e,
            Contesta::Con(200, pagina(&json!([]), &retirados, "d")),
        )
        .await;
        assert!(e.telefono.vistos().await.unwrap().is_empty());
        let propio = e.telefono.propio(&uuid).await.unwrap().unwrap();
        assert_eq!(propio.contenido.titulo, "Mío");
        assert!(matches!(propio.estado, Estado::Rechazado(p) if p.codigo == "reporte_retirado"));
    }

    #[tokio::test]
    async fn after_410_the_pull_starts_over_and_the_queue_stays() {
        let mut e = Escena::nueva().await;
        let uuid = e.telefono.crear(roca()).await.unwrap();
        baja(&mut e, con(&json!([reporte(1, AJENO, 5, &roca())]), "c")).await;
        let cambio = Contesta::Con(410, problema(410, "alcance_cambiado"));
        assert_eq!(baja(&mut e, cambio).await, Paso::DesdeCero);
        assert!(e.telefono.vistos().await.unwrap().is_empty());
        assert_eq!(e.telefono.pendientes().await.unwrap(), 1);
        e.guion.pedidos();
        baja(&mut e, con(&json!([reporte(1, AJENO, 2, &roca())]), "c")).await;
        assert_eq!(e.guion.pedidos()[0].linea, "GET /sync/changes?limite=500");
        assert_eq!(e.telefono.vistos().await.unwrap()[0].version, 2);
        assert!(e.telefono.propio(&uuid).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_page_that_is_none_leaves_the_cursor_where_it_was() {
        let mut e = Escena::nueva().await;
        let mut sin_cursor = pagina(&json!([reporte(1, AJENO, 5, &roca())]), &json!([]), "c");
        sin_cursor["cursor"] = json!(null);
        let paso = baja(&mut e, Contesta::Con(200, sin_cursor)).await;
        assert!(matches!(paso, Paso::Espera(_)));
        assert!(e.telefono.vistos().await.unwrap().is_empty());
        e.guion.pedidos();
        e.guion
            .contesta([Contesta::Con(410, problema(410, "cursor_vencido"))]);
        // Without a cursor there is nothing to forget.
        let error = e.telefono.pull_una_vez().await.unwrap_err();
        assert!(matches!(error, Error::Problema(p) if p.status == 410));
        // A smaller page may get through.
        assert_eq!(e.guion.pedidos()[0].linea, "GET /sync/changes?limite=250");
    }

    #[tokio::test]
    async fn a_report_from_another_phone_can_be_edited_here() {
        let mut e = Escena::nueva().await;
        let nadie = e.telefono.editar(AJENO, titulo("Mío")).await;
        assert!(matches!(nadie, Err(Error::NoExiste(_))));
        baja(&mut e, con(&json!([reporte(1, AJENO, 5, &roca())]), "c")).await;
        e.telefono.editar(AJENO, titulo("Mío")).await.unwrap();
        let lote = e.telefono.arma_lote(1).await.unwrap();
        let (_, item) = lote.items().next().unwrap();
        let item: serde_json::Value = serde_json::from_str(item).unwrap();
        assert_eq!(
            (&item["version_base"], &item["titulo"]),
            (&json!(5), &json!("Mío"))
        );
    }
}
