//! What lies under the database: durability is only measured where a disk is asked for it.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    thread,
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

/// Files that are written, each made durable, or read, by so many threads; how many a second.
pub fn files_per_second(
    dir: &Path,
    bytes: &[u8],
    threads: u32,
    (duration, write): (Duration, bool),
) -> Result<f64, Error> {
    let dir = tempfile::tempdir_in(dir)?;
    let store = |path: &Path| -> std::io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    for thread in 0..threads {
        store(&dir.path().join(thread.to_string()))?;
    }
    let start = Env::monotonic_now();
    let work = |thread: u32| -> std::io::Result<u64> {
        let mut n = 0;
        while n == 0 || start.elapsed() < duration {
            if write {
                store(&dir.path().join(format!("{thread}-{n}")))?;
            } else {
                fs::read(dir.path().join(thread.to_string()))?;
            }
            n += 1;
        }
        Ok(n)
    };
    let done = thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|t| scope.spawn(move || work(t))).collect();
        all.into_iter().try_fold(0, |sum, thread| {
            let n = thread.join().map_err(|_| "un hilo se interrumpió")?;
            Ok::<_, Error>(sum + n?)
        })
    })?;
    Ok(real(done) / start.elapsed().as_secs_f64())
}
