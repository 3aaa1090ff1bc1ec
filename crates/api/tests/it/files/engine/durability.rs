//! What could not be written, or told of: the database speaks of no bytes that are not there.

use bytes::Bytes;
use sigra_server::BlobSettings;
use sigra_testkit::files::{FilesFixture, Photo, cut_off, whole};
use sigra_testkit::on_four_sites;

/// The database can't be told of an object that is there: it is noted as garbage, and the upload goes on.
#[on_four_sites]
async fn bytes_that_could_not_be_told_of_are_noted(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    // In one part, and in two.
    for cortes in [vec![], vec![50_000]] {
        let foto = Photo::new(90_000);
        let subida = t.create(&autor, &foto).await;
        let recibe = async |parte: Bytes, entera: bool| {
            let va_en = t
                .files
                .estado(autor.rut, &subida.id)
                .await
                .unwrap()
                .recibidos;
            let (quien, id) = (&autor.quien, &subida.id);
            if entera {
                t.files.receive(quien, id, va_en, None, whole(&parte)).await
            } else {
                let cut = cut_off(&parte);
                t.files.receive(quien, id, va_en, None, cut).await
            }
        };
        let mut desde = 0;
        for hasta in cortes {
            recibe(foto.bytes.slice(desde..hasta), false)
                .await
                .unwrap_err();
            desde = hasta;
        }
        t.sitio.bd.refuse("UPDATE OF terminada", "subidas").await;
        recibe(foto.bytes.slice(desde..), true).await.unwrap_err();
        t.sitio.bd.stop_refusing("subidas").await;
        t.assert_consistent().await;
        let fin = recibe(foto.bytes.slice(desde..), true).await.unwrap();
        assert_eq!(fin.recibidos, foto.size());
        assert_eq!(t.file_bytes(&foto.sha256()).await.unwrap(), foto.bytes);
    }
}

/// The disk takes nothing more: what was not written is not told of.
#[on_four_sites]
async fn a_part_that_could_not_be_written_is_not_told_of(t: &FilesFixture<'_>) {
    let BlobSettings::Dir(dir) = &t.sitio.archivos.settings else {
        return;
    };
    let autor = t.sitio.trabajador().await;
    let foto = Photo::new(90_000);
    let subida = t.create(&autor, &foto).await;
    // Where its folder would be there is a file.
    let objetos = dir.join("objetos");
    std::fs::remove_dir_all(&objetos).ok();
    std::fs::write(&objetos, "").unwrap();
    let parte = cut_off(&foto.bytes.slice(..50_000));
    let r = t
        .files
        .receive(&autor.quien, &subida.id, 0, None, parte)
        .await;
    r.unwrap_err();
    std::fs::remove_file(&objetos).unwrap();
    let estado = t.files.estado(autor.rut, &subida.id).await.unwrap();
    assert_eq!(estado.recibidos, 0);
    t.assert_consistent().await;
}
