//! Bytes that are not what was announced, and types that are not taken.

use bytes::Bytes;
use sha2::Digest as _;
use sigra_files::{Checksum, ChecksumAlgorithm, FileRefusal};
use sigra_store::uploads::UploadRefusal;

use super::get_reporte;
use sigra_testkit::files::{FilesFixture, Photo, cut_off, reporte_with, whole};
use sigra_testkit::on_four_sites;

#[on_four_sites]
async fn what_is_not_as_announced_is_not_kept(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let foto = Photo::new(30_000);
    let r = t.sitio.create(&autor, &reporte_with(&[&foto])).await.json;
    let subida = t.create(&autor, &foto).await;
    let mut otros = foto.bytes.to_vec();
    otros[20_000] ^= 1;
    let mal = t
        .files
        .receive(&autor.quien, &subida.id, 0, None, whole(&otros.into()))
        .await;
    assert!(matches!(mal, Err(FileRefusal::HashDistinto)), "{mal:?}");
    let ya_no = t.files.estado(autor.rut, &subida.id).await;
    assert!(
        matches!(ya_no, Err(FileRefusal::Subida(UploadRefusal::NoEncontrada))),
        "{ya_no:?}"
    );
    assert_eq!(t.keys().await.len(), 0);
    // More than was announced: not a byte of that request counts.
    let subida = t.create(&autor, &foto).await;
    let mut largos = foto.bytes.to_vec();
    largos.push(0);
    let sobran = t
        .files
        .receive(&autor.quien, &subida.id, 0, None, whole(&largos.into()))
        .await;
    assert!(matches!(sobran, Err(FileRefusal::Sobran)), "{sobran:?}");
    let otro = t
        .files
        .receive(&autor.quien, &subida.id, 5, None, whole(&foto.bytes))
        .await;
    assert!(matches!(otro, Err(FileRefusal::OtroDesfase(0))), "{otro:?}");
    // And then it can be sent.
    assert!(t.send(&autor, &foto).await.unwrap().reporte.is_some());
    assert_eq!(
        get_reporte(t.sitio, &autor, &r).await["sync_status"],
        "completo"
    );
}

#[on_four_sites]
async fn the_bytes_tell_the_type(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    for inicio in [
        &b"<!DOCTYPE html><script>alert(1)</script>"[..],
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    ] {
        let foto = Photo {
            bytes: Bytes::from_static(inicio),
            ..Photo::new(0)
        };
        let mal = t.send(&autor, &foto).await;
        assert!(matches!(mal, Err(FileRefusal::NoAdmitido(_))), "{mal:?}");
    }
    let mut enorme = Photo::new(0);
    enorme.tipo = "image/png";
    enorme.bytes = [
        &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x36\xb0\0\0\x36\xb0\x08\x06\0\0\0"[..],
        &[0; 40],
    ]
    .concat()
    .into();
    let mal = t.send(&autor, &enorme).await;
    assert!(matches!(mal, Err(FileRefusal::MuchosPixeles)), "{mal:?}");
    assert_eq!(t.keys().await.len(), 0);
}

#[on_four_sites]
async fn with_a_checksum_it_is_all_or_nothing(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let foto = Photo::new(100_000);
    let subida = t.create(&autor, &foto).await;
    let mitad = foto.bytes.slice(..50_000);
    let de = |algoritmo, esperada: &[u8]| {
        Some(Checksum {
            algoritmo,
            esperada: esperada.to_vec(),
        })
    };
    let buena = de(ChecksumAlgorithm::Sha1, &sha1::Sha1::digest(&mitad));
    let otra = de(ChecksumAlgorithm::Sha256, &sha2::Sha256::digest(b"otra"));
    let mal = t
        .files
        .receive(&autor.quien, &subida.id, 0, otra, whole(&mitad))
        .await;
    assert!(matches!(mal, Err(FileRefusal::SumaDistinta)), "{mal:?}");
    let mal = t
        .files
        .receive(
            &autor.quien,
            &subida.id,
            0,
            buena.clone(),
            cut_off(&mitad.slice(..40_000)),
        )
        .await;
    assert!(matches!(mal, Err(FileRefusal::Interrumpida)), "{mal:?}");
    assert_eq!(
        t.files
            .estado(autor.rut, &subida.id)
            .await
            .unwrap()
            .recibidos,
        0
    );
    let bien = t
        .files
        .receive(&autor.quien, &subida.id, 0, buena, whole(&mitad))
        .await
        .unwrap();
    assert_eq!(bien.recibidos, 50_000);
    let resto = foto.bytes.slice(50_000..);
    let suma = de(ChecksumAlgorithm::Sha256, &sha2::Sha256::digest(&resto));
    t.files
        .receive(&autor.quien, &subida.id, 50_000, suma, whole(&resto))
        .await
        .unwrap();
    assert_eq!(t.file_bytes(&foto.sha256()).await.unwrap(), foto.bytes);
}
