//! Where a site under test keeps the bytes of files.

use sigra_almacen::Almacen;
use sigra_servidor_s3::ServidorS3;
use tempfile::TempDir;

/// Goes with the site.
pub struct Archivos {
    pub almacen: Almacen,
    lugar: Lugar,
}

#[allow(dead_code, reason = "held until the site goes")]
enum Lugar {
    Directorio(TempDir),
    S3(ServidorS3),
}

impl Archivos {
    /// In a directory; in S3; in one that everybody reaches.
    pub async fn nuevos(en_s3: bool, publico: bool) -> Self {
        if en_s3 {
            let servidor = ServidorS3::inicia().await.expect("S3");
            let mut opciones = servidor.opciones();
            opciones.url_publica = publico.then(|| opciones.url.clone());
            return Self {
                almacen: Almacen::s3(&opciones).expect("S3"),
                lugar: Lugar::S3(servidor),
            };
        }
        let dir = TempDir::new().expect("carpeta");
        Self {
            almacen: Almacen::directorio(dir.path().to_owned()).expect("carpeta"),
            lugar: Lugar::Directorio(dir),
        }
    }
    /// The directory, if it is one.
    pub fn carpeta(&self) -> Option<&std::path::Path> {
        match &self.lugar {
            Lugar::Directorio(dir) => Some(dir.path()),
            Lugar::S3(_) => None,
        }
    }
}
