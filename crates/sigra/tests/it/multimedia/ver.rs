//! Files on their way out: whole, in parts, by a link, in a browser.

use serde_json::json;
use sigra_api::{ClaveFirma, Tokens};
use sigra_domain::{Instante, Rol};

use super::{
    entrega::{SECRETO as LUGAR, con_lugar},
    taller::{Foto, Taller, progresiva, reporte_con},
};
use crate::{
    arnes::{Ajuste, Persona, Respuesta, SECRETO, Sitio, uuid},
    en_ambas,
    login::{CLAVE, con_clave, entra},
};

/// A report of `autor` with this file, which has come, and its copies; the file's id.
async fn llegado(sitio: &Sitio, autor: &Persona, foto: &Foto) -> i64 {
    let r = sitio
        .crea(autor, &reporte_con(&[foto]))
        .await
        .espera(201, "");
    let taller = Taller::de(sitio);
    taller.envia(autor, foto).await.unwrap();
    while taller.evidencia.hace_vistas().await.unwrap() {}
    r.json["multimedia"][0]["id"].as_i64().unwrap()
}

async fn pide(sitio: &Sitio, quien: &Persona, ruta: &str, headers: &[(&str, &str)]) -> Respuesta {
    let mut pedido = sitio.pide("GET", ruta).como(quien);
    for (nombre, valor) in headers {
        pedido = pedido.header(nombre, valor);
    }
    pedido.envia().await
}

en_ambas! {
    async fn partes_y_etiquetas(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let foto = con_lugar();
        let id = llegado(sitio, &autor, &foto).await;
        let largo = foto.bytes.len();
        let etag = format!("\"{}\"", foto.sha256());
        let ruta = format!("/multimedia/{id}");
        let comprime = [("accept-encoding", "gzip, br, zstd")];
        let r = pide(sitio, &autor, &ruta, &comprime).await.espera(200, "");
        for (nombre, valor) in [
            ("etag", etag.as_str()), ("accept-ranges", "bytes"), ("content-type", "image/jpeg"),
            ("x-content-type-options", "nosniff"), ("cache-control", "private, no-cache"), ("content-encoding", ""),
            ("content-security-policy", "default-src 'none'; sandbox; frame-ancestors 'none'"),
            ("content-disposition", "inline; filename=\"roca.jpg\"; filename*=UTF-8''roca.jpg"),
            ("content-length", &largo.to_string()),
        ] {
            assert_eq!(r.header(nombre), valor, "{nombre}");
        }
        for (rango, desde, hasta) in [("bytes=0-9", 0, 10), ("bytes=10-", 10, largo), ("bytes=-5", largo - 5, largo),
            ("bytes=5-999999999", 5, largo)] {
            let r = pide(sitio, &autor, &ruta, &[("range", rango), ("if-range", &etag)]).await.espera(206, "");
            assert_eq!(r.header("content-range"), format!("bytes {desde}-{}/{largo}", hasta - 1));
            assert_eq!(r.header("content-length"), (hasta - desde).to_string());
            assert_eq!(sitio.trozo(&autor, &ruta, rango).await, foto.bytes.slice(desde..hasta), "{rango}");
        }
        for (headers, status) in [
            (vec![("range", "bytes=0-9"), ("if-range", "\"otra\"")], 200), (vec![("range", "bytes=0-1,3-4")], 200),
            (vec![("range", "lineas=1-2")], 200), (vec![("if-none-match", etag.as_str())], 304),
            (vec![("if-none-match", "*")], 304), (vec![("if-none-match", "\"otra\"")], 200),
            (vec![("if-none-match", etag.as_str()), ("range", "bytes=0-9")], 304),
        ] {
            let r = pide(sitio, &autor, &ruta, &headers).await;
            assert_eq!((r.status, r.header("etag")), (status, etag.as_str()), "{headers:?}");
        }
        let r = pide(sitio, &autor, &ruta, &[("range", &format!("bytes={largo}-"))]).await;
        let r = r.espera(416, "rango_imposible");
        assert_eq!(r.header("content-range"), format!("bytes */{largo}"));
        let r = sitio.pide("HEAD", &ruta).como(&autor).envia().await;
        assert_eq!((r.status, r.header("content-length"), r.texto.as_str()), (200, largo.to_string().as_str(), ""));
        // The copies are other files.
        let mut etiquetas = vec![etag];
        for resto in ["/miniatura", "/vista"] {
            let r = pide(sitio, &autor, &format!("{ruta}{resto}"), &[]).await.espera(200, "");
            assert_eq!(r.header("content-type"), "image/jpeg");
            etiquetas.push(r.header("etag").to_owned());
        }
        etiquetas.dedup();
        assert_eq!(etiquetas.len(), 3);
    }

    async fn lo_que_no_se_muestra_se_baja(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let danada = Foto::nueva(4_000);
        let pdf = Foto {
            uuid: uuid(),
            bytes: [&b"%PDF-1.7\n"[..], &b"% un plano de la galeria 4\n".repeat(400)].concat().into(),
            tipo: "application/pdf",
        };
        for archivo in [danada, pdf] {
            let id = llegado(sitio, &autor, &archivo).await;
            let ruta = format!("/multimedia/{id}");
            // Nothing in between packs it: parts of it would be parts of something else.
            let comprime = ("accept-encoding", "gzip, br, zstd");
            let entero = pide(sitio, &autor, &ruta, &[comprime]).await.espera(200, "");
            let parte = pide(sitio, &autor, &ruta, &[comprime, ("range", "bytes=5-3004")]).await.espera(206, "");
            for (r, largo) in [(entero, archivo.bytes.len()), (parte, 3_000)] {
                assert_eq!(r.header("content-type"), archivo.tipo);
                assert!(r.header("content-disposition").starts_with("attachment; filename=\"roca.jpg\""), "{r:?}");
                assert_eq!((r.header("content-encoding"), r.header("content-length")), ("", largo.to_string().as_str()));
            }
        }
    }

    async fn un_enlace_dura_lo_que_dice(sitio: &Sitio) {
        let (autor, ajeno) = (sitio.trabajador().await, sitio.trabajador().await);
        let foto = con_lugar();
        let id = llegado(sitio, &autor, &foto).await;
        let otro = llegado(sitio, &autor, &Foto::nueva(4_000)).await;
        let enlace = async |quien: &Persona, id: i64| {
            sitio.pide("GET", &format!("/multimedia/{id}/url")).como(quien).envia().await
        };
        enlace(&ajeno, id).await.espera(404, "no_encontrado");
        // Of a damaged photo no copy without location can be promised.
        enlace(&autor, otro).await.espera(404, "sin_vista");
        let r = enlace(&autor, id).await.espera(200, "").json;
        let url = r["url"].as_str().unwrap().to_owned();
        let expira = Instante::parse(r["expira"].as_str().unwrap()).unwrap();
        let baja = async |url: &str| sitio.pide("GET", url).envia().await;
        let r = baja(&url).await.espera(200, "");
        assert_eq!(r.header("content-type"), "image/jpeg");
        // Without where it was taken, and the same in parts.
        let copia = sitio.trozo(&ajeno, &url, "bytes=0-").await;
        assert!(foto.bytes.len() > copia.len() || foto.bytes != copia);
        let secreto = LUGAR;
        assert!(!copia.windows(secreto.len()).any(|v| v == secreto), "la copia dice dónde");
        assert_eq!(sitio.trozo(&ajeno, &url, "bytes=7-90").await, copia.slice(7..91));
        let (ruta, firma) = url.split_once("?firma=").unwrap();
        let mut alterada = firma.to_owned().into_bytes();
        let medio = alterada.len() / 2;
        alterada[medio] = if alterada[medio] == b'A' { b'B' } else { b'A' };
        let expirada = sitio.tokens.firma_archivo(id, Instante(expira.0 - 3 * Instante::HORA)).unwrap();
        let ajena = Tokens::nuevos(&[ClaveFirma { kid: "prueba".into(), secreto: [9; 32] }]);
        let ajena = ajena.firma_archivo(id, expira).unwrap();
        for (mala, codigo) in [
            (format!("{ruta}?firma={}", String::from_utf8(alterada).unwrap()), "url_invalida"),
            (format!("/multimedia/{otro}/copia?firma={firma}"), "url_invalida"),
            (format!("{ruta}?firma={expirada}"), "url_vencida"),
            (format!("{ruta}?firma={ajena}"), "url_invalida"),
            (format!("{ruta}?firma={}", autor.token), "url_invalida"),
            (ruta.to_owned(), "url_invalida"),
            (format!("{ruta}?firma="), "url_invalida"),
        ] {
            baja(&mala).await.espera(403, codigo);
        }
        // What signs a link opens nothing else.
        sitio.pide("GET", "/auth/me").token(firma).envia().await.espera(401, "token_invalido");
        // A server with a new key knows the old one's links; one without the old does not.
        let clave = |kid: &str, n: u8| ClaveFirma { kid: kid.into(), secreto: [n; 32] };
        let vieja = ClaveFirma { kid: "prueba".into(), secreto: SECRETO };
        let ahora = sitio.store.entorno().ahora();
        let girados = Tokens::nuevos(&[clave("nueva", 1), vieja]);
        assert!(girados.verifica_archivo(firma, id, ahora).is_ok());
        assert!(Tokens::nuevos(&[clave("nueva", 1)]).verifica_archivo(firma, id, ahora).is_err());
        sitio.store.entorno().adelanta(Instante::HORA + 1_000);
        baja(&url).await.espera(403, "url_vencida");
        // Whoever took the file away took it from the link too.
        let admin = sitio.administrador().await;
        let r = enlace(&admin, id).await.espera(200, "").json;
        let quita = sitio.pide("DELETE", &format!("/multimedia/{id}")).como(&admin);
        quita.json(&json!({"detalle": "Se ve a una persona."})).envia().await.espera(204, "");
        baja(r["url"].as_str().unwrap()).await.espera(410, "archivo_eliminado");
    }

    async fn un_navegador_las_muestra(sitio: &Sitio) {
        let persona = con_clave(sitio, Rol::Trabajador).await;
        let id = llegado(sitio, &persona, &con_lugar()).await;
        let r = entra(sitio, &persona, CLAVE).await.espera(200, "");
        let galleta = r.header("set-cookie").split(';').next().unwrap().to_owned();
        let con = async |metodo: &str, ruta: &str, galleta: &str| {
            sitio.pide(metodo, ruta).header("cookie", galleta).envia().await
        };
        for resto in ["", "/miniatura", "/vista"] {
            let ruta = format!("/multimedia/{id}{resto}");
            for galletas in [galleta.clone(), format!("otra=1; {galleta}"), format!("{galleta}; b=2")] {
                assert_eq!(con("GET", &ruta, &galletas).await.status, 200, "{galletas}");
            }
            con("GET", &ruta, "sigra_sesion=x.y.z").await.espera(401, "token_invalido");
            con("GET", &ruta, "otra=1").await.espera(401, "no_autenticado");
        }
        for (metodo, ruta) in [("GET", "/url"), ("DELETE", "")] {
            let r = con(metodo, &format!("/multimedia/{id}{ruta}"), &galleta).await;
            r.espera(401, "no_autenticado");
        }
        sitio.store.entorno().adelanta(16 * 60_000);
        con("GET", &format!("/multimedia/{id}"), &galleta).await.espera(401, "token_vencido");
    }

    /// What has not come, what is being made, what was taken away, what was withdrawn.
    async fn lo_que_no_esta_lo_dice(sitio: &Sitio) {
        let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
        let foto = con_lugar();
        let r = sitio.crea(&autor, &reporte_con(&[&foto])).await.json;
        let id = &r["multimedia"][0]["id"];
        let ver = async |resto: &str| pide(sitio, &autor, &format!("/multimedia/{id}{resto}"), &[]).await;
        for resto in ["", "/miniatura", "/url"] {
            let r = ver(resto).await.espera(404, "archivo_pendiente");
            assert_eq!(r.json["permanente"], false);
        }
        let taller = Taller::de(sitio);
        taller.envia(&autor, &foto).await.unwrap();
        ver("").await.espera(200, "");
        for resto in ["/miniatura", "/vista", "/url"] {
            ver(resto).await.espera(404, "vista_en_proceso");
        }
        taller.evidencia.hace_vistas().await.unwrap();
        ver("/miniatura").await.espera(200, "");
        // A file with a strange name is data.
        let mut extrana = con_lugar();
        extrana.bytes = [&extrana.bytes[..], b"x"].concat().into();
        let mut nuevo = reporte_con(&[&extrana]);
        nuevo["multimedia"][0]["nombre"] = json!("../../etc/\"roca; ñandú\".jpg");
        let otro = sitio.crea(&autor, &nuevo).await.espera(201, "").json;
        taller.envia(&autor, &extrana).await.unwrap();
        let ruta = otro["multimedia"][0]["url"].as_str().map_or(format!("/multimedia/{}", otro["multimedia"][0]["id"]), Into::into);
        let r = pide(sitio, &autor, &ruta, &[]).await.espera(200, "");
        assert_eq!(r.header("content-disposition"),
            "inline; filename=\"_roca; _and__.jpg\"; filename*=UTF-8''%22roca%3B%20%C3%B1and%C3%BA%22.jpg");
        let quita = |que: &str| sitio.pide("DELETE", que).como(&admin).json(&json!({"detalle": "Error.", "version": 2}));
        quita(&format!("/multimedia/{id}")).envia().await.espera(204, "");
        for resto in ["", "/miniatura", "/url"] {
            ver(resto).await.espera(410, "archivo_eliminado");
        }
        quita(&format!("/reportes/{}", otro["id"])).envia().await.espera(204, "");
        pide(sitio, &autor, &ruta, &[]).await.espera(410, "reporte_retirado");
    }
    async fn sin_donde_guardar_no_esta_listo(sitio: &Sitio) {
        let carpeta = sitio.archivos.carpeta().unwrap();
        let lejos = carpeta.with_extension("lejos");
        std::fs::rename(carpeta, &lejos).unwrap();
        sitio.pide("GET", "/readyz").envia().await.espera(503, "no_disponible");
        sitio.pide("GET", "/healthz").envia().await.espera(200, "");
        std::fs::rename(&lejos, carpeta).unwrap();
        sitio.pide("GET", "/readyz").envia().await.espera(200, "");
    }
}

en_ambas! {
    con Ajuste { s3_publico: true, ..Ajuste::en_s3() };
    /// Where S3 is public, it answers by itself; but not for a file of which parts must be left out.
    async fn un_enlace_de_s3(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let (con, sin) = (con_lugar(), progresiva());
        let ids = [llegado(sitio, &autor, &con).await, llegado(sitio, &autor, &sin).await];
        let mut urls = vec![];
        for id in ids {
            let r = sitio.pide("GET", &format!("/multimedia/{id}/url")).como(&autor).envia().await;
            urls.push(r.espera(200, "").json["url"].as_str().unwrap().to_owned());
        }
        assert!(urls[0].starts_with("/multimedia/"), "{}", urls[0]);
        assert!(urls[1].starts_with("http://127.0.0.1:") && urls[1].contains("attachment"), "{}", urls[1]);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let r = http.get(&urls[1]).send().await.unwrap();
        assert_eq!(r.status().as_u16(), 200);
        assert!(r.bytes().await.unwrap() == sin.bytes);
        let alterada = urls[1].replace("Expires=300", "Expires=3000");
        assert_ne!(alterada, urls[1]);
        assert_eq!(http.get(&alterada).send().await.unwrap().status().as_u16(), 403);
    }
}
