//! The disk alone: the same files in the same directory tree, each made durable, by as many threads as
//! there are connections. No HTTP, no hash, no database.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use sigra_store::Env;

use super::molde::{LARGO, MIB_POR_ARCHIVO, Molde};
use crate::{
    error::Error,
    medida::{RondaDirecta, real},
};

/// Bytes that are read at once.
const TROZO: usize = 1024 * 1024;

/// Writes so many files into a directory, which then goes.
pub async fn escribe(
    dir: PathBuf,
    molde: Arc<Molde>,
    cuantos: u64,
    hilos: u16,
) -> Result<RondaDirecta, Error> {
    let tarea = move || {
        let archivo = molde.archivo("");
        let ronda = reparte(cuantos, hilos, |n| {
            let mut destino = File::create_new(dir.join(format!("{n}.jpg")))?;
            for parte in molde.partes(&archivo) {
                destino.write_all(parte)?;
            }
            destino.sync_all()
        })?;
        fs::remove_dir_all(dir)?;
        Ok(ronda)
    };
    tokio::task::spawn_blocking(tarea).await?
}

/// Reads these files to their ends.
pub async fn lee(rutas: Vec<PathBuf>, hilos: u16) -> Result<RondaDirecta, Error> {
    let cuantos = u64::try_from(rutas.len()).unwrap_or(u64::MAX);
    let tarea = move || {
        reparte(cuantos, hilos, |n| {
            let ruta = usize::try_from(n).ok().and_then(|n| rutas.get(n));
            let mut archivo = File::open(ruta.ok_or(io::ErrorKind::NotFound)?)?;
            let (mut trozo, mut largo) = (vec![0; TROZO], 0);
            loop {
                match archivo.read(&mut trozo)? {
                    0 if largo == LARGO => return Ok(()),
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    n => largo += n,
                }
            }
        })
    };
    tokio::task::spawn_blocking(tarea).await?
}

/// Whoever reads these files next reads them from the disk; only Linux can be told.
pub fn olvida(rutas: impl Iterator<Item = impl AsRef<Path>>) -> Result<(), Error> {
    for ruta in rutas {
        let archivo = File::open(ruta)?;
        #[cfg(target_os = "linux")]
        rustix::fs::fadvise(&archivo, 0, None, rustix::fs::Advice::DontNeed)
            .map_err(io::Error::from)?;
        drop(archivo);
    }
    Ok(())
}

/// Each file once, by whichever thread is free.
fn reparte(
    cuantos: u64,
    hilos: u16,
    hace: impl Fn(u64) -> io::Result<()> + Sync,
) -> Result<RondaDirecta, Error> {
    let siguiente = AtomicU64::new(0);
    let trabaja = || {
        loop {
            match siguiente.fetch_add(1, Relaxed) {
                n if n < cuantos => hace(n)?,
                _ => return Ok(()),
            }
        }
    };
    let inicio = Env::monotonic_now();
    std::thread::scope(|ambito| {
        let todos: Vec<_> = (0..hilos).map(|_| ambito.spawn(trabaja)).collect();
        todos.into_iter().try_for_each(|hilo| {
            let hecho: io::Result<()> = hilo
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("un hilo se interrumpió")));
            hecho
        })
    })?;
    let segundos = inicio.elapsed().as_secs_f64();
    Ok(RondaDirecta {
        hechos: cuantos,
        por_segundo: real(cuantos) * f64::from(MIB_POR_ARCHIVO) / segundos,
    })
}
