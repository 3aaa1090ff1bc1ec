//! The same promises on a directory and on a real S3 server that checks signatures.

#![cfg(test)]

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use sigra_almacen::{Almacen, Fallo, OpcionesS3};
use tempfile::TempDir;

use sigra_servidor_s3::ServidorS3;

/// Runs one body on a directory and on S3.
macro_rules! en_ambos {
    ($nombre:ident, |$almacen:ident| $cuerpo:block) => {
        mod $nombre {
            use super::*;

            #[tokio::test]
            async fn directorio() {
                let dir = TempDir::new().unwrap();
                let $almacen = Almacen::directorio(dir.path().join("archivos")).unwrap();
                $cuerpo
            }

            #[tokio::test]
            async fn s3() {
                let servidor = ServidorS3::inicia().await.unwrap();
                let $almacen = Almacen::s3(&servidor.opciones()).unwrap();
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

async fn lee(almacen: &Almacen, clave: &str, rango: Option<std::ops::Range<u64>>) -> Vec<u8> {
    let partes: Vec<Bytes> = almacen
        .lee(clave, rango)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    partes.concat()
}

en_ambos!(lo_escrito_se_lee, |almacen| {
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
        let mut escritor = almacen.escritor(&clave);
        for trozo in todo.chunks(70_001) {
            escritor.agrega(todo.slice_ref(trozo)).await.unwrap();
        }
        assert_eq!(escritor.escritos(), u64::try_from(n).unwrap());
        assert_eq!(
            almacen.largo(&clave).await.unwrap(),
            None,
            "{n}: visto antes de su fin"
        );
        escritor.termina().await.unwrap();
        assert_eq!(
            almacen.largo(&clave).await.unwrap(),
            Some(u64::try_from(n).unwrap())
        );
        assert!(lee(&almacen, &clave, None).await == todo, "{n}");
        assert!(almacen.lee_todo(&clave, n).await.unwrap() == todo, "{n}");
        if n > 1 {
            assert!(lee(&almacen, &clave, Some(1..u64::try_from(n).unwrap())).await == todo[1..]);
            assert!(lee(&almacen, &clave, Some(0..1)).await == todo[..1]);
            assert!(lee(&almacen, &clave, Some(1..1)).await.is_empty());
            let menos = almacen.lee_todo(&clave, n - 1).await;
            assert!(matches!(menos, Err(Fallo::MuyGrande)));
        }
    }
});

en_ambos!(lo_abandonado_no_se_ve, |almacen| {
    for n in [10, 6 * 1024 * 1024] {
        let mut escritor = almacen.escritor("subidas/a/1");
        escritor.agrega(bytes(n)).await.unwrap();
        escritor.abandona().await.unwrap();
        let mut escritor = almacen.escritor("subidas/a/2");
        escritor.agrega(bytes(n)).await.unwrap();
        drop(escritor);
        for clave in ["subidas/a/1", "subidas/a/2"] {
            assert_eq!(almacen.largo(clave).await.unwrap(), None);
            assert!(matches!(
                almacen.lee(clave, None).await,
                Err(Fallo::NoEsta(_))
            ));
        }
    }
    let vistos: Vec<_> = almacen.lista("subidas").try_collect().await.unwrap();
    assert_eq!(vistos, []);
    almacen.borra_bajo("subidas/a").await.unwrap();
});

en_ambos!(copias_y_borrados, |almacen| {
    for clave in ["subidas/a/1", "subidas/a/2", "subidas/ab/1", "objetos/1"] {
        almacen.escribe(clave, bytes(30)).await.unwrap();
    }
    almacen.copia("subidas/a/1", "objetos/2").await.unwrap();
    almacen.borra_bajo("subidas/a").await.unwrap();
    almacen.borra_bajo("subidas/a").await.unwrap();
    almacen.borra("objetos/1").await.unwrap();
    almacen.borra("objetos/1").await.unwrap();
    let mut quedan: Vec<_> = almacen.lista("").try_collect().await.unwrap();
    quedan.sort_by(|a, b| a.clave.cmp(&b.clave));
    let quedan: Vec<_> = quedan.iter().map(|o| (o.clave.as_str(), o.bytes)).collect();
    assert_eq!(quedan, [("objetos/2", 30), ("subidas/ab/1", 30)]);
    assert!(lee(&almacen, "objetos/2", None).await == bytes(30));
});

/// What a killed server was writing lies there under a temporary name.
#[tokio::test]
async fn un_borrado_quita_lo_escrito_a_medias() {
    let dir = TempDir::new().unwrap();
    let almacen = Almacen::directorio(dir.path().to_owned()).unwrap();
    let mut escritor = almacen.escritor("subidas/a/1");
    escritor.agrega(bytes(1_000_000)).await.unwrap();
    let hay = || std::fs::read_dir(dir.path().join("subidas/a")).map_or(0, Iterator::count);
    assert!(hay() > 0);
    std::mem::forget(escritor);
    almacen.borra_bajo("subidas/a").await.unwrap();
    assert_eq!(hay(), 0);
}

#[tokio::test]
async fn una_clave_secreta_que_no_es_no_entra() {
    let servidor = ServidorS3::inicia().await.unwrap();
    let otra = OpcionesS3 {
        clave_secreta: "otra".into(),
        ..servidor.opciones()
    };
    let almacen = Almacen::s3(&otra).unwrap();
    let negado = almacen.escribe("objetos/1", bytes(1)).await;
    assert!(matches!(negado, Err(Fallo::NoDisponible(_))), "{negado:?}");
}

#[test]
fn las_opciones_no_dicen_la_clave() {
    let o = OpcionesS3 {
        url: "https://s3.mina.example".into(),
        url_publica: None,
        region: "us-east-1".into(),
        bucket: "sigra".into(),
        clave_id: "AKIA".into(),
        clave_secreta: "muy secreta".into(),
    };
    let dicho = format!("{o:?} {:?}", Almacen::s3(&o).unwrap());
    assert!(!dicho.contains("muy secreta"), "{dicho}");
}
