//! Links that break and servers that fall in the middle of an upload: it goes on.

use sigra_files::FileRefusal;

use super::get_reporte;
use sigra_testkit::files::{FilesFixture, Photo, cut_off, reporte_with, whole};
use sigra_testkit::{Rng, iterations, on_four_sites};

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
