//! A directory of this machine.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use object_store::local::LocalFileSystem;

use super::{BlobError, BlobStore};

/// Writing to a disk costs little at once, so little is held.
const PART_SIZE: usize = 256 * 1024;
/// Bytes that are read at once. Each time costs a way to another thread and back: with the 8 KiB of
/// `object_store` most of a processor's time went there.
const READ_SIZE: u64 = 256 * 1024;

pub(crate) fn open(root: PathBuf) -> Result<BlobStore, BlobError> {
    fs::create_dir_all(&root)?;
    let objetos = LocalFileSystem::new_with_prefix(&root)?.with_fsync(true);
    Ok(BlobStore {
        objetos: Arc::new(objetos),
        por_parte: PART_SIZE,
        root: Some(root),
        publico: None,
    })
}

pub(crate) async fn ensure_dir(folder: &Path) -> Result<(), BlobError> {
    if tokio::fs::metadata(folder).await?.is_dir() {
        Ok(())
    } else {
        Err(io::Error::from(io::ErrorKind::NotADirectory).into())
    }
}

/// The bytes of a part of a file, as they are asked for.
pub(crate) fn chunks(
    archivo: File,
    range: Range<u64>,
) -> BoxStream<'static, Result<Bytes, BlobError>> {
    stream::try_unfold((archivo, range), |(archivo, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let leido = tokio::task::spawn_blocking(|| read_chunk(archivo, range)).await;
        Ok(Some(leido.map_err(io::Error::other)??))
    })
    .boxed()
}

/// The first of them, and what is left.
fn read_chunk(mut archivo: File, range: Range<u64>) -> io::Result<(Bytes, (File, Range<u64>))> {
    let largo = READ_SIZE.min(range.end - range.start);
    let mut bytes = Vec::with_capacity(usize::try_from(largo).unwrap_or(0));
    archivo.seek(SeekFrom::Start(range.start))?;
    let leidos = (&mut archivo).take(largo).read_to_end(&mut bytes)?;
    if u64::try_from(leidos) != Ok(largo) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((bytes.into(), (archivo, range.start + largo..range.end)))
}

/// What a server that fell left of writing this file: `object_store` writes to this name first. Keys are random, so
/// there is no second writer of one.
pub(crate) async fn remove_partial(archivo: &Path) -> Result<(), BlobError> {
    let mut parcial = archivo.as_os_str().to_owned();
    parcial.push("#1");
    match tokio::fs::remove_file(PathBuf::from(parcial)).await {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}

/// A folder with all in it: half-written files under temporary names, which no list shows.
pub(crate) async fn remove_dir(folder: &Path) -> Result<(), BlobError> {
    match tokio::fs::remove_dir_all(folder).await {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}
