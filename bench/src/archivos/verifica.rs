//! Whether the figures on files are true: each acknowledged one is its report's, with its bytes where
//! the database says, and no other is. Otherwise there are no results.

use std::{collections::HashMap, fs, path::PathBuf};

use super::{
    Taller,
    molde::{Archivo, LARGO, TIPO},
    subir::Subidos,
};
use crate::{error::Error, lector::filas, verifica};

/// The files that reports have, with their objects.
const SUBIDOS: &str = "SELECT m.uuid_cliente, m.id, o.sha256, o.bytes, o.tipo, o.clave
    FROM multimedia m JOIN objetos o ON o.sha256 = m.sha256 AND o.bytes = m.bytes
    WHERE m.estado = 'subido'";
/// What was made of them, each half a row.
const COPIAS: &str = "SELECT clave_miniatura, bytes_miniatura FROM objetos WHERE vistas = 'listas'
    UNION ALL SELECT clave_vista, bytes_vista FROM objetos WHERE vistas = 'listas'";

type Fila = (String, i64, String, i64, String, String);

/// A file that came.
#[derive(Clone, Debug)]
pub struct Guardado {
    pub archivo: Archivo,
    /// That of its address.
    pub id: i64,
    /// Where its bytes are.
    pub ruta: PathBuf,
}

/// The files of each worker, as the database has them. Nobody may have it open.
pub async fn subidos(
    taller: &Taller<'_>,
    filas_antes: u32,
    subidos: Subidos,
) -> Result<Vec<Vec<Guardado>>, Error> {
    let sitio = &taller.sitio;
    verifica::sigra(sitio, filas_antes, subidos.reportes).await?;
    let halladas: Vec<Fila> = filas(sitio.motor, &sitio.url, SUBIDOS).await?;
    let mut halladas: HashMap<String, Fila> =
        halladas.into_iter().map(|f| (f.0.clone(), f)).collect();
    let (hay, debe) = (
        halladas.len(),
        subidos.archivos.iter().map(Vec::len).sum::<usize>(),
    );
    if hay != debe {
        return Err(falta(
            taller,
            &format!("hay {hay} archivos subidos y debe haber {debe}"),
        ));
    }
    let mut guardado = |archivo: Archivo| {
        let suya = halladas.remove(&archivo.uuid);
        let (_, id, sha256, bytes, tipo, clave) =
            suya.ok_or_else(|| falta(taller, "un archivo confirmado no está"))?;
        if (sha256 != archivo.sha256, tipo.as_str()) != (false, TIPO) {
            return Err(falta(taller, "un archivo confirmado es otro"));
        }
        let ruta = taller.sitio.encargo.archivos.join(clave);
        mide(taller, &ruta, bytes, Some(LARGO))?;
        Ok(Guardado { archivo, id, ruta })
    };
    let de_uno = |suyos: Vec<Archivo>| suyos.into_iter().map(&mut guardado).collect();
    subidos.archivos.into_iter().map(de_uno).collect()
}

/// Every photo has its two copies.
pub async fn vistas(taller: &Taller<'_>, fotos: usize) -> Result<(), Error> {
    let sitio = &taller.sitio;
    let copias: Vec<(Option<String>, Option<i64>)> = filas(sitio.motor, &sitio.url, COPIAS).await?;
    if copias.len() != 2 * fotos {
        return Err(falta(
            taller,
            &format!("hay {} vistas de {fotos} fotos", copias.len()),
        ));
    }
    for copia in copias {
        let (Some(clave), Some(bytes)) = copia else {
            return Err(falta(taller, "una vista no está"));
        };
        mide(taller, &sitio.encargo.archivos.join(clave), bytes, None)?;
    }
    Ok(())
}

/// The length of a file on the disk is that of the database, and the one it should have.
fn mide(taller: &Taller<'_>, ruta: &PathBuf, bytes: i64, debe: Option<usize>) -> Result<(), Error> {
    let largo = fs::metadata(ruta).map(|m| m.len()).ok();
    let igual = largo.is_some_and(|l| i64::try_from(l) == Ok(bytes))
        && debe.is_none_or(|d| i64::try_from(d) == Ok(bytes));
    if igual {
        return Ok(());
    }
    Err(falta(
        taller,
        &format!("los bytes de un archivo no están: {}", ruta.display()),
    ))
}

fn falta(taller: &Taller<'_>, que: &str) -> Error {
    Error::Deshonesto(format!("{}: {que}", taller.sitio.motor.nombre()))
}
