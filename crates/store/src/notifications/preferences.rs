//! How each person wants to be told.

use sigra_domain::{Language, Rut, aviso::Aviso, retry::Preferencias};

use crate::{
    ReadConn, StoreError, Tx, Write,
    db::{json, with_conn},
};

/// The events of a list in JSON; what is no event any more is left out.
pub(super) fn parse_muted(texto: Option<&str>) -> Vec<Aviso> {
    let nombres: Vec<String> = texto
        .and_then(|t| serde_json::from_str(t).ok())
        .unwrap_or_default();
    nombres.iter().filter_map(|n| Aviso::from_name(n)).collect()
}

/// What `rut` chose, or what holds for those who chose nothing.
pub async fn preferencias(lectura: &mut ReadConn, rut: Rut) -> Result<Preferencias, StoreError> {
    let fila: Option<(String, bool, bool, String)> = with_conn!(lectura.conn(), c => sqlx::query_as(
        "SELECT idioma, correo, push, silenciados FROM preferencias WHERE rut = $1")
        .bind(rut.body()).fetch_optional(&mut **c).await)?;
    Ok(
        fila.map_or_else(Preferencias::default, |(idioma, correo, push, mudos)| {
            Preferencias {
                idioma: Language::from_name(&idioma).unwrap_or_default(),
                correo,
                push,
                silenciados: parse_muted(Some(&mudos)),
            }
        }),
    )
}

/// They choose anew.
#[derive(Debug)]
pub struct SetPreferencias {
    pub rut: Rut,
    pub preferencias: Preferencias,
}

impl Write for SetPreferencias {
    type Out = ();
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let p = &self.preferencias;
        let silenciados: Vec<&str> = p.silenciados.iter().map(|a| a.name()).collect();
        with_conn!(tx.conn, c => sqlx::query(
            "INSERT INTO preferencias (rut, idioma, correo, push, silenciados, actualizado)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (rut) DO UPDATE SET idioma = excluded.idioma, correo = excluded.correo,
                push = excluded.push, silenciados = excluded.silenciados,
                actualizado = excluded.actualizado")
            .bind(self.rut.body()).bind(p.idioma.name()).bind(p.correo).bind(p.push)
            .bind(json(&silenciados)?).bind(tx.ahora.0).execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}
