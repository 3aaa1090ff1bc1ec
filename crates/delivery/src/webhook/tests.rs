//! The crate of the specification's authors says whether our signatures are good.

use std::time::Duration;

use standardwebhooks::Webhook;

use super::*;
use crate::{
    AllowList, Timeouts,
    test_receiver::{HttpReceiver, NO_CONTENT_RESPONSE, ReceivedRequest, ResponseMode},
};

/// The oracle asks the machine for the time.
#[allow(clippy::disallowed_methods)]
fn now() -> i64 {
    let desde = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(desde.unwrap().as_secs()).unwrap()
}

fn webhooks() -> WebhookSender {
    let locales = AllowList::parse(["127.0.0.1"]).unwrap();
    let plazos = Timeouts {
        conexion: Duration::from_secs(5),
        total: Duration::from_secs(5),
    };
    WebhookSender::new(EgressClient::new(locales, plazos).unwrap())
}

fn sample_message<'a>(url: &'a str, secretos: &'a [WebhookSecret]) -> WebhookMessage<'a> {
    WebhookMessage {
        id: "msg_2Lh9KRb0pzN4LePd3XiA4v12Axj",
        segundos: now(),
        url,
        secretos,
        cuerpo: Bytes::from_static("{\"folio\":\"S-1\",\"área\":\"mina\"}".as_bytes()),
    }
}

fn reference_webhook(secreto: &WebhookSecret) -> Webhook {
    Webhook::new(&secreto.text()).unwrap()
}

async fn deliver_and_receive(segundos: i64, secretos: &[WebhookSecret]) -> ReceivedRequest {
    let mut receiver = HttpReceiver::new(ResponseMode::Responde(NO_CONTENT_RESPONSE.into())).await;
    let url = receiver.url();
    let mail = WebhookMessage {
        segundos,
        ..sample_message(&url, secretos)
    };
    webhooks().send(&mail).await.unwrap();
    receiver.next_request().await
}

#[tokio::test]
async fn the_oracle_accepts_the_signature_and_nothing_altered() {
    let secreto = new_secret([7; 32]);
    let p = deliver_and_receive(now(), std::slice::from_ref(&secreto)).await;
    assert_eq!(p.linea, "POST /avisos?a=1 HTTP/1.1");
    assert_eq!(p.cabeceras["content-type"], "application/json");
    let oraculo = reference_webhook(&secreto);
    oraculo.verify(&p.cuerpo, &p.cabeceras).unwrap();

    for i in 0..p.cuerpo.len() {
        let mut otro = p.cuerpo.clone();
        otro[i] ^= 1;
        assert!(oraculo.verify(&otro, &p.cabeceras).is_err(), "byte {i}");
    }
    let mas_tarde = (now() + 1).to_string();
    for (nombre, value) in [
        ("webhook-id", "msg_otro"),
        ("webhook-timestamp", mas_tarde.as_str()),
        ("webhook-signature", "v1,AAAA"),
    ] {
        let mut otras = p.cabeceras.clone();
        otras.insert(nombre, value.parse().unwrap());
        assert!(oraculo.verify(&p.cuerpo, &otras).is_err(), "{nombre}");
    }
    let ajeno = Webhook::new(&new_secret([8; 32]).text()).unwrap();
    assert!(ajeno.verify(&p.cuerpo, &p.cabeceras).is_err());
}

#[tokio::test]
async fn an_old_signature_is_not_valid() {
    let secreto = new_secret([7; 32]);
    let p = deliver_and_receive(now() - 600, std::slice::from_ref(&secreto)).await;
    assert!(
        reference_webhook(&secreto)
            .verify(&p.cuerpo, &p.cabeceras)
            .is_err()
    );
}

/// While a secret is changed a receiver may know either.
#[tokio::test]
async fn with_two_secrets_either_is_valid() {
    let secretos = [new_secret([1; 32]), new_secret([2; 32])];
    let p = deliver_and_receive(now(), &secretos).await;
    for secreto in &secretos {
        reference_webhook(secreto)
            .verify(&p.cuerpo, &p.cabeceras)
            .unwrap();
    }
    let otro = reference_webhook(&new_secret([3; 32]));
    assert!(otro.verify(&p.cuerpo, &p.cabeceras).is_err());
}

/// The example of the specification.
#[test]
fn the_example_of_the_specification() {
    let secretos = [WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()];
    let mail = WebhookMessage {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        segundos: 1_614_265_330,
        cuerpo: Bytes::from_static(b"{\"test\": 2432232314}"),
        ..sample_message("https://ejemplo.cl/", &secretos)
    };
    assert_eq!(
        headers(&mail).unwrap()["webhook-signature"],
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
}

#[test]
fn a_secret_round_trips_and_is_not_shown() {
    let secreto = new_secret([0xfb; 32]);
    let texto = secreto.text();
    assert!(texto.starts_with("whsec_"));
    assert_eq!(WebhookSecret::parse(&texto), Ok(secreto.clone()));
    let url = String::new();
    let muestra = format!("{:?}", sample_message(&url, std::slice::from_ref(&secreto)));
    assert!(
        !muestra.contains(&texto[6..12]) && !muestra.contains("251"),
        "{muestra}"
    );

    let base64 = |n: usize| format!("whsec_{}", BASE64.encode(vec![1; n]));
    for n in [24, 32, 64] {
        WebhookSecret::parse(&base64(n)).unwrap();
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
    for bad in malos {
        assert!(WebhookSecret::parse(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn the_answer_of_the_receiver_decides() {
    let webhooks = webhooks();
    let secretos = [new_secret([1; 32])];
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
        let response = format!(
            "HTTP/1.1 {estado} Palabras-del-receptor\r\n{pedida}x-clave: secreta\r\n\
             content-length: 16\r\n\r\nclave=del-cuerpo"
        );
        let receiver = HttpReceiver::new(ResponseMode::Responde(response)).await;
        let url = receiver.url();
        let failure = webhooks
            .send(&sample_message(&url, &secretos))
            .await
            .unwrap_err();
        assert_eq!(failure.permanente, permanente, "{estado}");
        assert_eq!(
            failure.reintentar_en,
            pausa.map(Duration::from_secs),
            "{estado}"
        );
        assert!(failure.texto.contains(dice), "{estado}: {failure}");
        assert!(
            failure.texto.contains(&estado.to_string()),
            "{estado}: {failure}"
        );
        for ajeno in ["clave", "Palabras", "127.0.0.1", "whsec_"] {
            assert!(!failure.texto.contains(ajeno), "{estado}: {failure}");
        }
    }
    for estado in [200, 201, 202, 204] {
        let response = format!("HTTP/1.1 {estado} X\r\nconnection: close\r\n\r\n");
        let receiver = HttpReceiver::new(ResponseMode::Responde(response)).await;
        let url = receiver.url();
        webhooks
            .send(&sample_message(&url, &secretos))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_sent_does_not_leave() {
    let receiver = HttpReceiver::new(ResponseMode::Responde(NO_CONTENT_RESPONSE.into())).await;
    let url = receiver.url();
    let secretos = [new_secret([1; 32])];
    let sin_secreto = sample_message(&url, &[]);
    let con_id = |id| WebhookMessage {
        id,
        ..sample_message(&url, &secretos)
    };
    let mails = [
        sin_secreto,
        con_id(""),
        con_id("a.1"),
        con_id("a\r\nx: y"),
        con_id("ñ"),
    ];
    for mail in mails {
        let failure = webhooks().send(&mail).await.unwrap_err();
        assert!(failure.permanente, "{}: {failure}", mail.id);
    }
    let inside = sample_message("http://10.0.0.1/", &secretos);
    assert!(webhooks().send(&inside).await.unwrap_err().permanente);
    assert_eq!(receiver.count_connections().await, 0);
}
