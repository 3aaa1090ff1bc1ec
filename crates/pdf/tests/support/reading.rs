//! What is in a PDF, read by another program than the one that wrote it.

use lopdf::{Document, Object};

pub struct Pdf {
    documento: Document,
    pub paginas: usize,
    /// All pages' text with nothing between the words: where lines end is the layout's affair.
    pub texto: String,
}

impl Pdf {
    pub fn read(bytes: &[u8]) -> Self {
        let documento = Document::load_mem(bytes).unwrap();
        let paginas: Vec<u32> = documento.get_pages().into_keys().collect();
        let texto = strip_whitespace(&documento.extract_text(&paginas).unwrap());
        Self {
            documento,
            paginas: paginas.len(),
            texto,
        }
    }

    #[track_caller]
    pub fn assert_says(&self, que: &str) {
        assert!(
            self.texto.contains(&strip_whitespace(que)),
            "no {que:?} in\n{}",
            self.texto
        );
    }

    #[track_caller]
    pub fn assert_lacks(&self, que: &str) {
        assert!(
            !self.texto.contains(&strip_whitespace(que)),
            "{que:?} in\n{}",
            self.texto
        );
    }

    pub fn count_images(&self) -> usize {
        let es_imagen = |o: &&Object| {
            let dict = o.as_stream().map(|s| &s.dict);
            dict.and_then(|d| d.get(b"Subtype")?.as_name())
                .is_ok_and(|s| s == b"Image")
        };
        self.documento.objects.values().filter(es_imagen).count()
    }

    /// An entry of the document's information dictionary.
    pub fn metadata(&self, clave: &str) -> String {
        let info = self.documento.trailer.get(b"Info").unwrap();
        let (_, info) = self.documento.dereference(info).unwrap();
        let valor = info.as_dict().unwrap().get(clave.as_bytes()).unwrap();
        lopdf::decode_text_string(valor).unwrap()
    }
}

fn strip_whitespace(texto: &str) -> String {
    let se_ve = |c: &char| !c.is_whitespace() && *c != '\u{200b}';
    texto.chars().filter(se_ve).collect()
}
