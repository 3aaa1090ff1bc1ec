//! Re-computing the chains: of each report, and of the settings.

use sigra_domain::bitacora::{
    BreakReason, ChainBreak, ChainVerifier, EntradaRecord, GENESIS, chain_hash,
};

use super::raw::{ENTRADAS_PER_READ, lossy_text, read_stored, settings_after};
use crate::{ReadConn, Store, StoreError, db::with_conn, reportes::StoredReporte};

/// A broken chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainFinding {
    Reporte {
        id: i64,
        uuid_cliente: String,
        rotura: ChainBreak,
    },
    /// Entries of a report that has no row.
    SinReporte {
        reporte_id: i64,
        n: i64,
    },
    Ajustes(ChainBreak),
}

/// What a verification went through and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifySummary {
    pub reportes: i64,
    pub entradas: i64,
    pub ajustes: i64,
    pub hallazgos: Vec<ChainFinding>,
}

/// Reports verified per page: memory stays flat at any number of reports.
pub(super) const PAGE_SIZE: i64 = 500;

impl Store {
    /// How many reports there are, withdrawn ones included.
    pub async fn count_reportes(&self) -> Result<i64, StoreError> {
        let mut l = self.read().await?;
        Ok(
            with_conn!(l.conn(), c => sqlx::query_scalar("SELECT count(*) FROM reportes")
            .fetch_one(&mut **c).await)?,
        )
    }

    /// Re-computes every chain and compares every report with what its entries lead to.
    /// `avance(reports so far)` is told of progress. Reports that change meanwhile are no finding:
    /// each is verified as it was when its row was read.
    pub async fn verify_bitacora(
        &self,
        mut avance: impl FnMut(i64),
    ) -> Result<VerifySummary, StoreError> {
        let mut resumen = VerifySummary::default();
        let mut desde = 0;
        loop {
            let mut l = self.read().await?;
            let ids: Vec<i64> = with_conn!(l.conn(), c => sqlx::query_scalar(
                "SELECT id FROM reportes WHERE id > $1 ORDER BY id LIMIT $2")
                .bind(desde).bind(PAGE_SIZE).fetch_all(&mut **c).await)?;
            let Some(ultimo) = ids.last().copied() else {
                break;
            };
            for id in &ids {
                self.verify_reporte(&mut l, *id, &mut resumen).await?;
            }
            desde = ultimo;
            avance(resumen.reportes);
        }
        let mut l = self.read().await?;
        let huerfanas: Vec<(i64, i64)> = with_conn!(l.conn(), c => sqlx::query_as(
            "SELECT b.reporte_id, min(b.n) FROM bitacora b LEFT JOIN reportes r ON r.id = b.reporte_id
             WHERE r.id IS NULL GROUP BY b.reporte_id ORDER BY b.reporte_id LIMIT 100")
            .fetch_all(&mut **c).await)?;
        resumen.hallazgos.extend(
            huerfanas
                .into_iter()
                .map(|(reporte_id, n)| ChainFinding::SinReporte { reporte_id, n }),
        );
        verify_settings(&mut l, &mut resumen).await?;
        Ok(resumen)
    }

    async fn verify_reporte(
        &self,
        l: &mut ReadConn,
        id: i64,
        resumen: &mut VerifySummary,
    ) -> Result<(), StoreError> {
        let leido = unreadable_as_none(
            crate::reportes::reporte(l, &crate::reportes::ReporteRef::Id(id)).await,
        )?;
        let cadena = match &leido {
            Some(leido) => verify_chain(l, leido, |_| ()).await?,
            None => unreadable_chain(l, id).await?,
        };
        // Its entries are told as those of a report that has no row.
        let Some(ChainSummary { entradas, rotura }) = cadena else {
            return Ok(());
        };
        resumen.reportes += 1;
        resumen.entradas += entradas;
        if let Some(rotura) = rotura {
            let uuid_cliente = leido.map(|l| l.reporte.uuid_cliente).unwrap_or_default();
            resumen.hallazgos.push(ChainFinding::Reporte {
                id,
                uuid_cliente,
                rotura,
            });
        }
        Ok(())
    }
}

/// A report's chain as it was when its row was read.
#[derive(Clone, Debug)]
pub struct ChainSummary {
    /// How many entries it has.
    pub entradas: i64,
    /// The first thing wrong with it.
    pub rotura: Option<ChainBreak>,
}

/// Re-computes one report's chain and shows each entry to `ve`, in order. `None` when its row is no longer
/// there.
pub async fn verify_chain(
    l: &mut ReadConn,
    leido: &StoredReporte,
    mut ve: impl FnMut(&EntradaRecord) + Send,
) -> Result<Option<ChainSummary>, StoreError> {
    let r = &leido.reporte;
    let recuerda = r.cabeza.entradas;
    let mut v = ChainVerifier::new(r.uuid_cliente.clone());
    let (mut entradas, mut rotura, mut tras, mut fin) = (0, None, i64::MIN, false);
    while !fin {
        let mut segment = read_stored(&mut l.conn(), r.id, tras).await?;
        let Some(ultima) = segment.last().map(|e| e.n) else {
            break;
        };
        fin = segment.len() < usize::try_from(ENTRADAS_PER_READ).unwrap_or(usize::MAX);
        if ultima > recuerda {
            match version_of(l, r.id).await? {
                None => return Ok(None),
                // The report changed since its row was read: what it was then is verified.
                Some(version) if version != r.version => {
                    segment.retain(|e| e.n <= recuerda);
                    fin = true;
                }
                Some(_) => {}
            }
        }
        for e in &segment {
            entradas += 1;
            if rotura.is_none() {
                rotura = v.check_entrada(e).err();
            }
            ve(e);
        }
        tras = ultima;
        // What was hashed so far was long enough for others to wait.
        tokio::task::yield_now().await;
    }
    if rotura.is_none() {
        rotura = v.finish(&r.cabeza, r.version, &r.values()).err();
    }
    Ok(Some(ChainSummary { entradas, rotura }))
}

/// That of a row that can't be read, or whose author is nobody: it holds other values.
async fn unreadable_chain(l: &mut ReadConn, id: i64) -> Result<Option<ChainSummary>, StoreError> {
    let entradas: i64 = with_conn!(l.conn(), c => sqlx::query_scalar(
        "SELECT count(*) FROM bitacora WHERE reporte_id = $1")
        .bind(id).fetch_one(&mut **c).await)?;
    if entradas > 0 && version_of(l, id).await?.is_none() {
        return Ok(None);
    }
    let rotura = Some(ChainBreak {
        n: entradas.max(1),
        motivo: BreakReason::Fila,
    });
    Ok(Some(ChainSummary { entradas, rotura }))
}

async fn version_of(l: &mut ReadConn, id: i64) -> Result<Option<i64>, StoreError> {
    Ok(
        with_conn!(l.conn(), c => sqlx::query_scalar("SELECT version FROM reportes WHERE id = $1")
        .bind(id).fetch_optional(&mut **c).await)?,
    )
}

/// What can't be read is evidence, no reason to give up the verification.
fn unreadable_as_none<T>(r: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match r {
        Err(StoreError::Dato(_) | StoreError::Sql(sqlx::Error::ColumnDecode { .. })) => Ok(None),
        otro => otro,
    }
}

async fn verify_settings(l: &mut ReadConn, resumen: &mut VerifySummary) -> Result<(), StoreError> {
    let cabeza: Option<(i64, String)> = unreadable_as_none(
        with_conn!(l.conn(), c => sqlx::query_as(
            "SELECT entradas, ultimo_hash FROM bitacora_ajustes_cabeza WHERE id = 1")
            .fetch_optional(&mut **c).await)
        .map_err(StoreError::from),
    )?;
    let (entradas, ultimo) = cabeza.unwrap_or_default();
    let mut hash = GENESIS.to_owned();
    let mut n = 0;
    // Entries written since the head was read are left for the next verification.
    let rotura = 'cadena: loop {
        let rows = settings_after(l, n).await?;
        if rows.is_empty() {
            break None;
        }
        for f in rows {
            if n == entradas {
                break 'cadena None;
            }
            n += 1;
            let canonica = lossy_text(&f.canonica);
            let motivo = if f.n != n {
                BreakReason::Falta
            } else if chain_hash(&hash, &canonica).as_bytes() != f.hash {
                BreakReason::Hash
            } else if !f.columns_match(&canonica) {
                BreakReason::Columnas
            } else {
                hash = lossy_text(&f.hash);
                continue;
            };
            break 'cadena Some(ChainBreak { n, motivo });
        }
    };
    resumen.ajustes = n;
    // An entry and the head that counts it are written together, and one statement sees both.
    let sobra: Option<i64> = with_conn!(l.conn(), c => sqlx::query_scalar(
        "SELECT min(n) FROM bitacora_ajustes
         WHERE n > COALESCE((SELECT entradas FROM bitacora_ajustes_cabeza WHERE id = 1), 0)")
        .fetch_one(&mut **c).await)?;
    let rota = |n, motivo| Some(ChainBreak { n, motivo });
    let rotura = rotura.or_else(|| match sobra {
        _ if n < entradas => rota(n + 1, BreakReason::Falta),
        Some(sobra) => rota(sobra, BreakReason::Sobra),
        None if hash != ultimo => rota(n, BreakReason::Cabeza),
        None => None,
    });
    resumen.hallazgos.extend(rotura.map(ChainFinding::Ajustes));
    Ok(())
}
