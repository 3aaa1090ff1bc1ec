//! What nothing needs goes after a day, and nothing else ever.

use sigra_domain::Instante;
use sigra_evidencia::{Barrido, Rechazo};
use sigra_store::multimedia::{SoltarObjeto, sin_uso};

use super::taller::{Foto, Taller, cortado, reporte_con};
use crate::{
    arnes::{cuenta, uuid},
    en_cuatro,
};

en_cuatro! {
    async fn lo_abandonado_se_va(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let reloj = t.sitio.store.entorno().clone();
        let (a_medias, sin_reporte, con_reporte) = (Foto::nueva(9_000), Foto::nueva(8_000), Foto::nueva(7_000));
        t.sitio.crea(&autor, &reporte_con(&[&con_reporte])).await;
        t.envia(&autor, &con_reporte).await.unwrap();
        t.envia(&autor, &sin_reporte).await.unwrap();
        let s = t.crea(&autor, &a_medias).await;
        let r = t.evidencia.recibe(&autor.quien, &s.id, 0, None, cortado(&a_medias.bytes.slice(..5_000))).await;
        assert!(matches!(r, Err(Rechazo::Interrumpida)), "{r:?}");
        assert_eq!(t.evidencia.barre(false).await.unwrap(), Barrido::default());
        assert_eq!(t.claves().await.len(), 3);

        // Nobody went on for a week, and no report came.
        reloj.adelanta(7 * Instante::DIA + 1_000);
        let que = Barrido { subidas: 3, objetos: 0, restos: 0 };
        assert_eq!(t.evidencia.barre(true).await.unwrap(), que);
        assert_eq!(t.claves().await.len(), 3, "un simulacro no borra");
        assert_eq!(t.evidencia.barre(false).await.unwrap(), que);
        assert_eq!(t.claves().await.len(), 2, "los pedazos se fueron");
        assert_eq!(t.evidencia.barre(false).await.unwrap(), Barrido::default());
        reloj.adelanta(Instante::DIA + 1_000);
        assert_eq!(t.evidencia.barre(false).await.unwrap(), Barrido { objetos: 1, ..Barrido::default() });
        assert!(t.bytes_de(&sin_reporte.sha256()).await.is_none());
        assert_eq!(t.bytes_de(&con_reporte.sha256()).await.unwrap(), con_reporte.bytes);
        assert_eq!(t.claves().await.len(), 1);
        // And it can come again.
        t.envia(&autor, &sin_reporte).await.unwrap();
    }

    /// The same bytes come again at the moment at which they go.
    async fn nadie_borra_lo_que_otro_empieza_a_usar(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let reloj = t.sitio.store.entorno().clone();
        for _ in 0..cuenta(60) {
            let vieja = Foto::nueva(3_000);
            t.envia(&autor, &vieja).await.unwrap();
            reloj.adelanta(7 * Instante::DIA + 1_000);
            t.evidencia.barre(false).await.unwrap();
            reloj.adelanta(Instante::DIA + 1_000);
            let nueva = Foto { uuid: uuid(), ..vieja };
            t.sitio.crea(&t.sitio.sesion(autor.quien.clone()).await, &reporte_con(&[&nueva])).await;
            let (barrido, recibida) = tokio::join!(t.evidencia.barre(false), t.envia(&autor, &nueva));
            barrido.unwrap();
            assert!(recibida.unwrap().reporte.is_some());
            assert_eq!(t.bytes_de(&nueva.sha256()).await.unwrap(), nueva.bytes);
        }
    }

    /// The sweeper had seen it without use, and then somebody used it.
    async fn lo_visto_sin_uso_se_mira_otra_vez(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let reloj = t.sitio.store.entorno().clone();
        let vieja = Foto::nueva(3_000);
        t.envia(&autor, &vieja).await.unwrap();
        reloj.adelanta(7 * Instante::DIA + 1_000);
        t.evidencia.barre(false).await.unwrap();
        reloj.adelanta(Instante::DIA + 1_000);
        let desde = reloj.ahora().mas(-Instante::DIA);
        let sha256 = vieja.sha256();
        let mut lectura = t.sitio.store.leer().await.unwrap();
        assert_eq!(sin_uso(&mut lectura, desde, 10).await.unwrap(), [sha256.as_str()]);
        drop(lectura);
        // Not yet of a report: a finished upload is a use.
        t.envia(&autor, &Foto { uuid: uuid(), ..vieja.clone() }).await.unwrap();
        let suelta = SoltarObjeto { sha256, desde };
        assert_eq!(t.sitio.store.escribir(suelta).await.unwrap(), [] as [&str; 0]);
        assert_eq!(t.bytes_de(&vieja.sha256()).await.unwrap(), vieja.bytes);
    }

    /// A server that fell after it wrote an object and before it told of it.
    async fn los_restos_de_una_caida_se_van(t: &Taller<'_>) {
        t.almacen.escribe("objetos/ab/resto", "x".into()).await.unwrap();
        t.almacen.escribe("subidas/ida/1", "x".into()).await.unwrap();
        let ahora = t.sitio.store.entorno().ahora().0;
        for clave in ["objetos/ab/resto", "subidas/ida/"] {
            t.sitio.bd.sql(&format!("INSERT INTO basura (clave, desde) VALUES ('{clave}', {ahora})")).await.unwrap();
        }
        assert_eq!(t.evidencia.barre(false).await.unwrap(), Barrido::default());
        t.sitio.store.entorno().adelanta(Instante::DIA + 1_000);
        assert_eq!(t.evidencia.barre(false).await.unwrap(), Barrido { restos: 2, ..Barrido::default() });
        assert_eq!(t.claves().await.len(), 0);
        assert_eq!(t.evidencia.barre(true).await.unwrap(), Barrido::default());
    }
}
