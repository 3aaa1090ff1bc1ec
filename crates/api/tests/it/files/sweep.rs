//! What nothing needs goes after a day, and nothing else ever.

use sigra_domain::Instante;
use sigra_files::{FileRefusal, SweepReport};
use sigra_store::uploads::{ReleaseBlob, RemoveExpiredUpload, expired_uploads, unused_blobs};

use sigra_testkit::files::{FilesFixture, Photo, cut_off, reporte_with};
use sigra_testkit::{iterations, on_four_sites, uuid};

#[on_four_sites]
async fn abandoned_uploads_are_swept(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let reloj = t.sitio.store.env().clone();
    let (a_medias, sin_reporte, con_reporte) =
        (Photo::new(9_000), Photo::new(8_000), Photo::new(7_000));
    t.sitio.create(&autor, &reporte_with(&[&con_reporte])).await;
    t.send(&autor, &con_reporte).await.unwrap();
    t.send(&autor, &sin_reporte).await.unwrap();
    let s = t.create(&autor, &a_medias).await;
    let r = t
        .files
        .receive(
            &autor.quien,
            &s.id,
            0,
            None,
            cut_off(&a_medias.bytes.slice(..5_000)),
        )
        .await;
    assert!(matches!(r, Err(FileRefusal::Interrumpida)), "{r:?}");
    assert_eq!(t.files.sweep(false).await.unwrap(), SweepReport::default());
    assert_eq!(t.keys().await.len(), 3);

    // Nobody went on for a week, and no report came.
    reloj.advance(7 * Instante::DAY + 1_000);
    let que = SweepReport {
        subidas: 3,
        objetos: 0,
        restos: 0,
    };
    assert_eq!(t.files.sweep(true).await.unwrap(), que);
    assert_eq!(t.keys().await.len(), 3, "un simulacro no borra");
    assert_eq!(t.files.sweep(false).await.unwrap(), que);
    assert_eq!(t.keys().await.len(), 2, "los pedazos se fueron");
    assert_eq!(t.files.sweep(false).await.unwrap(), SweepReport::default());
    reloj.advance(Instante::DAY + 1_000);
    assert_eq!(
        t.files.sweep(false).await.unwrap(),
        SweepReport {
            objetos: 1,
            ..SweepReport::default()
        }
    );
    assert!(t.file_bytes(&sin_reporte.sha256()).await.is_none());
    assert_eq!(
        t.file_bytes(&con_reporte.sha256()).await.unwrap(),
        con_reporte.bytes
    );
    assert_eq!(t.keys().await.len(), 1);
    // And it can come again.
    t.send(&autor, &sin_reporte).await.unwrap();
}

/// The same bytes come again at the moment at which they go.
#[on_four_sites]
async fn nobody_deletes_what_another_starts_to_use(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let reloj = t.sitio.store.env().clone();
    for _ in 0..iterations(60) {
        let vieja = Photo::new(3_000);
        t.send(&autor, &vieja).await.unwrap();
        reloj.advance(7 * Instante::DAY + 1_000);
        t.files.sweep(false).await.unwrap();
        reloj.advance(Instante::DAY + 1_000);
        let nueva = Photo {
            uuid: uuid(),
            ..vieja
        };
        t.sitio
            .create(
                &t.sitio.session(autor.quien.clone()).await,
                &reporte_with(&[&nueva]),
            )
            .await;
        let (sweep, recibida) = tokio::join!(t.files.sweep(false), t.send(&autor, &nueva));
        sweep.unwrap();
        assert!(recibida.unwrap().reporte.is_some());
        assert_eq!(t.file_bytes(&nueva.sha256()).await.unwrap(), nueva.bytes);
    }
}

/// The sweeper had seen it without use, and then somebody used it.
#[on_four_sites]
async fn a_blob_seen_unused_is_checked_again(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let reloj = t.sitio.store.env().clone();
    let vieja = Photo::new(3_000);
    t.send(&autor, &vieja).await.unwrap();
    reloj.advance(7 * Instante::DAY + 1_000);
    t.files.sweep(false).await.unwrap();
    reloj.advance(Instante::DAY + 1_000);
    let desde = reloj.now().plus(-Instante::DAY);
    let sha256 = vieja.sha256();
    let mut lectura = t.sitio.store.read().await.unwrap();
    assert_eq!(
        unused_blobs(&mut lectura, desde, 10).await.unwrap(),
        [sha256.as_str()]
    );
    drop(lectura);
    // Not yet of a report: a finished upload is a use.
    t.send(
        &autor,
        &Photo {
            uuid: uuid(),
            ..vieja.clone()
        },
    )
    .await
    .unwrap();
    let released = ReleaseBlob { sha256, desde };
    assert_eq!(
        t.sitio.store.write(released).await.unwrap(),
        [] as [&str; 0]
    );
    assert_eq!(t.file_bytes(&vieja.sha256()).await.unwrap(), vieja.bytes);
}

/// The sweeper had seen it over, and then its phone came back.
#[on_four_sites]
async fn an_upload_seen_over_is_checked_again(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let foto = Photo::new(9_000);
    let s = t.create(&autor, &foto).await;
    let quita = RemoveExpiredUpload(s.id.clone());
    assert_eq!(t.sitio.store.write(quita).await.unwrap(), None);
    assert_eq!(t.create(&autor, &foto).await.id, s.id);
}

/// A server fell after it forgot an object, or an upload, and before its bytes were gone.
#[on_four_sites]
async fn what_was_forgotten_is_noted_until_it_is_gone(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let reloj = t.sitio.store.env().clone();
    let (vieja, a_medias) = (Photo::new(3_000), Photo::new(9_000));
    t.send(&autor, &vieja).await.unwrap();
    let s = t.create(&autor, &a_medias).await;
    let parte = cut_off(&a_medias.bytes.slice(..5_000));
    let r = t.files.receive(&autor.quien, &s.id, 0, None, parte).await;
    r.unwrap_err();
    reloj.advance(7 * Instante::DAY + 1_000);
    let mut lectura = t.sitio.store.read().await.unwrap();
    for id in expired_uploads(&mut lectura, reloj.now(), 10)
        .await
        .unwrap()
    {
        let claves = t.sitio.store.write(RemoveExpiredUpload(id)).await.unwrap();
        assert!(claves.is_some());
    }
    drop(lectura);
    reloj.advance(Instante::DAY + 1_000);
    let desde = reloj.now().plus(-Instante::DAY);
    let released = ReleaseBlob {
        sha256: vieja.sha256(),
        desde,
    };
    assert_eq!(t.sitio.store.write(released).await.unwrap().len(), 1);
    t.assert_consistent().await;
    reloj.advance(Instante::DAY + 1_000);
    t.files.sweep(false).await.unwrap();
    assert_eq!(t.keys().await.len(), 0);
}

/// A server that fell after it wrote an object and before it told of it.
#[on_four_sites]
async fn the_leftovers_of_a_crash_are_swept(t: &FilesFixture<'_>) {
    t.blobs.write("objetos/ab/resto", "x".into()).await.unwrap();
    t.blobs.write("subidas/ida/1", "x".into()).await.unwrap();
    let ahora = t.sitio.store.env().now().0;
    for clave in ["objetos/ab/resto", "subidas/ida/"] {
        t.sitio
            .bd
            .sql(&format!(
                "INSERT INTO basura (clave, desde) VALUES ('{clave}', {ahora})"
            ))
            .await
            .unwrap();
    }
    assert_eq!(t.files.sweep(false).await.unwrap(), SweepReport::default());
    t.sitio.store.env().advance(Instante::DAY + 1_000);
    assert_eq!(
        t.files.sweep(false).await.unwrap(),
        SweepReport {
            restos: 2,
            ..SweepReport::default()
        }
    );
    assert_eq!(t.keys().await.len(), 0);
    assert_eq!(t.files.sweep(true).await.unwrap(), SweepReport::default());
}
