//! Where the bytes of files are kept: a directory, or S3. Objects are written whole and never
//! changed; each has a key that nobody can guess and that says nothing of what it holds.
//!
//! What is written is durable when its writing ends well: on a directory the file and the directory
//! that names it are synced, under a temporary name until then.

mod directorio;
mod escritor;
mod fallo;
mod s3;

use std::{ops::Range, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use object_store::{
    GetOptions, GetResultPayload, ObjectStore, ObjectStoreExt as _, aws::AmazonS3, path::Path,
};

pub use escritor::Escritor;
pub use fallo::Fallo;
pub use s3::OpcionesS3;

/// Deletions under way at once.
const A_LA_VEZ: usize = 8;

/// The place. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Almacen {
    objetos: Arc<dyn ObjectStore>,
    /// Bytes that a writer holds before it passes them on.
    por_parte: usize,
    /// Only a directory has one.
    raiz: Option<PathBuf>,
    /// S3 as it is reached from everywhere.
    publico: Option<Arc<AmazonS3>>,
}

/// An object as a list tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objeto {
    pub clave: String,
    pub bytes: u64,
}

impl Almacen {
    /// A directory of this machine, made if it is not there.
    pub fn directorio(raiz: PathBuf) -> Result<Self, Fallo> {
        directorio::abre(raiz)
    }

    pub fn s3(opciones: &OpcionesS3) -> Result<Self, Fallo> {
        s3::abre(opciones)
    }

    /// Begins an object. Nobody sees it before [`Escritor::termina`] answers.
    pub fn escritor(&self, clave: &str) -> Escritor {
        Escritor::nuevo(Arc::clone(&self.objetos), Path::from(clave), self.por_parte)
    }

    /// A small object in one go.
    pub async fn escribe(&self, clave: &str, bytes: Bytes) -> Result<(), Fallo> {
        let resultado = self.objetos.put(&Path::from(clave), bytes.into()).await;
        Ok(resultado.map(drop)?)
    }

    /// The bytes of an object, or of a part of it, as they come.
    pub async fn lee(
        &self,
        clave: &str,
        rango: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes, Fallo>>, Fallo> {
        if rango.as_ref().is_some_and(Range::is_empty) {
            return Ok(stream::empty().boxed());
        }
        let opciones = GetOptions {
            range: rango.map(Into::into),
            ..GetOptions::default()
        };
        let hallado = self.objetos.get_opts(&Path::from(clave), opciones).await?;
        Ok(match hallado.payload {
            GetResultPayload::File(archivo, _) => directorio::trozos(archivo, hallado.range),
            GetResultPayload::Stream(bytes) => bytes.map_err(Fallo::from).boxed(),
        })
    }

    /// A whole object in memory, if it is not larger than that.
    pub async fn lee_todo(&self, clave: &str, maximo: usize) -> Result<Bytes, Fallo> {
        let hallado = self.objetos.get(&Path::from(clave)).await?;
        if usize::try_from(hallado.meta.size).map_or(true, |n| n > maximo) {
            return Err(Fallo::MuyGrande);
        }
        Ok(hallado.bytes().await?)
    }

    /// Its length in bytes; `None` when it is not there.
    pub async fn largo(&self, clave: &str) -> Result<Option<u64>, Fallo> {
        match self.objetos.head(&Path::from(clave)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// The same bytes under another key, without their passing through here.
    pub async fn copia(&self, de: &str, a: &str) -> Result<(), Fallo> {
        Ok(self.objetos.copy(&Path::from(de), &Path::from(a)).await?)
    }

    /// Nothing is done for what is not there.
    pub async fn borra(&self, clave: &str) -> Result<(), Fallo> {
        match self.objetos.delete(&Path::from(clave)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// All objects whose keys begin with these segments, and what was left of writing them.
    pub async fn borra_bajo(&self, prefijo: &str) -> Result<(), Fallo> {
        let claves: Vec<String> = self
            .lista(prefijo)
            .map_ok(|o| o.clave)
            .try_collect()
            .await?;
        stream::iter(claves)
            .map(|clave| async move { self.borra(&clave).await })
            .buffer_unordered(A_LA_VEZ)
            .try_collect::<Vec<()>>()
            .await?;
        match &self.raiz {
            Some(raiz) => directorio::quita(&raiz.join(prefijo)).await,
            None => Ok(()),
        }
    }

    /// A link to an object that needs no header, good for so long; `None` where the store can't be
    /// reached from outside. Whoever follows it is told this disposition and this type.
    pub async fn enlace(
        &self,
        clave: &str,
        plazo: Duration,
        disposicion: &str,
        tipo: &str,
    ) -> Result<Option<String>, Fallo> {
        match &self.publico {
            Some(s3) => s3::enlace(s3, clave, plazo, (disposicion, tipo))
                .await
                .map(Some),
            None => Ok(None),
        }
    }

    /// Whether it can be reached.
    pub async fn responde(&self) -> Result<(), Fallo> {
        match &self.raiz {
            Some(raiz) => directorio::esta(raiz).await,
            // No such object is an answer too.
            None => self.largo("sigra").await.map(drop),
        }
    }

    /// Every object whose key begins with these segments.
    pub fn lista(&self, prefijo: &str) -> BoxStream<'static, Result<Objeto, Fallo>> {
        let todos = self.objetos.list(Some(&Path::from(prefijo)));
        todos
            .map_ok(|meta| Objeto {
                clave: meta.location.to_string(),
                bytes: meta.size,
            })
            .map_err(Fallo::from)
            .boxed()
    }
}
