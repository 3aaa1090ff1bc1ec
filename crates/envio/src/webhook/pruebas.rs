//! The crate of the specification's authors says whether our signatures are good.

use std::time::Duration;

use standardwebhooks::Webhook;

use super::*;
use crate::{
    Permitidos, Plazos,
    receptor::{Modo, Peticion, Receptor, VACIA},
};

/// The oracle asks the machine for the time.
#[allow(clippy::disallowed_methods)]
fn ahora() -> i64 {
    let desde = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(desde.unwrap().as_secs()).unwrap()
}

fn webhooks() -> Webhooks {
    let locales = Permitidos::lee(["127.0.0.1"]).unwrap();
    let plazos = Plazos {
        conexion: Duration::from_secs(5),
        total: Duration::from_secs(5),
    };
    Webhooks::nuevo(Destino::nuevo(locales, plazos).unwrap())
}

fn carta<'a>(url: &'a str, secretos: &'a [Secreto]) -> Carta<'a> {
    Carta {
        id: "msg_2Lh9KRb0pzN4LePd3XiA4v12Axj",
        segundos: ahora(),
        url,
        secretos,
        cuerpo: Bytes::from_static("{\"folio\":\"S-1\",\"área\":\"mina\"}".as_bytes()),
    }
}

fn oraculo(secreto: &Secreto) -> Webhook {
    Webhook::new(&secreto.texto()).unwrap()
}

async fn recibida(segundos: i64, secretos: &[Secreto]) -> Peticion {
    let mut receptor = Receptor::nuevo(Modo::Responde(VACIA.into())).await;
    let url = receptor.url();
    let carta = Carta {
        segundos,
        ..carta(&url, secretos)
    };
    webhooks().envia(&carta).await.unwrap();
    receptor.peticion().await
}

#[tokio::test]
async fn el_oraculo_acepta_la_firma_y_nada_alterado() {
    let secreto = secreto_nuevo([7; 32]);
    let p = recibida(ahora(), std::slice::from_ref(&secreto)).await;
    assert_eq!(p.linea, "POST /avisos?a=1 HTTP/1.1");
    assert_eq!(p.cabeceras["content-type"], "application/json");
    let oraculo = oraculo(&secreto);
    oraculo.verify(&p.cuerpo, &p.cabeceras).unwrap();

    for i in 0..p.cuerpo.len() {
        let mut otro = p.cuerpo.clone();
        otro[i] ^= 1;
        assert!(oraculo.verify(&otro, &p.cabeceras).is_err(), "byte {i}");
    }
    let mas_tarde = (ahora() + 1).to_string();
    for (nombre, valor) in [
        ("webhook-id", "msg_otro"),
        ("webhook-timestamp", mas_tarde.as_str()),
        ("webhook-signature", "v1,AAAA"),
    ] {
        let mut otras = p.cabeceras.clone();
        otras.insert(nombre, valor.parse().unwrap());
        assert!(oraculo.verify(&p.cuerpo, &otras).is_err(), "{nombre}");
    }
    let ajeno = Webhook::new(&secreto_nuevo([8; 32]).texto()).unwrap();
    assert!(ajeno.verify(&p.cuerpo, &p.cabeceras).is_err());
}

#[tokio::test]
async fn una_firma_vieja_no_sirve() {
    let secreto = secreto_nuevo([7; 32]);
    let p = recibida(ahora() - 600, std::slice::from_ref(&secreto)).await;
    assert!(oraculo(&secreto).verify(&p.cuerpo, &p.cabeceras).is_err());
}

/// While a secret is changed a receiver may know either.
#[tokio::test]
async fn con_dos_secretos_vale_cualquiera() {
    let secretos = [secreto_nuevo([1; 32]), secreto_nuevo([2; 32])];
    let p = recibida(ahora(), &secretos).await;
    for secreto in &secretos {
        oraculo(secreto).verify(&p.cuerpo, &p.cabeceras).unwrap();
    }
    let otro = oraculo(&secreto_nuevo([3; 32]));
    assert!(otro.verify(&p.cuerpo, &p.cabeceras).is_err());
}

/// The example of the specification.
#[test]
fn el_ejemplo_de_la_especificacion() {
    let secretos = [Secreto::lee("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()];
    let carta = Carta {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        segundos: 1_614_265_330,
        cuerpo: Bytes::from_static(b"{\"test\": 2432232314}"),
        ..carta("https://ejemplo.cl/", &secretos)
    };
    assert_eq!(
        cabeceras(&carta).unwrap()["webhook-signature"],
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
}

#[test]
fn un_secreto_va_y_vuelve_y_no_se_muestra() {
    let secreto = secreto_nuevo([0xfb; 32]);
    let texto = secreto.texto();
    assert!(texto.starts_with("whsec_"));
    assert_eq!(Secreto::lee(&texto), Ok(secreto.clone()));
    let url = String::new();
    let muestra = format!("{:?}", carta(&url, std::slice::from_ref(&secreto)));
    assert!(
        !muestra.contains(&texto[6..12]) && !muestra.contains("251"),
        "{muestra}"
    );

    let base64 = |n: usize| format!("whsec_{}", BASE64.encode(vec![1; n]));
    for n in [24, 32, 64] {
        Secreto::lee(&base64(n)).unwrap();
    }
    let malos = [
        "",
        "whsec_",
        "whsec_ñ",
        "otro_AAAA",
        &texto[6..],
        &base64(23),
        &base64(65),
    ];
    for malo in malos {
        assert!(Secreto::lee(malo).is_err(), "{malo}");
    }
}

#[tokio::test]
async fn lo_que_responde_el_receptor_decide() {
    let webhooks = webhooks();
    let secretos = [secreto_nuevo([1; 32])];
    for (estado, permanente, pausa, dice) in [
        (301, false, None, "redirección"),
        (307, false, None, "redirección"),
        (400, false, None, "no aceptó"),
        (401, false, None, "no aceptó"),
        (404, false, None, "no aceptó"),
        (410, true, None, "ya no existe"),
        (422, false, None, "no aceptó"),
        (429, false, Some(90), "más despacio"),
        (500, false, None, "tuvo un problema"),
        (503, false, Some(90), "tuvo un problema"),
    ] {
        let pedida = pausa.map_or(String::new(), |s| format!("retry-after: {s}\r\n"));
        let respuesta = format!(
            "HTTP/1.1 {estado} Palabras-del-receptor\r\n{pedida}x-clave: secreta\r\n\
             content-length: 16\r\n\r\nclave=del-cuerpo"
        );
        let receptor = Receptor::nuevo(Modo::Responde(respuesta)).await;
        let url = receptor.url();
        let fallo = webhooks.envia(&carta(&url, &secretos)).await.unwrap_err();
        assert_eq!(fallo.permanente, permanente, "{estado}");
        assert_eq!(
            fallo.reintentar_en,
            pausa.map(Duration::from_secs),
            "{estado}"
        );
        assert!(fallo.texto.contains(dice), "{estado}: {fallo}");
        assert!(
            fallo.texto.contains(&estado.to_string()),
            "{estado}: {fallo}"
        );
        for ajeno in ["clave", "Palabras", "127.0.0.1", "whsec_"] {
            assert!(!fallo.texto.contains(ajeno), "{estado}: {fallo}");
        }
    }
    for estado in [200, 201, 202, 204] {
        let respuesta = format!("HTTP/1.1 {estado} X\r\nconnection: close\r\n\r\n");
        let receptor = Receptor::nuevo(Modo::Responde(respuesta)).await;
        let url = receptor.url();
        webhooks.envia(&carta(&url, &secretos)).await.unwrap();
    }
}

#[tokio::test]
async fn lo_que_no_se_puede_enviar_no_sale() {
    let receptor = Receptor::nuevo(Modo::Responde(VACIA.into())).await;
    let url = receptor.url();
    let secretos = [secreto_nuevo([1; 32])];
    let sin_secreto = carta(&url, &[]);
    let con_id = |id| Carta {
        id,
        ..carta(&url, &secretos)
    };
    let cartas = [
        sin_secreto,
        con_id(""),
        con_id("a.1"),
        con_id("a\r\nx: y"),
        con_id("ñ"),
    ];
    for carta in cartas {
        let fallo = webhooks().envia(&carta).await.unwrap_err();
        assert!(fallo.permanente, "{}: {fallo}", carta.id);
    }
    let adentro = carta("http://10.0.0.1/", &secretos);
    assert!(webhooks().envia(&adentro).await.unwrap_err().permanente);
    assert_eq!(receptor.conexiones().await, 0);
}
