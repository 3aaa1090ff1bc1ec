//! Where a site under test keeps the bytes of files.

use crate::s3::S3Server;
use sigra_files::blobs::BlobStore;
use sigra_server::BlobSettings;
use tempfile::TempDir;

/// Goes with the site.
pub struct TestFiles {
    pub blobs: BlobStore,
    pub settings: BlobSettings,
    lugar: FilesLocation,
}

#[allow(dead_code, reason = "held until the site goes")]
enum FilesLocation {
    Directorio(TempDir),
    S3(S3Server),
}

impl TestFiles {
    /// In a directory; in S3; in one that everybody reaches.
    pub async fn new(en_s3: bool, publico: bool) -> Self {
        if en_s3 {
            let servidor = S3Server::start().await.expect("S3");
            let mut opciones = servidor.options();
            opciones.url_publica = publico.then(|| opciones.url.clone());
            let settings = BlobSettings::S3(opciones);
            return Self::open(settings, FilesLocation::S3(servidor));
        }
        let dir = TempDir::new().expect("carpeta");
        let settings = BlobSettings::Dir(dir.path().to_owned());
        Self::open(settings, FilesLocation::Directorio(dir))
    }

    fn open(settings: BlobSettings, lugar: FilesLocation) -> Self {
        Self {
            blobs: settings.clone().open().expect("almacén"),
            settings,
            lugar,
        }
    }

    /// The directory, if it is one.
    pub fn dir(&self) -> Option<&std::path::Path> {
        match &self.lugar {
            FilesLocation::Directorio(dir) => Some(dir.path()),
            FilesLocation::S3(_) => None,
        }
    }
}
