//! The conversation about a report: each comment is an entry of its bitácora, so nobody can change what was
//! said, and a version in the feed, so phones hear of it.

use sigra_domain::{
    Quien,
    bitacora::{Accion, Entrada, diferencia},
};

use super::{
    Rechazo, ReporteLeido,
    editar::{no_retirado, visible},
    lote::{Escritura, actualiza},
    registro::{Hecho, Registro},
};
use crate::{Fallo, Lectura, Tx, Write, db::con, idempotencia::Autoriza};

/// The most comments that a report may have.
pub const MAX_COMENTARIOS: i64 = 1_000;

/// Whoever may see a report may comment on it: its author and those who decide.
#[derive(Debug)]
pub struct Comentar {
    pub quien: Quien,
    pub id: i64,
    pub texto: String,
}

/// A comment that was made, now or when the same person said the same last.
#[derive(Debug)]
pub struct Comentado {
    pub entrada: Entrada,
    pub version: i64,
    pub es_nuevo: bool,
}

impl Write for Comentar {
    type Out = Comentado;
    type Err = Rechazo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Comentado, Rechazo> {
        let viejo = no_retirado(visible(tx, &self.quien, self.id).await?)?.reporte;
        if let Some(entrada) = self.ya_dicho(tx).await? {
            return Ok(Comentado {
                entrada,
                version: viejo.version,
                es_nuevo: false,
            });
        }
        if viejo.comentarios >= MAX_COMENTARIOS {
            return Err(Rechazo::DemasiadosComentarios);
        }
        let mut reporte = viejo.clone();
        reporte.comentarios += 1;
        reporte.version += 1;
        reporte.hora_actualizado = tx.ahora;
        let hecho = Hecho {
            accion: Accion::Comentar,
            detalle: Some(self.texto.clone()),
            cambios: diferencia(&viejo.valores(), &reporte.valores()),
            area_antes: Some(viejo.contenido.area_id),
            evento: "reporte.cambiado",
        };
        let registro = Registro::nuevo(&mut reporte, &self.quien, tx.ahora, hecho)?;
        let entrada = registro.entrada().clone();
        let marca = tx.entorno.azar_i64();
        let escritura = Escritura::nueva(Some(&viejo), reporte, registro, marca);
        actualiza(tx, &[&escritura]).await?;
        Ok(Comentado {
            entrada,
            version: escritura.reporte.version,
            es_nuevo: true,
        })
    }
}

impl Comentar {
    /// The last comment, when it is this very one: its answer was lost.
    async fn ya_dicho(&self, tx: &mut Tx<'_>) -> Result<Option<Entrada>, Fallo> {
        let ultima: Option<String> = con!(tx.conn, c => sqlx::query_scalar(
            "SELECT canonica FROM bitacora WHERE reporte_id = $1 AND accion = $2
             ORDER BY n DESC LIMIT 1")
            .bind(self.id).bind(Accion::Comentar.nombre())
            .fetch_optional(&mut **c).await)?;
        let ultima = ultima.map(|t| lee(self.id, &t)).transpose()?;
        Ok(ultima.filter(|e| {
            e.rut == self.quien.rut && e.detalle.as_deref() == Some(self.texto.as_str())
        }))
    }
}

impl Autoriza for Comentar {
    async fn autoriza(&self, tx: &mut Tx<'_>) -> Result<(), Rechazo> {
        visible(tx, &self.quien, self.id).await.map(drop)
    }
}

fn lee(reporte_id: i64, canonica: &str) -> Result<Entrada, Fallo> {
    serde_json::from_str(canonica)
        .map_err(|_| Fallo::Dato(format!("bitácora del reporte {reporte_id}")))
}

/// A comment with its author's name.
#[derive(Clone, Debug, PartialEq)]
pub struct Comentario {
    pub entrada: Entrada,
    pub autor: String,
}

/// A page of a report's comments, oldest first, after the entry `tras`.
pub async fn comentarios(
    lectura: &mut Lectura,
    leido: &ReporteLeido,
    tras: i64,
    limite: i64,
) -> Result<Vec<Comentario>, Fallo> {
    let id = leido.reporte.id;
    let filas: Vec<(String, String)> = con!(lectura.conn(), c => sqlx::query_as(
        "SELECT b.canonica, coalesce(u.nombre || ' ' || u.apellido_1, '') FROM bitacora b
         LEFT JOIN usuarios u ON u.rut = b.rut
         WHERE b.reporte_id = $1 AND b.accion = $2 AND b.n > $3 ORDER BY b.n LIMIT $4")
        .bind(id).bind(Accion::Comentar.nombre()).bind(tras).bind(limite)
        .fetch_all(&mut **c).await)?;
    let filas = filas.into_iter();
    filas
        .map(|(canonica, autor)| {
            let entrada = lee(id, &canonica)?;
            Ok(Comentario { entrada, autor })
        })
        .collect()
}
