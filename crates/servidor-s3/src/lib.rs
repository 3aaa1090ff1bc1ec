//! An S3 server for tests: in this process, over a directory that goes with it. It checks signatures.

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use sigra_almacen::OpcionesS3;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

const CLAVE_ID: &str = "AKIDSIGRA";
const CLAVE_SECRETA: &str = "una clave de prueba";
const BUCKET: &str = "sigra";

/// Ends when it is dropped.
#[derive(Debug)]
pub struct ServidorS3 {
    _dir: TempDir,
    url: String,
    tarea: JoinHandle<()>,
}

#[derive(Debug, thiserror::Error)]
pub enum Fallo {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0:?}")]
    Servidor(s3s_fs::Error),
}

impl ServidorS3 {
    /// On a free port, with one bucket.
    pub async fn inicia() -> Result<Self, Fallo> {
        let dir = TempDir::new()?;
        std::fs::create_dir(dir.path().join(BUCKET))?;
        let archivos = FileSystem::new(dir.path()).map_err(Fallo::Servidor)?;
        let mut servicio = S3ServiceBuilder::new(archivos);
        servicio.set_auth(SimpleAuth::from_single(CLAVE_ID, CLAVE_SECRETA));
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

    pub fn opciones(&self) -> OpcionesS3 {
        OpcionesS3 {
            url: self.url.clone(),
            url_publica: None,
            region: "us-east-1".into(),
            bucket: BUCKET.into(),
            clave_id: CLAVE_ID.into(),
            clave_secreta: CLAVE_SECRETA.into(),
        }
    }
}

impl Drop for ServidorS3 {
    fn drop(&mut self) {
        self.tarea.abort();
    }
}
