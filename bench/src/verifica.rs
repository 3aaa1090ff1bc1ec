//! Whether the figures are true: every acknowledged report is there, with all that belongs to it,
//! and the bitácora verifies. Otherwise there are no results.

use sigra_store::{Env, Store};

use crate::{
    base::Motor, error::Error, lector::enteros, pantalla::Etapa, servidor::CONEXIONES, sitio::Sitio,
};

/// Rows of a report that exist once per version, and once per report.
const TABLAS: [(&str, &str); 4] = [
    ("reportes", "SELECT count(*) FROM reportes"),
    ("aceptados", "SELECT count(*) FROM aceptados"),
    (
        "versiones",
        "SELECT CAST(sum(version) AS BIGINT) FROM reportes",
    ),
    (
        "huérfanos",
        "SELECT count(*) FROM reportes r WHERE r.version <>
        (SELECT count(*) FROM bitacora b WHERE b.reporte_id = r.id)",
    ),
];
const POR_VERSION: [(&str, &str); 2] = [
    ("bitacora", "SELECT count(*) FROM bitacora"),
    ("cambios", "SELECT count(*) FROM cambios"),
];

/// What SIGRA's database must hold after `creados` acknowledged creations.
pub async fn sigra(sitio: &Sitio, filas: u32, creados: u64) -> Result<(), Error> {
    let esperados = i64::from(filas) + i64::try_from(creados).unwrap_or(i64::MAX);
    cuenta(sitio.motor, &sitio.url, esperados).await?;
    let texto = format!("{}: verifica la bitácora", sitio.motor.nombre());
    let etapa = Etapa::nueva(texto, esperados.unsigned_abs());
    let store = Store::open(&sitio.url, CONEXIONES, Env::default()).await?;
    let resumen = store.verify_bitacora(|hechos| etapa.va_en(hechos)).await?;
    store.close().await;
    etapa.termina();
    if resumen.hallazgos.is_empty() && resumen.reportes == esperados {
        return Ok(());
    }
    Err(Error::Deshonesto(format!(
        "{}: la bitácora verificó {} de {esperados} reportes, con {} hallazgos",
        sitio.motor.nombre(),
        resumen.reportes,
        resumen.hallazgos.len()
    )))
}

/// The bare database is held to its word as well.
pub async fn directa(motor: Motor, url: &str, filas: u32, escritos: u64) -> Result<(), Error> {
    cuenta(
        motor,
        url,
        i64::from(filas) + i64::try_from(escritos).unwrap_or(i64::MAX),
    )
    .await
}

async fn cuenta(motor: Motor, url: &str, esperados: i64) -> Result<(), Error> {
    let uno = async |sql| {
        Ok::<_, Error>(
            enteros(motor, url, sql)
                .await?
                .first()
                .copied()
                .unwrap_or(0),
        )
    };
    let mut halladas = Vec::new();
    for (nombre, sql) in TABLAS {
        halladas.push((nombre, uno(sql).await?));
    }
    let versiones = halladas[2].1;
    for (nombre, sql) in POR_VERSION {
        let n = uno(sql).await?;
        if n != versiones {
            return Err(falta(motor, nombre, n, versiones));
        }
    }
    for ((nombre, n), debe) in halladas
        .into_iter()
        .zip([esperados, esperados, versiones, 0])
    {
        if n != debe {
            return Err(falta(motor, nombre, n, debe));
        }
    }
    Ok(())
}

fn falta(motor: Motor, que: &str, hay: i64, debe: i64) -> Error {
    Error::Deshonesto(format!(
        "{}: {que}: hay {hay} y debe haber {debe}",
        motor.nombre()
    ))
}
