//! The conversation about a report: each comment is an entry of its bitácora, so nobody can change what was
//! said, and a version in the feed, so phones hear of it.

use sigra_domain::{
    Evento, Quien,
    bitacora::{Accion, Entrada, diff},
};

use super::{
    ReporteRefusal, StoredReporte,
    change::{ReporteWrite, update},
    edit::{find_visible, no_retirado},
    entry::{ChangeDetails, ChangeRecord},
};
use crate::{ReadConn, Refused, StoreError, Tx, Write, db::with_conn, idempotency::Authorize};

/// The most comments that a report may have.
pub const MAX_COMENTARIOS: i64 = 1_000;

/// Whoever may see a report may comment on it: its author and those who decide.
#[derive(Debug)]
pub struct AddComentario {
    pub quien: Quien,
    pub id: i64,
    pub texto: String,
}

/// A comment that was made, now or when the same person said the same last.
#[derive(Debug)]
pub struct AddedComentario {
    pub entrada: Entrada,
    pub version: i64,
    pub es_nuevo: bool,
}

impl Write for AddComentario {
    type Out = AddedComentario;
    type Err = Refused<ReporteRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<AddedComentario, Refused<ReporteRefusal>> {
        let viejo = no_retirado(find_visible(tx, &self.quien, self.id).await?)?.reporte;
        if let Some(entrada) = self.find_repeated_comentario(tx).await? {
            return Ok(AddedComentario {
                entrada,
                version: viejo.version,
                es_nuevo: false,
            });
        }
        if viejo.comentarios >= MAX_COMENTARIOS {
            return Err(ReporteRefusal::DemasiadosComentarios.into());
        }
        let mut reporte = viejo.clone();
        reporte.comentarios += 1;
        reporte.version += 1;
        reporte.hora_actualizado = tx.ahora;
        let done = ChangeDetails {
            accion: Accion::Comentar,
            detalle: Some(self.texto.clone()),
            cambios: diff(&viejo.values(), &reporte.values()),
            area_antes: Some(viejo.contenido.area_id),
            evento: Evento::ReporteCambiado,
        };
        let registro = ChangeRecord::new(&mut reporte, &self.quien, tx.ahora, done)?;
        let entrada = registro.entrada().clone();
        let epoch = tx.env.random_i64();
        let escritura = ReporteWrite::new(Some(&viejo), reporte, registro, epoch);
        update(tx, &[&escritura]).await?;
        Ok(AddedComentario {
            entrada,
            version: escritura.reporte.version,
            es_nuevo: true,
        })
    }
}

impl AddComentario {
    /// The last comment, when it is this very one: its answer was lost.
    async fn find_repeated_comentario(
        &self,
        tx: &mut Tx<'_>,
    ) -> Result<Option<Entrada>, StoreError> {
        let ultima: Option<String> = with_conn!(tx.conn, c => sqlx::query_scalar(
            "SELECT canonica FROM bitacora WHERE reporte_id = $1 AND accion = $2
             ORDER BY n DESC LIMIT 1")
            .bind(self.id).bind(Accion::Comentar.name())
            .fetch_optional(&mut **c).await)?;
        let ultima = ultima.map(|t| parse_entrada(self.id, &t)).transpose()?;
        Ok(ultima.filter(|e| {
            e.rut == self.quien.rut && e.detalle.as_deref() == Some(self.texto.as_str())
        }))
    }
}

impl Authorize for AddComentario {
    async fn authorize(&self, tx: &mut Tx<'_>) -> Result<(), Refused<ReporteRefusal>> {
        find_visible(tx, &self.quien, self.id).await.map(drop)
    }
}

fn parse_entrada(reporte_id: i64, canonica: &str) -> Result<Entrada, StoreError> {
    serde_json::from_str(canonica)
        .map_err(|_| StoreError::Dato(format!("bitácora del reporte {reporte_id}")))
}

/// A comment with its author's name.
#[derive(Clone, Debug, PartialEq)]
pub struct Comentario {
    pub entrada: Entrada,
    pub autor: String,
}

/// A page of a report's comments, oldest first, after the entry `tras`.
pub async fn comentarios(
    lectura: &mut ReadConn,
    leido: &StoredReporte,
    tras: i64,
    limite: i64,
) -> Result<Vec<Comentario>, StoreError> {
    let id = leido.reporte.id;
    let rows: Vec<(String, String)> = with_conn!(lectura.conn(), c => sqlx::query_as(
        "SELECT b.canonica, coalesce(u.nombre || ' ' || u.apellido_1, '') FROM bitacora b
         LEFT JOIN usuarios u ON u.rut = b.rut
         WHERE b.reporte_id = $1 AND b.accion = $2 AND b.n > $3 ORDER BY b.n LIMIT $4")
        .bind(id).bind(Accion::Comentar.name()).bind(tras).bind(limite)
        .fetch_all(&mut **c).await)?;
    let rows = rows.into_iter();
    rows.map(|(canonica, autor)| {
        let entrada = parse_entrada(id, &canonica)?;
        Ok(Comentario { entrada, autor })
    })
    .collect()
}
