//! Right calls of the operations about files.

use serde_json::json;

use super::table::{Call, OperationRow, PathTarget};
use sigra_testkit::files::{FilesFixture, Photo, multipart_form, progressive_photo, reporte_with};
use sigra_testkit::{Persona, TestSite, reporte_in, uuid};

/// Makes what the call needs, of `autor`: a report, its file, an upload.
pub async fn build(fila: &OperationRow, sitio: &TestSite, autor: &Persona) -> Call {
    let (metodo, plantilla) = fila.op.split_once(' ').expect("op");
    let taller = FilesFixture::new(sitio);
    let mut llamada = Call {
        metodo,
        ruta: plantilla.to_owned(),
        cuerpo: None,
        uuid: None,
        headers: vec![("tus-resumable", "1.0.0".into())],
        bytes: None,
    };
    match fila.sobre {
        PathTarget::Subida => {
            let foto = Photo::new(2_000);
            let subida = taller.create(autor, &foto).await;
            llamada.ruta = plantilla.replace("{id}", &subida.id);
            llamada.headers.push(("upload-offset", "0".into()));
            llamada
                .headers
                .push(("x-http-method-override", "PATCH".into()));
            if ["PATCH", "POST"].contains(&metodo) {
                llamada.bytes = Some((
                    "application/offset+octet-stream".into(),
                    foto.bytes.to_vec(),
                ));
            }
        }
        PathTarget::Reporte => {
            let reporte = sitio
                .create(autor, &reporte_in(1))
                .await
                .expect_status(201, "")
                .json;
            llamada.ruta = plantilla.replace("{id}", &reporte["id"].to_string());
            llamada.uuid = reporte["uuid_cliente"].as_str().map(Into::into);
            llamada.bytes = Some(multipart_form(&[], &Photo::new(2_000)));
        }
        PathTarget::Falta | PathTarget::Archivo => {
            let foto = Photo {
                uuid: uuid(),
                ..progressive_photo()
            };
            let nuevo = reporte_with(&[&foto]);
            let reporte = sitio
                .create(autor, &nuevo)
                .await
                .expect_status(201, "")
                .json;
            if fila.sobre == PathTarget::Archivo {
                taller.send(autor, &foto).await.expect("subida");
                while taller.files.make_previews().await.expect("vistas") {}
            }
            let id = reporte["multimedia"][0]["id"].as_i64().expect("id");
            llamada.ruta = plantilla.replace("{id}", &id.to_string());
            llamada.uuid = Some(foto.uuid);
            if plantilla.ends_with("/copia") {
                let expira = sitio.store.env().now().plus(60_000);
                let firma = sitio.tokens.sign_archivo(id, expira).expect("firma");
                llamada.ruta.push_str(&format!("?firma={firma}"));
            }
            if metodo == "DELETE" {
                llamada.cuerpo = Some(json!({"detalle": "Se perdió el teléfono."}));
            }
        }
        PathTarget::Nada | PathTarget::Decision | PathTarget::Seguimiento => {
            let foto = Photo::new(2_000);
            llamada.headers.extend(foto.headers(None));
        }
    }
    llamada
}
