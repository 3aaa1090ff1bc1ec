//! Two connections for one upload: the newest takes over, here or at another server.

use bytes::Bytes;
use futures_util::Stream;
use sigra_files::{FileRefusal, UploadProgress};
use sigra_store::uploads::{Upload, UploadRefusal};
use tokio::task::JoinHandle;

use sigra_testkit::files::{FilesFixture, Photo, channel_stream, silent, whole};
use sigra_testkit::{Persona, on_four_sites};

/// A connection that sends the file from its beginning, until it is ended.
fn begin_sending<E: Send + 'static>(
    t: &FilesFixture<'_>,
    quien: &Persona,
    subida: &Upload,
    cuerpo: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
) -> JoinHandle<Result<UploadProgress, FileRefusal>> {
    let (files, quien, id) = (t.files.clone(), quien.quien.clone(), subida.id.clone());
    tokio::spawn(async move { files.receive(&quien, &id, 0, None, cuerpo).await })
}

#[track_caller]
fn assert_lease_lost(r: &Result<UploadProgress, FileRefusal>) {
    assert!(
        matches!(r, Err(FileRefusal::Subida(UploadRefusal::TurnoPerdido))),
        "{r:?}"
    );
}

/// Whoever asks ends whoever was still sending, and is told what came of it.
#[on_four_sites]
async fn the_newest_connection_takes_over(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let foto = Photo::new(400_000);
    let subida = t.create(&autor, &foto).await;
    let parte = silent(&foto.bytes.slice(..150_000));
    let colgado = begin_sending(t, &autor, &subida, parte);
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
    let viejo = begin_sending(t, &autor, &subida, cuerpo);
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
    assert_lease_lost(&viejo.await.unwrap());
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
    let viejo = begin_sending(t, &autor, &subida, cuerpo);
    manda.send(foto.bytes.slice(..60_000)).await.unwrap();
    let otro = t.other_server();
    // It has begun once the second is taken; the third ends the file.
    manda.send(foto.bytes.slice(60_000..90_000)).await.unwrap();
    otro.estado(autor.rut, &subida.id).await.unwrap();
    manda.send(foto.bytes.slice(90_000..)).await.unwrap();
    drop(manda);
    assert_lease_lost(&viejo.await.unwrap());
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
