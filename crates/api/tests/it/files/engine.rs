//! The engine, without HTTP: pieces, turns, ends and adoptions.

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::Digest as _;
use sigra_files::{Checksum, ChecksumAlgorithm, FileRefusal};
use sigra_store::uploads::UploadRefusal;

use sigra_testkit::files::{
    FilesFixture, Photo, channel_stream, cut_off, reporte_with, silent, whole,
};
use sigra_testkit::{Persona, Rng, TestSite, iterations, on_four_sites};

pub async fn get_reporte(sitio: &TestSite, quien: &Persona, reporte: &Value) -> Value {
    let r = sitio
        .request("GET", &format!("/reportes/{}", reporte["id"]))
        .by(quien)
        .send()
        .await;
    assert_eq!(r.status, 200, "{r:?}");
    r.json
}

/// A report of two files of which one has come, then both.
pub fn estados(reporte: &Value) -> Vec<&str> {
    let archivos = reporte["multimedia"].as_array().unwrap();
    archivos
        .iter()
        .map(|a| a["estado"].as_str().unwrap())
        .collect()
}

#[on_four_sites]
async fn the_archivos_complete_their_reporte(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let fotos = [Photo::new(300_000), Photo::new(20_000)];
    let r = t
        .sitio
        .create(&autor, &reporte_with(&[&fotos[0], &fotos[1]]))
        .await
        .json;
    assert_eq!(r["sync_status"], "multimedia_pendiente");
    for (n, foto) in fotos.iter().enumerate() {
        let recibida = t.send(&autor, foto).await.unwrap();
        assert_eq!(recibida.recibidos, foto.size());
        let reporte = recibida.reporte.unwrap().reporte;
        assert_eq!(reporte.version, i64::try_from(n).unwrap() + 2);
        assert_eq!(t.file_bytes(&foto.sha256()).await.unwrap(), foto.bytes);
    }
    let r = get_reporte(t.sitio, &autor, &r).await;
    assert_eq!(
        (&r["sync_status"], &r["version"]),
        (&json!("completo"), &json!(3))
    );
    assert_eq!(estados(&r), ["subido", "subido"]);
    // Sent again after a lost answer: nothing happens.
    let otra_vez = t.create(&autor, &fotos[0]).await;
    assert_eq!(
        (otra_vez.recibidos, otra_vez.terminada.is_some()),
        (300_000, true)
    );
    let fin = t.files.estado(autor.rut, &otra_vez.id).await.unwrap();
    assert_eq!(fin.recibidos, 300_000);
    assert_eq!(get_reporte(t.sitio, &autor, &r).await["version"], 3);
    assert_eq!(t.keys().await.len(), 2);
}

#[on_four_sites]
async fn bytes_may_arrive_before_their_reporte(t: &FilesFixture<'_>) {
    let (autor, otra) = (t.sitio.trabajador().await, t.sitio.trabajador().await);
    let foto = Photo::new(40_000);
    assert!(t.send(&autor, &foto).await.unwrap().reporte.is_none());
    // A stranger's report that names the same file gets nothing, and hears nothing.
    let ajeno = t.sitio.create(&otra, &reporte_with(&[&foto])).await.json;
    assert_eq!(
        t.files
            .adopt(&otra.quien, &[&foto.uuid])
            .await
            .unwrap()
            .len(),
        0
    );
    assert_eq!(
        t.files
            .adopt(&autor.quien, &[&foto.uuid])
            .await
            .unwrap()
            .len(),
        0
    );
    assert_eq!(
        estados(&get_reporte(t.sitio, &otra, &ajeno).await),
        ["pendiente"]
    );
    let r = t
        .create_without_adopting(&autor, &reporte_with(&[&foto]))
        .await;
    let adoptados = t.files.adopt(&autor.quien, &[&foto.uuid]).await.unwrap();
    assert_eq!(adoptados.len(), 1);
    assert_eq!(
        get_reporte(t.sitio, &autor, &r).await["sync_status"],
        "completo"
    );
    assert_eq!(
        t.files
            .adopt(&autor.quien, &[&foto.uuid])
            .await
            .unwrap()
            .len(),
        0
    );
}

#[on_four_sites]
async fn over_a_link_that_breaks_a_file_arrives_whole(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let mut azar = Rng::new();
    for _ in 0..iterations(20) {
        let foto = Photo::new(azar.between(1_000, 3_000_000));
        let subida = t.create(&autor, &foto).await;
        let (mut enviados, mut cortes) = (0, 0);
        loop {
            let va_en = t
                .files
                .estado(autor.rut, &subida.id)
                .await
                .unwrap()
                .recibidos;
            let desde = usize::try_from(va_en).unwrap();
            let hasta = azar.between(desde, foto.bytes.len()) + 1;
            let parte = foto.bytes.slice(desde..hasta);
            enviados += parte.len();
            let entera = cortes > 30;
            let r = if entera {
                t.files
                    .receive(
                        &autor.quien,
                        &subida.id,
                        va_en,
                        None,
                        whole(&foto.bytes.slice(desde..)),
                    )
                    .await
            } else {
                t.files
                    .receive(&autor.quien, &subida.id, va_en, None, cut_off(&parte))
                    .await
            };
            match r {
                Ok(r) => {
                    assert_eq!(r.recibidos, foto.size());
                    break;
                }
                Err(FileRefusal::Interrumpida) => cortes += 1,
                Err(e) => panic!("{e}"),
            }
        }
        assert!(
            enviados <= foto.bytes.len(),
            "se guarda todo lo que llegó: {enviados}"
        );
        assert_eq!(t.file_bytes(&foto.sha256()).await.unwrap(), foto.bytes);
    }
}

/// Whoever asks ends whoever was still sending, and is told what came of it.
#[on_four_sites]
async fn the_newest_connection_takes_over(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let foto = Photo::new(400_000);
    let subida = t.create(&autor, &foto).await;
    let (e, quien, id) = (t.files.clone(), autor.quien.clone(), subida.id.clone());
    let parte = silent(&foto.bytes.slice(..150_000));
    let colgado = tokio::spawn(async move { e.receive(&quien, &id, 0, None, parte).await });
    let va_en = loop {
        // The old connection may not have begun yet: then it ends with nothing.
        let s = t.files.estado(autor.rut, &subida.id).await.unwrap();
        if colgado.is_finished() {
            break s.recibidos;
        }
        tokio::task::yield_now().await;
    };
    let viejo = colgado.await.unwrap();
    assert!(
        matches!(
            viejo,
            Err(FileRefusal::Interrumpida | FileRefusal::Subida(UploadRefusal::TurnoPerdido))
        ),
        "{viejo:?}"
    );
    let va_en = t
        .files
        .estado(autor.rut, &subida.id)
        .await
        .unwrap()
        .recibidos
        .max(va_en);
    let resto = foto.bytes.slice(usize::try_from(va_en).unwrap()..);
    t.files
        .receive(&autor.quien, &subida.id, va_en, None, whole(&resto))
        .await
        .unwrap();
    assert_eq!(t.file_bytes(&foto.sha256()).await.unwrap(), foto.bytes);
}

/// The same when the old connection ends at another server, which only the database knows of.
#[on_four_sites]
async fn the_newest_connection_takes_over_at_another_server(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let foto = Photo::new(400_000);
    let subida = t.create(&autor, &foto).await;
    let (manda, cuerpo) = channel_stream();
    let (e, quien, id) = (t.files.clone(), autor.quien.clone(), subida.id.clone());
    let viejo = tokio::spawn(async move { e.receive(&quien, &id, 0, None, cuerpo).await });
    // The second is taken only when the first has been.
    manda.send(foto.bytes.slice(..100_000)).await.unwrap();
    manda
        .send(foto.bytes.slice(100_000..150_000))
        .await
        .unwrap();
    let otro = t.other_server();
    assert_eq!(
        otro.estado(autor.rut, &subida.id).await.unwrap().recibidos,
        0
    );
    drop(manda);
    let viejo = viejo.await.unwrap();
    assert!(
        matches!(viejo, Err(FileRefusal::Subida(UploadRefusal::TurnoPerdido))),
        "{viejo:?}"
    );
    // What was told is still so.
    let fin = otro
        .receive(&autor.quien, &subida.id, 0, None, whole(&foto.bytes))
        .await
        .unwrap();
    assert_eq!(fin.recibidos, foto.size());
    assert_eq!(t.file_bytes(&foto.sha256()).await.unwrap(), foto.bytes);
}

/// Nor may the old one end the upload.
#[on_four_sites]
async fn an_upload_that_lost_its_lease_cannot_finish(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let foto = Photo::new(100_000);
    let subida = t.create(&autor, &foto).await;
    let (manda, cuerpo) = channel_stream();
    let (e, quien, id) = (t.files.clone(), autor.quien.clone(), subida.id.clone());
    let viejo = tokio::spawn(async move { e.receive(&quien, &id, 0, None, cuerpo).await });
    manda.send(foto.bytes.slice(..60_000)).await.unwrap();
    let otro = t.other_server();
    // It has begun once the second is taken; the third ends the file.
    manda.send(foto.bytes.slice(60_000..90_000)).await.unwrap();
    otro.estado(autor.rut, &subida.id).await.unwrap();
    manda.send(foto.bytes.slice(90_000..)).await.unwrap();
    drop(manda);
    let viejo = viejo.await.unwrap();
    assert!(
        matches!(viejo, Err(FileRefusal::Subida(UploadRefusal::TurnoPerdido))),
        "{viejo:?}"
    );
    assert_eq!(
        otro.estado(autor.rut, &subida.id).await.unwrap().recibidos,
        0
    );
    assert_eq!(t.keys().await.len(), 0, "lo que nadie contó no queda");
    otro.receive(&autor.quien, &subida.id, 0, None, whole(&foto.bytes))
        .await
        .unwrap();
    assert_eq!(t.keys().await.len(), 1);
}

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

#[on_four_sites]
async fn the_same_bytes_are_stored_once(t: &FilesFixture<'_>) {
    let (una, otro) = (t.sitio.trabajador().await, t.sitio.trabajador().await);
    let suya = Photo::new(50_000);
    let ajena = Photo {
        uuid: sigra_testkit::uuid(),
        ..suya.clone()
    };
    let ra = t.sitio.create(&una, &reporte_with(&[&suya])).await.json;
    let rb = t.sitio.create(&otro, &reporte_with(&[&ajena])).await.json;
    // To know the hash is not to have the file.
    let empezada = t.create(&otro, &ajena).await;
    t.send(&una, &suya).await.unwrap();
    assert_eq!(
        t.files
            .estado(otro.rut, &empezada.id)
            .await
            .unwrap()
            .recibidos,
        0
    );
    assert_eq!(
        estados(&get_reporte(t.sitio, &otro, &rb).await),
        ["pendiente"]
    );
    t.send(&otro, &ajena).await.unwrap();
    for (quien, r) in [(&una, &ra), (&otro, &rb)] {
        assert_eq!(
            get_reporte(t.sitio, quien, r).await["sync_status"],
            "completo"
        );
    }
    assert_eq!(t.keys().await.len(), 1);
}

#[on_four_sites]
async fn a_uuid_belongs_to_one_archivo(t: &FilesFixture<'_>) {
    let (autor, otra) = (t.sitio.trabajador().await, t.sitio.trabajador().await);
    let foto = Photo::new(9_000);
    let subida = t.create(&autor, &foto).await;
    assert_eq!(
        t.create(&autor, &foto).await.id,
        subida.id,
        "la misma, otra vez"
    );
    assert_ne!(
        t.create(&otra, &foto).await.id,
        subida.id,
        "de otra persona"
    );
    let ajena = t.files.estado(otra.rut, &subida.id).await;
    assert!(matches!(
        ajena,
        Err(FileRefusal::Subida(UploadRefusal::NoEncontrada))
    ));
    let distinta = Photo {
        uuid: foto.uuid.clone(),
        ..Photo::new(9_000)
    };
    let mal = t
        .files
        .create(&autor.quien, distinta.announcement(None))
        .await;
    assert!(
        matches!(
            mal,
            Err(FileRefusal::Subida(UploadRefusal::ArchivoDistinto))
        ),
        "{mal:?}"
    );
    // What the manifest says decides.
    t.sitio.create(&autor, &reporte_with(&[&distinta])).await;
    t.send(&autor, &distinta).await.unwrap();
    let mal = t.files.create(&autor.quien, foto.announcement(None)).await;
    assert!(
        matches!(
            mal,
            Err(FileRefusal::Subida(UploadRefusal::ArchivoDistinto))
        ),
        "{mal:?}"
    );
}

/// A server that dies between any two steps leaves an upload that goes on.
#[on_four_sites]
async fn an_upload_interrupted_at_any_step_goes_on(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let mut azar = Rng::new();
    for _ in 0..iterations(40) {
        let foto = Photo::new(azar.between(60_000, 400_000));
        let r = t.sitio.create(&autor, &reporte_with(&[&foto])).await.json;
        let subida = t.create(&autor, &foto).await;
        for paso in 0.. {
            let s = t.files.estado(autor.rut, &subida.id).await.unwrap();
            let desde = usize::try_from(s.recibidos).unwrap();
            let parte = whole(&foto.bytes.slice(desde..));
            let labor = t
                .files
                .receive(&autor.quien, &subida.id, s.recibidos, None, parte);
            // Polled so many times and then never again.
            let polls = if paso > 20 {
                usize::MAX
            } else {
                azar.between(1, 60)
            };
            if let Some(fin) = drop_after_polls(labor, polls).await {
                assert_eq!(fin.unwrap().recibidos, foto.size());
                break;
            }
        }
        t.files.adopt(&autor.quien, &[&foto.uuid]).await.unwrap();
        assert_eq!(
            get_reporte(t.sitio, &autor, &r).await["sync_status"],
            "completo"
        );
        assert_eq!(t.file_bytes(&foto.sha256()).await.unwrap(), foto.bytes);
    }
}

/// Drops the future after so many polls.
async fn drop_after_polls<F: Future>(labor: F, mut polls: usize) -> Option<F::Output> {
    let mut labor = std::pin::pin!(labor);
    std::future::poll_fn(|cx| {
        if polls == 0 {
            return std::task::Poll::Ready(None);
        }
        polls -= 1;
        labor.as_mut().poll(cx).map(Some)
    })
    .await
}
