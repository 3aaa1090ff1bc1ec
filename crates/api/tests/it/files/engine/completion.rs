//! Which file is whose, and when its report has it.

use serde_json::json;
use sigra_files::FileRefusal;
use sigra_store::uploads::UploadRefusal;

use super::{estados, get_reporte};
use sigra_testkit::files::{FilesFixture, Photo, reporte_with};
use sigra_testkit::{on_four_sites, uuid};

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
async fn the_same_bytes_are_stored_once(t: &FilesFixture<'_>) {
    let (una, otro) = (t.sitio.trabajador().await, t.sitio.trabajador().await);
    let suya = Photo::new(50_000);
    let ajena = Photo {
        uuid: uuid(),
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
