//! The disk fills up in the middle of an upload: it is said, nothing is broken, and the upload goes on
//! where it stood once there is space again.

use serde_json::json;

use super::taller::Foto;
use crate::{
    arnes::reporte_en,
    arnes::{
        Bd, Motor, Pedido, Respuesta, Sitio,
        proceso::{Proceso, firma_de_pruebas},
    },
    muerte::disco::Disco,
};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_el_disco_lleno_espera_y_despues_sigue() {
    let Some(disco) = Disco::nuevo().await else {
        eprintln!("aquí no se puede montar un disco: no se probó el disco lleno");
        return;
    };
    let sitio = Sitio::nuevo(Bd::nueva(Motor::Sqlite).await.expect("SQLite")).await;
    let autor = sitio.trabajador().await;
    let bd = sitio.cierra().await;
    let dir = tempfile::tempdir().expect("directorio");
    firma_de_pruebas(dir.path());
    let archivos = disco.punto.path().join("archivos");
    let variables = [("SIGRA_ARCHIVOS_DIR", archivos.to_str().expect("UTF-8"))];
    let servidor = Proceso::arranca_tras(&disco.entrada, &bd.url, dir.path(), &variables).await;
    let servidor = servidor.expect("arranca");
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("cliente");
    let pide = |metodo: &str, ruta: &str| {
        let pedido = Pedido::nuevo(&http, &servidor.url, metodo, ruta).como(&autor);
        pedido.header("tus-resumable", "1.0.0")
    };
    let foto = Foto::nueva(12 * MIB);
    let mut nuevo = reporte_en(1);
    nuevo["multimedia"] = json!([foto.en_manifiesto()]);
    let reporte = pide("POST", "/reportes")
        .json(&nuevo)
        .envia()
        .await
        .espera(201, "")
        .json;
    let mut creacion = pide("POST", "/multimedia/tus");
    for (nombre, valor) in foto.cabeceras(None) {
        creacion = creacion.header(nombre, &valor);
    }
    let lugar = creacion
        .envia()
        .await
        .espera(201, "")
        .header("location")
        .to_owned();
    let agrega = async |desde: usize, hasta: usize| -> Respuesta {
        let pedido = pide("PATCH", &lugar).header("upload-offset", &desde.to_string());
        let pedido = pedido.header("content-type", "application/offset+octet-stream");
        pedido.cuerpo(foto.bytes.slice(desde..hasta)).envia().await
    };
    let va_en = async || {
        let r = pide("HEAD", &lugar).envia().await.espera(200, "");
        r.header("upload-offset").parse::<usize>().expect("número")
    };
    let mut hay = 3 * MIB;
    agrega(0, hay).await.espera(204, "");
    // Nothing left; less than what comes; then less than the whole file once more, which its end needs.
    for libres in [0, 2 * MIB, 10 * MIB] {
        disco.llena(u64::try_from(libres).expect("cabe"));
        for _ in 0..3 {
            let r = agrega(hay, foto.bytes.len())
                .await
                .espera(507, "sin_espacio");
            assert_eq!(r.json["permanente"], false);
            let ahora = va_en().await;
            assert!((hay..foto.bytes.len()).contains(&ahora), "{ahora}");
            hay = ahora;
        }
        // What is read and written elsewhere goes on.
        pide("GET", &format!("/reportes/{}", reporte["id"]))
            .envia()
            .await
            .espera(200, "");
        disco.vacia();
    }
    agrega(hay, foto.bytes.len()).await.espera(204, "");
    let id = &reporte["multimedia"][0]["id"];
    let url = format!("{}/multimedia/{id}", servidor.url);
    let r = http
        .get(url)
        .bearer_auth(&autor.token)
        .send()
        .await
        .expect("baja");
    assert!(r.bytes().await.expect("baja") == foto.bytes);
    assert!(servidor.termina().await.success());
    Sitio::nuevo(bd).await.en_orden_y_fuera().await;
}
