//! What is wrong with a batch as a whole, and what is said of it.

use serde_json::{Value, json};

use super::{bueno, con_nuevos, filas, manda, tabla::escrito};
use crate::{
    arnes::{Respuesta, Sitio, reporte_en},
    bytes_ajenos::{self, cuerpos::gzip},
    en_ambas,
    sync::{en_lote, suertes},
};

const MAX: usize = 8 << 20;

/// A batch of one report in so many bytes.
fn relleno(sitio: &Sitio, largo: usize) -> Vec<u8> {
    let mut v = en_lote(sitio, &[bueno()]);
    v.resize(largo, b' ');
    v
}

#[track_caller]
fn nombra_los_limites(r: &Respuesta) {
    let dicho = r.json["detail"].as_str().unwrap();
    assert!(dicho.contains("500") && dicho.contains("8 MiB"), "{dicho}");
    assert_eq!(r.json["permanente"], true);
}

en_ambas! {
    async fn quinientos_pasan_y_uno_mas_no(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let mut items: Vec<Value> = (0..500).map(|_| reporte_en(1)).collect();
        let r = sitio.lote(&autor, &items).await;
        assert_eq!(r["resumen"], json!({"creado": 500}));
        let antes = bytes_ajenos::escrito(sitio).await;
        items.push(reporte_en(1));
        nombra_los_limites(&sitio.envia_lote(&autor, &items).await.espera(413, "lote_muy_grande"));
        for basura in ["0", "null", "{}"] {
            let muchos = vec![basura.as_bytes().to_vec(); 501];
            nombra_los_limites(&manda(sitio, &autor, &muchos).await.espera(413, "lote_muy_grande"));
        }
        // As many as fit into the bytes.
        let millones = [&b"0,".repeat(MAX / 2 - 100)[..], b"0"].concat();
        nombra_los_limites(&manda(sitio, &autor, &[millones]).await.espera(413, "lote_muy_grande"));
        assert_eq!(bytes_ajenos::escrito(sitio).await, antes);
    }

    async fn ocho_mib_descomprimidos_pasan_y_un_byte_mas_no(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        for comprime in [false, true] {
            let envia = async |cuerpo: Vec<u8>| {
                let pedido = sitio.pide("POST", "/sync/batch").como(&autor);
                if comprime {
                    pedido.header("content-encoding", "gzip").crudo(gzip(&cuerpo)).envia().await
                } else {
                    pedido.crudo(cuerpo).envia().await
                }
            };
            let r = envia(relleno(sitio, MAX)).await.espera(200, "");
            assert_eq!(suertes(&r.json), ["creado"]);
            let antes = bytes_ajenos::escrito(sitio).await;
            for largo in [MAX + 1, 2 * MAX] {
                nombra_los_limites(&envia(relleno(sitio, largo)).await.espera(413, "lote_muy_grande"));
            }
            assert_eq!(bytes_ajenos::escrito(sitio).await, antes);
        }
        // What one item takes of it is no limit of its own.
        let grande = escrito("descripcion", &json!("x".repeat(7 << 20)).to_string());
        let r = manda(sitio, &autor, &[bueno(), grande.into_bytes(), bueno()]).await.espera(200, "");
        assert_eq!(suertes(&r.json), ["creado", "rechazado", "creado"]);
    }

    async fn un_json_roto_no_escribe_nada(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let antes = bytes_ajenos::escrito(sitio).await;
        let sano = en_lote(sitio, &[bueno(), bueno()]);
        let mut rotos: Vec<Vec<u8>> = [1, 20, sano.len() / 2, sano.len() - 2, sano.len() - 1]
            .map(|n| sano[..n].to_vec()).into();
        rotos.push([&sano[..], b"x"].concat());
        rotos.push([&sano[..], b",{}"].concat());
        for item in ["NaN", "{\"titulo\": \"a\nb\"}", "{'titulo': 1}", "{\"titulo\"}", "{} {}", "", "\u{feff}{}"] {
            rotos.push(en_lote(sitio, &[bueno(), item.into(), bueno()]));
        }
        // No text outside the items: whose mistake it is can't be told.
        let mut sin_texto = sano.clone();
        sin_texto[15] = 0xff;
        rotos.push(sin_texto);
        rotos.push(en_lote(sitio, &[bueno(), vec![0xff], bueno()]));
        for roto in rotos {
            let que = String::from_utf8_lossy(&roto).into_owned();
            let r = sitio.pide("POST", "/sync/batch").como(&autor).crudo(roto).envia().await;
            assert_eq!((r.status, r.codigo(), &r.json["permanente"]), (400, "json_invalido", &json!(true)), "{que}");
        }
        assert_eq!(bytes_ajenos::escrito(sitio).await, antes);
    }

    async fn los_errores_de_un_reporte_se_leen_en_ingles(sitio: &Sitio) {
        let (autor, otro) = (sitio.trabajador().await, sitio.trabajador().await);
        let ajeno = reporte_en(1);
        sitio.crea(&otro, &ajeno).await.espera(201, "");
        let mut malo = reporte_en(1);
        malo["titulo"] = json!("");
        let cuerpo = en_lote(sitio, &[malo.to_string().into(), ajeno.to_string().into()]);
        for (idioma, titulo, mensaje, repetido) in [
            ("es-CL,es;q=0.9", "Datos inválidos", "Use entre 1 y 255 caracteres.", "Reporte ya existe"),
            ("en", "Invalid data", "Use between 1 and 255 characters.", "Report exists already"),
        ] {
            let pedido = sitio.pide("POST", "/sync/batch").como(&autor).header("accept-language", idioma);
            let r = pedido.crudo(cuerpo.clone()).envia().await.espera(200, "").json;
            let [malo, ajeno] = [0, 1].map(|i| &r["resultados"][i]["error"]);
            assert_eq!(malo["title"], titulo, "{malo}");
            assert_eq!(malo["errores"][0]["mensaje"], mensaje, "{malo}");
            assert_eq!(ajeno["title"], repetido, "{ajeno}");
            let pedido = sitio.pide("POST", "/sync/batch").como(&autor).header("accept-language", idioma);
            let r = pedido.crudo(relleno(sitio, MAX + 1)).envia().await.espera(413, "lote_muy_grande");
            nombra_los_limites(&r);
        }
    }

    /// The phone kept its reports for days: its token is old, and the batch is still good.
    async fn con_un_token_vencido_nada_se_pierde(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let items: Vec<Vec<u8>> = (0..20).map(|_| bueno()).collect();
        let cuerpo = en_lote(sitio, &items);
        sitio.store.entorno().adelanta(16 * 60_000);
        let antes = bytes_ajenos::escrito(sitio).await;
        let envia = async |token: &str| {
            sitio.pide("POST", "/sync/batch").token(token).crudo(cuerpo.clone()).envia().await
        };
        let r = envia(&autor.token).await.espera(401, "token_vencido");
        assert_eq!(r.json["permanente"], false);
        assert_eq!(bytes_ajenos::escrito(sitio).await, antes);
        let otra = sitio.sesion(autor.quien.clone()).await;
        let filas_antes = filas(sitio).await;
        let r = envia(&otra.token).await.espera(200, "");
        assert_eq!(r.json["resumen"], json!({"creado": 20}));
        assert!(r.json["desfase_reloj_ms"].as_i64().unwrap() >= 16 * 60_000, "{}", r.texto);
        assert_eq!(filas(sitio).await, con_nuevos(filas_antes, 20));
    }
}
