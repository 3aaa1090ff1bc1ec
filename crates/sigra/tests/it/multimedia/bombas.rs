//! What is sent to fill the memory: the server's stays small, whoever sends what.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, Crc, write::ZlibEncoder};
use futures_util::{StreamExt as _, future::join_all, stream};
use serde_json::json;

use super::taller::{Foto, progresiva};
use crate::{
    arnes::{
        Bd, Motor, Nodos, Persona, Sitio,
        memoria::{MIB, olvida_pico, pico, residente},
        reporte_en, uuid,
    },
    permisos::archivos::formulario,
};

/// Above what an idle server has: of requests, and of the worker that decodes.
const PETICIONES: u64 = 64 * MIB;
const VIDEO: u64 = 16 * MIB;
const DECODIFICACION: u64 = 320 * MIB;

struct Blanco {
    nodos: Nodos,
    autor: Persona,
    reporte: i64,
    http: reqwest::Client,
}

impl Blanco {
    async fn nuevo() -> Self {
        let sitio = Sitio::nuevo(Bd::nueva(Motor::Sqlite).await.expect("SQLite")).await;
        let autor = sitio.trabajador().await;
        let reporte = sitio.crea(&autor, &reporte_en(1)).await.id();
        let nodos = Nodos::nuevos(sitio.cierra().await, 1).await;
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("cliente");
        Self {
            nodos,
            autor,
            reporte,
            http,
        }
    }

    fn url(&self, ruta: &str) -> String {
        format!("http://{}{ruta}", self.nodos.red.direccion(0))
    }

    fn pide(&self, metodo: &str, ruta: &str) -> reqwest::RequestBuilder {
        let pedido = self
            .http
            .request(metodo.parse().expect("método"), self.url(ruta));
        pedido.bearer_auth(self.nodos.red.token(&self.autor))
    }

    /// A form whose body never seems to end.
    async fn forma(&self, inicio: &str, repite: &'static [u8], veces: usize) -> u16 {
        let trozo = Bytes::from(repite.repeat(1_000));
        let trozos = stream::iter([Ok::<_, std::io::Error>(Bytes::from(inicio.to_owned()))])
            .chain(stream::iter(vec![trozo; veces / 1_000]).map(Ok));
        let pedido = self.pide("POST", &format!("/reportes/{}/multimedia", self.reporte));
        let pedido = pedido.header("content-type", "multipart/form-data; boundary=xx");
        let r = pedido.body(reqwest::Body::wrap_stream(trozos)).send().await;
        // The server may hang up on what it has refused.
        r.map_or(400, |r| r.status().as_u16())
    }

    /// A whole file by tus; its report names it.
    async fn sube(&self, foto: &Foto) -> i64 {
        let mut nuevo = reporte_en(1);
        nuevo["multimedia"] = json!([foto.en_manifiesto()]);
        let r = self
            .pide("POST", "/reportes")
            .json(&nuevo)
            .send()
            .await
            .expect("reporte");
        let r: serde_json::Value = r.json().await.expect("JSON");
        let mut pedido = self
            .pide("POST", "/multimedia/tus")
            .header("tus-resumable", "1.0.0");
        for (nombre, valor) in foto.cabeceras(None) {
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
async fn las_peticiones_caben_en_64_mib() {
    let b = Blanco::nuevo().await;
    let pid = b.nodos.pid(0);
    // Whatever is made once is made.
    let chica = b.sube(&progresiva()).await;
    b.pide("GET", &format!("/multimedia/{chica}"))
        .send()
        .await
        .expect("baja");
    let quieto = residente(pid);
    olvida_pico(pid);
    let cabecera = "--xx\r\ncontent-disposition: form-data; name=\"archivo\"\r\nx: ";
    let vacias: &[u8] = b"--xx\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n\r\n";
    let formas = join_all((0..8).map(async |n| match n % 3 {
        0 => b.forma(cabecera, b"xxxxxxxxxxxxxxxx", 500_000).await,
        1 => b.forma("", vacias, 100_000).await,
        _ => b.forma("--xx\r\n", b"a: b\r\n", 1_000_000).await,
    }));
    assert!(formas.await.iter().all(|s| *s == 400));
    let con_formas = pico(pid).saturating_sub(quieto);
    // Large files, eight at a time each way.
    let fotos: Vec<Foto> = (0..8).map(|_| Foto::nueva(20 * 1024 * 1024)).collect();
    let ids = join_all(fotos.iter().map(|f| b.sube(f))).await;
    let con_tus = pico(pid).saturating_sub(quieto);
    olvida_pico(pid);
    let formularios = join_all(fotos.iter().map(async |f| {
        let (tipo, cuerpo) = formulario(
            &[],
            &Foto {
                uuid: uuid(),
                ..f.clone()
            },
        );
        let pedido = b.pide("POST", &format!("/reportes/{}/multimedia", b.reporte));
        let r = pedido
            .header("content-type", tipo)
            .body(cuerpo)
            .send()
            .await
            .expect("formulario");
        r.status().as_u16()
    }));
    assert!(formularios.await.iter().all(|s| *s == 201));
    let con_subidas = pico(pid).saturating_sub(quieto);
    let bajadas = join_all(ids.iter().zip(&fotos).map(async |(id, foto)| {
        let r = b
            .pide("GET", &format!("/multimedia/{id}"))
            .send()
            .await
            .expect("baja");
        r.bytes().await.expect("baja") == foto.bytes
    }));
    assert!(bajadas.await.into_iter().all(|igual| igual));
    let pico = pico(pid).saturating_sub(quieto);
    println!(
        "MiB sobre {} en reposo: formularios malos {}, tus {}, formularios {}, en total {}",
        quieto / MIB,
        con_formas / MIB,
        con_tus / MIB,
        con_subidas / MIB,
        pico / MIB
    );
    assert!(pico <= PETICIONES, "{} MiB", pico / MIB);
    Sitio::nuevo(b.nodos.cierra().await)
        .await
        .en_orden_y_fuera()
        .await;
}

/// The largest file there may be, up and down again, costs neither its length nor a tenth of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn un_video_de_200_mib_no_pasa_por_la_memoria() {
    let b = Blanco::nuevo().await;
    let pid = b.nodos.pid(0);
    let chica = b.sube(&progresiva()).await;
    b.pide("GET", &format!("/multimedia/{chica}"))
        .send()
        .await
        .expect("baja");
    let mut bytes = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42".to_vec();
    bytes.resize(usize::try_from(200 * MIB).expect("cabe"), 7);
    let video = Foto {
        uuid: uuid(),
        bytes: bytes.into(),
        tipo: "video/mp4",
    };
    let quieto = residente(pid);
    olvida_pico(pid);
    let id = b.sube(&video).await;
    let con_subida = pico(pid).saturating_sub(quieto);
    olvida_pico(pid);
    let pedido = b.pide("GET", &format!("/multimedia/{id}"));
    let mut trozos = pedido.send().await.expect("baja").bytes_stream();
    let mut van = 0;
    while let Some(trozo) = trozos.next().await {
        let trozo = trozo.expect("baja");
        assert!(trozo == video.bytes.slice(van..van + trozo.len()));
        van += trozo.len();
    }
    assert_eq!(van, video.bytes.len());
    let con_bajada = pico(pid).saturating_sub(quieto);
    println!(
        "MiB sobre {} en reposo: subida {}, bajada {}",
        quieto / MIB,
        con_subida / MIB,
        con_bajada / MIB
    );
    assert!(con_subida <= VIDEO, "{} MiB", con_subida / MIB);
    assert!(con_bajada <= VIDEO, "{} MiB", con_bajada / MIB);
    Sitio::nuevo(b.nodos.cierra().await)
        .await
        .en_orden_y_fuera()
        .await;
}

/// A PNG of this size, all black, and whatever chunks before its pixels.
fn png(ancho: u32, alto: u32, antes: &[(&[u8; 4], Vec<u8>)]) -> Foto {
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
    Foto {
        uuid: uuid(),
        bytes: bytes.into(),
        tipo: "image/png",
    }
}

/// A gigabyte of zeros, small.
fn ceros() -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    let mega = vec![0; 1024 * 1024];
    for _ in 0..1_024 {
        zlib.write_all(&mega).expect("zlib");
    }
    zlib.finish().expect("zlib")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn las_vistas_caben_en_320_mib() {
    let b = Blanco::nuevo().await;
    let pid = b.nodos.pid(0);
    let vista = async |id: i64| {
        let ruta = format!("/multimedia/{id}/miniatura");
        loop {
            let r = b.pide("GET", &ruta).send().await.expect("miniatura");
            let (status, texto) = (r.status().as_u16(), r.bytes().await.expect("miniatura"));
            if !String::from_utf8_lossy(&texto).contains("vista_en_proceso") {
                return status;
            }
        }
    };
    let chica = b.sube(&progresiva()).await;
    assert_eq!(vista(chica).await, 200);
    let quieto = residente(pid);
    olvida_pico(pid);
    let texto = [b"zTXt\0\0".to_vec(), ceros()].concat();
    let perfil = [b"icc\0\0".to_vec(), ceros()].concat();
    let trozos: Vec<(&[u8; 4], Vec<u8>)> = vec![(b"tEXt", b"a\0b".to_vec()); 100_000];
    let bombas = [
        (png(9_999, 10_000, &[]), None),
        (png(300, 200, &[(b"zTXt", texto)]), Some(200)),
        (png(300, 200, &[(b"iCCP", perfil)]), Some(200)),
        (png(300, 200, &trozos), Some(200)),
    ];
    for (foto, espera) in bombas {
        let id = b.sube(&foto).await;
        let status = vista(id).await;
        // Within its memory it has a view; or it has none, and is there all the same.
        assert!(
            espera.map_or([200, 404].contains(&status), |e| e == status),
            "{status}"
        );
        let r = b
            .pide("GET", &format!("/multimedia/{id}"))
            .send()
            .await
            .expect("baja");
        assert!(r.bytes().await.expect("baja") == foto.bytes);
        let pico = pico(pid).saturating_sub(quieto);
        println!(
            "MiB sobre {} en reposo: {} ({status})",
            quieto / MIB,
            pico / MIB
        );
        assert!(pico <= DECODIFICACION, "{} MiB", pico / MIB);
    }
    Sitio::nuevo(b.nodos.cierra().await)
        .await
        .en_orden_y_fuera()
        .await;
}
