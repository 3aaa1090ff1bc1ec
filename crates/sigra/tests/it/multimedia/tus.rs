//! The protocol tus 1.0.0 as a client meets it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use sha2::Digest as _;
use sigra_domain::Instante;
use sigra_evidencia::Limites;

use super::taller::{Foto, Taller, progresiva, reporte_con};
use crate::{
    arnes::{Ajuste, Pedido, Persona, Respuesta, Sitio},
    en_ambas,
};

const BYTES: &str = "application/offset+octet-stream";

/// A request of the protocol.
pub fn tus(sitio: &Sitio, quien: &Persona, metodo: &str, ruta: &str) -> Pedido {
    let pedido = sitio.pide(metodo, ruta).como(quien);
    pedido.header("tus-resumable", "1.0.0")
}

pub async fn anuncia(
    sitio: &Sitio,
    quien: &Persona,
    cabeceras: &[(&'static str, String)],
) -> Respuesta {
    let mut pedido = tus(sitio, quien, "POST", "/multimedia/tus");
    for (nombre, valor) in cabeceras {
        pedido = pedido.header(nombre, valor);
    }
    pedido.envia().await
}

/// Begins an upload; its address.
pub async fn comienza(sitio: &Sitio, quien: &Persona, foto: &Foto) -> String {
    let r = anuncia(sitio, quien, &foto.cabeceras(None))
        .await
        .espera(201, "");
    r.header("location").to_owned()
}

pub async fn agrega(
    sitio: &Sitio,
    quien: &Persona,
    lugar: &str,
    desde: usize,
    bytes: &[u8],
) -> Respuesta {
    let pedido = tus(sitio, quien, "PATCH", lugar).header("upload-offset", &desde.to_string());
    pedido
        .header("content-type", BYTES)
        .cuerpo(bytes.to_vec())
        .envia()
        .await
}

/// What HEAD says: its status and where the upload stands.
pub async fn va_en(sitio: &Sitio, quien: &Persona, lugar: &str) -> (u16, String) {
    let r = tus(sitio, quien, "HEAD", lugar).envia().await;
    (r.status, r.header("upload-offset").to_owned())
}

fn suma(algoritmo: &str, bytes: &[u8]) -> String {
    let suma = match algoritmo {
        "sha1" => sha1::Sha1::digest(bytes).to_vec(),
        _ => sha2::Sha256::digest(bytes).to_vec(),
    };
    format!("{algoritmo} {}", STANDARD.encode(suma))
}

en_ambas! {
    async fn el_servidor_dice_lo_que_sabe(sitio: &Sitio) {
        let r = sitio.pide("OPTIONS", "/multimedia/tus").envia().await.espera(204, "");
        for (nombre, valor) in [
            ("tus-resumable", "1.0.0"), ("tus-version", "1.0.0"), ("tus-max-size", "209715200"),
            ("tus-extension", "creation,creation-with-upload,termination,checksum,expiration"),
            ("tus-checksum-algorithm", "sha1,sha256"),
        ] {
            assert_eq!(r.header(nombre), valor, "{nombre}");
        }
    }

    async fn una_foto_en_tres_envios(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let foto = Foto::nueva(30_000);
        let reporte = sitio.crea(&autor, &reporte_con(&[&foto])).await.espera(201, "").json;
        assert_eq!(reporte["sync_status"], "multimedia_pendiente");
        let archivo = &reporte["multimedia"][0];
        let dicho = (&archivo["estado"], &archivo["url_subida"], &archivo["url"]);
        assert_eq!(dicho, (&json!("pendiente"), &json!("/multimedia/tus"), &json!(null)));
        let r = anuncia(sitio, &autor, &foto.cabeceras(None)).await.espera(201, "");
        let lugar = r.header("location").to_owned();
        assert!(lugar.starts_with("/multimedia/tus/"), "{lugar}");
        assert_eq!((r.header("upload-offset"), r.header("tus-resumable")), ("0", "1.0.0"));
        let expira = httpdate(r.header("upload-expires"));
        let resto = 7 * Instante::DIA - (expira - sitio.store.entorno().ahora().0);
        assert!((0..Instante::HORA).contains(&resto), "{resto}");
        // The same creation again: the same place, whose offset counts.
        for (desde, hasta) in [(0, 10_000), (10_000, 10_001), (10_001, 30_000)] {
            assert_eq!(comienza(sitio, &autor, &foto).await, lugar);
            assert_eq!(va_en(sitio, &autor, &lugar).await, (200, desde.to_string()));
            let r = agrega(sitio, &autor, &lugar, desde, &foto.bytes[desde..hasta]).await.espera(204, "");
            assert_eq!(r.header("upload-offset"), hasta.to_string());
        }
        // It ended: HEAD still tells, the creation too, and an empty PATCH changes nothing.
        assert_eq!(va_en(sitio, &autor, &lugar).await, (200, "30000".into()));
        let r = anuncia(sitio, &autor, &foto.cabeceras(None)).await.espera(201, "");
        assert_eq!((r.header("location"), r.header("upload-offset")), (lugar.as_str(), "30000"));
        agrega(sitio, &autor, &lugar, 30_000, &[]).await.espera(204, "");
        let ruta = format!("/reportes/{}", reporte["id"]);
        let visto = sitio.pide("GET", &ruta).como(&autor).envia().await.espera(200, "").json;
        let archivo = &visto["multimedia"][0];
        assert_eq!((&visto["sync_status"], &visto["version"]), (&json!("completo"), &json!(2)));
        assert_eq!((&archivo["subido"], &archivo["url_subida"]), (&json!(true), &json!(null)));
        let bytes = sitio.baja(&autor, archivo["url"].as_str().unwrap()).await;
        assert!(bytes == foto.bytes);
        // Termination leaves what a report has.
        tus(sitio, &autor, "DELETE", &lugar).envia().await.espera(204, "");
        assert_eq!(va_en(sitio, &autor, &lugar).await.0, 404);
        let bytes = sitio.baja(&autor, archivo["url"].as_str().unwrap()).await;
        assert!(bytes == foto.bytes);
        Taller::de(sitio).en_orden().await;
    }

    /// creation-with-upload, X-HTTP-Method-Override, and a report that comes last.
    async fn los_bytes_con_la_creacion(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let foto = Foto::nueva(20_000);
        let envia = async |bytes: &[u8]| {
            let mut pedido = tus(sitio, &autor, "POST", "/multimedia/tus").header("content-type", BYTES);
            for (nombre, valor) in foto.cabeceras(None) {
                pedido = pedido.header(nombre, &valor);
            }
            pedido.cuerpo(bytes.to_vec()).envia().await.espera(201, "")
        };
        let r = envia(&foto.bytes[..5_000]).await;
        assert_eq!(r.header("upload-offset"), "5000");
        let lugar = r.header("location").to_owned();
        // Its answer was lost: what came counts, and what comes again is not taken for more.
        assert_eq!(envia(&foto.bytes[..5_000]).await.header("upload-offset"), "5000");
        let dicho = |metodo: &str| tus(sitio, &autor, "POST", &lugar).header("x-http-method-override", metodo);
        assert_eq!(dicho("HEAD").envia().await.espera(200, "").header("upload-offset"), "5000");
        let parche = dicho("PATCH").header("upload-offset", "5000").header("content-type", BYTES);
        parche.cuerpo(foto.bytes[5_000..].to_vec()).envia().await.espera(204, "");
        dicho("PUT").envia().await.espera(405, "metodo_no_permitido");
        let r = sitio.crea(&autor, &reporte_con(&[&foto])).await.espera(201, "").json;
        assert_eq!((&r["sync_status"], &r["version"]), (&json!("completo"), &json!(2)));
        // In a batch too, and what was given up is begun anew.
        let otra = Foto::nueva(4_000);
        let lugar = comienza(sitio, &autor, &otra).await;
        tus(sitio, &autor, "DELETE", &lugar).envia().await.espera(204, "");
        let lugar = comienza(sitio, &autor, &otra).await;
        agrega(sitio, &autor, &lugar, 0, &otra.bytes).await.espera(204, "");
        let r = sitio.lote(&autor, &[reporte_con(&[&otra])]).await;
        let r = &r["resultados"][0];
        assert_eq!((&r["resultado"], &r["version"], &r["sync_status"]), (&json!("creado"), &json!(1), &json!("completo")));
        assert_eq!(r["multimedia"][0]["subido"], true);
        Taller::de(sitio).en_orden().await;
    }

    /// iOS writes uuids in capitals. They name the same file, in a manifest, an upload and a form.
    async fn un_uuid_en_mayusculas_es_el_mismo(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let ver = async |id: &serde_json::Value| sitio.pide("GET", &format!("/reportes/{id}")).como(&autor).envia().await.json;
        for (en_manifiesto, en_subida) in [(true, true), (true, false), (false, true)] {
            let foto = Foto::nueva(2_000);
            let mayuscula = Foto { uuid: foto.uuid.to_uppercase(), ..foto.clone() };
            let escrita = |grande: bool| if grande { &mayuscula } else { &foto };
            let r = sitio.crea(&autor, &reporte_con(&[escrita(en_manifiesto)])).await.espera(201, "").json;
            let lugar = comienza(sitio, &autor, escrita(en_subida)).await;
            assert_eq!(comienza(sitio, &autor, escrita(!en_subida)).await, lugar);
            agrega(sitio, &autor, &lugar, 0, &foto.bytes).await.espera(204, "");
            assert_eq!(ver(&r["id"]).await["sync_status"], "completo");
        }
        let foto = progresiva();
        let r = sitio.crea(&autor, &reporte_con(&[&foto])).await.espera(201, "").json;
        let mut cuerpo = format!("--x\r\nContent-Disposition: form-data; name=\"multimedia_uuid\"\r\n\r\n{}\r\n--x\r\n\
            Content-Disposition: form-data; name=\"archivo\"; filename=\"roca.jpg\"\r\n\r\n", foto.uuid.to_uppercase()).into_bytes();
        cuerpo.extend(&foto.bytes[..]);
        cuerpo.extend(b"\r\n--x--\r\n");
        let pedido = sitio.pide("POST", &format!("/reportes/{}/multimedia", r["id"])).como(&autor);
        let pedido = pedido.header("content-type", "multipart/form-data; boundary=x").cuerpo(cuerpo);
        let r = pedido.envia().await.espera(201, "").json;
        assert_eq!((&r["sync_status"], r["multimedia"].as_array().unwrap().len()), (&json!("completo"), 1));
        Taller::de(sitio).en_orden().await;
    }

    async fn una_suma_es_todo_o_nada(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let foto = Foto::nueva(9_000);
        let lugar = comienza(sitio, &autor, &foto).await;
        let parche = async |desde: usize, bytes: &[u8], suma: &str| {
            let pedido = tus(sitio, &autor, "PATCH", &lugar).header("upload-offset", &desde.to_string());
            pedido.header("content-type", BYTES).header("upload-checksum", suma).cuerpo(bytes.to_vec()).envia().await
        };
        let mitad = &foto.bytes[..4_000];
        for mala in ["md5 XrY7u+Ae7tCTyyK7j1rNww==", "sha1", "sha1 x", "sha256 qqo=", ""] {
            parche(0, mitad, mala).await.espera(400, "suma_desconocida");
        }
        for algoritmo in ["sha1", "sha256"] {
            parche(0, mitad, &suma(algoritmo, b"otros")).await.espera(460, "suma_distinta");
        }
        assert_eq!(va_en(sitio, &autor, &lugar).await, (200, "0".into()));
        parche(0, mitad, &suma("sha1", mitad)).await.espera(204, "");
        let resto = &foto.bytes[4_000..];
        parche(4_000, resto, &suma("sha256", resto)).await.espera(204, "");
        Taller::de(sitio).en_orden().await;
    }

    async fn lo_que_no_se_toma(sitio: &Sitio) {
        let (autor, ajeno) = (sitio.trabajador().await, sitio.trabajador().await);
        let foto = Foto::nueva(3_000);
        let lugar = comienza(sitio, &autor, &foto).await;
        let inicio = foto.bytes.slice(..1_000);
        // Without the version.
        let r = sitio.pide("HEAD", &lugar).como(&autor).envia().await;
        assert_eq!((r.status, r.header("tus-version")), (412, "1.0.0"));
        let r = sitio.pide("PATCH", &lugar).como(&autor).envia().await.espera(412, "version_de_tus");
        assert_eq!((r.header("tus-version"), r.header("tus-resumable")), ("1.0.0", "1.0.0"));
        // Elsewhere than it stands.
        agrega(sitio, &autor, &lugar, 0, &inicio).await.espera(204, "");
        for desde in [0, 999, 1_001, 2_999] {
            let r = agrega(sitio, &autor, &lugar, desde, &inicio).await.espera(409, "desfase_distinto");
            assert_eq!(r.header("upload-offset"), "1000");
        }
        for malo in ["", "-1", "+5", "1e3", "99999999999999999999"] {
            let pedido = tus(sitio, &autor, "PATCH", &lugar).header("upload-offset", malo);
            pedido.header("content-type", BYTES).envia().await.espera(422, "datos_invalidos");
        }
        let sin_tipo = tus(sitio, &autor, "PATCH", &lugar).header("upload-offset", "1000");
        sin_tipo.crudo("{}").envia().await.espera(415, "bytes_sin_tipo");
        let larga = [&foto.bytes[1_000..], b"mas"].concat();
        agrega(sitio, &autor, &lugar, 1_000, &larga).await.espera(413, "archivo_mas_largo");
        assert_eq!(va_en(sitio, &autor, &lugar).await, (200, "1000".into()));
        // Somebody else's.
        for metodo in ["HEAD", "DELETE"] {
            assert_eq!(tus(sitio, &ajeno, metodo, &lugar).envia().await.status, 404);
        }
        agrega(sitio, &ajeno, &lugar, 1_000, &inicio).await.espera(404, "no_encontrado");
        for nada in ["/multimedia/tus/x", "/multimedia/tus/..%2f..", "/multimedia/tus/0123456789abcdef0123456789abcdeg"] {
            assert_eq!(tus(sitio, &autor, "HEAD", nada).envia().await.status, 404);
        }
        // Other bytes for the same uuid.
        let otra = Foto { uuid: foto.uuid.clone(), ..Foto::nueva(2_000) };
        anuncia(sitio, &autor, &otra.cabeceras(None)).await.espera(409, "archivo_distinto");
        // All is there and is not what was announced: it can be sent again from the beginning.
        agrega(sitio, &autor, &lugar, 1_000, &[0; 2_000]).await.espera(422, "hash_distinto");
        assert_eq!(va_en(sitio, &autor, &lugar).await.0, 404);
        let lugar = comienza(sitio, &autor, &foto).await;
        agrega(sitio, &autor, &lugar, 0, &foto.bytes).await.espera(204, "");
        // Judged by their bytes.
        let texto = b"MZ no es una foto".as_slice();
        let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice();
        for (bytes, codigo) in [(texto, "tipo_no_admitido"), (heic, "foto_heic")] {
            let foto = Foto { bytes: bytes.to_vec().into(), ..Foto::nueva(9) };
            let lugar = comienza(sitio, &autor, &foto).await;
            agrega(sitio, &autor, &lugar, 0, bytes).await.espera(415, codigo);
        }
        let mut bomba = progresiva().bytes.to_vec();
        let sof = bomba.windows(2).position(|v| v == [0xff, 0xc2]).unwrap();
        bomba[sof + 5..sof + 9].copy_from_slice(&[0x27, 0x10, 0x27, 0x11]); // 10,000 × 10,001
        let foto = Foto { bytes: bomba.clone().into(), ..Foto::nueva(9) };
        let lugar = comienza(sitio, &autor, &foto).await;
        agrega(sitio, &autor, &lugar, 0, &bomba).await.espera(422, "imagen_muy_grande");
        // After its time.
        let lugar = comienza(sitio, &autor, &Foto::nueva(5_000)).await;
        sitio.store.entorno().adelanta(8 * Instante::DIA);
        let autor = sitio.sesion(autor.quien.clone()).await;
        assert_eq!(va_en(sitio, &autor, &lugar).await.0, 404);
        Taller::de(sitio).en_orden().await;
    }

    async fn lo_que_se_anuncia_se_revisa(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let foto = Foto::nueva(3_000);
        let buenas = foto.cabeceras(None);
        let par = |clave: &str, valor: &str| format!("{clave} {}", STANDARD.encode(valor));
        let con = |metadatos: String| vec![buenas[0].clone(), ("upload-metadata", metadatos)];
        let (uuid, hash) = (par("multimedia_uuid", &foto.uuid), par("sha256", &foto.sha256()));
        let largo = |n: &str| vec![("upload-length", n.to_owned()), buenas[1].clone()];
        for (cabeceras, campo, falla) in [
            (vec![buenas[1].clone()], "Upload-Length", "requerido"),
            (largo("0"), "Upload-Length", "rango"),
            (largo("-3"), "Upload-Length", "rango"),
            (vec![buenas[0].clone()], "Upload-Metadata.multimedia_uuid", "requerido"),
            (con(uuid.clone()), "Upload-Metadata.sha256", "requerido"),
            (con(format!("{uuid},{}", par("sha256", "AB"))), "Upload-Metadata.sha256", "formato"),
            (con(format!("{hash},{}", par("multimedia_uuid", "../../etc"))), "Upload-Metadata.multimedia_uuid", "formato"),
            (con(format!("{uuid},{hash},{uuid}")), "Upload-Metadata", "repetido"),
            (con(format!("{uuid},{hash},filename ñ")), "Upload-Metadata", "formato"),
            (con(format!("{uuid},{hash},{}", par("filename", "../../etc/passwd"))), "Upload-Metadata.filename", "caracter_no_permitido"),
            (con(format!("{uuid},{hash},{}", par("filename", "a\\b"))), "Upload-Metadata.filename", "caracter_no_permitido"),
            (con(format!("{uuid},{hash},{}", par("filename", "a\0b"))), "Upload-Metadata.filename", "caracter_no_permitido"),
            (con(format!("{uuid},{hash},{}", par("filetype", "jpeg"))), "Upload-Metadata.filetype", "formato"),
            (con(format!("{uuid},{hash},{}", par("reporte_uuid", "x"))), "Upload-Metadata.reporte_uuid", "formato"),
        ] {
            let r = anuncia(sitio, &autor, &cabeceras).await.espera(422, "datos_invalidos");
            let errores = r.json["errores"].as_array().unwrap();
            assert!(errores.iter().any(|e| e["campo"] == campo && e["codigo"] == falla), "{campo} {falla}: {}", r.texto);
        }
        let r = anuncia(sitio, &autor, &largo("209715201")).await.espera(413, "archivo_muy_grande");
        assert!(r.json["errores"][0]["mensaje"].as_str().unwrap().contains("26214400"), "{}", r.texto);
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM subidas").await, 0);
        // What the manifest says counts.
        let mut reporte = reporte_con(&[&foto]);
        reporte["multimedia"][0]["bytes"] = json!(2_999);
        sitio.crea(&autor, &reporte).await.espera(201, "");
        anuncia(sitio, &autor, &buenas).await.espera(409, "archivo_distinto");
    }
}

en_ambas! {
    con Ajuste { limites: Limites { max_abiertas: 3, max_bytes_abiertos: 10_000, ..Limites::default() }, ..Ajuste::default() };
    async fn cada_persona_tiene_su_parte(sitio: &Sitio) {
        let (autor, otro) = (sitio.trabajador().await, sitio.trabajador().await);
        let fotos = [4_000, 4_000, 1_000].map(Foto::nueva);
        let mut lugares = vec![];
        for foto in &fotos {
            lugares.push(comienza(sitio, &autor, foto).await);
        }
        let (mas, grande) = (Foto::nueva(500), Foto::nueva(2_500));
        let r = anuncia(sitio, &autor, &mas.cabeceras(None)).await.espera(409, "muchas_subidas");
        assert_eq!(r.json["permanente"], false);
        comienza(sitio, &otro, &mas).await;
        tus(sitio, &autor, "DELETE", &lugares[2]).envia().await.espera(204, "");
        anuncia(sitio, &autor, &grande.cabeceras(None)).await.espera(409, "muchas_subidas");
        // One that a report has takes no room any more.
        sitio.crea(&autor, &reporte_con(&[&fotos[0]])).await.espera(201, "");
        agrega(sitio, &autor, &lugares[0], 0, &fotos[0].bytes).await.espera(204, "");
        comienza(sitio, &autor, &grande).await;
    }
}

/// Milliseconds since 1970 of an HTTP date.
fn httpdate(texto: &str) -> i64 {
    let cuando = httpdate::parse_http_date(texto).expect(texto);
    let desde = cuando
        .duration_since(std::time::UNIX_EPOCH)
        .expect("después de 1970");
    i64::try_from(desde.as_millis()).expect("cabe")
}
