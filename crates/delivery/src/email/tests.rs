//! Against a server that refuses, stalls or hangs up at each step.

use std::time::Duration;

use mail_parser::{MessageParser, MimeHeaders as _};
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

use super::{
    test_server::{END_OF_DATA, HANG_UP, SmtpServer, SmtpSession},
    *,
};

const SENDER: &str = "SIGRA ñandú <sigra@ejemplo.cl>";

const MESSAGE: EmailMessage = EmailMessage {
    id: "0190-aviso_7",
    para: "juan@faena.example",
    asunto: "Peligro en el área «Chancado» – ñ",
    texto: "Hola:\n.\nDerrame.\r\n..dos\rfin — €\n",
    html: "<p>Derrame en el <b>área</b></p>",
    milisegundos: 1_700_000_000_123,
};

fn options(servidor: &SmtpServer) -> SmtpOptions {
    SmtpOptions {
        servidor: servidor.direccion.to_string(),
        seguridad: SmtpSecurity::Ninguna,
        usuario: None,
        clave: None,
        remitente: SENDER.to_owned(),
        plazo: Duration::from_secs(10),
    }
}

/// Sends one message to a server that answers so.
async fn send_with(
    script: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static,
) -> (Result<(), DeliveryError>, SmtpSession) {
    let mut servidor = SmtpServer::new(script).await;
    let enviado = Mailer::smtp(&options(&servidor))
        .unwrap()
        .send(&MESSAGE)
        .await;
    (enviado, servidor.session().await)
}

/// As a reader of mail sees it.
fn check(bytes: &[u8]) {
    assert!(bytes.is_ascii());
    let leido = MessageParser::default().parse(bytes).unwrap();
    assert_eq!(leido.subject(), Some(MESSAGE.asunto));
    assert_eq!(leido.message_id(), Some("0190-aviso_7@ejemplo.cl"));
    let de = leido.from().unwrap().first().unwrap();
    assert_eq!(de.name(), Some("SIGRA ñandú"));
    assert_eq!(de.address(), Some("sigra@ejemplo.cl"));
    let para = leido.to().unwrap().first().unwrap();
    assert_eq!(para.address(), Some("juan@faena.example"));
    assert_eq!(
        leido.header_raw("Auto-Submitted").unwrap().trim(),
        "auto-generated"
    );
    assert_eq!(leido.date().unwrap().to_timestamp(), 1_700_000_000);
    assert_eq!(leido.content_type().unwrap().subtype(), Some("alternative"));
    let texto = leido.body_text(0).unwrap().replace("\r\n", "\n");
    assert_eq!(texto.trim_end(), "Hola:\n.\nDerrame.\n..dos\nfin — €");
    assert_eq!(leido.body_html(0).unwrap().trim_end(), MESSAGE.html);
    assert_eq!((leido.text_body_count(), leido.html_body_count()), (1, 1));
    // The order says which is better (RFC 2046, section 5.1.4).
    let tipos: Vec<_> = leido
        .parts
        .iter()
        .filter_map(|p| p.content_type()?.subtype())
        .collect();
    assert_eq!(tipos, ["alternative", "plain", "html"]);
}

#[tokio::test]
async fn over_smtp_a_mail_arrives_whole() {
    let (enviado, sesion) = send_with(|_| None).await;
    enviado.unwrap();
    assert_eq!(
        sesion.lineas,
        [
            "EHLO ejemplo.cl",
            "MAIL FROM:<sigra@ejemplo.cl>",
            "RCPT TO:<juan@faena.example>",
            "DATA",
            "QUIT",
        ]
    );
    let [message] = &sesion.mensajes[..] else {
        panic!("{sesion:?}");
    };
    // Every line end is whole, so that no server sees an end where there is none.
    let sin_pares = String::from_utf8(message.clone())
        .unwrap()
        .replace("\r\n", "");
    assert!(!sin_pares.contains(['\r', '\n']));
    let sin_puntos = String::from_utf8(message.clone())
        .unwrap()
        .replace("\r\n..", "\r\n.");
    check(sin_puntos.as_bytes());
}

#[tokio::test]
async fn in_a_folder_a_mail_is_stored_whole_and_once() {
    let dir = TempDir::new().unwrap();
    let carpeta = dir.path().join("correo");
    let correo = Mailer::folder(&carpeta, SENDER).unwrap();
    for _ in 0..2 {
        correo.send(&MESSAGE).await.unwrap();
    }
    let archivos: Vec<_> = std::fs::read_dir(&carpeta).unwrap().collect();
    assert_eq!(archivos.len(), 1);
    check(&std::fs::read(carpeta.join("0190-aviso_7.eml")).unwrap());

    std::fs::remove_dir_all(&carpeta).unwrap();
    let failure = correo.send(&MESSAGE).await.unwrap_err();
    assert!(!failure.permanente);
    assert!(
        !failure.texto.contains(dir.path().to_str().unwrap()),
        "{failure}"
    );
}

#[tokio::test]
async fn nobody_injects_headers_or_attachments() {
    let dir = TempDir::new().unwrap();
    let carpeta = dir.path().join("correo");
    let correo = Mailer::folder(&carpeta, "sigra@ejemplo.cl").unwrap();
    for salto in ["\r\n", "\n", "\r", "\r\n\r\n", "\0", "\u{85}", "\u{2028}\n"] {
        let asunto = format!("Hola{salto}Bcc: otro@ejemplo.cl{salto}X-Ñ: ñ");
        let message = EmailMessage {
            asunto: &asunto,
            ..MESSAGE
        };
        correo.send(&message).await.unwrap();
        let bytes = std::fs::read(carpeta.join("0190-aviso_7.eml")).unwrap();
        let leido = MessageParser::default().parse(&bytes).unwrap();
        assert!(leido.bcc().is_none() && leido.header_raw("X-Ñ").is_none());
        assert_eq!(leido.headers_raw().count(), 8, "{salto:?}");
        let leida = leido.subject().unwrap();
        assert!(leida.contains("Bcc: otro@ejemplo.cl"));
        assert!(!leida.contains(char::is_control), "{leida:?}");
    }
    for para in [
        "",
        "juan",
        "juan@",
        "@ejemplo.cl",
        "juan@ejemplo.cl\r\nBcc: otro@ejemplo.cl",
        "juan@ejemplo.cl\n",
        "juan@ejemplo.cl>\r\nRCPT TO:<otro@ejemplo.cl",
        "juan@ejemplo.cl,otro@ejemplo.cl",
        "Juan <juan@ejemplo.cl>",
        "\"juan\r\n\"@ejemplo.cl",
        "\"juan pérez\"@ejemplo.cl",
        "juan pérez@ejemplo.cl",
        "ñandú@ejemplo.cl",
        "juan@ñandú.cl",
        "juan@ejemplo..cl",
        "juan@[127.0.0.1]",
    ] {
        let failure = correo
            .send(&EmailMessage { para, ..MESSAGE })
            .await
            .unwrap_err();
        assert!(
            failure.permanente && failure.texto.contains("no es válida"),
            "{para}"
        );
    }
    let larga = "a".repeat(65);
    for id in ["", "../fuera", "a/b", "a.b", "a b", "a\r\nb", "ñ", &larga] {
        let failure = correo
            .send(&EmailMessage { id, ..MESSAGE })
            .await
            .unwrap_err();
        assert!(failure.permanente, "{id}");
    }
    for remitente in [
        "",
        "SIGRA",
        "SIGRA\r\nBcc: x@y.cl <a@b.cl>",
        "<a@b.cl>, <c@d.cl>",
        "a@b.cl\n",
    ] {
        let notice = Mailer::folder(&carpeta, remitente).map(drop);
        // Spaces around it are not part of it.
        assert_eq!(notice.is_err(), remitente != "a@b.cl\n", "{remitente}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read_dir(&carpeta).unwrap().count(), 1);
}

#[tokio::test]
async fn no_date_stops_a_mail() {
    let dir = TempDir::new().unwrap();
    let correo = Mailer::folder(dir.path(), SENDER).unwrap();
    for milisegundos in [i64::MIN, -1, 0, 253_402_300_800_000, i64::MAX] {
        correo
            .send(&EmailMessage {
                milisegundos,
                ..MESSAGE
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn each_refusal_says_what_it_is_about() {
    // Where, with what, whether for ever, what is said.
    for (verbo, response, permanente, dice) in [
        ("", "554 5.7.1 no se admite", false, "(554 5.7.1)"),
        ("", "421 luego", false, "no quiso hablar"),
        ("EHLO", "550 no", false, "no quiso hablar"),
        ("MAIL", "530 5.7.0 autentiquese", false, "remitente"),
        ("MAIL", "550 5.1.8 no", false, "remitente"),
        ("MAIL", "451 luego", false, "remitente"),
        (
            "RCPT",
            "550 5.1.1 clave-ajena no existe",
            true,
            "(550 5.1.1)",
        ),
        ("RCPT", "550 no existe", true, "no existe"),
        (
            "RCPT",
            "550-5.1.1 no\r\n550 5.1.1 existe",
            true,
            "no existe",
        ),
        ("RCPT", "553 5.1.3 mal escrita", true, "no existe"),
        ("RCPT", "550 5.2.1 cerrada", true, "no existe"),
        ("RCPT", "550 5.7.1 relay denied", false, "permiso"),
        ("RCPT", "554 5.7.1 relay denied", false, "permiso"),
        ("RCPT", "554 lista negra", false, "permiso"),
        ("RCPT", "552 5.2.2 llena", false, "destinatario"),
        ("RCPT", "450 4.2.0 lista gris", false, "(450 4.2.0)"),
        ("RCPT", "451 4.1.1 luego", false, "destinatario"),
        ("DATA", "554 no", false, "mensaje"),
        (END_OF_DATA, "552 5.3.4 muy grande", false, "mensaje"),
        (END_OF_DATA, "451 luego", false, "mensaje"),
        ("RCPT", "que?", false, "se cortó"),
    ] {
        let (enviado, _) = send_with(move |linea| {
            let es = linea == verbo || (!verbo.is_empty() && linea.starts_with(verbo));
            es.then_some(response)
        })
        .await;
        let failure = enviado.unwrap_err();
        assert_eq!(
            failure.permanente, permanente,
            "{verbo} {response}: {failure}"
        );
        assert!(
            failure.texto.contains(dice),
            "{verbo} {response}: {failure}"
        );
        assert!(
            !failure.texto.contains("clave-ajena") && !failure.texto.contains("juan"),
            "{failure}"
        );
        assert!(failure.texto.chars().count() <= 300, "{failure}");
    }
}

#[tokio::test]
async fn a_silent_mail_server_holds_up_nobody() {
    for verbo in ["", "EHLO", "RCPT", END_OF_DATA] {
        let servidor = SmtpServer::new(move |linea| {
            let es = linea == verbo || (!verbo.is_empty() && linea.starts_with(verbo));
            es.then_some("")
        })
        .await;
        let plazo = Duration::from_millis(200);
        let correo = Mailer::smtp(&SmtpOptions {
            plazo,
            ..options(&servidor)
        })
        .unwrap();
        let inicio = Instant::now();
        let enviado = timeout(Duration::from_secs(10), correo.send(&MESSAGE)).await;
        let failure = enviado.unwrap().unwrap_err();
        assert!(
            !failure.permanente && failure.texto.contains("a tiempo"),
            "{verbo}: {failure}"
        );
        assert!(inicio.elapsed() >= plazo);
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_has_not_received_the_mail() {
    for verbo in ["", "EHLO", "MAIL", "RCPT", "DATA", END_OF_DATA] {
        let (enviado, _) = send_with(move |linea| {
            let es = linea == verbo || (!verbo.is_empty() && linea.starts_with(verbo));
            es.then_some(HANG_UP)
        })
        .await;
        let failure = enviado.unwrap_err();
        assert!(!failure.permanente, "{verbo}: {failure}");
        assert!(
            failure.texto.contains("se cortó") || failure.texto.contains("conectar"),
            "{failure}"
        );
    }
    let (enviado, _) = send_with(|linea| (linea == "QUIT").then_some(HANG_UP)).await;
    enviado.unwrap();
}

/// Once it is taken it is delivered, whatever is said after.
#[tokio::test]
async fn the_answer_to_quit_decides_nothing() {
    let (enviado, _) = send_with(|linea| (linea == "QUIT").then_some("550 no se vaya")).await;
    enviado.unwrap();
}

#[tokio::test]
async fn a_missing_mail_server_is_an_error() {
    let servidor = SmtpServer::new(|_| None).await;
    let opciones = options(&servidor);
    drop(servidor);
    let correo = Mailer::smtp(&opciones).unwrap();
    // The listener closes when its task ends.
    let failure = loop {
        if let Err(failure) = correo.send(&MESSAGE).await {
            break failure;
        }
    };
    assert!(!failure.permanente, "{failure}");
    assert!(!failure.texto.contains("127.0.0.1"), "{failure}");
}

#[tokio::test]
async fn the_password_is_presented_and_never_shown() {
    let mut servidor = SmtpServer::new(|_| None).await;
    let opciones = SmtpOptions {
        usuario: Some("sigra".into()),
        clave: Some("súper-secreta".into()),
        ..options(&servidor)
    };
    let correo = Mailer::smtp(&opciones).unwrap();
    correo.send(&MESSAGE).await.unwrap();
    let lineas = servidor.session().await.lineas;
    assert!(lineas[1].starts_with("AUTH PLAIN "), "{lineas:?}");
    let muestra = format!("{opciones:?} {correo:?}");
    assert!(!muestra.contains("secreta"), "{muestra}");

    for (response, dice) in [
        ("535 5.7.8 súper-secreta", "(535 5.7.8)"),
        ("454 4.7.0 luego", "(454 4.7.0)"),
    ] {
        let servidor =
            SmtpServer::new(move |linea| linea.starts_with("AUTH").then_some(response)).await;
        let suyas = SmtpOptions {
            servidor: servidor.direccion.to_string(),
            ..opciones.clone()
        };
        let failure = Mailer::smtp(&suyas)
            .unwrap()
            .send(&MESSAGE)
            .await
            .unwrap_err();
        assert!(
            !failure.permanente && failure.texto.contains(dice),
            "{failure}"
        );
        assert!(!failure.texto.contains("secreta"), "{failure}");
    }

    // A server that takes no password is not told one.
    let mut sin_auth =
        SmtpServer::new(|linea| linea.starts_with("EHLO").then_some("250 hola")).await;
    let suyas = SmtpOptions {
        servidor: sin_auth.direccion.to_string(),
        ..opciones
    };
    let failure = Mailer::smtp(&suyas)
        .unwrap()
        .send(&MESSAGE)
        .await
        .unwrap_err();
    assert!(failure.texto.contains("usuario y contraseña"), "{failure}");
    assert_eq!(sin_auth.session().await.lineas, ["EHLO ejemplo.cl", "QUIT"]);
}

#[tokio::test]
async fn a_bad_configuration_is_told_at_start() {
    let servidor = SmtpServer::new(|_| None).await;
    let con = |texto: &str| SmtpOptions {
        servidor: texto.to_owned(),
        ..options(&servidor)
    };
    for texto in [
        "",
        "smtp.ejemplo.cl",
        ":25",
        "smtp.ejemplo.cl:0",
        "smtp.ejemplo.cl:99999",
        "a b:25",
        "smtp://a:25",
        "::1:25",
        "u@a:25",
        "[::1]",
    ] {
        let failure = Mailer::smtp(&con(texto)).unwrap_err();
        assert!(
            failure.permanente && failure.texto.contains("smtp.ejemplo.cl:587"),
            "{texto}"
        );
    }
    for texto in ["smtp.ejemplo.cl:587", "[::1]:25", "10.0.0.1:25"] {
        Mailer::smtp(&con(texto)).unwrap();
    }
    let usuario = Some("sigra".to_owned());
    let a_medias = SmtpOptions {
        usuario: usuario.clone(),
        ..con("smtp.ejemplo.cl:25")
    };
    assert!(Mailer::smtp(&a_medias).is_err());
    // In the clear only to this machine.
    let en_claro = |texto| SmtpOptions {
        usuario: usuario.clone(),
        clave: Some("x".into()),
        ..con(texto)
    };
    assert!(Mailer::smtp(&en_claro("smtp.ejemplo.cl:25")).is_err());
    assert!(Mailer::smtp(&en_claro("10.0.0.1:25")).is_err());
    for texto in ["localhost:25", "127.0.0.1:25", "[::1]:25"] {
        Mailer::smtp(&en_claro(texto)).unwrap();
    }
}
