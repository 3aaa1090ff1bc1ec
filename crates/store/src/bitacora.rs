//! Reading the bitácoras, and re-computing them.

use sigra_domain::{
    Instante,
    bitacora::{
        Accion, Entrada, EntradaAjuste, GENESIS, Guardada, Motivo, Rotura, Valores, Verificador,
        encadena,
    },
};
use sqlx::FromRow;

use crate::{
    Fallo, Lectura, Store, Tx,
    db::{Conn, con},
    reportes::ReporteLeido,
};

/// One entry of a report's bitácora, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct EntradaLeida {
    pub id: i64,
    pub reporte_id: i64,
    pub entrada: Entrada,
    /// The canonical text that the hash is of.
    pub canonica: String,
    pub hash: String,
}

#[derive(FromRow)]
struct Fila {
    id: i64,
    reporte_id: i64,
    canonica: String,
    hash: String,
}

impl Fila {
    fn leida(self) -> Result<EntradaLeida, Fallo> {
        let entrada = serde_json::from_str(&self.canonica)
            .map_err(|_| Fallo::Dato(format!("bitácora: entrada {}", self.id)))?;
        Ok(EntradaLeida {
            id: self.id,
            reporte_id: self.reporte_id,
            entrada,
            canonica: self.canonica,
            hash: self.hash,
        })
    }
}

/// A report's whole bitácora, oldest first.
pub async fn bitacora_de(
    lectura: &mut Lectura,
    reporte_id: i64,
) -> Result<Vec<EntradaLeida>, Fallo> {
    filas_de(&mut lectura.conn(), reporte_id)
        .await?
        .into_iter()
        .map(Fila::leida)
        .collect()
}

pub(crate) async fn entradas_de(
    conn: &mut Conn<'_>,
    reporte_id: i64,
) -> Result<Vec<Entrada>, Fallo> {
    let filas = filas_de(conn, reporte_id).await?;
    filas
        .into_iter()
        .map(|f| f.leida().map(|l| l.entrada))
        .collect()
}

async fn filas_de(conn: &mut Conn<'_>, reporte_id: i64) -> Result<Vec<Fila>, Fallo> {
    Ok(con!(*conn, c => sqlx::query_as(
        "SELECT id, reporte_id, canonica, hash FROM bitacora
         WHERE reporte_id = $1 ORDER BY n")
        .bind(reporte_id).fetch_all(&mut **c).await)?)
}

/// Which entries of all reports; `None` means any.
#[derive(Clone, Debug, Default)]
pub struct FiltroBitacora {
    pub reporte_id: Option<i64>,
    pub rut: Option<i64>,
    pub accion: Option<Accion>,
    pub desde: Option<Instante>,
    pub hasta: Option<Instante>,
    /// Only entries before this one: the list is newest first.
    pub antes_de: Option<i64>,
}

/// A page of all reports' entries, newest first.
pub async fn lista_bitacora(
    lectura: &mut Lectura,
    f: &FiltroBitacora,
    limite: i64,
) -> Result<Vec<EntradaLeida>, Fallo> {
    let filas: Vec<Fila> = con!(lectura.conn(), c => sqlx::query_as(
        "SELECT id, reporte_id, canonica, hash FROM bitacora
         WHERE ($1 IS NULL OR reporte_id = $1) AND ($2 IS NULL OR rut = $2)
           AND ($3 IS NULL OR accion = $3) AND ($4 IS NULL OR en >= $4) AND ($5 IS NULL OR en < $5)
           AND id < $6
         ORDER BY id DESC LIMIT $7")
        .bind(f.reporte_id).bind(f.rut).bind(f.accion.map(Accion::nombre))
        .bind(f.desde.map(|t| t.0)).bind(f.hasta.map(|t| t.0))
        .bind(f.antes_de.unwrap_or(i64::MAX)).bind(limite)
        .fetch_all(&mut **c).await)?;
    filas.into_iter().map(Fila::leida).collect()
}

/// One entry of the bitácora of settings.
#[derive(Clone, Debug)]
pub struct AjusteLeido {
    pub entrada: EntradaAjuste,
    pub hash: String,
}

#[derive(FromRow)]
struct FilaAjuste {
    n: i64,
    canonica: String,
    hash: String,
}

/// A page of the bitácora of settings, newest first; `objeto` as `usuario:RUT`, `area:ID`.
pub async fn lista_ajustes(
    lectura: &mut Lectura,
    objeto: Option<&str>,
    antes_de: Option<i64>,
    limite: i64,
) -> Result<Vec<AjusteLeido>, Fallo> {
    let filas: Vec<FilaAjuste> = con!(lectura.conn(), c => sqlx::query_as(
        "SELECT n, canonica, hash FROM bitacora_ajustes
         WHERE ($1 IS NULL OR objeto = $1) AND n < $2 ORDER BY n DESC LIMIT $3")
        .bind(objeto).bind(antes_de.unwrap_or(i64::MAX)).bind(limite)
        .fetch_all(&mut **c).await)?;
    filas
        .into_iter()
        .map(|f| {
            let entrada = serde_json::from_str(&f.canonica)
                .map_err(|_| Fallo::Dato(format!("bitácora de ajustes: entrada {}", f.n)))?;
            Ok(AjusteLeido {
                entrada,
                hash: f.hash,
            })
        })
        .collect()
}

impl Tx<'_> {
    /// Waits, on PostgreSQL, until no other setting is being changed: the first thing that such a
    /// change does, so that all of them wait in one order. SQLite's writer is alone anyway.
    pub(crate) async fn bloquea_ajustes(&mut self) -> Result<(), Fallo> {
        if let Conn::Postgres(c) = &mut self.conn {
            sqlx::query("SELECT 1 FROM bitacora_ajustes_cabeza WHERE id = 1 FOR UPDATE")
                .execute(&mut **c)
                .await?;
        }
        Ok(())
    }

    /// Notes a change of a setting: who (`None`: from the server's console), what, from, to. One
    /// chain for all of them: they are rare, so its head is no queue.
    pub(crate) async fn anota_ajuste(
        &mut self,
        objeto: String,
        accion: &'static str,
        rut: Option<sigra_domain::Rut>,
        (antes, despues): (Valores, Valores),
    ) -> Result<(), Fallo> {
        let sql = self.conn.elige(
            "SELECT entradas, ultimo_hash FROM bitacora_ajustes_cabeza WHERE id = 1",
            "SELECT entradas, ultimo_hash FROM bitacora_ajustes_cabeza WHERE id = 1 FOR UPDATE",
        );
        let (entradas, ultimo): (i64, String) =
            con!(self.conn, c => sqlx::query_as(sql).fetch_one(&mut **c).await)?;
        let entrada = EntradaAjuste {
            n: entradas + 1,
            objeto,
            accion: accion.to_owned(),
            rut,
            en: self.ahora,
            antes,
            despues,
        };
        let canonica = entrada.canonica().map_err(|e| Fallo::Dato(e.to_string()))?;
        let hash = encadena(&ultimo, &canonica);
        con!(self.conn, c => sqlx::query(
            "INSERT INTO bitacora_ajustes (n, objeto, accion, rut, en, canonica, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(entrada.n).bind(entrada.objeto.as_str()).bind(accion)
            .bind(rut.map(sigra_domain::Rut::cuerpo)).bind(self.ahora.0)
            .bind(canonica.as_str()).bind(hash.as_str())
            .execute(&mut **c).await.map(drop))?;
        con!(self.conn, c => sqlx::query(
            "UPDATE bitacora_ajustes_cabeza SET entradas = $1, ultimo_hash = $2 WHERE id = 1")
            .bind(entrada.n).bind(hash.as_str())
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}

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
const PAGINA: i64 = 500;

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

/// Entries of one report read at once: an author may have edited it thousands of times.
const TRAMO: i64 = 100;

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

/// An entry whose texts may be any bytes: SQLite keeps what a failing disk makes of them.
#[derive(FromRow)]
struct FilaCruda {
    n: i64,
    version: i64,
    accion: Vec<u8>,
    rut: i64,
    en: i64,
    canonica: Vec<u8>,
    hash: Vec<u8>,
}

fn de_bytes(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn guardadas_de(
    conn: &mut Conn<'_>,
    reporte_id: i64,
    tras: i64,
) -> Result<Vec<Guardada>, Fallo> {
    let sql = conn.elige(
        "SELECT n, version, rut, en, CAST(accion AS BLOB) AS accion,
            CAST(canonica AS BLOB) AS canonica, CAST(hash AS BLOB) AS hash
         FROM bitacora WHERE reporte_id = $1 AND n > $2 ORDER BY n LIMIT $3",
        "SELECT n, version, rut, en, convert_to(accion, 'UTF8') AS accion,
            convert_to(canonica, 'UTF8') AS canonica, convert_to(hash, 'UTF8') AS hash
         FROM bitacora WHERE reporte_id = $1 AND n > $2 ORDER BY n LIMIT $3",
    );
    let filas: Vec<FilaCruda> = con!(*conn, c => sqlx::query_as(sql).bind(reporte_id).bind(tras)
        .bind(TRAMO).fetch_all(&mut **c).await)?;
    Ok(filas
        .into_iter()
        .map(|f| Guardada {
            n: f.n,
            version: f.version,
            accion: de_bytes(&f.accion),
            rut: f.rut,
            en: f.en,
            canonica: de_bytes(&f.canonica),
            hash: de_bytes(&f.hash),
        })
        .collect())
}

/// As [`FilaCruda`], of the bitácora of settings.
#[derive(FromRow)]
struct AjusteCrudo {
    n: i64,
    objeto: Vec<u8>,
    accion: Vec<u8>,
    rut: Option<i64>,
    en: i64,
    canonica: Vec<u8>,
    hash: Vec<u8>,
}

impl AjusteCrudo {
    /// Whether the columns say what the text says.
    fn columnas(&self, canonica: &str) -> bool {
        EntradaAjuste::lee(canonica).is_some_and(|e| {
            (
                e.n,
                e.objeto.as_bytes(),
                e.accion.as_bytes(),
                e.rut.map(sigra_domain::Rut::cuerpo),
                e.en.0,
            ) == (
                self.n,
                self.objeto.as_slice(),
                self.accion.as_slice(),
                self.rut,
                self.en,
            )
        })
    }
}

async fn ajustes_tras(l: &mut Lectura, n: i64) -> Result<Vec<AjusteCrudo>, Fallo> {
    let mut conn = l.conn();
    let sql = conn.elige(
        "SELECT n, rut, en, CAST(objeto AS BLOB) AS objeto, CAST(accion AS BLOB) AS accion,
            CAST(canonica AS BLOB) AS canonica, CAST(hash AS BLOB) AS hash
         FROM bitacora_ajustes WHERE n > $1 ORDER BY n LIMIT $2",
        "SELECT n, rut, en, convert_to(objeto, 'UTF8') AS objeto,
            convert_to(accion, 'UTF8') AS accion, convert_to(canonica, 'UTF8') AS canonica,
            convert_to(hash, 'UTF8') AS hash
         FROM bitacora_ajustes WHERE n > $1 ORDER BY n LIMIT $2",
    );
    Ok(con!(conn, c => sqlx::query_as(sql).bind(n).bind(PAGINA).fetch_all(&mut **c).await)?)
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
