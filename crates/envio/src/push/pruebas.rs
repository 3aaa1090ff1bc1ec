//! A browser of our own, and the RFC's.

use std::time::Duration;

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey as PuntoAjeno, agree},
    hkdf::{HKDF_SHA256, KeyType, Salt},
    signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey},
};
use base64::Engine as _;
use serde_json::Value;

use super::{vapid::BASE64URL, *};
use crate::{
    Permitidos, Plazos, RechazoUrl,
    receptor::{Modo, Receptor, VACIA},
};

const AHORA: i64 = 1_700_000_000;

/// The keys of RFC 8291, appendix A.
mod rfc {
    pub const TEXTO: &str = "V2hlbiBJIGdyb3cgdXAsIEkgd2FudCB0byBiZSBhIHdhdGVybWVsb24";
    pub const AS_PRIVATE: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    pub const UA_PUBLIC: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd\
                                 8pZGH6SRpkNtoIAiw4";
    pub const UA_PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
    pub const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
    pub const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
    pub const MENSAJE: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZ\
                               IIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1\
                               CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
}

fn de_base64(texto: &str) -> Vec<u8> {
    BASE64URL.decode(texto).unwrap()
}

fn destino() -> Destino {
    let plazos = Plazos {
        conexion: Duration::from_secs(5),
        total: Duration::from_secs(5),
    };
    Destino::nuevo(Permitidos::lee(["127.0.0.1"]).unwrap(), plazos).unwrap()
}

fn suscripcion(endpoint: &str) -> Suscripcion {
    Suscripcion::nueva(endpoint, rfc::UA_PUBLIC, rfc::AUTH, &destino()).unwrap()
}

fn push() -> Push {
    let clave = ClaveVapid::nueva([9; 32]).unwrap();
    Push::nuevo(destino(), clave, "mailto:sigra@ejemplo.cl").unwrap()
}

fn aviso(cuerpo: &[u8]) -> Aviso<'_> {
    Aviso {
        cuerpo,
        ttl: 3600,
        urgencia: Urgencia::Alta,
        tema: Some("reporte_1-a"),
    }
}

struct Largo(usize);

impl KeyType for Largo {
    fn len(&self) -> usize {
        self.0
    }
}

/// What the browser does, with HKDF as RFC 5869 has it instead of our HMACs.
fn descifra(mensaje: &[u8]) -> Vec<u8> {
    let (sal, resto) = mensaje.split_at(16);
    let (registro, resto) = resto.split_at(4);
    assert_eq!(registro, 4096_u32.to_be_bytes());
    let (largo, resto) = resto.split_at(1);
    let (publica, cifrado) = resto.split_at(usize::from(largo[0]));

    let nuestra = PrivateKey::from_private_key(&ECDH_P256, &de_base64(rfc::UA_PRIVATE)).unwrap();
    let suya = PuntoAjeno::new(&ECDH_P256, publica);
    let compartido = agree(&nuestra, suya, (), |bytes| Ok(bytes.to_vec())).unwrap();
    let expande = |sal: &[u8], ikm: &[u8], info: &[&[u8]], n| {
        let mut clave = vec![0; n];
        let prk = Salt::new(HKDF_SHA256, sal).extract(ikm);
        prk.expand(info, Largo(n))
            .unwrap()
            .fill(&mut clave)
            .unwrap();
        clave
    };
    let info = [b"WebPush: info\0", &de_base64(rfc::UA_PUBLIC)[..], publica];
    let ikm = expande(&de_base64(rfc::AUTH), &compartido, &info, 32);
    let clave = expande(sal, &ikm, &[b"Content-Encoding: aes128gcm\0"], 16);
    let nonce = expande(sal, &ikm, &[b"Content-Encoding: nonce\0"], 12);

    let clave = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &clave).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(&nonce).unwrap();
    let mut bytes = cifrado.to_vec();
    let texto = clave
        .open_in_place(nonce, Aad::empty(), &mut bytes)
        .unwrap();
    let (fin, texto) = texto.split_last().unwrap();
    assert_eq!(*fin, 2);
    texto.to_vec()
}

#[test]
fn el_ejemplo_del_rfc_byte_por_byte() {
    let azar = [de_base64(rfc::AS_PRIVATE), de_base64(rfc::SALT)].concat();
    let texto = de_base64(rfc::TEXTO);
    let suscripcion = suscripcion("https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV");
    let mensaje = cifrado::cifra(&suscripcion, &texto, azar.try_into().unwrap()).unwrap();
    assert_eq!(BASE64URL.encode(&mensaje), rfc::MENSAJE);
    assert_eq!(descifra(&mensaje), texto);
}

#[test]
fn lo_que_no_es_clave_no_cifra() {
    for malo in [[0; AZAR], [0xff; AZAR]] {
        let suscripcion = suscripcion("https://push.example.net/");
        assert_eq!(cifrado::cifra(&suscripcion, b"x", malo), None);
        assert_eq!(
            ClaveVapid::nueva([malo[0]; 32]).unwrap_err(),
            RechazoVapid::Clave
        );
    }
}

#[tokio::test]
async fn el_navegador_lee_y_el_servicio_reconoce_a_quien_envia() {
    let push = push();
    for cuerpo in [
        &b""[..],
        "Peligro en el área 3".as_bytes(),
        &[0x5a; CUERPO_MAXIMO],
    ] {
        let mut servicio = Receptor::nuevo(Modo::Responde(VACIA.into())).await;
        let suscripcion = suscripcion(&servicio.url());
        push.envia(&suscripcion, &aviso(cuerpo), AHORA, [3; AZAR])
            .await
            .unwrap();
        let p = servicio.peticion().await;
        assert_eq!(p.linea, "POST /avisos?a=1 HTTP/1.1");
        assert_eq!(descifra(&p.cuerpo), cuerpo);
        assert!(p.cuerpo.len() <= 4096);
        for (nombre, valor) in [
            ("ttl", "3600"),
            ("urgency", "high"),
            ("topic", "reporte_1-a"),
            ("content-encoding", "aes128gcm"),
        ] {
            assert_eq!(p.cabeceras[nombre], valor);
        }

        let autorizacion = p.cabeceras["authorization"].to_str().unwrap();
        let partes = autorizacion.strip_prefix("vapid t=").unwrap();
        let (jwt, publica) = partes.split_once(", k=").unwrap();
        assert_eq!(publica, push.clave.publica());
        let (firmado, firma) = jwt.rsplit_once('.').unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, de_base64(publica))
            .verify(firmado.as_bytes(), &de_base64(firma))
            .unwrap();
        let (cabecera, afirmaciones) = firmado.split_once('.').unwrap();
        let json = |parte| serde_json::from_slice::<Value>(&de_base64(parte)).unwrap();
        assert_eq!(
            json(cabecera),
            serde_json::json!({"typ": "JWT", "alg": "ES256"})
        );
        assert_eq!(
            json(afirmaciones),
            serde_json::json!({
                "aud": format!("http://{}", servicio.direccion),
                "exp": AHORA + 12 * 60 * 60,
                "sub": "mailto:sigra@ejemplo.cl",
            })
        );
    }
}

#[tokio::test]
async fn lo_que_responde_el_servicio_decide() {
    let push = push();
    for (estado, permanente, pausa) in [
        (301, false, None),
        (400, false, None),
        (403, false, None),
        (404, true, None),
        (410, true, None),
        (413, false, None),
        (429, false, Some(60)),
        (500, false, None),
        (503, false, Some(60)),
    ] {
        let pedida = pausa.map_or(String::new(), |s| format!("retry-after: {s}\r\n"));
        let respuesta = format!("HTTP/1.1 {estado} X\r\n{pedida}content-length: 6\r\n\r\nsecret");
        let servicio = Receptor::nuevo(Modo::Responde(respuesta)).await;
        let suscripcion = suscripcion(&servicio.url());
        let enviado = push
            .envia(&suscripcion, &aviso(b"x"), AHORA, [3; AZAR])
            .await;
        let fallo = enviado.unwrap_err();
        assert_eq!(fallo.permanente, permanente, "{estado}");
        assert_eq!(
            fallo.reintentar_en,
            pausa.map(Duration::from_secs),
            "{estado}"
        );
        assert!(fallo.texto.contains(&estado.to_string()), "{fallo}");
        assert!(
            !fallo.texto.contains("secret") && !fallo.texto.contains("127."),
            "{fallo}"
        );
    }
}

#[tokio::test]
async fn lo_que_no_se_puede_enviar_no_sale() {
    let servicio = Receptor::nuevo(Modo::Responde(VACIA.into())).await;
    let suscripcion = suscripcion(&servicio.url());
    let largo = vec![0; CUERPO_MAXIMO + 1];
    let con_tema = |tema| Aviso {
        tema: Some(tema),
        ..aviso(b"x")
    };
    let treinta_y_tres = "a".repeat(33);
    let avisos = [
        aviso(&largo),
        con_tema(""),
        con_tema("a b"),
        con_tema("a\r\nx: y"),
        con_tema("ñ"),
        con_tema(&treinta_y_tres),
    ];
    for aviso in avisos {
        let enviado = push().envia(&suscripcion, &aviso, AHORA, [3; AZAR]).await;
        assert!(enviado.unwrap_err().permanente, "{aviso:?}");
    }
    assert_eq!(servicio.conexiones().await, 0);
}

#[test]
fn una_suscripcion_mala_no_entra() {
    let destino = destino();
    let nueva = |endpoint, p256dh: &str, auth| Suscripcion::nueva(endpoint, p256dh, auth, &destino);
    let bueno = "https://push.example.net/abc";
    nueva(
        bueno,
        &format!("{}=", rfc::UA_PUBLIC),
        "BTBZMqHH6r4Tts7J_aSIgg==",
    )
    .unwrap();

    let fuera_de_la_curva = BASE64URL.encode([&[4][..], &[1; 64]].concat());
    let comprimida = BASE64URL.encode([&[2][..], &de_base64(rfc::UA_PUBLIC)[1..33]].concat());
    let hibrida = BASE64URL.encode([&[6][..], &de_base64(rfc::UA_PUBLIC)[1..]].concat());
    for p256dh in ["", "AAAA", "ñ", &fuera_de_la_curva, &comprimida, &hibrida] {
        let rechazo = nueva(bueno, p256dh, rfc::AUTH).unwrap_err();
        assert_eq!(rechazo, RechazoSuscripcion::P256dh, "{p256dh}");
    }
    for auth in [
        "",
        "BTBZMqHH6r4Tts7J_aSI",
        "BTBZMqHH6r4Tts7J_aSIggAA",
        "BTBZMqHH6r4Tts7J/aSIgg",
    ] {
        let rechazo = nueva(bueno, rfc::UA_PUBLIC, auth).unwrap_err();
        assert_eq!(rechazo, RechazoSuscripcion::Auth, "{auth}");
    }
    for (endpoint, rechazo) in [
        ("https://192.168.1.1/", RechazoUrl::Interna),
        ("ftp://push.example.net/", RechazoUrl::SinCifrar),
        ("", RechazoUrl::NoSeEntiende),
    ] {
        let hallado = nueva(endpoint, rfc::UA_PUBLIC, rfc::AUTH).unwrap_err();
        assert_eq!(hallado, RechazoSuscripcion::Endpoint(rechazo));
    }
}

#[test]
fn la_clave_va_y_vuelve_y_no_se_muestra() {
    let clave = ClaveVapid::nueva([9; 32]).unwrap();
    let leida = ClaveVapid::lee(&clave.texto()).unwrap();
    assert_eq!(leida.publica(), clave.publica());
    assert_eq!(leida.texto(), clave.texto());
    let punto = de_base64(clave.publica());
    assert_eq!((punto.len(), punto[0]), (65, 4));
    for mala in ["", "hola", "AAAA", clave.publica(), &clave.texto()[..60]] {
        assert_eq!(
            ClaveVapid::lee(mala).unwrap_err(),
            RechazoVapid::Clave,
            "{mala}"
        );
    }
    for contacto in ["", "sigra@ejemplo.cl", "http://ejemplo.cl"] {
        let push = Push::nuevo(destino(), clave.clone(), contacto);
        assert_eq!(push.unwrap_err(), RechazoVapid::Contacto);
    }

    let suscripcion = suscripcion("https://push.example.net/secreto");
    let muestra = format!("{:?} {suscripcion:?}", push());
    let de_la_clave = BASE64URL.encode([9; 32]);
    for secreto in [
        "secreto",
        rfc::AUTH,
        &clave.texto(),
        &de_la_clave,
        "9, 9, 9",
    ] {
        assert!(!muestra.contains(secreto), "{muestra}");
    }
}
