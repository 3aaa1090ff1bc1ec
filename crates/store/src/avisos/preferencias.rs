//! How each person wants to be told.

use sigra_domain::{Idioma, Rut, aviso::Aviso, entrega::Preferencias};

use crate::{
    Fallo, Lectura, Tx, Write,
    db::{con, json},
};

/// The events of a list in JSON; what is no event any more is left out.
pub(super) fn silenciados(texto: Option<&str>) -> Vec<Aviso> {
    let nombres: Vec<String> = texto
        .and_then(|t| serde_json::from_str(t).ok())
        .unwrap_or_default();
    nombres.iter().filter_map(|n| Aviso::de_nombre(n)).collect()
}

/// What `rut` chose, or what holds for those who chose nothing.
pub async fn preferencias(lectura: &mut Lectura, rut: Rut) -> Result<Preferencias, Fallo> {
    let fila: Option<(String, bool, bool, String)> = con!(lectura.conn(), c => sqlx::query_as(
        "SELECT idioma, correo, push, silenciados FROM preferencias WHERE rut = $1")
        .bind(rut.cuerpo()).fetch_optional(&mut **c).await)?;
    Ok(
        fila.map_or_else(Preferencias::default, |(idioma, correo, push, mudos)| {
            Preferencias {
                idioma: Idioma::de_nombre(&idioma).unwrap_or_default(),
                correo,
                push,
                silenciados: silenciados(Some(&mudos)),
            }
        }),
    )
}

/// They choose anew.
#[derive(Debug)]
pub struct Preferir {
    pub rut: Rut,
    pub preferencias: Preferencias,
}

impl Write for Preferir {
    type Out = ();
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fallo> {
        let p = &self.preferencias;
        let silenciados: Vec<&str> = p.silenciados.iter().map(|a| a.nombre()).collect();
        con!(tx.conn, c => sqlx::query(
            "INSERT INTO preferencias (rut, idioma, correo, push, silenciados, actualizado)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (rut) DO UPDATE SET idioma = excluded.idioma, correo = excluded.correo,
                push = excluded.push, silenciados = excluded.silenciados,
                actualizado = excluded.actualizado")
            .bind(self.rut.cuerpo()).bind(p.idioma.nombre()).bind(p.correo).bind(p.push)
            .bind(json(&silenciados)?).bind(tx.ahora.0).execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}
