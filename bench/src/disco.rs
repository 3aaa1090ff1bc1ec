//! What lies under the database: durability is only measured where a disk is asked for it.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
};

use sigra_store::Env;

use crate::{error::Error, medida::Resumen};

/// File systems that forget when the machine stops.
const EN_MEMORIA: [&str; 2] = ["tmpfs", "ramfs"];
const MUESTRAS: usize = 100;

/// The type of the file system under a path, as the kernel names it; `None` where it does not say.
pub fn sistema_de_archivos(ruta: &Path) -> Option<String> {
    let ruta = ruta.canonicalize().ok()?;
    let montajes = fs::read_to_string("/proc/self/mounts").ok()?;
    let mut campos = montajes.lines().filter_map(|l| {
        let mut c = l.split_whitespace();
        Some((c.nth(1)?, c.next()?))
    });
    let bajo = |(punto, _): &(&str, &str)| ruta.starts_with(punto);
    let (_, tipo) = campos
        .by_ref()
        .filter(bajo)
        .max_by_key(|(punto, _)| punto.len())?;
    Some(tipo.to_owned())
}

/// Refuses memory in a disk's clothes.
pub fn exige_disco(ruta: &Path, que_hacer: &str) -> Result<(), Error> {
    match sistema_de_archivos(ruta) {
        Some(tipo) if EN_MEMORIA.contains(&tipo.as_str()) => Err(Error::Negado(format!(
            "{} está en memoria ({tipo}): no se puede medir durabilidad ahí; {que_hacer}",
            ruta.display()
        ))),
        _ => Ok(()),
    }
}

/// Milliseconds that this disk takes to make 4 KiB durable: what every transaction must pay, alone
/// or shared.
pub fn fsync_ms(dir: &Path) -> Result<Option<Resumen>, Error> {
    let ruta = dir.join("fsync");
    let mut archivo = File::create(&ruta)?;
    let mut tiempos = Vec::with_capacity(MUESTRAS);
    for _ in 0..MUESTRAS {
        archivo.write_all(&[0; 4_096])?;
        let t = Env::monotonic_now();
        archivo.sync_data()?;
        tiempos.push(t.elapsed().as_secs_f64() * 1_000.0);
    }
    drop(archivo);
    fs::remove_file(ruta)?;
    Ok(Resumen::de(tiempos))
}
