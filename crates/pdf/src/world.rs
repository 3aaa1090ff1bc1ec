//! What the template can reach: four fonts and what it is given. No file, no package, no clock.

use std::sync::LazyLock;

use typst::{
    Library, LibraryExt, World,
    diag::{FileError, FileResult},
    foundations::{Bytes, Datetime, Dict, Duration},
    syntax::{FileId, Source},
    text::{Font, FontBook},
    utils::LazyHash,
};

/// The last one also stands in for signs that the others lack.
static FONTS: LazyLock<Vec<Font>> = LazyLock::new(|| {
    [
        include_bytes!("../fonts/SourceSans3-Regular.ttf").as_slice(),
        include_bytes!("../fonts/SourceSans3-Bold.ttf").as_slice(),
        include_bytes!("../fonts/SourceSans3-Italic.ttf").as_slice(),
        include_bytes!("../fonts/DejaVuSansMono.ttf").as_slice(),
    ]
    .into_iter()
    .flat_map(|archivo| Font::iter(Bytes::new(archivo)))
    .collect()
});
static FONT_BOOK: LazyLock<LazyHash<FontBook>> =
    LazyLock::new(|| LazyHash::new(FontBook::from_fonts(FONTS.iter())));
static TEMPLATE: LazyLock<Source> = LazyLock::new(|| {
    Source::detached(concat!(
        include_str!("style.typ"),
        include_str!("document.typ")
    ))
});

/// The world of one document.
pub(crate) struct TypstWorld {
    biblioteca: LazyHash<Library>,
}

impl TypstWorld {
    /// `entradas` is what the template finds in `sys.inputs`.
    pub(crate) fn new(entradas: Dict) -> Self {
        let biblioteca = Library::builder().with_inputs(entradas).build();
        Self {
            biblioteca: LazyHash::new(biblioteca),
        }
    }
}

impl World for TypstWorld {
    fn library(&self) -> &LazyHash<Library> {
        &self.biblioteca
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &FONT_BOOK
    }

    fn main(&self) -> FileId {
        TEMPLATE.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == TEMPLATE.id() {
            Ok(TEMPLATE.clone())
        } else {
            Err(FileError::AccessDenied)
        }
    }

    fn file(&self, _: FileId) -> FileResult<Bytes> {
        Err(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}
