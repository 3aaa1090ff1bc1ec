//! An S3 server for tests: in this process, over a directory that goes with it. It checks signatures.

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use sigra_files::blobs::S3Options;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

const ACCESS_KEY_ID: &str = "AKIDSIGRA";
const SECRET_ACCESS_KEY: &str = "una clave de prueba";
const BUCKET: &str = "sigra";

/// Ends when it is dropped.
#[derive(Debug)]
pub struct S3Server {
    _dir: TempDir,
    url: String,
    tarea: JoinHandle<()>,
}

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0:?}")]
    Servidor(s3s_fs::Error),
}

impl S3Server {
    /// On a free port, with one bucket.
    pub async fn start() -> Result<Self, Fault> {
        let dir = TempDir::new()?;
        std::fs::create_dir(dir.path().join(BUCKET))?;
        let archivos = FileSystem::new(dir.path()).map_err(Fault::Servidor)?;
        let mut servicio = S3ServiceBuilder::new(archivos);
        servicio.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let servicio = servicio.build();
        let escucha = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", escucha.local_addr()?);
        let tarea = tokio::spawn(async move {
            while let Ok((conexion, _)) = escucha.accept().await {
                let servicio = servicio.clone();
                tokio::spawn(async move {
                    Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(conexion), servicio)
                        .await
                        .ok();
                });
            }
        });
        Ok(Self {
            _dir: dir,
            url,
            tarea,
        })
    }

    pub fn options(&self) -> S3Options {
        S3Options {
            url: self.url.clone(),
            url_publica: None,
            region: "us-east-1".into(),
            bucket: BUCKET.into(),
            clave_id: ACCESS_KEY_ID.into(),
            clave_secreta: SECRET_ACCESS_KEY.into(),
        }
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.tarea.abort();
    }
}
