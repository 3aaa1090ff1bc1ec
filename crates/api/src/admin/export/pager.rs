//! The way through the reports of a table, page by page: no statement lasts longer than a page takes.

use sigra_store::{
    StoreError,
    reportes::{ReporteFilter, SortField, SortKey, SortOrder, list_reportes},
};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::row::{Row, to_row};
use crate::{App, auth::guard::Session, code::Codigo};

/// Reports read at once.
const PAGE_SIZE: i64 = 500;
/// Exports under way at once.
static EXPORT_PERMITS: Semaphore = Semaphore::const_new(4);

const ORDER: SortOrder = SortOrder {
    campo: SortField::Id,
    descendente: false,
};

pub struct Pager {
    app: App,
    sesion: Session,
    filtro: ReporteFilter,
    /// The last report read.
    despues: Option<(SortKey, i64)>,
    fin: bool,
    _permit: SemaphorePermit<'static>,
}

impl Pager {
    /// Refused while too many are under way.
    pub fn new(app: App, sesion: Session, filtro: ReporteFilter) -> Result<Self, Codigo> {
        let permit = EXPORT_PERMITS.try_acquire();
        Ok(Self {
            app,
            sesion,
            filtro,
            despues: None,
            fin: false,
            _permit: permit.map_err(|_| Codigo::ServidorOcupado)?,
        })
    }

    /// The next rows; `None` after the last.
    pub async fn next_rows(&mut self) -> Result<Option<Vec<Row>>, StoreError> {
        if self.fin {
            return Ok(None);
        }
        if !self.sesion.is_still_valid(&self.app).await? {
            return Err(StoreError::Interno("quien exportaba ya no puede"));
        }
        let mut conn = self.app.store().read().await?;
        let quien = &self.sesion.quien;
        let despues = self.despues.as_ref();
        let leidos =
            list_reportes(&mut conn, quien, &self.filtro, ORDER, despues, PAGE_SIZE).await?;
        drop(conn);
        self.fin = leidos.len() < usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
        self.despues = leidos.last().map(|l| (ORDER.key(l), l.reporte.id));
        let una = |l| to_row(l, &self.sesion.catalogo, self.app.zona());
        Ok(Some(leidos.iter().map(una).collect()))
    }
}
