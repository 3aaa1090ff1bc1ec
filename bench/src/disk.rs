//! What lies under the database: durability is only measured where a disk is asked for it.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    time::Duration,
};

use sigra_store::Env;

use crate::{Error, real};

/// File systems that forget when the machine stops.
const IN_MEMORY: [&str; 2] = ["tmpfs", "ramfs"];

/// The type of the file system under a path, as the kernel names it; `None` where it does not say.
pub fn file_system(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let under = fields.filter(|(point, _)| path.starts_with(point));
    under
        .max_by_key(|(point, _)| point.len())
        .map(|(_, kind)| kind.to_owned())
}

/// Refuses memory that looks like a disk.
pub fn require_disk(path: &Path, advice: &str) -> Result<(), Error> {
    match file_system(path) {
        Some(kind) if IN_MEMORY.contains(&kind.as_str()) => Err(format!(
            "{} está en memoria ({kind}): no se puede medir durabilidad ahí; {advice}",
            path.display()
        )
        .into()),
        _ => Ok(()),
    }
}

/// How often a second 4 KiB become durable, one after the other.
pub fn syncs_per_second(dir: &Path, duration: Duration) -> Result<f64, Error> {
    let mut file = tempfile::tempfile_in(dir)?;
    let (start, mut n) = (Env::monotonic_now(), 0);
    while n == 0 || start.elapsed() < duration {
        file.write_all(&[0; 4_096])?;
        file.sync_data()?;
        n += 1;
    }
    Ok(real(n) / start.elapsed().as_secs_f64())
}

/// Files that one thread writes, each made durable, or reads; how many a second.
pub fn files_per_second(
    dir: &Path,
    bytes: &[u8],
    duration: Duration,
    write: bool,
) -> Result<f64, Error> {
    let dir = tempfile::tempdir_in(dir)?;
    let store = |n: u64| -> std::io::Result<()> {
        let mut file = File::create(dir.path().join(n.to_string()))?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    store(0)?;
    let (start, mut n) = (Env::monotonic_now(), 0);
    while n == 0 || start.elapsed() < duration {
        n += 1;
        if write {
            store(n)?;
        } else {
            fs::read(dir.path().join("0"))?;
        }
    }
    Ok(real(n) / start.elapsed().as_secs_f64())
}
