//! Re-computing the chains: of each report, and of the settings.

use sigra_domain::bitacora::{GENESIS, Guardada, Motivo, Rotura, Verificador, encadena};

use super::cruda::{TRAMO, ajustes_tras, de_bytes, guardadas_de};
use crate::{Fallo, Lectura, Store, db::con, reportes::ReporteLeido};

/// A broken chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hallazgo {
    Reporte {
        id: i64,
        uuid_cliente: String,
        rotura: Rotura,
    },
    /// Entries of a report that has no row.
    SinReporte {
        reporte_id: i64,
        n: i64,
    },
    Ajustes(Rotura),
}

/// What a verification went through and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resumen {
    pub reportes: i64,
    pub entradas: i64,
    pub ajustes: i64,
    pub hallazgos: Vec<Hallazgo>,
}

/// Reports verified per page: memory stays flat at any number of reports.
pub(super) const PAGINA: i64 = 500;

impl Store {
    /// How many reports there are, withdrawn ones included.
    pub async fn cuenta_reportes(&self) -> Result<i64, Fallo> {
        let mut l = self.leer().await?;
        Ok(
            con!(l.conn(), c => sqlx::query_scalar("SELECT count(*) FROM reportes")
            .fetch_one(&mut **c).await)?,
        )
    }

    /// Re-computes every chain and compares every report with what its entries lead to.
    /// `avance(reports so far)` is told of progress. Reports that change meanwhile are no finding:
    /// each is verified as it was when its row was read.
    pub async fn verifica_bitacora(&self, mut avance: impl FnMut(i64)) -> Result<Resumen, Fallo> {
        let mut resumen = Resumen::default();
        let mut desde = 0;
        loop {
            let mut l = self.leer().await?;
            let ids: Vec<i64> = con!(l.conn(), c => sqlx::query_scalar(
                "SELECT id FROM reportes WHERE id > $1 ORDER BY id LIMIT $2")
                .bind(desde).bind(PAGINA).fetch_all(&mut **c).await)?;
            let Some(ultimo) = ids.last().copied() else {
                break;
            };
            for id in &ids {
                self.verifica_uno(&mut l, *id, &mut resumen).await?;
            }
            desde = ultimo;
            avance(resumen.reportes);
        }
        let mut l = self.leer().await?;
        let huerfanas: Vec<(i64, i64)> = con!(l.conn(), c => sqlx::query_as(
            "SELECT b.reporte_id, min(b.n) FROM bitacora b LEFT JOIN reportes r ON r.id = b.reporte_id
             WHERE r.id IS NULL GROUP BY b.reporte_id ORDER BY b.reporte_id LIMIT 100")
            .fetch_all(&mut **c).await)?;
        resumen.hallazgos.extend(
            huerfanas
                .into_iter()
                .map(|(reporte_id, n)| Hallazgo::SinReporte { reporte_id, n }),
        );
        verifica_ajustes(&mut l, &mut resumen).await?;
        Ok(resumen)
    }

    async fn verifica_uno(
        &self,
        l: &mut Lectura,
        id: i64,
        resumen: &mut Resumen,
    ) -> Result<(), Fallo> {
        let leido = legible(crate::reportes::reporte(l, &crate::reportes::Cual::Id(id)).await)?;
        let cadena = match &leido {
            Some(leido) => cadena_de(l, leido, |_| ()).await?,
            None => cadena_ilegible(l, id).await?,
        };
        // Its entries are told as those of a report that has no row.
        let Some(Cadena { entradas, rotura }) = cadena else {
            return Ok(());
        };
        resumen.reportes += 1;
        resumen.entradas += entradas;
        if let Some(rotura) = rotura {
            let uuid_cliente = leido.map(|l| l.reporte.uuid_cliente).unwrap_or_default();
            resumen.hallazgos.push(Hallazgo::Reporte {
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
pub struct Cadena {
    /// How many entries it has.
    pub entradas: i64,
    /// The first thing wrong with it.
    pub rotura: Option<Rotura>,
}

/// Re-computes one report's chain and shows each entry to `ve`, in order. `None` when its row is no longer
/// there.
pub async fn cadena_de(
    l: &mut Lectura,
    leido: &ReporteLeido,
    mut ve: impl FnMut(&Guardada) + Send,
) -> Result<Option<Cadena>, Fallo> {
    let r = &leido.reporte;
    let recuerda = r.cabeza.entradas;
    let mut v = Verificador::new(r.uuid_cliente.clone());
    let (mut entradas, mut rotura, mut tras, mut fin) = (0, None, i64::MIN, false);
    while !fin {
        let mut tramo = guardadas_de(&mut l.conn(), r.id, tras).await?;
        let Some(ultima) = tramo.last().map(|e| e.n) else {
            break;
        };
        fin = tramo.len() < usize::try_from(TRAMO).unwrap_or(usize::MAX);
        if ultima > recuerda {
            match version_de(l, r.id).await? {
                None => return Ok(None),
                // The report changed since its row was read: what it was then is verified.
                Some(version) if version != r.version => {
                    tramo.retain(|e| e.n <= recuerda);
                    fin = true;
                }
                Some(_) => {}
            }
        }
        for e in &tramo {
            entradas += 1;
            if rotura.is_none() {
                rotura = v.entrada(e).err();
            }
            ve(e);
        }
        tras = ultima;
        // What was hashed so far was long enough for others to wait.
        tokio::task::yield_now().await;
    }
    if rotura.is_none() {
        rotura = v.fin(&r.cabeza, r.version, &r.valores()).err();
    }
    Ok(Some(Cadena { entradas, rotura }))
}

/// That of a row that can't be read, or whose author is nobody: it holds other values.
async fn cadena_ilegible(l: &mut Lectura, id: i64) -> Result<Option<Cadena>, Fallo> {
    let entradas: i64 = con!(l.conn(), c => sqlx::query_scalar(
        "SELECT count(*) FROM bitacora WHERE reporte_id = $1")
        .bind(id).fetch_one(&mut **c).await)?;
    if entradas > 0 && version_de(l, id).await?.is_none() {
        return Ok(None);
    }
    let rotura = Some(Rotura {
        n: entradas.max(1),
        motivo: Motivo::Fila,
    });
    Ok(Some(Cadena { entradas, rotura }))
}

async fn version_de(l: &mut Lectura, id: i64) -> Result<Option<i64>, Fallo> {
    Ok(
        con!(l.conn(), c => sqlx::query_scalar("SELECT version FROM reportes WHERE id = $1")
        .bind(id).fetch_optional(&mut **c).await)?,
    )
}

/// What can't be read is evidence, no reason to give up the verification.
fn legible<T>(r: Result<Option<T>, Fallo>) -> Result<Option<T>, Fallo> {
    match r {
        Err(Fallo::Dato(_) | Fallo::Sql(sqlx::Error::ColumnDecode { .. })) => Ok(None),
        otro => otro,
    }
}

async fn verifica_ajustes(l: &mut Lectura, resumen: &mut Resumen) -> Result<(), Fallo> {
    let cabeza: Option<(i64, String)> = legible(
        con!(l.conn(), c => sqlx::query_as(
            "SELECT entradas, ultimo_hash FROM bitacora_ajustes_cabeza WHERE id = 1")
            .fetch_optional(&mut **c).await)
        .map_err(Fallo::from),
    )?;
    let (entradas, ultimo) = cabeza.unwrap_or_default();
    let mut hash = GENESIS.to_owned();
    let mut n = 0;
    // Entries written since the head was read are left for the next verification.
    let rotura = 'cadena: loop {
        let filas = ajustes_tras(l, n).await?;
        if filas.is_empty() {
            break None;
        }
        for f in filas {
            if n == entradas {
                break 'cadena None;
            }
            n += 1;
            let canonica = de_bytes(&f.canonica);
            let motivo = if f.n != n {
                Motivo::Falta
            } else if encadena(&hash, &canonica).as_bytes() != f.hash {
                Motivo::Hash
            } else if !f.columnas(&canonica) {
                Motivo::Columnas
            } else {
                hash = de_bytes(&f.hash);
                continue;
            };
            break 'cadena Some(Rotura { n, motivo });
        }
    };
    resumen.ajustes = n;
    // An entry and the head that counts it are written together, and one statement sees both.
    let sobra: Option<i64> = con!(l.conn(), c => sqlx::query_scalar(
        "SELECT min(n) FROM bitacora_ajustes
         WHERE n > COALESCE((SELECT entradas FROM bitacora_ajustes_cabeza WHERE id = 1), 0)")
        .fetch_one(&mut **c).await)?;
    let rota = |n, motivo| Some(Rotura { n, motivo });
    let rotura = rotura.or_else(|| match sobra {
        _ if n < entradas => rota(n + 1, Motivo::Falta),
        Some(sobra) => rota(sobra, Motivo::Sobra),
        None if hash != ultimo => rota(n, Motivo::Cabeza),
        None => None,
    });
    resumen.hallazgos.extend(rotura.map(Hallazgo::Ajustes));
    Ok(())
}
