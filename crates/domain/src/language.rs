//! The two languages of the texts that people read.

/// Spanish unless the client asks for English.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    Es,
    En,
}

impl Language {
    /// As stored and as clients name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es => "es",
            Self::En => "en",
        }
    }

    pub fn from_name(nombre: &str) -> Option<Self> {
        [Self::Es, Self::En]
            .into_iter()
            .find(|i| i.name() == nombre)
    }

    /// Chooses from an `Accept-Language` header (RFC 9110, 12.5.4): the language of ours with the
    /// highest weight, Spanish when the header names neither or is malformed.
    pub fn from_accept_language(header: &str) -> Self {
        let mut best = (0.0_f32, Self::Es);
        for item in header.split(',').take(20) {
            let mut parts = item.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let weight = parts
                .find_map(|p| p.trim().strip_prefix("q="))
                .map_or(Some(1.0), |q| q.trim().parse::<f32>().ok())
                .unwrap_or(0.0);
            let primary = tag.split('-').next().unwrap_or_default();
            let idioma = if primary.eq_ignore_ascii_case("en") {
                Self::En
            } else if primary.eq_ignore_ascii_case("es") || primary == "*" {
                Self::Es
            } else {
                continue;
            };
            if weight > best.0 {
                best = (weight, idioma);
            }
        }
        best.1
    }

    /// The text of this language.
    pub fn pick<'a>(self, es: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Es => es,
            Self::En => en,
        }
    }

    /// The tag for a `Content-Language` header.
    pub fn tag(self) -> &'static str {
        self.pick("es", "en")
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{self, En, Es};

    #[test]
    fn accept_language_is_read_by_weight() {
        let table = [
            ("", Es),
            ("en", En),
            ("en-US,en;q=0.9", En),
            ("es-CL,es;q=0.9,en;q=0.8", Es),
            ("de, en;q=0.5", En),
            ("fr", Es),
            ("*", Es),
            ("en;q=0, es;q=0.1", Es),
            ("en;q=x", Es),
            ("EN-gb", En),
        ];
        for (header, expected) in table {
            assert_eq!(Language::from_accept_language(header), expected, "{header}");
        }
    }
}
