//! Files that somebody took away or changed behind the server's back are found.

use sigra_files::{Damage, DamagedFile};
use sigra_store::uploads::find_blob;

use super::serve::photo_with_gps;
use sigra_testkit::{
    files::{FilesFixture, Photo, reporte_with},
    on_four_sites, uuid,
};

#[on_four_sites]
async fn each_damage_is_found(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    let vista = photo_with_gps();
    let fotos = [
        Photo::new(9_000),
        Photo::new(8_000),
        vista,
        Photo::new(7_000),
        Photo::new(600_000),
    ];
    let mut claves = vec![];
    for foto in &fotos {
        t.sitio
            .create(&autor, &reporte_with(&[foto]))
            .await
            .expect_status(201, "");
        t.send(&autor, foto).await.unwrap();
        while t.files.make_previews().await.unwrap() {}
        let mut lectura = t.sitio.store.read().await.unwrap();
        claves.push(
            find_blob(&mut lectura, &foto.sha256())
                .await
                .unwrap()
                .unwrap(),
        );
    }
    let total: u64 = fotos.iter().map(|f| f.bytes.len() as u64).sum();
    let mut vistos = 0;
    let r = t.files.check(|n| vistos += n).await.unwrap();
    assert_eq!(
        (r.objetos, r.bytes, vistos, r.danados),
        (5, total, total, vec![])
    );
    let guardar = t.file_bytes(&fotos[0].sha256()).await.unwrap();
    t.blobs.delete(&claves[0].clave).await.unwrap();
    let mut otros = fotos[1].bytes.to_vec();
    otros[5_000] ^= 1;
    t.blobs.write(&claves[1].clave, otros.into()).await.unwrap();
    t.blobs
        .delete(claves[2].clave_miniatura.as_ref().unwrap())
        .await
        .unwrap();
    let huerfano = Photo {
        uuid: uuid(),
        ..Photo::new(100)
    };
    let sql = format!(
        "UPDATE multimedia SET sha256 = '{}' WHERE uuid_cliente = '{}'",
        huerfano.sha256(),
        fotos[3].uuid
    );
    t.sitio.bd.sql(&sql).await.unwrap();
    let mut danados = t.files.check(|_| ()).await.unwrap().danados;
    danados.sort_by_key(|d| format!("{:?}", d.dano));
    let son = |foto: &Photo, dano| DamagedFile {
        sha256: foto.sha256(),
        dano,
    };
    let espera = [
        son(&fotos[1], Damage::Distinto),
        son(&fotos[0], Damage::Falta),
        son(&fotos[2], Damage::SinCopia),
        son(&huerfano, Damage::SinObjeto),
    ];
    assert_eq!(danados, espera);
    // As it was, for what every test is asked at its end.
    t.blobs.write(&claves[0].clave, guardar).await.unwrap();
    t.blobs
        .write(&claves[1].clave, fotos[1].bytes.clone())
        .await
        .unwrap();
    t.blobs
        .write(
            claves[2].clave_miniatura.as_ref().unwrap(),
            b"x".as_slice().into(),
        )
        .await
        .unwrap();
    let sql = format!(
        "UPDATE multimedia SET sha256 = '{}' WHERE uuid_cliente = '{}'",
        fotos[3].sha256(),
        fotos[3].uuid
    );
    t.sitio.bd.sql(&sql).await.unwrap();
}
