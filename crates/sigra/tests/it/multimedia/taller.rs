//! What tests of files need: a place for the bytes beside a site's database, and links that break.

use std::{collections::BTreeSet, convert::Infallible};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use sigra_almacen::Almacen;
use sigra_domain::{Zona, reporte::ReporteNuevo, sha256_hex};
use sigra_evidencia::{Anuncio, Evidencia, Limites, Rechazo, Recibida};
use sigra_store::{
    multimedia::{Subida, objeto},
    reportes::CrearReporte,
};
use tokio::sync::mpsc;

use crate::arnes::{Azar, Bd, Persona, Sitio, reporte_en, uuid};

/// Runs each test on both databases with both stores.
#[macro_export]
macro_rules! en_cuatro {
    ($($(#[$meta:meta])* async fn $nombre:ident($taller:ident: &Taller<'_>) $cuerpo:block)*) => { $(
        $(#[$meta])*
        mod $nombre {
            #[allow(unused_imports)]
            use super::*;
            async fn en_taller($taller: &Taller<'_>) $cuerpo
            $crate::en_ambas! {
                async fn directorio(sitio: &Sitio) {
                    let taller = Taller::de(sitio);
                    en_taller(&taller).await;
                    taller.en_orden().await;
                }
            }
            $crate::en_ambas! {
                con $crate::arnes::Ajuste::en_s3();
                async fn s3(sitio: &Sitio) {
                    let taller = Taller::de(sitio);
                    en_taller(&taller).await;
                    taller.en_orden().await;
                }
            }
        }
    )* };
}

pub struct Taller<'a> {
    pub sitio: &'a Sitio,
    pub almacen: Almacen,
    pub evidencia: Evidencia,
}

/// A file that a phone holds.
#[derive(Clone, Debug)]
pub struct Foto {
    pub uuid: String,
    pub bytes: Bytes,
    pub tipo: &'static str,
}

impl Foto {
    /// Bytes like a JPEG's at the beginning, and unlike any other file's after. No size stands in it: what
    /// is random could say any.
    pub fn nueva(largo: usize) -> Self {
        let mut azar = Azar::callado();
        let mut bytes =
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xda\0\x02".to_vec();
        while bytes.len() < largo {
            bytes.extend(azar.u64().to_le_bytes());
        }
        bytes.truncate(largo);
        Self {
            uuid: uuid(),
            bytes: bytes.into(),
            tipo: "image/jpeg",
        }
    }

    pub fn sha256(&self) -> String {
        sha256_hex(&self.bytes)
    }

    pub fn largo(&self) -> i64 {
        i64::try_from(self.bytes.len()).unwrap()
    }

    /// As a manifest names it.
    pub fn en_manifiesto(&self) -> Value {
        json!({"uuid_cliente": self.uuid, "nombre": "roca.jpg", "tipo": self.tipo,
            "bytes": self.bytes.len(), "sha256": self.sha256()})
    }

    /// As the headers of an upload name it.
    pub fn cabeceras(&self, reporte_uuid: Option<&str>) -> Vec<(&'static str, String)> {
        let par = |clave: &str, valor: &str| format!("{clave} {}", STANDARD.encode(valor));
        let mut pares = vec![
            par("multimedia_uuid", &self.uuid),
            par("sha256", &self.sha256()),
            par("filename", "roca.jpg"),
            par("filetype", self.tipo),
        ];
        pares.extend(reporte_uuid.map(|u| par("reporte_uuid", u)));
        vec![
            ("upload-length", self.largo().to_string()),
            ("upload-metadata", pares.join(",")),
        ]
    }

    pub fn anuncio(&self, reporte_uuid: Option<&str>) -> Anuncio {
        Anuncio {
            multimedia_uuid: self.uuid.clone(),
            reporte_uuid: reporte_uuid.map(Into::into),
            nombre: "roca.jpg".into(),
            tipo: self.tipo.into(),
            bytes: self.largo(),
            sha256: self.sha256(),
        }
    }
}

/// A real photo, for what looks into it.
pub fn progresiva() -> Foto {
    Foto {
        uuid: uuid(),
        bytes: Bytes::from_static(include_bytes!(
            "../../../../multimedia/pruebas/progresiva.jpg"
        )),
        tipo: "image/jpeg",
    }
}

/// A report whose manifest names these.
pub fn reporte_con(fotos: &[&Foto]) -> Value {
    let mut reporte = reporte_en(1);
    reporte["multimedia"] = fotos.iter().map(|f| f.en_manifiesto()).collect();
    reporte
}

/// All of it, in pieces as a socket gives them.
pub fn entero(
    bytes: &Bytes,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Unpin + use<> {
    stream::iter(trozos(bytes).into_iter().map(Ok))
}

/// Then the link breaks.
pub fn cortado(
    bytes: &Bytes,
) -> impl Stream<Item = Result<Bytes, &'static str>> + Send + Unpin + use<> {
    let trozos = trozos(bytes).into_iter().map(Ok);
    stream::iter(trozos.chain([Err("se cortó")]))
}

/// Then nothing comes any more.
pub fn callado(
    bytes: &Bytes,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Unpin + use<> {
    entero(bytes).chain(stream::pending())
}

/// What comes and when it breaks is told while it is read.
pub fn mandado() -> (
    mpsc::Sender<Bytes>,
    impl Stream<Item = Result<Bytes, &'static str>> + Send + Unpin,
) {
    let (envia, llega) = mpsc::channel(1);
    let llegan = stream::unfold(llega, async |mut llega: mpsc::Receiver<Bytes>| {
        llega.recv().await.map(|bytes| (Ok(bytes), llega))
    });
    (
        envia,
        Box::pin(llegan.chain(stream::iter([Err("se cortó")]))),
    )
}

fn trozos(bytes: &Bytes) -> Vec<Bytes> {
    bytes.chunks(50_000).map(|t| bytes.slice_ref(t)).collect()
}

impl<'a> Taller<'a> {
    pub fn de(sitio: &'a Sitio) -> Self {
        Self {
            sitio,
            almacen: sitio.archivos.almacen.clone(),
            evidencia: sitio.app.evidencia().clone(),
        }
    }

    /// Another server over the same database and the same store.
    pub fn otro_servidor(&self) -> Evidencia {
        Evidencia::nueva(
            self.sitio.store.clone(),
            self.almacen.clone(),
            Limites::default(),
        )
    }

    /// A report as a server leaves it that fell before it could look for its files.
    pub async fn crea_sin_adoptar(&self, autor: &Persona, reporte: &Value) -> Value {
        let store = &self.sitio.store;
        let catalogo = store.catalogo().await.unwrap();
        let nuevo = ReporteNuevo::de_texto(&reporte.to_string(), &catalogo).unwrap();
        let zona = Zona::new("America/Santiago").unwrap();
        let op = CrearReporte::nueva(store, &autor.quien, "Rosa Díaz".into(), nuevo, &zona);
        let creado = store.escribir(op.unwrap()).await.unwrap();
        json!({"id": creado.leido.reporte.id, "uuid_cliente": reporte["uuid_cliente"]})
    }

    /// Begins an upload that must be taken.
    pub async fn crea(&self, quien: &Persona, foto: &Foto) -> Subida {
        self.evidencia
            .crea(&quien.quien, foto.anuncio(None))
            .await
            .unwrap()
    }

    /// All of a file from the beginning.
    pub async fn envia(&self, quien: &Persona, foto: &Foto) -> Result<Recibida, Rechazo> {
        let subida = self.crea(quien, foto).await;
        let cuerpo = entero(&foto.bytes);
        self.evidencia
            .recibe(&quien.quien, &subida.id, 0, None, cuerpo)
            .await
    }

    /// The bytes that a report's file has.
    pub async fn bytes_de(&self, sha256: &str) -> Option<Bytes> {
        let mut lectura = self.sitio.store.leer().await.unwrap();
        let objeto = objeto(&mut lectura, sha256).await.unwrap()?;
        drop(lectura);
        let max = usize::try_from(objeto.bytes).unwrap();
        Some(self.almacen.lee_todo(&objeto.clave, max).await.unwrap())
    }

    pub async fn claves(&self) -> BTreeSet<String> {
        claves(&self.almacen).await
    }

    /// Asked at the end of every test.
    pub async fn en_orden(&self) {
        en_orden(&self.sitio.bd, &self.almacen).await;
    }
}

async fn claves(almacen: &Almacen) -> BTreeSet<String> {
    let todas = almacen.lista("").map_ok(|o| o.clave);
    let todas: Vec<String> = todas.try_collect().await.unwrap();
    todas.into_iter().collect()
}

/// Every row has its bytes, and all bytes have a row.
pub async fn en_orden(bd: &Bd, almacen: &Almacen) {
    let textos =
        async |sql: &str| -> BTreeSet<String> { bd.textos(sql).await.into_iter().collect() };
    let de_filas = textos(
        "SELECT clave FROM objetos UNION SELECT clave FROM piezas
            UNION SELECT clave_miniatura FROM objetos WHERE clave_miniatura IS NOT NULL
            UNION SELECT clave_vista FROM objetos WHERE clave_vista IS NOT NULL",
    )
    .await;
    let basura = textos("SELECT clave FROM basura").await;
    let claves = claves(almacen).await;
    let faltan: Vec<_> = de_filas.difference(&claves).collect();
    assert_eq!(faltan, [] as [&String; 0], "filas sin bytes");
    let sobran = claves.difference(&de_filas);
    let sobran: Vec<_> = sobran
        .filter(|c| {
            !basura
                .iter()
                .any(|b| *c == b || (b.ends_with('/') && c.starts_with(b.as_str())))
        })
        .filter(|c| !c.starts_with("subidas/"))
        .collect();
    assert_eq!(sobran, [] as [&String; 0], "bytes sin fila");
    let rotas = textos(
            "SELECT s.id FROM subidas s WHERE s.terminada IS NULL AND s.recibidos <>
                (SELECT CAST(coalesce(sum(p.bytes), 0) AS BIGINT) FROM piezas p WHERE p.subida_id = s.id)").await;
    assert!(
        rotas.is_empty(),
        "los pedazos no suman lo recibido: {rotas:?}"
    );
    let sin_objeto = textos(
            "SELECT m.sha256 FROM multimedia m WHERE m.estado = 'subido'
                AND NOT EXISTS (SELECT 1 FROM objetos o WHERE o.sha256 = m.sha256 AND o.bytes = m.bytes
                    AND o.sin_uso_desde IS NULL)").await;
    assert!(
        sin_objeto.is_empty(),
        "archivos subidos sin objeto: {sin_objeto:?}"
    );
}
