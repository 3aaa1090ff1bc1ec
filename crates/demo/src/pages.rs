//! A list of reports, page by page.

use serde_json::Value;

use crate::{client::ApiClient, error::DemoError};

/// What the demo reads of a listed report.
#[derive(Clone, Debug)]
pub(super) struct ListedReporte {
    pub(super) id: i64,
    pub(super) uuid: String,
    pub(super) estado_id: i64,
    pub(super) version: i64,
}

impl ListedReporte {
    fn from_json(v: &Value) -> Option<Self> {
        Some(Self {
            id: v.get("id")?.as_i64()?,
            uuid: v.get("uuid_cliente")?.as_str()?.to_owned(),
            estado_id: v.get("estado_id")?.as_i64()?,
            version: v.get("version")?.as_i64()?,
        })
    }
}

/// A walk along the list by its cursor.
pub(super) struct Pager<'a> {
    cliente: &'a ApiClient,
    filtros: &'a [(&'a str, &'a str)],
    cursor: Option<String>,
    fin: bool,
}

impl<'a> Pager<'a> {
    pub(super) fn new(cliente: &'a ApiClient, filtros: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            cliente,
            filtros,
            cursor: None,
            fin: false,
        }
    }

    /// The next page; `None` after the last.
    pub(super) async fn next_page(&mut self) -> Result<Option<Vec<ListedReporte>>, DemoError> {
        if self.fin {
            return Ok(None);
        }
        let mut consulta = self.filtros.to_vec();
        if let Some(cursor) = &self.cursor {
            consulta.push(("cursor", cursor));
        }
        let pagina = self
            .cliente
            .get("reportes/", &consulta)
            .await?
            .require(&[200])?;
        let filas = pagina
            .array("items")?
            .iter()
            .map(ListedReporte::from_json)
            .collect::<Option<_>>();
        let filas =
            filas.ok_or_else(|| DemoError::Interno("un reporte listado no se lee".into()))?;
        self.cursor = pagina.text("siguiente").ok();
        self.fin = self.cursor.is_none();
        Ok(Some(filas))
    }
}
