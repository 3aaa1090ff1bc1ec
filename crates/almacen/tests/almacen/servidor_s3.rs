//! An S3 server of this process, over a directory that goes with it.

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

pub struct ServidorS3 {
    _dir: TempDir,
    url: String,
    tarea: JoinHandle<()>,
}

impl ServidorS3 {
    pub async fn inicia() -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::create_dir(dir.path().join(BUCKET)).unwrap();
        let mut servicio = S3ServiceBuilder::new(FileSystem::new(dir.path()).unwrap());
        servicio.set_auth(SimpleAuth::from_single(CLAVE_ID, CLAVE_SECRETA));
        let servicio = servicio.build();
        let escucha = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", escucha.local_addr().unwrap());
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
        Self {
            _dir: dir,
            url,
            tarea,
        }
    }

    pub fn opciones(&self) -> OpcionesS3 {
        OpcionesS3 {
            url: self.url.clone(),
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
