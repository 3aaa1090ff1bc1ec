//! Small files by a form, and forms that are none.

use serde_json::json;
use sigra_evidencia::Limites;

use super::taller::{Foto, Taller, progresiva, reporte_con};
use crate::{
    arnes::{Ajuste, Persona, Respuesta, Sitio, reporte_en, uuid},
    en_ambas,
    permisos::archivos::formulario,
};

async fn envia(
    sitio: &Sitio,
    quien: &Persona,
    id: i64,
    (tipo, cuerpo): (String, Vec<u8>),
) -> Respuesta {
    let pedido = sitio
        .pide("POST", &format!("/reportes/{id}/multimedia"))
        .como(quien);
    pedido
        .header("content-type", &tipo)
        .cuerpo(cuerpo)
        .envia()
        .await
}

/// The middle of a form, between its boundaries.
fn partes(cuerpo: impl Into<Vec<u8>>) -> (String, Vec<u8>) {
    ("multipart/form-data; boundary=xx".into(), cuerpo.into())
}

en_ambas! {
    con Ajuste { limites: Limites { max_foto: 50_000, max_documento: 50_000, ..Limites::default() }, ..Ajuste::default() };

    async fn una_foto_por_formulario(sitio: &Sitio) {
        let (autor, ajeno, jefa) = (sitio.trabajador().await, sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let (foto, otra) = (Foto::nueva(9_000), Foto::nueva(8_000));
        let r = sitio.crea(&autor, &reporte_con(&[&foto])).await.espera(201, "");
        let id = r.id();
        envia(sitio, &ajeno, id, formulario(&[], &foto)).await.espera(404, "no_encontrado");
        // Found by its hash; the same again; by its uuid.
        let hash = foto.sha256();
        let r = envia(sitio, &autor, id, formulario(&[], &foto)).await.espera(201, "");
        assert_eq!((&r.json["sync_status"], r.header("etag")), (&json!("completo"), "\"2\""));
        for textos in [vec![], vec![("sha256", hash.as_str())], vec![("multimedia_uuid", foto.uuid.as_str()), ("otra cosa", "x")]] {
            let r = envia(sitio, &autor, id, formulario(&textos, &foto)).await.espera(200, "");
            assert_eq!(r.header("etag"), "\"2\"");
        }
        // Added, with the uuid that is said or one of the server's.
        let suyo = uuid();
        let r = envia(sitio, &jefa, id, formulario(&[("multimedia_uuid", &suyo)], &otra)).await.espera(201, "");
        let nueva = r.json["multimedia"].as_array().unwrap().iter().find(|a| a["uuid_cliente"] == suyo.as_str()).unwrap();
        assert_eq!((&nueva["nombre"], &nueva["tipo"], &nueva["bytes"]), (&json!("roca.jpg"), &json!("image/jpeg"), &json!(8_000)));
        assert_eq!(sitio.baja(&autor, nueva["url"].as_str().unwrap()).await, otra.bytes);
        let r = envia(sitio, &autor, id, formulario(&[], &Foto::nueva(7_000))).await.espera(201, "");
        assert_eq!((r.json["multimedia"].as_array().unwrap().len(), r.version()), (3, 4));
        // Refused.
        for (textos, foto, status, codigo) in [
            (vec![("sha256", hash.as_str())], Foto::nueva(6_000), 422, "hash_distinto"),
            (vec![("multimedia_uuid", suyo.as_str())], Foto::nueva(6_000), 409, "archivo_distinto"),
            (vec![("multimedia_uuid", "x")], Foto::nueva(6_000), 422, "datos_invalidos"),
            (vec![("sha256", "x")], Foto::nueva(6_000), 422, "datos_invalidos"),
            (vec![], Foto::nueva(50_001), 413, "archivo_muy_grande"),
            (vec![], Foto { bytes: b"MZ".as_slice().into(), ..Foto::nueva(1) }, 415, "tipo_no_admitido"),
            (vec![], Foto { bytes: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice().into(), ..Foto::nueva(1) }, 415, "foto_heic"),
        ] {
            envia(sitio, &autor, id, formulario(&textos, &foto)).await.espera(status, codigo);
        }
        let mut con_ruta = formulario(&[], &progresiva());
        let texto = String::from_utf8_lossy(&con_ruta.1[..150]).replace("roca.jpg", "../r.jpg");
        con_ruta.1.splice(..texto.len(), texto.bytes());
        let r = envia(sitio, &autor, id, con_ruta).await.espera(422, "datos_invalidos");
        assert_eq!(r.json["errores"][0]["campo"], "archivo");
        let ruta = format!("/admin/reportes/{id}/aprobar");
        sitio.pide("POST", &ruta).como(&jefa).json(&json!({"version": 4})).envia().await.espera(200, "");
        envia(sitio, &autor, id, formulario(&[], &Foto::nueva(6_000))).await.espera(409, "reporte_decidido");
        Taller::de(sitio).en_orden().await;
    }

    async fn lo_que_no_es_un_formulario(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let id = sitio.crea(&autor, &reporte_en(1)).await.id();
        let foto = Foto::nueva(9_000);
        let (tipo, bueno) = formulario(&[], &foto);
        let parte = |nombre: &str, valor: &str| {
            format!("--xx\r\ncontent-disposition: form-data; name=\"{nombre}\"\r\n\r\n{valor}\r\n")
        };
        let largo = "x".repeat(40_000);
        for (forma, status, codigo) in [
            (("application/json".into(), b"{}".to_vec()), 400, "formulario_invalido"),
            (("multipart/form-data".into(), bueno.clone()), 400, "formulario_invalido"),
            ((format!("multipart/form-data; boundary={}", "y".repeat(71)), bueno.clone()), 400, "formulario_invalido"),
            (partes(""), 400, "cuerpo_ilegible"),
            (partes("--xx--\r\n"), 422, "datos_invalidos"),
            (partes(format!("{}--xx--\r\n", parte("sha256", &foto.sha256()))), 422, "datos_invalidos"),
            (partes(parte("sha256", &largo)), 400, "formulario_invalido"),
            (partes(parte("otra", &"x".repeat(1_000_000))), 400, "formulario_invalido"),
            (partes(format!("--xx\r\nx: {}", "x".repeat(1_000_000))), 400, "formulario_invalido"),
            (partes(format!("--xx\r\n{}", "x: y\r\n".repeat(200_000))), 400, "formulario_invalido"),
            (partes(parte("a", "b").repeat(100_000)), 400, "formulario_invalido"),
            // Cut, and not longer than a part may be: however it comes in pieces.
            (partes(format!("--xx\r\nx: y\r\n\r\n{}", &largo[..10_000])), 400, "cuerpo_ilegible"),
            ((tipo.clone(), bueno[..5_000].to_vec()), 400, "cuerpo_ilegible"),
            ((tipo.clone(), bueno[..bueno.len() - 9].to_vec()), 400, "cuerpo_ilegible"),
            ((tipo.clone(), bueno[..60].to_vec()), 400, "cuerpo_ilegible"),
        ] {
            let que = format!("{} {:?}", forma.0, String::from_utf8_lossy(&forma.1[..forma.1.len().min(80)]));
            let r = envia(sitio, &autor, id, forma).await;
            assert_eq!((r.status, r.codigo()), (status, codigo), "{que}");
        }
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM multimedia").await, 0);
        envia(sitio, &autor, id, (tipo, bueno)).await.espera(201, "");
        Taller::de(sitio).en_orden().await;
    }
}
