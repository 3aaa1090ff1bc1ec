//! Whoever sends slowly, or never ends, keeps nobody else out.

use std::time::Duration;

use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};

use crate::{
    arnes::{Persona, Sitio, reporte_en},
    en_ambas,
};

const MAXIMO: usize = 8 * 1024 * 1024;
const PLAZO: Duration = Duration::from_mins(1);

/// A batch of which all but the last byte has been sent.
async fn a_medias(sitio: &Sitio, quien: &Persona) -> TcpStream {
    let mut c = TcpStream::connect(sitio.url.trim_start_matches("http://"))
        .await
        .unwrap();
    let cabeceras = format!(
        "POST /sync/batch HTTP/1.1\r\nHost: sigra\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {MAXIMO}\r\n\r\n",
        quien.token
    );
    c.write_all(cabeceras.as_bytes()).await.unwrap();
    c.write_all(&vec![b' '; MAXIMO - 1]).await.unwrap();
    c
}

/// Asks until a batch of theirs is answered so.
async fn hasta(sitio: &Sitio, quien: &Persona, status: u16) {
    let pide = async {
        while sitio.envia_lote(quien, &[reporte_en(1)]).await.status != status {
            tokio::task::yield_now().await;
        }
    };
    timeout(PLAZO, pide)
        .await
        .unwrap_or_else(|_| panic!("nunca {status}"));
}

en_ambas! {
    async fn lo_que_uno_no_termina_no_frena_a_los_otros(sitio: &Sitio) {
        let (lento, otra) = (sitio.trabajador().await, sitio.trabajador().await);
        let abiertas = [a_medias(sitio, &lento).await, a_medias(sitio, &lento).await];
        // Their own part is full: come back later.
        hasta(sitio, &lento, 503).await;
        let r = sitio.envia_lote(&lento, &[reporte_en(1)]).await;
        assert_eq!((r.status, r.json["codigo"].as_str()), (503, Some("servidor_ocupado")), "{r:?}");
        assert!(!r.header("retry-after").is_empty());
        // Everybody else goes on.
        assert_eq!(sitio.lote(&otra, &[reporte_en(1)]).await["resumen"]["creado"], 1);
        // And what a broken link leaves is given back.
        drop(abiertas);
        hasta(sitio, &lento, 200).await;
    }
}
