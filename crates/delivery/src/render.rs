//! What a person reads: mail in plain text and HTML, and the few words of a notification.

use std::fmt::Write as _;

use serde_json::json;
use sigra_domain::{Language, aviso::AvisoText};
use sigra_store::notifications::OutboundMessage;

/// A mail without its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RenderedMail {
    pub asunto: String,
    pub texto: String,
    pub html: String,
}

/// What is on a phone's locked screen, at most, in characters.
const MAX_PUSH: usize = 300;

struct Labels {
    greeting: &'static str,
    ver: &'static str,
    sin_link: &'static str,
    /// One more, and many.
    y_mas: [&'static str; 2],
    pie: &'static str,
}

const ES: Labels = Labels {
    greeting: "Hola",
    ver: "Ver el reporte",
    sin_link: "Abra SIGRA para verlo.",
    y_mas: ["aviso más", "avisos más"],
    pie: "Este correo lo envió SIGRA. En sus preferencias de notificación puede elegir qué correos recibe.",
};

const EN: Labels = Labels {
    greeting: "Hello",
    ver: "See the report",
    sin_link: "Open SIGRA to see it.",
    y_mas: ["more", "more"],
    pie: "SIGRA sent this mail. Choose which mails you get in your notification preferences.",
};

fn labels(idioma: Language) -> &'static Labels {
    match idioma {
        Language::Es => &ES,
        Language::En => &EN,
    }
}

/// Where the report of a message is; `None` when nobody said under what address people reach the site.
fn link(m: &OutboundMessage, base: Option<&str>) -> Option<String> {
    let id = m.reporte_id?;
    Some(format!("{}/reportes/{id}", base?.trim_end_matches('/')))
}

/// The same whenever the same is sent again, and of no other mail: a server may drop what it has seen.
pub(crate) fn id(mensajes: &[OutboundMessage]) -> String {
    match mensajes {
        [uno] => format!("entrega-{}", uno.id),
        todos => {
            let ids: Vec<String> = todos.iter().map(|m| m.id.to_string()).collect();
            let hash = sigra_domain::sha256_hex(ids.join(" ").as_bytes());
            format!("entregas-{}", &hash[..32])
        }
    }
}

/// One mail of one message or of many.
pub(crate) fn email(
    nombre: &str,
    idioma: Language,
    mensajes: &[OutboundMessage],
    base: Option<&str>,
) -> RenderedMail {
    let p = labels(idioma);
    let partes: Vec<(AvisoText, Option<String>)> = mensajes
        .iter()
        .map(|m| (m.aviso.text(&m.datos, idioma), link(m, base)))
        .collect();
    let primero = partes.first().map_or("SIGRA", |(t, _)| t.asunto.as_str());
    let asunto = match partes.len() {
        0 | 1 => primero.to_owned(),
        2 => format!("{primero} (+1 {})", p.y_mas[0]),
        n => format!("{primero} (+{} {})", n - 1, p.y_mas[1]),
    };
    let mut texto = format!("{}, {nombre}:\n", p.greeting);
    let mut html = String::from(
        "<!doctype html><html><body style=\"font-family:sans-serif;font-size:16px;line-height:1.4;\
         max-width:40em\">",
    );
    write!(html, "<p>{}, {}:</p>", p.greeting, escape_html(nombre)).ok();
    for (t, url) in &partes {
        if partes.len() > 1 {
            write!(texto, "\n* {}\n", t.asunto).ok();
            write!(
                html,
                "<h3 style=\"margin-bottom:0\">{}</h3>",
                escape_html(&t.asunto)
            )
            .ok();
        }
        let (donde, donde_html) = match url {
            Some(url) => (
                format!("{}: {url}", p.ver),
                format!("<a href=\"{}\">{}</a>", escape_html(url), p.ver),
            ),
            None => (p.sin_link.to_owned(), p.sin_link.to_owned()),
        };
        write!(texto, "\n{}\n{donde}\n", t.cuerpo).ok();
        write!(html, "<p>{}<br>{donde_html}</p>", escape_html(&t.cuerpo)).ok();
    }
    write!(texto, "\n-- \n{}\n", p.pie).ok();
    write!(
        html,
        "<p style=\"color:#555;font-size:13px\">{}</p></body></html>",
        p.pie
    )
    .ok();
    RenderedMail {
        asunto,
        texto,
        html,
    }
}

/// What the browser's service worker shows.
pub(crate) fn push(m: &OutboundMessage, idioma: Language) -> Vec<u8> {
    let AvisoText { asunto, cuerpo } = m.aviso.text(&m.datos, idioma);
    let corta = |t: &str| t.chars().take(MAX_PUSH).collect::<String>();
    let url = m.reporte_id.map(|id| format!("/reportes/{id}"));
    json!({"id": m.id, "evento": m.aviso.name(), "asunto": corta(&asunto), "texto": corta(&cuerpo),
        "reporte_id": m.reporte_id, "url": url})
    .to_string()
    .into_bytes()
}

/// Text as HTML: what people wrote is never markup.
fn escape_html(texto: &str) -> String {
    let mut html = String::with_capacity(texto.len());
    for c in texto.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\n' => html.push_str("<br>"),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use sigra_domain::aviso::{Aviso, AvisoData};

    use super::*;

    fn message(id: i64, titulo: &str) -> OutboundMessage {
        OutboundMessage {
            id,
            aviso: Aviso::Creado,
            reporte_id: Some(17),
            datos: AvisoData {
                titulo: titulo.into(),
                area: "Chancado".into(),
                severidad: "Alta".into(),
                estado: String::new(),
                autor: "Rosa Díaz".into(),
                actor: "Rosa Díaz".into(),
                detalle: None,
            },
        }
    }

    #[test]
    fn one_says_what_happened_and_where_to_look() {
        let c = email(
            "Ana",
            Language::Es,
            &[message(1, "Roca suelta")],
            Some("https://sigra.cl/"),
        );
        assert_eq!(
            c.asunto,
            "Nuevo reporte en Chancado, severidad Alta: Roca suelta"
        );
        for parte in [
            "Hola, Ana:",
            "Rosa Díaz reportó",
            "Ver el reporte: https://sigra.cl/reportes/17",
        ] {
            assert!(c.texto.contains(parte), "{}", c.texto);
        }
        assert!(
            c.html.contains("href=\"https://sigra.cl/reportes/17\""),
            "{}",
            c.html
        );
        let c = email("Ana", Language::En, &[message(1, "Roca suelta")], None);
        assert!(c.texto.contains("Open SIGRA to see it."), "{}", c.texto);
    }

    #[test]
    fn many_are_one_mail() {
        let todos = [message(1, "Roca"), message(2, "Cable"), message(3, "Grúa")];
        let c = email("Ana", Language::Es, &todos, None);
        assert!(c.asunto.ends_with(": Roca (+2 avisos más)"), "{}", c.asunto);
        for titulo in ["«Roca»", "«Cable»", "«Grúa»"] {
            assert!(c.texto.contains(titulo) && c.html.contains(titulo));
        }
    }

    #[test]
    fn what_people_write_is_no_markup() {
        let c = email(
            "<b>Ana",
            Language::Es,
            &[message(1, "<script>alert(\"1\")</script>&")],
            None,
        );
        assert!(
            !c.html.contains("<script") && !c.html.contains("<b>"),
            "{}",
            c.html
        );
        assert!(
            c.html
                .contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;")
        );
        assert!(c.texto.contains("<script>"));
    }

    #[test]
    fn a_notification_fits() {
        let bytes = push(&message(5, &"ñ".repeat(200)), Language::Es);
        assert!(bytes.len() < 3 * 1024, "{}", bytes.len());
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(
            (&json["id"], &json["url"]),
            (&json!(5), &json!("/reportes/17"))
        );
    }
}
