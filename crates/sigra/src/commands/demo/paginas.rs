//! A list of reports, page by page.

use serde_json::Value;

use super::{cliente::Cliente, error::ErrorDemo};

/// What the demo reads of a listed report.
#[derive(Clone, Debug)]
pub(super) struct Listado {
    pub(super) id: i64,
    pub(super) uuid: String,
    pub(super) estado_id: i64,
    pub(super) version: i64,
}

impl Listado {
    fn de_json(v: &Value) -> Option<Self> {
        Some(Self {
            id: v.get("id")?.as_i64()?,
            uuid: v.get("uuid_cliente")?.as_str()?.to_owned(),
            estado_id: v.get("estado_id")?.as_i64()?,
            version: v.get("version")?.as_i64()?,
        })
    }
}

/// A walk along the list by its cursor.
pub(super) struct Paginas<'a> {
    cliente: &'a Cliente,
    filtros: &'a [(&'a str, &'a str)],
    cursor: Option<String>,
    fin: bool,
}

impl<'a> Paginas<'a> {
    pub(super) fn nuevas(cliente: &'a Cliente, filtros: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            cliente,
            filtros,
            cursor: None,
            fin: false,
        }
    }

    /// The next page; `None` after the last.
    pub(super) async fn siguiente(&mut self) -> Result<Option<Vec<Listado>>, ErrorDemo> {
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
            .exige(&[200])?;
        let filas = pagina
            .lista("items")?
            .iter()
            .map(Listado::de_json)
            .collect::<Option<_>>();
        let filas =
            filas.ok_or_else(|| ErrorDemo::Interno("un reporte listado no se lee".into()))?;
        self.cursor = pagina.texto("siguiente").ok();
        self.fin = self.cursor.is_none();
        Ok(Some(filas))
    }
}
