//! The type of a file, decided by its first bytes. What its name or its sender say is not asked.

use serde::{Deserialize, Serialize};

/// What SIGRA keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MediaType {
    #[serde(rename = "image/jpeg")]
    Jpeg,
    #[serde(rename = "image/png")]
    Png,
    #[serde(rename = "image/webp")]
    Webp,
    #[serde(rename = "video/mp4")]
    Mp4,
    #[serde(rename = "audio/mp4")]
    M4a,
    #[serde(rename = "application/pdf")]
    Pdf,
}

/// Types that share a limit of size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeClass {
    Foto,
    /// Video and sound.
    Video,
    Documento,
}

/// Why bytes are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedMedia {
    /// What iPhones make unless told otherwise; few screens show it.
    #[error("una foto HEIC o AVIF")]
    Heic,
    #[error("un tipo que no se guarda")]
    Otro,
}

impl MediaType {
    pub const ALL: [Self; 6] = [
        Self::Jpeg,
        Self::Png,
        Self::Webp,
        Self::Mp4,
        Self::M4a,
        Self::Pdf,
    ];

    /// Bytes after which the type is known; a whole file may be shorter.
    pub const SNIFF_BYTES: usize = 64;

    /// From the beginning of a file.
    pub fn from_bytes(start: &[u8]) -> Result<Self, UnsupportedMedia> {
        match infer::get(start).map(|t| t.mime_type()) {
            Some("image/jpeg") => Ok(Self::Jpeg),
            Some("image/png") => Ok(Self::Png),
            Some("image/webp") => Ok(Self::Webp),
            Some("video/mp4" | "video/x-m4v") => Ok(Self::Mp4),
            Some("audio/m4a") => Ok(Self::M4a),
            Some("application/pdf") => Ok(Self::Pdf),
            Some("image/heif" | "image/avif") => Err(UnsupportedMedia::Heic),
            _ => Err(UnsupportedMedia::Otro),
        }
    }

    /// MIME type.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Mp4 => "video/mp4",
            Self::M4a => "audio/mp4",
            Self::Pdf => "application/pdf",
        }
    }

    pub fn from_mime(mime: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.mime() == mime)
    }

    /// With which a name on a disk ends.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Mp4 => "mp4",
            Self::M4a => "m4a",
            Self::Pdf => "pdf",
        }
    }

    pub fn kind(self) -> SizeClass {
        match self {
            Self::Jpeg | Self::Png | Self::Webp => SizeClass::Foto,
            Self::Mp4 | Self::M4a => SizeClass::Video,
            Self::Pdf => SizeClass::Documento,
        }
    }

    pub fn is_image(self) -> bool {
        self.kind() == SizeClass::Foto
    }
}

#[cfg(test)]
mod tests {
    use super::{MediaType, UnsupportedMedia};

    #[test]
    fn the_bytes_decide() {
        for (start, tipo) in [
            (&b"\xff\xd8\xff\xe0\0\x10JFIF\0"[..], Ok(MediaType::Jpeg)),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Ok(MediaType::Png)),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Ok(MediaType::Webp)),
            (b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2", Ok(MediaType::Mp4)),
            (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", Ok(MediaType::Mp4)),
            (b"\0\0\0\x18ftypM4V \0\0\0\0isommp42", Ok(MediaType::Mp4)),
            (b"\0\0\0\x18ftypM4A \0\0\0\0isommp42", Ok(MediaType::M4a)),
            (b"%PDF-1.7\n", Ok(MediaType::Pdf)),
            (
                b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
                Err(UnsupportedMedia::Heic),
            ),
            (
                b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic",
                Err(UnsupportedMedia::Heic),
            ),
            (
                b"\0\0\0\x18ftypavif\0\0\0\0avifmif1",
                Err(UnsupportedMedia::Heic),
            ),
            (b"GIF89a\x01\0\x01\0", Err(UnsupportedMedia::Otro)),
            (b"<!DOCTYPE html><script>", Err(UnsupportedMedia::Otro)),
            (
                b"<svg xmlns=\"http://www.w3.org/2000/svg\">",
                Err(UnsupportedMedia::Otro),
            ),
            (b"PK\x03\x04\x14\0\0\0", Err(UnsupportedMedia::Otro)),
            (b"MZ\x90\0", Err(UnsupportedMedia::Otro)),
            (b"\x7fELF\x02\x01\x01\0", Err(UnsupportedMedia::Otro)),
            (b"", Err(UnsupportedMedia::Otro)),
            (b"\xff", Err(UnsupportedMedia::Otro)),
        ] {
            assert_eq!(MediaType::from_bytes(start), tipo, "{start:?}");
        }
    }

    #[test]
    fn names() {
        for t in MediaType::ALL {
            assert_eq!(MediaType::from_mime(t.mime()), Some(t));
        }
        assert_eq!(MediaType::from_mime("text/html"), None);
    }
}
