//! The change feed: what changed since a position, in the one order of all changes.
//!
//! A change is told to whoever saw the report before it or sees it after. Of several changes of one
//! report that concern a reader, only the last is told: itself if the reader may still see it, or that
//! it left. So each version comes at its own place in the order, at most once, and never an older one
//! after a newer.

use sigra_domain::Quien;
use sqlx::{AssertSqlSafe, FromRow};

use super::conflictos::de_quien;
use crate::{
    Fallo, Lectura,
    db::con,
    reportes::{
        ReporteLeido,
        fila::{Fila, seleccion},
    },
};

/// A place in the feed: the position of a change and that change's random mark, by which a database
/// that was restored or rolled back is noticed. 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct Marca {
    pub posicion: i64,
    pub marca: i64,
}

/// One report as a reader is told of it.
#[derive(Debug)]
pub enum Cambio {
    Reporte(Box<ReporteLeido>),
    /// It was withdrawn.
    Retirado(Box<ReporteLeido>),
    /// It went where the reader does not see.
    FueraDeAlcance(Box<ReporteLeido>),
}

/// A page of the feed.
#[derive(Debug)]
pub struct PaginaCambios {
    pub cambios: Vec<Cambio>,
    /// Where the next page begins.
    pub hasta: Marca,
    pub hay_mas: bool,
}

/// The change at the reader's place is another one, or is not there.
#[derive(Debug)]
pub struct Vencido;

/// Changes that are looked at for one page by a reader of many authors' reports. Whoever sees little of
/// them gets small pages rather than a long wait.
const VENTANA: i64 = 20_000;

#[derive(FromRow)]
struct FilaCambio {
    cambio_posicion: i64,
    cambio_marca: i64,
    cambio_retirado: bool,
    cambio_area: i64,
    #[sqlx(flatten)]
    reporte: Fila,
}

/// Up to `limite` reports that concern `quien` and changed after `desde`.
pub async fn cambios(
    lectura: &mut Lectura,
    quien: &Quien,
    desde: Marca,
    limite: i64,
) -> Result<Result<PaginaCambios, Vencido>, Fallo> {
    if desde.posicion != 0 && marca_en(lectura, desde.posicion).await? != Some(desde) {
        return Ok(Err(Vencido));
    }
    // Whatever is stamped later comes after this: the page can't miss it.
    let fin = ultima(lectura, i64::MAX).await?;
    let propios = !quien.ve_todo() && quien.areas_a_cargo().is_empty();
    let tope = if propios {
        fin.posicion
    } else {
        fin.posicion.min(desde.posicion.saturating_add(VENTANA))
    };
    let filas = filas(lectura, quien, desde.posicion, tope, limite).await?;
    let lleno = i64::try_from(filas.len()).unwrap_or(i64::MAX) >= limite;
    let hasta = match filas.last() {
        Some(f) if lleno => Marca {
            posicion: f.cambio_posicion,
            marca: f.cambio_marca,
        },
        _ if tope == fin.posicion => fin,
        // Positions have no gaps, but for what a person may have removed by hand.
        _ => ultima(lectura, tope).await?,
    };
    let cambios = filas
        .into_iter()
        .map(|f| f.cambio(quien))
        .collect::<Result<_, _>>()?;
    Ok(Ok(PaginaCambios {
        cambios,
        hay_mas: hasta.posicion < fin.posicion,
        hasta,
    }))
}

async fn marca_en(lectura: &mut Lectura, posicion: i64) -> Result<Option<Marca>, Fallo> {
    Ok(con!(lectura.conn(), c => sqlx::query_as(
        "SELECT posicion, marca FROM cambios WHERE posicion = $1")
        .bind(posicion).fetch_optional(&mut **c).await)?)
}

/// The last place up to a position.
async fn ultima(lectura: &mut Lectura, tope: i64) -> Result<Marca, Fallo> {
    let marca: Option<Marca> = con!(lectura.conn(), c => sqlx::query_as(
        "SELECT posicion, marca FROM cambios WHERE posicion <= $1 ORDER BY posicion DESC LIMIT 1")
        .bind(tope).fetch_optional(&mut **c).await)?;
    Ok(marca.unwrap_or_default())
}

/// One statement, and so one moment: the report is read as it was when the change was its last.
async fn filas(
    lectura: &mut Lectura,
    quien: &Quien,
    desde: i64,
    tope: i64,
    limite: i64,
) -> Result<Vec<FilaCambio>, Fallo> {
    const SELECCION: [&str; 2] = seleccion!(
        "p.posicion AS cambio_posicion, p.marca AS cambio_marca, p.retirado AS cambio_retirado, \
         p.area_despues AS cambio_area, ",
        "JOIN (SELECT c.posicion, c.marca, c.retirado, c.area_despues, c.reporte_id FROM cambios c
            WHERE c.posicion > $1 AND c.posicion <= $2"
    );
    let de_quien = |c: &str| {
        let [rut, antes, despues] =
            ["rut", "area_antes", "area_despues"].map(|columna| format!("{c}.{columna}"));
        de_quien(quien, &rut, &[&antes, &despues])
    };
    let mut conn = lectura.conn();
    let sql = format!(
        "{}{} AND NOT EXISTS (SELECT 1 FROM cambios d WHERE d.reporte_id = c.reporte_id
            AND d.version > c.version{}) ORDER BY c.posicion LIMIT $3) p ON p.reporte_id = r.id
         ORDER BY p.posicion",
        conn.elige(SELECCION[0], SELECCION[1]),
        de_quien("c"),
        de_quien("d"),
    );
    Ok(con!(conn, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(desde).bind(tope).bind(limite).fetch_all(&mut **c).await)?)
}

impl FilaCambio {
    fn cambio(self, quien: &Quien) -> Result<Cambio, Fallo> {
        let (retirado, area) = (self.cambio_retirado, self.cambio_area);
        let leido = Box::new(self.reporte.leida()?);
        Ok(if retirado {
            Cambio::Retirado(leido)
        } else if quien.puede_ver(leido.reporte.rut, area) {
            Cambio::Reporte(leido)
        } else {
            Cambio::FueraDeAlcance(leido)
        })
    }
}
