//! Whoever sends slowly, or never ends, keeps nobody else out.

use std::time::Duration;

use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};

use crate::{
    arnes::{Persona, Sitio, reporte_en},
    bytes_ajenos::crudo::conecta,
    en_ambas,
};

const MAXIMO: usize = 8 * 1024 * 1024;
const PLAZO: Duration = Duration::from_mins(1);

/// A batch of which all but the last byte has been sent.
async fn a_medias(sitio: &Sitio, quien: &Persona) -> TcpStream {
    let mut c = conecta(&sitio.url).await;
    let cabeceras = format!(
        "POST /sync/batch HTTP/1.1\r\nHost: sigra\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {MAXIMO}\r\n\r\n",
        quien.token
    );
    c.write_all(cabeceras.as_bytes()).await.unwrap();
    c.write_all(&vec![b' '; MAXIMO - 1]).await.unwrap();
    c
}

/// Waits until the server holds that much.
async fn retenidos(sitio: &Sitio, kib: usize) {
    let llega = async {
        while sitio.app.memoria_de_sync_kib() != kib {
            tokio::task::yield_now().await;
        }
    };
    let r = timeout(PLAZO, llega).await;
    assert!(r.is_ok(), "{} KiB", sitio.app.memoria_de_sync_kib());
}

en_ambas! {
    async fn lo_que_uno_no_termina_no_frena_a_los_otros(sitio: &Sitio) {
        let (lento, otra) = (sitio.trabajador().await, sitio.trabajador().await);
        let abiertas = [a_medias(sitio, &lento).await, a_medias(sitio, &lento).await];
        retenidos(sitio, 2 * (8 * 1024 + 256)).await;
        // Their own part is full: come back later.
        let r = sitio.envia_lote(&lento, &[reporte_en(1)]).await.espera(503, "servidor_ocupado");
        assert!(!r.header("retry-after").is_empty());
        // Everybody else goes on.
        assert_eq!(sitio.lote(&otra, &[reporte_en(1)]).await["resumen"]["creado"], 1);
        // What a broken link leaves is given back.
        drop(abiertas);
        retenidos(sitio, 0).await;
        assert_eq!(sitio.lote(&lento, &[reporte_en(1)]).await["resumen"]["creado"], 1);
    }
}
