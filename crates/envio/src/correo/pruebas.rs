//! Against a server that refuses, stalls or hangs up at each step.

use std::time::Duration;

use mail_parser::{MessageParser, MimeHeaders as _};
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

use super::{
    servidor::{CUELGA, FIN, Servidor, Sesion},
    *,
};

const REMITENTE: &str = "SIGRA ñandú <sigra@ejemplo.cl>";

const MENSAJE: Mensaje = Mensaje {
    id: "0190-aviso_7",
    para: "juan@faena.example",
    asunto: "Peligro en el área «Chancado» – ñ",
    texto: "Hola:\n.\nDerrame.\r\n..dos\rfin — €\n",
    html: "<p>Derrame en el <b>área</b></p>",
    milisegundos: 1_700_000_000_123,
};

fn opciones(servidor: &Servidor) -> OpcionesSmtp {
    OpcionesSmtp {
        servidor: servidor.direccion.to_string(),
        seguridad: Seguridad::Ninguna,
        usuario: None,
        clave: None,
        remitente: REMITENTE.to_owned(),
        plazo: Duration::from_secs(10),
    }
}

/// Sends one message to a server that answers so.
async fn con(
    guion: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static,
) -> (Result<(), Fallo>, Sesion) {
    let mut servidor = Servidor::nuevo(guion).await;
    let enviado = Correo::smtp(&opciones(&servidor))
        .unwrap()
        .envia(&MENSAJE)
        .await;
    (enviado, servidor.sesion().await)
}

/// As a reader of mail sees it.
fn comprueba(bytes: &[u8]) {
    assert!(bytes.is_ascii());
    let leido = MessageParser::default().parse(bytes).unwrap();
    assert_eq!(leido.subject(), Some(MENSAJE.asunto));
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
    assert_eq!(leido.body_html(0).unwrap().trim_end(), MENSAJE.html);
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
async fn por_smtp_llega_entero() {
    let (enviado, sesion) = con(|_| None).await;
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
    let [mensaje] = &sesion.mensajes[..] else {
        panic!("{sesion:?}");
    };
    // Every line end is whole, so that no server sees an end where there is none.
    let sin_pares = String::from_utf8(mensaje.clone())
        .unwrap()
        .replace("\r\n", "");
    assert!(!sin_pares.contains(['\r', '\n']));
    let sin_puntos = String::from_utf8(mensaje.clone())
        .unwrap()
        .replace("\r\n..", "\r\n.");
    comprueba(sin_puntos.as_bytes());
}

#[tokio::test]
async fn en_carpeta_queda_entero_y_una_vez() {
    let dir = TempDir::new().unwrap();
    let carpeta = dir.path().join("correo");
    let correo = Correo::carpeta(&carpeta, REMITENTE).unwrap();
    for _ in 0..2 {
        correo.envia(&MENSAJE).await.unwrap();
    }
    let archivos: Vec<_> = std::fs::read_dir(&carpeta).unwrap().collect();
    assert_eq!(archivos.len(), 1);
    comprueba(&std::fs::read(carpeta.join("0190-aviso_7.eml")).unwrap());

    std::fs::remove_dir_all(&carpeta).unwrap();
    let fallo = correo.envia(&MENSAJE).await.unwrap_err();
    assert!(!fallo.permanente);
    assert!(
        !fallo.texto.contains(dir.path().to_str().unwrap()),
        "{fallo}"
    );
}

#[tokio::test]
async fn nadie_agrega_cabeceras_ni_archivos() {
    let dir = TempDir::new().unwrap();
    let carpeta = dir.path().join("correo");
    let correo = Correo::carpeta(&carpeta, "sigra@ejemplo.cl").unwrap();
    for salto in ["\r\n", "\n", "\r", "\r\n\r\n", "\0", "\u{85}", "\u{2028}\n"] {
        let asunto = format!("Hola{salto}Bcc: otro@ejemplo.cl{salto}X-Ñ: ñ");
        let mensaje = Mensaje {
            asunto: &asunto,
            ..MENSAJE
        };
        correo.envia(&mensaje).await.unwrap();
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
        let fallo = correo
            .envia(&Mensaje { para, ..MENSAJE })
            .await
            .unwrap_err();
        assert!(
            fallo.permanente && fallo.texto.contains("no es válida"),
            "{para}"
        );
    }
    let larga = "a".repeat(65);
    for id in ["", "../fuera", "a/b", "a.b", "a b", "a\r\nb", "ñ", &larga] {
        let fallo = correo.envia(&Mensaje { id, ..MENSAJE }).await.unwrap_err();
        assert!(fallo.permanente, "{id}");
    }
    for remitente in [
        "",
        "SIGRA",
        "SIGRA\r\nBcc: x@y.cl <a@b.cl>",
        "<a@b.cl>, <c@d.cl>",
        "a@b.cl\n",
    ] {
        let dicho = Correo::carpeta(&carpeta, remitente).map(drop);
        // Spaces around it are not part of it.
        assert_eq!(dicho.is_err(), remitente != "a@b.cl\n", "{remitente}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read_dir(&carpeta).unwrap().count(), 1);
}

#[tokio::test]
async fn ninguna_fecha_lo_detiene() {
    let dir = TempDir::new().unwrap();
    let correo = Correo::carpeta(dir.path(), REMITENTE).unwrap();
    for milisegundos in [i64::MIN, -1, 0, 253_402_300_800_000, i64::MAX] {
        correo
            .envia(&Mensaje {
                milisegundos,
                ..MENSAJE
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn cada_negativa_dice_de_que_es() {
    // Where, with what, whether for ever, what is said.
    for (verbo, respuesta, permanente, dice) in [
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
        (FIN, "552 5.3.4 muy grande", false, "mensaje"),
        (FIN, "451 luego", false, "mensaje"),
        ("RCPT", "que?", false, "se cortó"),
    ] {
        let (enviado, _) = con(move |linea| {
            let es = linea == verbo || (!verbo.is_empty() && linea.starts_with(verbo));
            es.then_some(respuesta)
        })
        .await;
        let fallo = enviado.unwrap_err();
        assert_eq!(fallo.permanente, permanente, "{verbo} {respuesta}: {fallo}");
        assert!(fallo.texto.contains(dice), "{verbo} {respuesta}: {fallo}");
        assert!(
            !fallo.texto.contains("clave-ajena") && !fallo.texto.contains("juan"),
            "{fallo}"
        );
        assert!(fallo.texto.chars().count() <= 300, "{fallo}");
    }
}

#[tokio::test]
async fn quien_calla_no_retiene_a_nadie() {
    for verbo in ["", "EHLO", "RCPT", FIN] {
        let servidor = Servidor::nuevo(move |linea| {
            let es = linea == verbo || (!verbo.is_empty() && linea.starts_with(verbo));
            es.then_some("")
        })
        .await;
        let plazo = Duration::from_millis(200);
        let correo = Correo::smtp(&OpcionesSmtp {
            plazo,
            ..opciones(&servidor)
        })
        .unwrap();
        let inicio = Instant::now();
        let enviado = timeout(Duration::from_secs(10), correo.envia(&MENSAJE)).await;
        let fallo = enviado.unwrap().unwrap_err();
        assert!(
            !fallo.permanente && fallo.texto.contains("a tiempo"),
            "{verbo}: {fallo}"
        );
        assert!(inicio.elapsed() >= plazo);
    }
}

#[tokio::test]
async fn quien_cuelga_no_lo_ha_recibido() {
    for verbo in ["", "EHLO", "MAIL", "RCPT", "DATA", FIN] {
        let (enviado, _) = con(move |linea| {
            let es = linea == verbo || (!verbo.is_empty() && linea.starts_with(verbo));
            es.then_some(CUELGA)
        })
        .await;
        let fallo = enviado.unwrap_err();
        assert!(!fallo.permanente, "{verbo}: {fallo}");
        assert!(
            fallo.texto.contains("se cortó") || fallo.texto.contains("conectar"),
            "{fallo}"
        );
    }
    let (enviado, _) = con(|linea| (linea == "QUIT").then_some(CUELGA)).await;
    enviado.unwrap();
}

/// Once it is taken it is delivered, whatever is said after.
#[tokio::test]
async fn la_despedida_no_decide() {
    let (enviado, _) = con(|linea| (linea == "QUIT").then_some("550 no se vaya")).await;
    enviado.unwrap();
}

#[tokio::test]
async fn sin_servidor_se_dice() {
    let servidor = Servidor::nuevo(|_| None).await;
    let opciones = opciones(&servidor);
    drop(servidor);
    let correo = Correo::smtp(&opciones).unwrap();
    // The listener closes when its task ends.
    let fallo = loop {
        if let Err(fallo) = correo.envia(&MENSAJE).await {
            break fallo;
        }
    };
    assert!(!fallo.permanente, "{fallo}");
    assert!(!fallo.texto.contains("127.0.0.1"), "{fallo}");
}

#[tokio::test]
async fn la_clave_se_presenta_y_no_se_muestra() {
    let mut servidor = Servidor::nuevo(|_| None).await;
    let opciones = OpcionesSmtp {
        usuario: Some("sigra".into()),
        clave: Some("súper-secreta".into()),
        ..opciones(&servidor)
    };
    let correo = Correo::smtp(&opciones).unwrap();
    correo.envia(&MENSAJE).await.unwrap();
    let lineas = servidor.sesion().await.lineas;
    assert!(lineas[1].starts_with("AUTH PLAIN "), "{lineas:?}");
    let muestra = format!("{opciones:?} {correo:?}");
    assert!(!muestra.contains("secreta"), "{muestra}");

    for (respuesta, dice) in [
        ("535 5.7.8 súper-secreta", "(535 5.7.8)"),
        ("454 4.7.0 luego", "(454 4.7.0)"),
    ] {
        let servidor =
            Servidor::nuevo(move |linea| linea.starts_with("AUTH").then_some(respuesta)).await;
        let suyas = OpcionesSmtp {
            servidor: servidor.direccion.to_string(),
            ..opciones.clone()
        };
        let fallo = Correo::smtp(&suyas)
            .unwrap()
            .envia(&MENSAJE)
            .await
            .unwrap_err();
        assert!(!fallo.permanente && fallo.texto.contains(dice), "{fallo}");
        assert!(!fallo.texto.contains("secreta"), "{fallo}");
    }

    // A server that takes no password is not told one.
    let mut sin_auth =
        Servidor::nuevo(|linea| linea.starts_with("EHLO").then_some("250 hola")).await;
    let suyas = OpcionesSmtp {
        servidor: sin_auth.direccion.to_string(),
        ..opciones
    };
    let fallo = Correo::smtp(&suyas)
        .unwrap()
        .envia(&MENSAJE)
        .await
        .unwrap_err();
    assert!(fallo.texto.contains("usuario y contraseña"), "{fallo}");
    assert_eq!(sin_auth.sesion().await.lineas, ["EHLO ejemplo.cl", "QUIT"]);
}

#[tokio::test]
async fn la_configuracion_mala_se_dice_al_comenzar() {
    let servidor = Servidor::nuevo(|_| None).await;
    let con = |texto: &str| OpcionesSmtp {
        servidor: texto.to_owned(),
        ..opciones(&servidor)
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
        let fallo = Correo::smtp(&con(texto)).unwrap_err();
        assert!(
            fallo.permanente && fallo.texto.contains("smtp.ejemplo.cl:587"),
            "{texto}"
        );
    }
    for texto in ["smtp.ejemplo.cl:587", "[::1]:25", "10.0.0.1:25"] {
        Correo::smtp(&con(texto)).unwrap();
    }
    let usuario = Some("sigra".to_owned());
    let a_medias = OpcionesSmtp {
        usuario: usuario.clone(),
        ..con("smtp.ejemplo.cl:25")
    };
    assert!(Correo::smtp(&a_medias).is_err());
    // In the clear only to this machine.
    let en_claro = |texto| OpcionesSmtp {
        usuario: usuario.clone(),
        clave: Some("x".into()),
        ..con(texto)
    };
    assert!(Correo::smtp(&en_claro("smtp.ejemplo.cl:25")).is_err());
    assert!(Correo::smtp(&en_claro("10.0.0.1:25")).is_err());
    for texto in ["localhost:25", "127.0.0.1:25", "[::1]:25"] {
        Correo::smtp(&en_claro(texto)).unwrap();
    }
}
