//! The same promises on a directory and on a real S3 server that checks signatures.

#![cfg(test)]

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use sigra_files::blobs::{BlobError, BlobStore, S3Options};
use tempfile::TempDir;

use sigra_testkit::s3::S3Server;

/// Runs one body on a directory and on S3.
macro_rules! both_stores {
    ($nombre:ident, |$blobs:ident| $cuerpo:block) => {
        mod $nombre {
            use super::*;

            #[tokio::test]
            async fn directory() {
                let dir = TempDir::new().unwrap();
                let $blobs = BlobStore::open_dir(dir.path().join("archivos")).unwrap();
                $cuerpo
            }

            #[tokio::test]
            async fn s3() {
                let servidor = S3Server::start().await.unwrap();
                let $blobs = BlobStore::s3(&servidor.options()).unwrap();
                $cuerpo
            }
        }
    };
}

/// Not the same anywhere, so that a part in the wrong place is seen.
fn bytes(n: usize) -> Bytes {
    (0..n)
        .map(|i| u8::try_from((i * i / 7 + i / 251) % 256).unwrap())
        .collect()
}

async fn read(blobs: &BlobStore, clave: &str, rango: Option<std::ops::Range<u64>>) -> Vec<u8> {
    let partes: Vec<Bytes> = blobs
        .read(clave, rango)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    partes.concat()
}

both_stores!(lo_escrito_se_lee, |blobs| {
    // Around the sizes at which a writer goes over to parts.
    for n in [
        0,
        1,
        262_143,
        262_144,
        600_000,
        5 * 1024 * 1024 - 1,
        12_000_000,
    ] {
        let todo = bytes(n);
        let clave = format!("objetos/{n}");
        let mut writer = blobs.writer(&clave);
        for trozo in todo.chunks(70_001) {
            writer.append(todo.slice_ref(trozo)).await.unwrap();
        }
        assert_eq!(writer.written(), u64::try_from(n).unwrap());
        assert_eq!(
            blobs.size(&clave).await.unwrap(),
            None,
            "{n}: visto antes de su fin"
        );
        writer.finish().await.unwrap();
        assert_eq!(
            blobs.size(&clave).await.unwrap(),
            Some(u64::try_from(n).unwrap())
        );
        assert!(read(&blobs, &clave, None).await == todo, "{n}");
        assert!(blobs.read_all(&clave, n).await.unwrap() == todo, "{n}");
        if n > 1 {
            assert!(read(&blobs, &clave, Some(1..u64::try_from(n).unwrap())).await == todo[1..]);
            assert!(read(&blobs, &clave, Some(0..1)).await == todo[..1]);
            assert!(read(&blobs, &clave, Some(1..1)).await.is_empty());
            let menos = blobs.read_all(&clave, n - 1).await;
            assert!(matches!(menos, Err(BlobError::MuyGrande)));
        }
    }
});

both_stores!(lo_abandonado_no_se_ve, |blobs| {
    for n in [10, 6 * 1024 * 1024] {
        let mut writer = blobs.writer("subidas/a/1");
        writer.append(bytes(n)).await.unwrap();
        writer.abort().await.unwrap();
        let mut writer = blobs.writer("subidas/a/2");
        writer.append(bytes(n)).await.unwrap();
        drop(writer);
        for clave in ["subidas/a/1", "subidas/a/2"] {
            assert_eq!(blobs.size(clave).await.unwrap(), None);
            assert!(matches!(
                blobs.read(clave, None).await,
                Err(BlobError::NoEsta(_))
            ));
        }
    }
    let vistos: Vec<_> = blobs.list("subidas").try_collect().await.unwrap();
    assert_eq!(vistos, []);
    blobs.delete_prefix("subidas/a").await.unwrap();
});

both_stores!(copias_y_borrados, |blobs| {
    for clave in ["subidas/a/1", "subidas/a/2", "subidas/ab/1", "objetos/1"] {
        blobs.write(clave, bytes(30)).await.unwrap();
    }
    blobs.copy("subidas/a/1", "objetos/2").await.unwrap();
    blobs.delete_prefix("subidas/a").await.unwrap();
    blobs.delete_prefix("subidas/a").await.unwrap();
    blobs.delete("objetos/1").await.unwrap();
    blobs.delete("objetos/1").await.unwrap();
    let mut quedan: Vec<_> = blobs.list("").try_collect().await.unwrap();
    quedan.sort_by(|a, b| a.clave.cmp(&b.clave));
    let quedan: Vec<_> = quedan.iter().map(|o| (o.clave.as_str(), o.bytes)).collect();
    assert_eq!(quedan, [("objetos/2", 30), ("subidas/ab/1", 30)]);
    assert!(read(&blobs, "objetos/2", None).await == bytes(30));
});

/// What a killed server was writing lies there under a temporary name.
#[tokio::test]
async fn a_deletion_removes_what_was_half_written() {
    let dir = TempDir::new().unwrap();
    let blobs = BlobStore::open_dir(dir.path().to_owned()).unwrap();
    let mut writer = blobs.writer("subidas/a/1");
    writer.append(bytes(1_000_000)).await.unwrap();
    let hay = || std::fs::read_dir(dir.path().join("subidas/a")).map_or(0, Iterator::count);
    assert!(hay() > 0);
    std::mem::forget(writer);
    blobs.delete_prefix("subidas/a").await.unwrap();
    assert_eq!(hay(), 0);
}

#[tokio::test]
async fn a_wrong_secret_key_is_refused() {
    let servidor = S3Server::start().await.unwrap();
    let otra = S3Options {
        clave_secreta: "otra".into(),
        ..servidor.options()
    };
    let blobs = BlobStore::s3(&otra).unwrap();
    let negado = blobs.write("objetos/1", bytes(1)).await;
    assert!(
        matches!(negado, Err(BlobError::NoDisponible(_))),
        "{negado:?}"
    );
}

#[test]
fn the_options_never_show_the_key() {
    let o = S3Options {
        url: "https://s3.mina.example".into(),
        url_publica: None,
        region: "us-east-1".into(),
        bucket: "sigra".into(),
        clave_id: "AKIA".into(),
        clave_secreta: "muy secreta".into(),
    };
    let dicho = format!("{o:?} {:?}", BlobStore::s3(&o).unwrap());
    assert!(!dicho.contains("muy secreta"), "{dicho}");
}
