//! What tests of files need: a place for the bytes beside a site's database, and links that break.

use std::{collections::BTreeSet, convert::Infallible};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use sigra_domain::{Zona, reporte::NewReporte, sha256_hex};
use sigra_files::blobs::BlobStore;
use sigra_files::{FileRefusal, FileService, Limits, UploadProgress, UploadSpec};
use sigra_store::{
    reportes::CreateReporte,
    uploads::{Upload, find_blob},
};
use tokio::sync::mpsc;

use super::{DbKind, Persona, Rng, SiteOptions, TestDb, TestSite, reporte_in, run_with, uuid};

pub struct FilesFixture<'a> {
    pub sitio: &'a TestSite,
    pub blobs: BlobStore,
    pub files: FileService,
}

/// A file that a phone holds.
#[derive(Clone, Debug)]
pub struct Photo {
    pub uuid: String,
    pub bytes: Bytes,
    pub tipo: &'static str,
}

impl Photo {
    /// Bytes like a JPEG's at the beginning, and unlike any other file's after. No size stands in it: what
    /// is random could say any.
    pub fn new(largo: usize) -> Self {
        let mut azar = Rng::silent();
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

    pub fn size(&self) -> i64 {
        i64::try_from(self.bytes.len()).unwrap()
    }

    /// As a manifest names it.
    pub fn manifest_entry(&self) -> Value {
        json!({"uuid_cliente": self.uuid, "nombre": "roca.jpg", "tipo": self.tipo,
            "bytes": self.bytes.len(), "sha256": self.sha256()})
    }

    /// As the headers of an upload name it.
    pub fn headers(&self, reporte_uuid: Option<&str>) -> Vec<(&'static str, String)> {
        let par = |clave: &str, valor: &str| format!("{clave} {}", STANDARD.encode(valor));
        let mut pares = vec![
            par("multimedia_uuid", &self.uuid),
            par("sha256", &self.sha256()),
            par("filename", "roca.jpg"),
            par("filetype", self.tipo),
        ];
        pares.extend(reporte_uuid.map(|u| par("reporte_uuid", u)));
        vec![
            ("upload-length", self.size().to_string()),
            ("upload-metadata", pares.join(",")),
        ]
    }

    pub fn announcement(&self, reporte_uuid: Option<&str>) -> UploadSpec {
        UploadSpec {
            multimedia_uuid: self.uuid.clone(),
            reporte_uuid: reporte_uuid.map(Into::into),
            nombre: "roca.jpg".into(),
            tipo: self.tipo.into(),
            bytes: self.size(),
            sha256: self.sha256(),
        }
    }
}

/// A real photo, for what looks into it.
pub fn progressive_photo() -> Photo {
    Photo {
        uuid: uuid(),
        bytes: Bytes::from_static(include_bytes!("../../../media/samples/progresiva.jpg")),
        tipo: "image/jpeg",
    }
}

/// A form with these texts and, last, the file: its type and its bytes.
pub fn multipart_form(textos: &[(&str, &str)], foto: &Photo) -> (String, Vec<u8>) {
    let mut cuerpo = Vec::new();
    for (nombre, valor) in textos {
        let parte =
            format!("--xx\r\ncontent-disposition: form-data; name=\"{nombre}\"\r\n\r\n{valor}\r\n");
        cuerpo.extend(parte.into_bytes());
    }
    cuerpo.extend(
        b"--xx\r\ncontent-disposition: form-data; name=\"archivo\"; filename=\"roca.jpg\"\r\n",
    );
    cuerpo.extend(b"content-type: image/jpeg\r\n\r\n");
    cuerpo.extend(&foto.bytes);
    cuerpo.extend(b"\r\n--xx--\r\n");
    ("multipart/form-data; boundary=xx".into(), cuerpo)
}

/// A report whose manifest names these.
pub fn reporte_with(fotos: &[&Photo]) -> Value {
    let mut reporte = reporte_in(1);
    reporte["multimedia"] = fotos.iter().map(|f| f.manifest_entry()).collect();
    reporte
}

/// All of it, in pieces as a socket gives them.
pub fn whole(
    bytes: &Bytes,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Unpin + use<> {
    stream::iter(chunks(bytes).into_iter().map(Ok))
}

/// Then the link breaks.
pub fn cut_off(
    bytes: &Bytes,
) -> impl Stream<Item = Result<Bytes, &'static str>> + Send + Unpin + use<> {
    let trozos = chunks(bytes).into_iter().map(Ok);
    stream::iter(trozos.chain([Err("se cortó")]))
}

/// Then nothing comes any more.
pub fn silent(
    bytes: &Bytes,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Unpin + use<> {
    whole(bytes).chain(stream::pending())
}

/// What comes and when it breaks is told while it is read.
pub fn channel_stream() -> (
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

fn chunks(bytes: &Bytes) -> Vec<Bytes> {
    bytes.chunks(50_000).map(|t| bytes.slice_ref(t)).collect()
}

impl FilesFixture<'_> {
    /// Runs one test on a site of its own and asks, when it ends, whether rows and bytes belong together.
    pub async fn run(
        motor: DbKind,
        ajuste: SiteOptions,
        prueba: impl AsyncFnOnce(&FilesFixture<'_>),
    ) {
        run_with(motor, ajuste, async |sitio| {
            let taller = FilesFixture::new(sitio);
            prueba(&taller).await;
            taller.assert_consistent().await;
        })
        .await;
    }
}

impl<'a> FilesFixture<'a> {
    pub fn new(sitio: &'a TestSite) -> Self {
        Self {
            sitio,
            blobs: sitio.archivos.blobs.clone(),
            files: sitio.app.files().clone(),
        }
    }

    /// Another server over the same database and the same store.
    pub fn other_server(&self) -> FileService {
        FileService::new(
            self.sitio.store.clone(),
            self.blobs.clone(),
            Limits::default(),
        )
    }

    /// A report as a server leaves it that fell before it could look for its files.
    pub async fn create_without_adopting(&self, autor: &Persona, reporte: &Value) -> Value {
        let store = &self.sitio.store;
        let catalogo = store.catalogo().await.unwrap();
        let nuevo = NewReporte::from_json(&reporte.to_string(), &catalogo).unwrap();
        let zona = Zona::new("America/Santiago").unwrap();
        let op = CreateReporte::new(store, &autor.quien, "Rosa Díaz".into(), nuevo, &zona);
        let creado = store.write(op.unwrap()).await.unwrap();
        json!({"id": creado.leido.reporte.id, "uuid_cliente": reporte["uuid_cliente"]})
    }

    /// Begins an upload that must be taken.
    pub async fn create(&self, quien: &Persona, foto: &Photo) -> Upload {
        self.files
            .create(&quien.quien, foto.announcement(None))
            .await
            .unwrap()
    }

    /// All of a file from the beginning.
    pub async fn send(&self, quien: &Persona, foto: &Photo) -> Result<UploadProgress, FileRefusal> {
        let subida = self.create(quien, foto).await;
        let cuerpo = whole(&foto.bytes);
        self.files
            .receive(&quien.quien, &subida.id, 0, None, cuerpo)
            .await
    }

    /// The bytes that a report's file has.
    pub async fn file_bytes(&self, sha256: &str) -> Option<Bytes> {
        let mut lectura = self.sitio.store.read().await.unwrap();
        let objeto = find_blob(&mut lectura, sha256).await.unwrap()?;
        drop(lectura);
        let max = usize::try_from(objeto.bytes).unwrap();
        Some(self.blobs.read_all(&objeto.clave, max).await.unwrap())
    }

    pub async fn keys(&self) -> BTreeSet<String> {
        keys(&self.blobs).await
    }

    /// Asked at the end of every test.
    pub async fn assert_consistent(&self) {
        assert_consistent(&self.sitio.bd, &self.blobs).await;
    }
}

async fn keys(blobs: &BlobStore) -> BTreeSet<String> {
    let todas = blobs.list("").map_ok(|o| o.clave);
    let todas: Vec<String> = todas.try_collect().await.unwrap();
    todas.into_iter().collect()
}

/// Every row has its bytes, and all bytes have a row.
pub async fn assert_consistent(bd: &TestDb, blobs: &BlobStore) {
    let textos =
        async |sql: &str| -> BTreeSet<String> { bd.texts(sql).await.into_iter().collect() };
    let de_filas = textos(
        "SELECT clave FROM objetos UNION SELECT clave FROM piezas
            UNION SELECT clave_miniatura FROM objetos WHERE clave_miniatura IS NOT NULL
            UNION SELECT clave_vista FROM objetos WHERE clave_vista IS NOT NULL",
    )
    .await;
    let basura = textos("SELECT clave FROM basura").await;
    let claves = keys(blobs).await;
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
