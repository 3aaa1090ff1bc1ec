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
    AllowList, Timeouts, UrlRefusal,
    test_receiver::{HttpReceiver, NO_CONTENT_RESPONSE, ResponseMode},
};

const NOW: i64 = 1_700_000_000;

/// The keys of RFC 8291, appendix A.
mod rfc {
    pub const PLAINTEXT: &str = "V2hlbiBJIGdyb3cgdXAsIEkgd2FudCB0byBiZSBhIHdhdGVybWVsb24";
    pub const AS_PRIVATE: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    pub const UA_PUBLIC: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd\
                                 8pZGH6SRpkNtoIAiw4";
    pub const UA_PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
    pub const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
    pub const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
    pub const MESSAGE: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZ\
                               IIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1\
                               CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
}

fn from_base64(texto: &str) -> Vec<u8> {
    BASE64URL.decode(texto).unwrap()
}

fn egress_client() -> EgressClient {
    let plazos = Timeouts {
        conexion: Duration::from_secs(5),
        total: Duration::from_secs(5),
    };
    EgressClient::new(AllowList::parse(["127.0.0.1"]).unwrap(), plazos).unwrap()
}

fn subscription(endpoint: &str) -> PushSubscription {
    PushSubscription::new(endpoint, rfc::UA_PUBLIC, rfc::AUTH, &egress_client()).unwrap()
}

fn push() -> Push {
    let clave = VapidKey::new([9; 32]).unwrap();
    Push::new(egress_client(), clave, "mailto:sigra@ejemplo.cl").unwrap()
}

fn aviso(cuerpo: &[u8]) -> PushMessage<'_> {
    PushMessage {
        cuerpo,
        ttl: 3600,
        urgencia: Urgency::Alta,
        tema: Some("reporte_1-a"),
    }
}

struct HkdfLen(usize);

impl KeyType for HkdfLen {
    fn len(&self) -> usize {
        self.0
    }
}

/// What the browser does, with HKDF as RFC 5869 has it instead of our HMACs.
fn decrypt(message: &[u8]) -> Vec<u8> {
    let (sal, rest) = message.split_at(16);
    let (registro, rest) = rest.split_at(4);
    assert_eq!(registro, 4096_u32.to_be_bytes());
    let (largo, rest) = rest.split_at(1);
    let (publica, encrypted_) = rest.split_at(usize::from(largo[0]));

    let nuestra = PrivateKey::from_private_key(&ECDH_P256, &from_base64(rfc::UA_PRIVATE)).unwrap();
    let suya = PuntoAjeno::new(&ECDH_P256, publica);
    let compartido = agree(&nuestra, suya, (), |bytes| Ok(bytes.to_vec())).unwrap();
    let expande = |sal: &[u8], ikm: &[u8], info: &[&[u8]], n| {
        let mut clave = vec![0; n];
        let prk = Salt::new(HKDF_SHA256, sal).extract(ikm);
        prk.expand(info, HkdfLen(n))
            .unwrap()
            .fill(&mut clave)
            .unwrap();
        clave
    };
    let info = [
        b"WebPush: info\0",
        &from_base64(rfc::UA_PUBLIC)[..],
        publica,
    ];
    let ikm = expande(&from_base64(rfc::AUTH), &compartido, &info, 32);
    let clave = expande(sal, &ikm, &[b"Content-Encoding: aes128gcm\0"], 16);
    let nonce = expande(sal, &ikm, &[b"Content-Encoding: nonce\0"], 12);

    let clave = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &clave).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(&nonce).unwrap();
    let mut bytes = encrypted_.to_vec();
    let texto = clave
        .open_in_place(nonce, Aad::empty(), &mut bytes)
        .unwrap();
    let (fin, texto) = texto.split_last().unwrap();
    assert_eq!(*fin, 2);
    texto.to_vec()
}

#[test]
fn the_example_of_the_rfc_byte_by_byte() {
    let random = [from_base64(rfc::AS_PRIVATE), from_base64(rfc::SALT)].concat();
    let texto = from_base64(rfc::PLAINTEXT);
    let suscripcion =
        subscription("https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV");
    let message = encrypt::encrypt(&suscripcion, &texto, random.try_into().unwrap()).unwrap();
    assert_eq!(BASE64URL.encode(&message), rfc::MESSAGE);
    assert_eq!(decrypt(&message), texto);
}

#[test]
fn what_is_no_key_does_not_encrypt() {
    for bad in [[0; RANDOM_BYTES], [0xff; RANDOM_BYTES]] {
        let suscripcion = subscription("https://push.example.net/");
        assert_eq!(encrypt::encrypt(&suscripcion, b"x", bad), None);
        assert_eq!(
            VapidKey::new([bad[0]; 32]).unwrap_err(),
            InvalidVapidKey::Clave
        );
    }
}

#[tokio::test]
async fn the_browser_reads_and_the_service_recognizes_the_sender() {
    let push = push();
    for cuerpo in [
        &b""[..],
        "Peligro en el área 3".as_bytes(),
        &[0x5a; MAX_BODY],
    ] {
        let mut servicio =
            HttpReceiver::new(ResponseMode::Responde(NO_CONTENT_RESPONSE.into())).await;
        let suscripcion = subscription(&servicio.url());
        push.send(&suscripcion, &aviso(cuerpo), NOW, [3; RANDOM_BYTES])
            .await
            .unwrap();
        let p = servicio.next_request().await;
        assert_eq!(p.linea, "POST /avisos?a=1 HTTP/1.1");
        assert_eq!(decrypt(&p.cuerpo), cuerpo);
        assert!(p.cuerpo.len() <= 4096);
        for (nombre, value) in [
            ("ttl", "3600"),
            ("urgency", "high"),
            ("topic", "reporte_1-a"),
            ("content-encoding", "aes128gcm"),
        ] {
            assert_eq!(p.cabeceras[nombre], value);
        }

        let autorizacion = p.cabeceras["authorization"].to_str().unwrap();
        let partes = autorizacion.strip_prefix("vapid t=").unwrap();
        let (jwt, publica) = partes.split_once(", k=").unwrap();
        assert_eq!(publica, push.clave.public_key());
        let (firmado, firma) = jwt.rsplit_once('.').unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, from_base64(publica))
            .verify(firmado.as_bytes(), &from_base64(firma))
            .unwrap();
        let (header, afirmaciones) = firmado.split_once('.').unwrap();
        let json = |parte| serde_json::from_slice::<Value>(&from_base64(parte)).unwrap();
        assert_eq!(
            json(header),
            serde_json::json!({"typ": "JWT", "alg": "ES256"})
        );
        assert_eq!(
            json(afirmaciones),
            serde_json::json!({
                "aud": format!("http://{}", servicio.direccion),
                "exp": NOW + 12 * 60 * 60,
                "sub": "mailto:sigra@ejemplo.cl",
            })
        );
    }
}

#[tokio::test]
async fn the_answer_of_the_push_service_decides() {
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
        let response = format!("HTTP/1.1 {estado} X\r\n{pedida}content-length: 6\r\n\r\nsecret");
        let servicio = HttpReceiver::new(ResponseMode::Responde(response)).await;
        let suscripcion = subscription(&servicio.url());
        let enviado = push
            .send(&suscripcion, &aviso(b"x"), NOW, [3; RANDOM_BYTES])
            .await;
        let failure = enviado.unwrap_err();
        assert_eq!(failure.permanente, permanente, "{estado}");
        assert_eq!(
            failure.reintentar_en,
            pausa.map(Duration::from_secs),
            "{estado}"
        );
        assert!(failure.texto.contains(&estado.to_string()), "{failure}");
        assert!(
            !failure.texto.contains("secret") && !failure.texto.contains("127."),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_sent_does_not_leave() {
    let servicio = HttpReceiver::new(ResponseMode::Responde(NO_CONTENT_RESPONSE.into())).await;
    let suscripcion = subscription(&servicio.url());
    let largo = vec![0; MAX_BODY + 1];
    let con_tema = |tema| PushMessage {
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
        let enviado = push()
            .send(&suscripcion, &aviso, NOW, [3; RANDOM_BYTES])
            .await;
        assert!(enviado.unwrap_err().permanente, "{aviso:?}");
    }
    assert_eq!(servicio.count_connections().await, 0);
}

#[test]
fn a_bad_subscription_is_refused() {
    let target = egress_client();
    let nueva =
        |endpoint, p256dh: &str, auth| PushSubscription::new(endpoint, p256dh, auth, &target);
    let good = "https://push.example.net/abc";
    nueva(
        good,
        &format!("{}=", rfc::UA_PUBLIC),
        "BTBZMqHH6r4Tts7J_aSIgg==",
    )
    .unwrap();

    let fuera_de_la_curva = BASE64URL.encode([&[4][..], &[1; 64]].concat());
    let comprimida = BASE64URL.encode([&[2][..], &from_base64(rfc::UA_PUBLIC)[1..33]].concat());
    let hibrida = BASE64URL.encode([&[6][..], &from_base64(rfc::UA_PUBLIC)[1..]].concat());
    for p256dh in ["", "AAAA", "ñ", &fuera_de_la_curva, &comprimida, &hibrida] {
        let rechazo = nueva(good, p256dh, rfc::AUTH).unwrap_err();
        assert_eq!(rechazo, InvalidSubscription::P256dh, "{p256dh}");
    }
    for auth in [
        "",
        "BTBZMqHH6r4Tts7J_aSI",
        "BTBZMqHH6r4Tts7J_aSIggAA",
        "BTBZMqHH6r4Tts7J/aSIgg",
    ] {
        let rechazo = nueva(good, rfc::UA_PUBLIC, auth).unwrap_err();
        assert_eq!(rechazo, InvalidSubscription::Auth, "{auth}");
    }
    for (endpoint, rechazo) in [
        ("https://192.168.1.1/", UrlRefusal::Interna),
        ("ftp://push.example.net/", UrlRefusal::SinCifrar),
        ("", UrlRefusal::NoSeEntiende),
    ] {
        let hallado = nueva(endpoint, rfc::UA_PUBLIC, rfc::AUTH).unwrap_err();
        assert_eq!(hallado, InvalidSubscription::Endpoint(rechazo));
    }
}

#[test]
fn the_key_round_trips_and_is_never_shown() {
    let clave = VapidKey::new([9; 32]).unwrap();
    let leida = VapidKey::parse(&clave.text()).unwrap();
    assert_eq!(leida.public_key(), clave.public_key());
    assert_eq!(leida.text(), clave.text());
    let punto = from_base64(clave.public_key());
    assert_eq!((punto.len(), punto[0]), (65, 4));
    for mala in ["", "hola", "AAAA", clave.public_key(), &clave.text()[..60]] {
        assert_eq!(
            VapidKey::parse(mala).unwrap_err(),
            InvalidVapidKey::Clave,
            "{mala}"
        );
    }
    for contacto in ["", "sigra@ejemplo.cl", "http://ejemplo.cl"] {
        let push = Push::new(egress_client(), clave.clone(), contacto);
        assert_eq!(push.unwrap_err(), InvalidVapidKey::Contacto);
    }

    let suscripcion = subscription("https://push.example.net/secreto");
    let muestra = format!("{:?} {suscripcion:?}", push());
    let de_la_clave = BASE64URL.encode([9; 32]);
    for secreto in ["secreto", rfc::AUTH, &clave.text(), &de_la_clave, "9, 9, 9"] {
        assert!(!muestra.contains(secreto), "{muestra}");
    }
}
