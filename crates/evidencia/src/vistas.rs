//! Small copies, and what a copy without location leaves out: made in the background, one file at a time.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use futures_util::TryStreamExt as _;
use sigra_almacen::Almacen;
use sigra_multimedia::{MAX_DECODIFICACION, Recorte, Tipo, Vistas, recortes, vistas};
use sigra_store::multimedia::{Copia, DevolverVistas, GuardarVistas, Objeto, ReclamarVistas};
use tokio::runtime::Handle;

use crate::{Evidencia, Rechazo};

/// More pieces than any camera leaves to cut out.
const MAX_RECORTES: usize = 1_000;
/// Bytes that are read of a long file at once.
const VENTANA: u64 = 64 * 1024;

/// What was found of a file.
type Hallado = (Option<Vec<Recorte>>, Option<Vistas>);

impl Evidencia {
    /// Makes the copies of one file, if one waits for them. A server calls it from one task.
    pub async fn hace_vistas(&self) -> Result<bool, Rechazo> {
        let Some(objeto) = self.0.store.escribir(ReclamarVistas).await? else {
            return Ok(false);
        };
        let hallado = match self.mira(&objeto).await {
            Ok(hallado) => hallado,
            Err(e) => {
                // The store's fault, not the file's.
                let sha256 = objeto.sha256;
                self.0.store.escribir(DevolverVistas(sha256)).await?;
                return Err(e.into());
            }
        };
        self.guarda_vistas(objeto, hallado).await?;
        Ok(true)
    }

    async fn mira(&self, objeto: &Objeto) -> Result<Hallado, sigra_almacen::Fallo> {
        let almacen = self.0.almacen.clone();
        let Some(tipo) = Tipo::de_mime(&objeto.tipo) else {
            return Ok((None, None));
        };
        let largo = u64::try_from(objeto.bytes).unwrap_or(0);
        let hecho = if tipo.es_imagen() {
            let max = usize::try_from(MAX_DECODIFICACION).unwrap_or(usize::MAX);
            let bytes = almacen.lee_todo(&objeto.clave, max).await?;
            tokio::task::spawn_blocking(move || {
                let cortes = recortes(tipo, &mut Cursor::new(&bytes), largo);
                (cortes, vistas(tipo, bytes.into()).ok())
            })
        } else {
            let lector = Lector {
                almacen,
                clave: objeto.clave.clone(),
                largo,
                en: 0,
                ventana: (0, vec![]),
                handle: Handle::current(),
            };
            tokio::task::spawn_blocking(move || {
                let mut lector = lector;
                (recortes(tipo, &mut lector, largo), None)
            })
        };
        // A decoder that gave up in the middle leaves a file without copies.
        let Ok((cortes, copias)) = hecho.await else {
            return Ok((None, None));
        };
        let cortes = cortes.map_err(sigra_almacen::Fallo::Carpeta)?;
        Ok((cortes.filter(|c| c.len() <= MAX_RECORTES), copias))
    }

    async fn guarda_vistas(
        &self,
        objeto: Objeto,
        (cortes, copias): Hallado,
    ) -> Result<(), Rechazo> {
        let copias = match copias {
            Some(v) => Some((
                self.guarda_copia(v.miniatura).await?,
                self.guarda_copia(v.vista).await?,
            )),
            None => None,
        };
        let cortes = cortes.and_then(|c| serde_json::to_string(&c).ok());
        let guarda = GuardarVistas {
            sha256: objeto.sha256,
            copias: copias.clone(),
            recortes: cortes,
        };
        let guardado = self.0.store.escribir(guarda).await?;
        for copia in copias
            .iter()
            .flat_map(|(m, v)| [m, v])
            .filter(|_| !guardado)
        {
            self.limpia(&copia.clave).await;
        }
        Ok(())
    }

    async fn guarda_copia(&self, bytes: Vec<u8>) -> Result<Copia, Rechazo> {
        let copia = Copia {
            clave: self.clave_nueva("vistas").await?,
            bytes: i64::try_from(bytes.len()).unwrap_or(0),
        };
        self.0.almacen.escribe(&copia.clave, bytes.into()).await?;
        Ok(copia)
    }
}

/// A long object read here and there, from a thread that may wait.
struct Lector {
    almacen: Almacen,
    clave: String,
    largo: u64,
    en: u64,
    /// What was read last, and where it begins.
    ventana: (u64, Vec<u8>),
    handle: Handle,
}

impl Lector {
    fn trae(&mut self) -> io::Result<()> {
        let hasta = self.largo.min(self.en.saturating_add(VENTANA));
        let (almacen, clave, rango) = (&self.almacen, &self.clave, self.en..hasta);
        let bytes = self.handle.block_on(async {
            let trozos = almacen.lee(clave, Some(rango)).await?;
            let todo: Vec<bytes::Bytes> = trozos.try_collect().await?;
            Ok::<_, sigra_almacen::Fallo>(todo.concat())
        });
        self.ventana = (self.en, bytes.map_err(io::Error::other)?);
        Ok(())
    }
}

impl Read for Lector {
    fn read(&mut self, hacia: &mut [u8]) -> io::Result<usize> {
        if self.en >= self.largo || hacia.is_empty() {
            return Ok(0);
        }
        let (desde, bytes) = &self.ventana;
        let fin = desde + u64::try_from(bytes.len()).unwrap_or(0);
        if self.en < *desde || self.en >= fin {
            self.trae()?;
        }
        let (desde, bytes) = &self.ventana;
        let salta = usize::try_from(self.en - desde).unwrap_or(usize::MAX);
        let quedan = bytes.get(salta..).unwrap_or_default();
        let n = quedan.len().min(hacia.len());
        hacia[..n].copy_from_slice(&quedan[..n]);
        self.en += u64::try_from(n).unwrap_or(0);
        Ok(n)
    }
}

impl Seek for Lector {
    fn seek(&mut self, a: SeekFrom) -> io::Result<u64> {
        let en = match a {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::Current(d) => self.en.checked_add_signed(d),
            SeekFrom::End(d) => self.largo.checked_add_signed(d),
        };
        self.en = en.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.en)
    }
}
