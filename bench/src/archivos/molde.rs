//! The files that are sent: one photo of 12 megapixels, as phones make them, filled up to a round
//! length. The last bytes of each are its own, so that no two are the same to a server that keeps the
//! same bytes once, and nothing need be made or hashed while time is taken.

use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sigra_domain::hex;
use sigra_store::Env;

use crate::{datos::uuid_nuevo, error::Error};

/// Bytes of a file.
pub const LARGO: usize = MIB_POR_ARCHIVO as usize * 1024 * 1024;
pub const MIB_POR_ARCHIVO: u8 = 4;
pub const TIPO: &str = "image/jpeg";
const NOMBRE: &str = "foto.jpg";

const ANCHO: u32 = 4_000;
const ALTO: u32 = 3_000;
const CALIDAD: u8 = 90;
/// How far a pixel's light strays, in steps: with it the photo is a little smaller than a file.
const RUIDO: u64 = 24;
/// The bytes that are a file's own.
const COLA: usize = 32;

/// What all files have in common.
pub struct Molde {
    cuerpo: Vec<u8>,
    suma: Sha256,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Archivo {
    /// Of its report.
    pub reporte: String,
    pub uuid: String,
    pub sha256: String,
    pub cola: [u8; COLA],
}

impl Molde {
    pub fn nuevo() -> Result<Self, Error> {
        let mut azar = Xorshift(0x2545_f491_4f6c_dd1d);
        let mut cuerpo = foto(&mut azar)?;
        if cuerpo.len() > LARGO - COLA {
            return Err(Error::Interno("la foto de muestra no cabe en un archivo"));
        }
        // Decoders stop at the end of the picture.
        while cuerpo.len() < LARGO - COLA {
            cuerpo.extend_from_slice(&azar.siguiente().to_le_bytes());
        }
        cuerpo.truncate(LARGO - COLA);
        let suma = Sha256::new_with_prefix(&cuerpo);
        Ok(Self { cuerpo, suma })
    }

    /// A new file of that report.
    pub fn archivo(&self, reporte: &str) -> Archivo {
        let entorno = Env::default();
        let cola = entorno.random();
        Archivo {
            reporte: reporte.to_owned(),
            uuid: uuid_nuevo(entorno.random()),
            sha256: hex(&self.suma.clone().chain_update(cola).finalize()),
            cola,
        }
    }

    /// Its bytes.
    pub fn partes<'a>(&'a self, archivo: &'a Archivo) -> [&'a [u8]; 2] {
        [&self.cuerpo, &archivo.cola]
    }
}

impl Archivo {
    /// As a manifest names it.
    pub fn en_manifiesto(&self) -> Value {
        json!({
            "uuid_cliente": self.uuid,
            "nombre": NOMBRE,
            "tipo": TIPO,
            "bytes": LARGO,
            "sha256": self.sha256,
        })
    }

    /// As `Upload-Metadata` names it.
    pub fn metadatos(&self) -> [(&'static str, &str); 5] {
        [
            ("multimedia_uuid", &self.uuid),
            ("reporte_uuid", &self.reporte),
            ("sha256", &self.sha256),
            ("filename", NOMBRE),
            ("filetype", TIPO),
        ]
    }
}

/// Light and shade with the grain of a bad light.
fn foto(azar: &mut Xorshift) -> Result<Vec<u8>, Error> {
    let imagen = RgbImage::from_fn(ANCHO, ALTO, |x, y| {
        let luz = 32 + x * 128 / ANCHO + y * 64 / ALTO;
        let grano = u8::try_from(azar.siguiente() % RUIDO).unwrap_or(0);
        let luz = u8::try_from(luz).unwrap_or(u8::MAX).saturating_add(grano);
        Rgb([luz, luz.saturating_sub(16), luz / 2])
    });
    let mut bytes = Vec::with_capacity(LARGO);
    JpegEncoder::new_with_quality(&mut bytes, CALIDAD)
        .encode_image(&imagen)
        .map_err(|_| Error::Interno("no se pudo hacer la foto de muestra"))?;
    Ok(bytes)
}

/// Noise that is the same in every run (Marsaglia, Xorshift RNGs, 2003).
struct Xorshift(u64);

impl Xorshift {
    fn siguiente(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};
    use sigra_domain::hex;

    use super::{LARGO, Molde};

    #[test]
    fn files_are_photos_and_no_two_are_the_same() {
        let molde = Molde::nuevo().unwrap();
        let [a, b] = [molde.archivo("r"), molde.archivo("r")];
        assert_ne!(a.sha256, b.sha256);
        let bytes = molde.partes(&a).concat();
        assert_eq!(bytes.len(), LARGO);
        assert_eq!(hex(&Sha256::digest(&bytes)), a.sha256);
        let fin = bytes.windows(2).rposition(|v| v == b"\xff\xd9").unwrap();
        assert!(fin > LARGO * 7 / 10, "the photo has only {fin} bytes");
        let foto = image::load_from_memory(&bytes).unwrap();
        assert_eq!((foto.width(), foto.height()), (4_000, 3_000));
    }
}
