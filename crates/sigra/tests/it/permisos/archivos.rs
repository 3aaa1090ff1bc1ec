//! Right calls of the operations about files.

use serde_json::json;

use super::tabla::{Fila, Llamada, Sobre};
use crate::{
    arnes::{Persona, Sitio, reporte_en, uuid},
    multimedia::taller::{Foto, Taller, progresiva, reporte_con},
};

/// Makes what the call needs, of `autor`: a report, its file, an upload.
pub async fn arma(fila: &Fila, sitio: &Sitio, autor: &Persona) -> Llamada {
    let (metodo, plantilla) = fila.op.split_once(' ').expect("op");
    let taller = Taller::de(sitio);
    let mut llamada = Llamada {
        metodo,
        ruta: plantilla.to_owned(),
        cuerpo: None,
        uuid: None,
        headers: vec![("tus-resumable", "1.0.0".into())],
        bytes: None,
    };
    match fila.sobre {
        Sobre::Subida => {
            let foto = Foto::nueva(2_000);
            let subida = taller.crea(autor, &foto).await;
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
        Sobre::Reporte => {
            let reporte = sitio.crea(autor, &reporte_en(1)).await.espera(201, "").json;
            llamada.ruta = plantilla.replace("{id}", &reporte["id"].to_string());
            llamada.uuid = reporte["uuid_cliente"].as_str().map(Into::into);
            llamada.bytes = Some(formulario(&[], &Foto::nueva(2_000)));
        }
        Sobre::Falta | Sobre::Archivo => {
            let foto = Foto {
                uuid: uuid(),
                ..progresiva()
            };
            let nuevo = reporte_con(&[&foto]);
            let reporte = sitio.crea(autor, &nuevo).await.espera(201, "").json;
            if fila.sobre == Sobre::Archivo {
                taller.envia(autor, &foto).await.expect("subida");
                while taller.evidencia.hace_vistas().await.expect("vistas") {}
            }
            let id = reporte["multimedia"][0]["id"].as_i64().expect("id");
            llamada.ruta = plantilla.replace("{id}", &id.to_string());
            llamada.uuid = Some(foto.uuid);
            if plantilla.ends_with("/copia") {
                let expira = sitio.store.entorno().ahora().mas(60_000);
                let firma = sitio.tokens.firma_archivo(id, expira).expect("firma");
                llamada.ruta.push_str(&format!("?firma={firma}"));
            }
            if metodo == "DELETE" {
                llamada.cuerpo = Some(json!({"detalle": "Se perdió el teléfono."}));
            }
        }
        Sobre::Nada | Sobre::Decision | Sobre::Seguimiento => {
            let foto = Foto::nueva(2_000);
            llamada.headers.extend(foto.cabeceras(None));
        }
    }
    llamada
}

/// A form with these texts and, last, the file: its type and its bytes.
pub fn formulario(textos: &[(&str, &str)], foto: &Foto) -> (String, Vec<u8>) {
    let mut cuerpo = Vec::new();
    for (nombre, valor) in textos {
        let parte =
            format!("--xx\r\ncontent-disposition: form-data; name=\"{nombre}\"\r\n\r\n{valor}\r\n");
        cuerpo.extend(parte.into_bytes());
    }
    cuerpo.extend(
        b"--xx\r\ncontent-disposition: form-data; name=\"archivo\"; filename=\"roca.jpg\"\r\n",
    );
    cuerpo.extend(b"content-type: image/jpeg\r\n\r\n");
    cuerpo.extend(&foto.bytes);
    cuerpo.extend(b"\r\n--xx--\r\n");
    ("multipart/form-data; boundary=xx".into(), cuerpo)
}
