//! `sigra audit recount`: finds counts that somebody changed, and puts them right while others write.

use std::sync::Arc;

use sigra_store::conteos::Avance;

use crate::{
    arnes::{a_la_vez, cuenta, reporte_en},
    en_ambas,
};

pub fn callado() -> Avance {
    Arc::new(|_| ())
}

en_ambas! {
    async fn encuentra_y_corrige(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        for area in 1..=3 {
            sitio.lote(&autor, &[reporte_en(area), reporte_en(area)]).await;
        }
        sitio.store.pliega_conteos().await.unwrap();
        sitio.lote(&autor, &[reporte_en(4)]).await;
        assert_eq!(sitio.store.recuenta(callado()).await.unwrap().distintas, 0);
        sitio.bd.sql("UPDATE conteos SET n = n + 1 WHERE area_id = 1 AND que = 'estado';
            DELETE FROM conteos WHERE area_id = 2;
            INSERT INTO conteos (periodo, que, area_id, severidad_id, valor, n)
            VALUES ('1999-12', 'estado', 1, 1, 1, 5)").await.unwrap();
        let r = sitio.store.recuenta(callado()).await.unwrap();
        // By day and by month; the three of area 2 each.
        assert_eq!((r.reportes, r.distintas), (7, 2 + 4 + 1), "{r:?}");
        assert_eq!((r.primeras[0].periodo.as_str(), r.primeras[0].guardada, r.primeras[0].correcta), ("1999-12", 5, 0));

        // Others write and fold while it is put right.
        let mut tareas = vec![];
        for _ in 0..4 {
            let autor = sitio.trabajador().await;
            let pedidos: Vec<_> = (0..cuenta(200))
                .map(|i| sitio.pide("POST", "/reportes").como(&autor).json(&reporte_en(1 + i64::try_from(i % 3).unwrap())))
                .collect();
            let store = sitio.store.clone();
            tareas.push(async move {
                for pedido in pedidos {
                    pedido.envia().await.espera(201, "");
                    store.pliega_conteos().await.unwrap();
                }
            });
        }
        let escriben = tokio::spawn(a_la_vez(tareas));
        for _ in 0..5 {
            sitio.store.corrige_conteos(callado()).await.unwrap();
        }
        escriben.await.unwrap();
        assert_eq!(sitio.store.recuenta(callado()).await.unwrap().distintas, 0);
        let r = sitio.store.corrige_conteos(callado()).await.unwrap();
        assert_eq!((r.distintas, sitio.bd.entero("SELECT count(*) FROM conteos_deltas").await), (0, 0));
    }
}
