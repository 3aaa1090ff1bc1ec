//! Copies, small files in one go, ways out, and files whose server fell half-way.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use serde_json::json;
use sigra_files::{
    DirectTarget, FileRefusal, Rendition, RenditionUnavailable, ServedFile, UnsupportedMedia,
};
use sigra_store::{
    Refused,
    uploads::{Blob, UploadRefusal, find_blob},
};

use super::engine::{estados, get_reporte};
use sigra_testkit::{
    Persona, Rng,
    files::{FilesFixture, Photo, cut_off, progressive_photo, reporte_with, whole},
    on_four_sites, uuid,
};

pub const SECRET: &[u8] = b"-33.1512 -70.2871";

/// A photo that tells where it was taken.
pub fn photo_with_gps() -> Photo {
    let foto = progressive_photo().bytes;
    let mut bytes = foto[..2].to_vec();
    let largo = u16::try_from(2 + 6 + SECRET.len()).unwrap();
    bytes.extend([0xff, 0xe1]);
    bytes.extend(largo.to_be_bytes());
    bytes.extend(b"Exif\0\0");
    bytes.extend(SECRET);
    bytes.extend(&foto[2..]);
    Photo {
        uuid: uuid(),
        bytes: bytes.into(),
        tipo: "image/jpeg",
    }
}

async fn stored_blob(t: &FilesFixture<'_>, foto: &Photo) -> Blob {
    let mut lectura = t.sitio.store.read().await.unwrap();
    let hallado = find_blob(&mut lectura, &foto.sha256()).await.unwrap();
    hallado.unwrap()
}

async fn read_range(t: &FilesFixture<'_>, e: &ServedFile, rango: std::ops::Range<u64>) -> Vec<u8> {
    let trozos = t.files.stream_range(e, rango).await.unwrap();
    let trozos: Vec<Bytes> = trozos.try_collect().await.unwrap();
    trozos.concat()
}

fn contains(bytes: &[u8], que: &[u8]) -> bool {
    bytes.windows(que.len()).any(|v| v == que)
}

async fn target(t: &FilesFixture<'_>, quien: &Persona, reporte_id: i64) -> DirectTarget {
    DirectTarget {
        quien: quien.quien.clone(),
        catalogo: t.sitio.store.catalogo().await.unwrap(),
        reporte_id,
        multimedia_uuid: None,
        sha256: None,
        nombre: None,
        uuid_nuevo: uuid(),
    }
}

#[on_four_sites]
async fn copies_do_not_tell_where_a_photo_was_taken(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let fotos = [photo_with_gps(), Photo::new(30_000)];
    t.sitio
        .create(&autor, &reporte_with(&[&fotos[0], &fotos[1]]))
        .await
        .expect_status(201, "");
    for foto in &fotos {
        t.send(&autor, foto).await.unwrap();
        let o = stored_blob(t, foto).await;
        assert!(ServedFile::from_blob(&o, Rendition::Original).is_ok());
        for forma in [Rendition::Copia, Rendition::Miniatura, Rendition::Vista] {
            assert_eq!(
                ServedFile::from_blob(&o, forma).err(),
                Some(RenditionUnavailable::Todavia)
            );
        }
    }
    for quedaba in [true, true, false] {
        assert_eq!(t.files.make_previews().await.unwrap(), quedaba);
    }
    let o = stored_blob(t, &fotos[0]).await;
    let e = ServedFile::from_blob(&o, Rendition::Original).unwrap();
    assert_eq!(read_range(t, &e, 0..e.largo).await, fotos[0].bytes);
    let mut azar = Rng::new();
    for forma in [Rendition::Copia, Rendition::Miniatura, Rendition::Vista] {
        let e = ServedFile::from_blob(&o, forma).unwrap();
        let todo = read_range(t, &e, 0..e.largo).await;
        assert_eq!(todo.len() as u64, e.largo);
        assert!(
            todo.starts_with(b"\xff\xd8\xff") && todo.ends_with(b"\xff\xd9"),
            "{forma:?}"
        );
        assert!(
            !contains(&todo, SECRET) && contains(&fotos[0].bytes, SECRET),
            "{forma:?}"
        );
        for _ in 0..5 {
            let [a, b] = [0, 0].map(|_| azar.below(todo.len() + 1));
            let (a, b) = (a.min(b), a.max(b));
            assert_eq!(read_range(t, &e, a as u64..b as u64).await, todo[a..b]);
        }
    }
    // A damaged photo is kept as it came, and has no copies.
    let o = stored_blob(t, &fotos[1]).await;
    assert!(ServedFile::from_blob(&o, Rendition::Original).is_ok());
    assert_eq!(
        ServedFile::from_blob(&o, Rendition::Miniatura).err(),
        Some(RenditionUnavailable::Nunca)
    );
}

#[on_four_sites]
async fn a_small_archivo_is_received_in_one_request(t: &FilesFixture<'_>) {
    let (autor, ajeno) = (t.sitio.trabajador().await, t.sitio.trabajador().await);
    let foto = photo_with_gps();
    let r = t.sitio.create(&autor, &reporte_with(&[&foto])).await.json;
    let id = r["id"].as_i64().unwrap();
    let d = target(t, &autor, id).await;
    let envia = async |d: &DirectTarget, bytes: &Bytes| {
        t.files.receive_direct(d.clone(), whole(bytes)).await
    };
    // Refused, and nothing of it stays.
    let malos = [
        (
            DirectTarget {
                quien: ajeno.quien.clone(),
                ..d.clone()
            },
            foto.bytes.clone(),
        ),
        (
            DirectTarget {
                sha256: Some("0".repeat(64)),
                ..d.clone()
            },
            foto.bytes.clone(),
        ),
        (
            DirectTarget {
                multimedia_uuid: Some(foto.uuid.clone()),
                ..d.clone()
            },
            Photo::new(9_000).bytes,
        ),
        (
            d.clone(),
            Bytes::from_static(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        ),
    ];
    let mut dichos = vec![];
    for (d, bytes) in &malos {
        dichos.push(match envia(d, bytes).await.unwrap_err() {
            FileRefusal::Subida(UploadRefusal::NoEncontrada) => "ajeno",
            FileRefusal::HashDistinto => "hash",
            FileRefusal::Subida(UploadRefusal::ArchivoDistinto) => "distinto",
            FileRefusal::NoAdmitido(UnsupportedMedia::Heic) => "heic",
            otro => panic!("{otro:?}"),
        });
    }
    assert_eq!(dichos, ["ajeno", "hash", "distinto", "heic"]);
    let corte = t
        .files
        .receive_direct(d.clone(), cut_off(&foto.bytes))
        .await;
    assert!(matches!(corte, Err(FileRefusal::Interrumpida)), "{corte:?}");
    assert!(t.keys().await.is_empty());
    // Found in the manifest by its hash; again, it changes nothing.
    for es_nuevo in [true, false] {
        let hecho = envia(&d, &foto.bytes).await.unwrap();
        assert_eq!((hecho.es_nuevo, hecho.leido.reporte.version), (es_nuevo, 2));
    }
    // Another one is added to the manifest.
    let otra = Photo::new(9_000);
    let hecho = envia(&d, &otra.bytes).await.unwrap();
    assert_eq!((hecho.es_nuevo, hecho.leido.reporte.version), (true, 3));
    let visto = get_reporte(t.sitio, &autor, &r).await;
    assert_eq!(
        (estados(&visto), &visto["sync_status"]),
        (vec!["subido"; 2], &json!("completo"))
    );
    assert_eq!(t.keys().await.len(), 2);
    let jefa = t.sitio.supervisor(&[1]).await;
    let ruta = format!("/admin/reportes/{id}/aprobar");
    t.sitio
        .request("POST", &ruta)
        .by(&jefa)
        .json(&json!({"version": 3}))
        .send()
        .await
        .expect_status(200, "");
    let tarde = envia(&d, &Photo::new(8_000).bytes).await;
    assert!(
        matches!(tarde, Err(FileRefusal::Subida(UploadRefusal::Decidido))),
        "{tarde:?}"
    );
}

#[on_four_sites]
async fn a_file_that_will_not_come_or_must_not_stay_is_removed(t: &FilesFixture<'_>) {
    let (autor, ajeno) = (t.sitio.trabajador().await, t.sitio.trabajador().await);
    let (jefa, admin) = (
        t.sitio.supervisor(&[1]).await,
        t.sitio.administrador().await,
    );
    let fotos = [Photo::new(9_000), Photo::new(8_000)];
    let r = t
        .sitio
        .create(&autor, &reporte_with(&[&fotos[0], &fotos[1]]))
        .await
        .json;
    // The same photo in another report, which keeps it.
    let gemela = Photo {
        uuid: uuid(),
        ..fotos[0].clone()
    };
    t.sitio
        .create(&autor, &reporte_with(&[&gemela]))
        .await
        .expect_status(201, "");
    for foto in [&fotos[0], &gemela] {
        t.send(&autor, foto).await.unwrap();
    }
    let id = |foto: &Photo| {
        let archivos = r["multimedia"].as_array().unwrap();
        archivos
            .iter()
            .find(|a| a["uuid_cliente"] == foto.uuid.as_str())
            .unwrap()["id"]
            .as_i64()
            .unwrap()
    };
    let elimina = async |quien: &Persona, id: i64| match t
        .files
        .delete(&quien.quien, id, "Se perdió.".into())
        .await
    {
        Ok(()) => "",
        Err(Refused::Reason(UploadRefusal::NoEncontrada)) => "no existe",
        Err(Refused::Reason(UploadRefusal::SinPermiso)) => "sin permiso",
        Err(otro) => panic!("{otro:?}"),
    };
    let (subida, pendiente) = (id(&fotos[0]), id(&fotos[1]));
    for (quien, cual, dice) in [
        (&ajeno, pendiente, "no existe"),
        (&jefa, pendiente, "sin permiso"),
        (&admin, 999_999, "no existe"),
        (&autor, subida, "sin permiso"),
        (&jefa, subida, "sin permiso"),
        (&autor, pendiente, ""),
        (&autor, pendiente, ""),
        (&admin, subida, ""),
        (&admin, subida, ""),
    ] {
        assert_eq!(elimina(quien, cual).await, dice, "{:?} {cual}", quien.quien);
    }
    let visto = get_reporte(t.sitio, &autor, &r).await;
    assert_eq!(
        (&visto["sync_status"], &visto["version"]),
        (&json!("completo"), &json!(4))
    );
    let mut son = estados(&visto);
    son.sort_unstable();
    assert_eq!(son, ["eliminado", "renunciado"]);
    // What was waived may still come; what was taken away may not.
    assert!(t.send(&autor, &fotos[1]).await.unwrap().reporte.is_some());
    let otra_vez = t
        .files
        .create(
            &autor.quien,
            Photo {
                bytes: fotos[0].bytes.clone(),
                ..fotos[0].clone()
            }
            .announcement(r["uuid_cliente"].as_str()),
        )
        .await;
    assert!(otra_vez.is_err() || otra_vez.unwrap().adoptada.is_some());
    t.sitio.store.env().advance(49 * 60 * 60_000);
    t.files.sweep(false).await.unwrap();
    assert_eq!(t.file_bytes(&gemela.sha256()).await.unwrap(), gemela.bytes);
}

#[on_four_sites]
async fn a_half_finished_upload_reaches_its_reporte(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let foto = Photo::new(9_000);
    t.send(&autor, &foto).await.unwrap();
    assert_eq!(t.files.adopt_pending().await.unwrap(), 0);
    let r = t
        .create_without_adopting(&autor, &reporte_with(&[&foto]))
        .await;
    for n in [1, 0] {
        assert_eq!(t.files.adopt_pending().await.unwrap(), n);
    }
    assert_eq!(estados(&get_reporte(t.sitio, &autor, &r).await), ["subido"]);
}
