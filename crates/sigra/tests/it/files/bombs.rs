//! What is sent to fill the memory: the server's stays small, whoever sends what.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, Crc, write::ZlibEncoder};
use futures_util::{StreamExt as _, future::join_all, stream};
use serde_json::json;

use sigra_testkit::files::{Photo, multipart_form, progressive_photo};
use sigra_testkit::{
    DbKind, Nodes, Persona, TestDb, TestSite, client,
    memory::{MIB, peak, reset_peak, resident},
    reporte_in, uuid,
};

/// Above what an idle server has: of requests, and of the worker that decodes.
const REQUEST_MEMORY: u64 = 64 * MIB;
const VIDEO_MEMORY: u64 = 16 * MIB;
const DECODE_MEMORY: u64 = 320 * MIB;

struct UploadTarget {
    nodos: Nodes,
    autor: Persona,
    reporte: i64,
    http: reqwest::Client,
}

impl UploadTarget {
    async fn new() -> Self {
        let sitio = TestSite::new(TestDb::new(DbKind::Sqlite).await.expect("SQLite")).await;
        let autor = sitio.trabajador().await;
        let reporte = sitio.create(&autor, &reporte_in(1)).await.id();
        let nodos = Nodes::new(sitio.close().await, 1).await;
        let http = client::http();
        Self {
            nodos,
            autor,
            reporte,
            http,
        }
    }

    fn url(&self, ruta: &str) -> String {
        format!("http://{}{ruta}", self.nodos.red.address(0))
    }

    fn request(&self, metodo: &str, ruta: &str) -> reqwest::RequestBuilder {
        let pedido = self
            .http
            .request(metodo.parse().expect("método"), self.url(ruta));
        pedido.bearer_auth(self.nodos.red.token(&self.autor))
    }

    /// A form whose body never seems to end.
    async fn send_endless_form(&self, inicio: &str, repite: &'static [u8], veces: usize) -> u16 {
        let trozo = Bytes::from(repite.repeat(1_000));
        let trozos = stream::iter([Ok::<_, std::io::Error>(Bytes::from(inicio.to_owned()))])
            .chain(stream::iter(vec![trozo; veces / 1_000]).map(Ok));
        let pedido = self.request("POST", &format!("/reportes/{}/multimedia", self.reporte));
        let pedido = pedido.header("content-type", "multipart/form-data; boundary=xx");
        let r = pedido.body(reqwest::Body::wrap_stream(trozos)).send().await;
        // The server may hang up on what it has refused.
        r.map_or(400, |r| r.status().as_u16())
    }

    /// A whole file by tus; its report names it.
    async fn upload(&self, foto: &Photo) -> i64 {
        let mut nuevo = reporte_in(1);
        nuevo["multimedia"] = json!([foto.manifest_entry()]);
        let r = self
            .request("POST", "/reportes")
            .json(&nuevo)
            .send()
            .await
            .expect("reporte");
        let r: serde_json::Value = r.json().await.expect("JSON");
        let mut pedido = self
            .request("POST", "/multimedia/tus")
            .header("tus-resumable", "1.0.0");
        for (nombre, valor) in foto.headers(None) {
            pedido = pedido.header(nombre, valor);
        }
        let pedido = pedido.header("content-type", "application/offset+octet-stream");
        let subida = pedido
            .body(foto.bytes.clone())
            .send()
            .await
            .expect("subida");
        assert_eq!(subida.status().as_u16(), 201);
        assert_eq!(
            subida.headers()["upload-offset"],
            foto.bytes.len().to_string()
        );
        r["multimedia"][0]["id"].as_i64().expect("id")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_fit_in_64_mib() {
    let b = UploadTarget::new().await;
    let pid = b.nodos.pid(0);
    // Whatever is made once is made.
    let chica = b.upload(&progressive_photo()).await;
    b.request("GET", &format!("/multimedia/{chica}"))
        .send()
        .await
        .expect("baja");
    let quieto = resident(pid);
    reset_peak(pid);
    let cabecera = "--xx\r\ncontent-disposition: form-data; name=\"archivo\"\r\nx: ";
    let vacias: &[u8] = b"--xx\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n\r\n";
    let formas = join_all((0..8).map(async |n| {
        match n % 3 {
            0 => {
                b.send_endless_form(cabecera, b"xxxxxxxxxxxxxxxx", 500_000)
                    .await
            }
            1 => b.send_endless_form("", vacias, 100_000).await,
            _ => {
                b.send_endless_form("--xx\r\n", b"a: b\r\n", 1_000_000)
                    .await
            }
        }
    }));
    assert!(formas.await.iter().all(|s| *s == 400));
    let con_formas = peak(pid).saturating_sub(quieto);
    // Large files, eight at a time each way.
    let fotos: Vec<Photo> = (0..8).map(|_| Photo::new(20 * 1024 * 1024)).collect();
    let ids = join_all(fotos.iter().map(|f| b.upload(f))).await;
    let con_tus = peak(pid).saturating_sub(quieto);
    reset_peak(pid);
    let formularios = join_all(fotos.iter().map(async |f| {
        let (tipo, cuerpo) = multipart_form(
            &[],
            &Photo {
                uuid: uuid(),
                ..f.clone()
            },
        );
        let pedido = b.request("POST", &format!("/reportes/{}/multimedia", b.reporte));
        let r = pedido
            .header("content-type", tipo)
            .body(cuerpo)
            .send()
            .await
            .expect("formulario");
        r.status().as_u16()
    }));
    assert!(formularios.await.iter().all(|s| *s == 201));
    let con_subidas = peak(pid).saturating_sub(quieto);
    let bajadas = join_all(ids.iter().zip(&fotos).map(async |(id, foto)| {
        let r = b
            .request("GET", &format!("/multimedia/{id}"))
            .send()
            .await
            .expect("baja");
        r.bytes().await.expect("baja") == foto.bytes
    }));
    assert!(bajadas.await.into_iter().all(|igual| igual));
    let pico = peak(pid).saturating_sub(quieto);
    println!(
        "MiB sobre {} en reposo: formularios malos {}, tus {}, formularios {}, en total {}",
        quieto / MIB,
        con_formas / MIB,
        con_tus / MIB,
        con_subidas / MIB,
        pico / MIB
    );
    assert!(pico <= REQUEST_MEMORY, "{} MiB", pico / MIB);
    TestSite::new(b.nodos.close().await)
        .await
        .assert_consistent_and_finish()
        .await;
}

/// The largest file there may be, up and down again, costs neither its length nor a tenth of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_video_of_200_mib_does_not_go_through_memory() {
    let b = UploadTarget::new().await;
    let pid = b.nodos.pid(0);
    let chica = b.upload(&progressive_photo()).await;
    b.request("GET", &format!("/multimedia/{chica}"))
        .send()
        .await
        .expect("baja");
    let mut bytes = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42".to_vec();
    bytes.resize(usize::try_from(200 * MIB).expect("cabe"), 7);
    let video = Photo {
        uuid: uuid(),
        bytes: bytes.into(),
        tipo: "video/mp4",
    };
    let quieto = resident(pid);
    reset_peak(pid);
    let id = b.upload(&video).await;
    let con_subida = peak(pid).saturating_sub(quieto);
    reset_peak(pid);
    let pedido = b.request("GET", &format!("/multimedia/{id}"));
    let mut trozos = pedido.send().await.expect("baja").bytes_stream();
    let mut van = 0;
    while let Some(trozo) = trozos.next().await {
        let trozo = trozo.expect("baja");
        assert!(trozo == video.bytes.slice(van..van + trozo.len()));
        van += trozo.len();
    }
    assert_eq!(van, video.bytes.len());
    let con_bajada = peak(pid).saturating_sub(quieto);
    println!(
        "MiB sobre {} en reposo: subida {}, bajada {}",
        quieto / MIB,
        con_subida / MIB,
        con_bajada / MIB
    );
    assert!(con_subida <= VIDEO_MEMORY, "{} MiB", con_subida / MIB);
    assert!(con_bajada <= VIDEO_MEMORY, "{} MiB", con_bajada / MIB);
    TestSite::new(b.nodos.close().await)
        .await
        .assert_consistent_and_finish()
        .await;
}

/// A PNG of this size, all black, and whatever chunks before its pixels.
fn png(ancho: u32, alto: u32, antes: &[(&[u8; 4], Vec<u8>)]) -> Photo {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut trozo = |tipo: &[u8; 4], datos: &[u8]| {
        bytes.extend(u32::try_from(datos.len()).expect("cabe").to_be_bytes());
        bytes.extend(tipo);
        bytes.extend(datos);
        let mut crc = Crc::new();
        crc.update(tipo);
        crc.update(datos);
        bytes.extend(crc.sum().to_be_bytes());
    };
    let medidas = [ancho.to_be_bytes(), alto.to_be_bytes()].concat();
    trozo(b"IHDR", &[&medidas[..], &[8, 2, 0, 0, 0]].concat());
    for (tipo, datos) in antes {
        trozo(tipo, datos);
    }
    let fila = vec![0; 1 + 3 * ancho as usize];
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    for _ in 0..alto {
        zlib.write_all(&fila).expect("zlib");
    }
    trozo(b"IDAT", &zlib.finish().expect("zlib"));
    trozo(b"IEND", &[]);
    Photo {
        uuid: uuid(),
        bytes: bytes.into(),
        tipo: "image/png",
    }
}

/// A gigabyte of zeros, small.
fn compressed_zeros() -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    let mega = vec![0; 1024 * 1024];
    for _ in 0..1_024 {
        zlib.write_all(&mega).expect("zlib");
    }
    zlib.finish().expect("zlib")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn previews_fit_in_320_mib() {
    let b = UploadTarget::new().await;
    let pid = b.nodos.pid(0);
    let vista = async |id: i64| {
        let ruta = format!("/multimedia/{id}/miniatura");
        loop {
            let r = b.request("GET", &ruta).send().await.expect("miniatura");
            let (status, texto) = (r.status().as_u16(), r.bytes().await.expect("miniatura"));
            if !String::from_utf8_lossy(&texto).contains("vista_en_proceso") {
                return status;
            }
        }
    };
    let chica = b.upload(&progressive_photo()).await;
    assert_eq!(vista(chica).await, 200);
    let quieto = resident(pid);
    reset_peak(pid);
    let texto = [b"zTXt\0\0".to_vec(), compressed_zeros()].concat();
    let perfil = [b"icc\0\0".to_vec(), compressed_zeros()].concat();
    let trozos: Vec<(&[u8; 4], Vec<u8>)> = vec![(b"tEXt", b"a\0b".to_vec()); 100_000];
    let bombas = [
        (png(9_999, 10_000, &[]), None),
        (png(300, 200, &[(b"zTXt", texto)]), Some(200)),
        (png(300, 200, &[(b"iCCP", perfil)]), Some(200)),
        (png(300, 200, &trozos), Some(200)),
    ];
    for (foto, espera) in bombas {
        let id = b.upload(&foto).await;
        let status = vista(id).await;
        // Within its memory it has a view; or it has none, and is there all the same.
        assert!(
            espera.map_or([200, 404].contains(&status), |e| e == status),
            "{status}"
        );
        let r = b
            .request("GET", &format!("/multimedia/{id}"))
            .send()
            .await
            .expect("baja");
        assert!(r.bytes().await.expect("baja") == foto.bytes);
        let pico = peak(pid).saturating_sub(quieto);
        println!(
            "MiB sobre {} en reposo: {} ({status})",
            quieto / MIB,
            pico / MIB
        );
        assert!(pico <= DECODE_MEMORY, "{} MiB", pico / MIB);
    }
    TestSite::new(b.nodos.close().await)
        .await
        .assert_consistent_and_finish()
        .await;
}
