//! The change feed: what changed since a position, in the one order of all changes.
//!
//! A change is told to whoever saw the report before it or sees it after. Of several changes of one
//! report that concern a reader, only the last is told: itself if the reader may still see it, or that
//! it left. So each version comes at its own place in the order, at most once, and never an older one
//! after a newer.

use sigra_domain::Quien;
use sigra_store_macros::FromRow;
use sqlx::AssertSqlSafe;

use crate::{
    ReadConn, StoreError,
    db::with_conn,
    reportes::visible::visibility_clause,
    reportes::{
        StoredReporte,
        row::{Row, select_columns},
    },
};

/// A place in the feed: the number of a change and that change's random epoch, by which a database that
/// was restored or rolled back is noticed. 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct FeedPosition {
    pub seq: i64,
    pub epoch: i64,
}

/// One report as a reader is told of it.
#[derive(Debug)]
pub enum FeedChange {
    Reporte(Box<StoredReporte>),
    /// It was withdrawn.
    Retirado(Box<StoredReporte>),
    /// It went where the reader does not see.
    FueraDeAlcance(Box<StoredReporte>),
}

/// A page of the feed.
#[derive(Debug)]
pub struct FeedPage {
    pub cambios: Vec<FeedChange>,
    /// Where the next page begins.
    pub hasta: FeedPosition,
    pub hay_mas: bool,
}

/// The change at the reader's place is another one, or is not there.
#[derive(Debug)]
pub struct CursorExpired;

/// Changes that are looked at for one page by a reader of many authors' reports. Whoever sees little of
/// them gets small pages rather than a long wait.
const MAX_SCANNED: i64 = 20_000;

#[derive(FromRow)]
struct ChangeRow {
    change_seq: i64,
    change_epoch: i64,
    change_retirado: bool,
    change_area: i64,
    #[row(flatten)]
    reporte: Row,
}

/// Up to `limite` reports that concern `quien` and changed after `desde`.
pub async fn read_changes(
    lectura: &mut ReadConn,
    quien: &Quien,
    desde: FeedPosition,
    limite: i64,
) -> Result<Result<FeedPage, CursorExpired>, StoreError> {
    if desde.seq != 0 && feed_position_at(lectura, desde.seq).await? != Some(desde) {
        return Ok(Err(CursorExpired));
    }
    // Whatever is stamped later comes after this: the page can't miss it.
    let fin = last_position(lectura, i64::MAX).await?;
    let propios = !quien.sees_all() && quien.supervised_areas().is_empty();
    let tope = if propios {
        fin.seq
    } else {
        fin.seq.min(desde.seq.saturating_add(MAX_SCANNED))
    };
    let filas = rows(lectura, quien, desde.seq, tope, limite).await?;
    let lleno = i64::try_from(filas.len()).unwrap_or(i64::MAX) >= limite;
    let hasta = match filas.last() {
        Some(f) if lleno => FeedPosition {
            seq: f.change_seq,
            epoch: f.change_epoch,
        },
        _ if tope == fin.seq => fin,
        // Positions have no gaps, but for what a person may have removed by hand.
        _ => last_position(lectura, tope).await?,
    };
    let cambios = filas
        .into_iter()
        .map(|f| f.into_change(quien))
        .collect::<Result<_, _>>()?;
    Ok(Ok(FeedPage {
        cambios,
        hay_mas: hasta.seq < fin.seq,
        hasta,
    }))
}

async fn feed_position_at(
    lectura: &mut ReadConn,
    seq: i64,
) -> Result<Option<FeedPosition>, StoreError> {
    Ok(with_conn!(lectura.conn(), c => sqlx::query_as(
        "SELECT posicion AS seq, marca AS epoch FROM cambios WHERE posicion = $1")
        .bind(seq).fetch_optional(&mut **c).await)?)
}

/// The last place up to a position.
async fn last_position(lectura: &mut ReadConn, tope: i64) -> Result<FeedPosition, StoreError> {
    let last: Option<FeedPosition> = with_conn!(lectura.conn(), c => sqlx::query_as(
        "SELECT posicion AS seq, marca AS epoch FROM cambios WHERE posicion <= $1 ORDER BY posicion DESC LIMIT 1")
        .bind(tope).fetch_optional(&mut **c).await)?;
    Ok(last.unwrap_or_default())
}

/// One statement, and so one moment: the report is read as it was when the change was its last.
async fn rows(
    lectura: &mut ReadConn,
    quien: &Quien,
    desde: i64,
    tope: i64,
    limite: i64,
) -> Result<Vec<ChangeRow>, StoreError> {
    const SELECT: [&str; 2] = select_columns!(
        "p.posicion AS change_seq, p.marca AS change_epoch, p.retirado AS change_retirado, \
         p.area_despues AS change_area, ",
        "JOIN (SELECT c.posicion, c.marca, c.retirado, c.area_despues, c.reporte_id FROM cambios c
            WHERE c.posicion > $1 AND c.posicion <= $2"
    );
    let de_quien = |c: &str| {
        let [rut, antes, despues] =
            ["rut", "area_antes", "area_despues"].map(|columna| format!("{c}.{columna}"));
        visibility_clause(quien, &rut, &[&antes, &despues])
    };
    let mut conn = lectura.conn();
    let sql = format!(
        "{}{} AND NOT EXISTS (SELECT 1 FROM cambios d WHERE d.reporte_id = c.reporte_id
            AND d.version > c.version{}) ORDER BY c.posicion LIMIT $3) p ON p.reporte_id = r.id
         ORDER BY p.posicion",
        conn.pick(SELECT[0], SELECT[1]),
        de_quien("c"),
        de_quien("d"),
    );
    Ok(with_conn!(conn, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(desde).bind(tope).bind(limite).fetch_all(&mut **c).await)?)
}

impl ChangeRow {
    fn into_change(self, quien: &Quien) -> Result<FeedChange, StoreError> {
        let (retirado, area) = (self.change_retirado, self.change_area);
        let leido = Box::new(self.reporte.decode()?);
        Ok(if retirado {
            FeedChange::Retirado(leido)
        } else if quien.can_see(leido.reporte.rut, area) {
            FeedChange::Reporte(leido)
        } else {
            FeedChange::FueraDeAlcance(leido)
        })
    }
}
