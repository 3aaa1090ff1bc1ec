//! Readers that page with random limits and pauses.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{SharedState, writers::request_until_answered};
use sigra_testkit::{Persona, random_below};

/// What a reader was told, in order.
#[derive(Debug)]
pub enum FeedItem {
    Reporte(String, i64),
    Retirado(String),
}

pub struct ReadLog {
    pub dichos: Vec<FeedItem>,
    /// From acknowledgement to delivery, of what was delivered as acknowledged.
    pub demoras: Vec<Duration>,
}

/// Reads until there is nothing more and nobody writes any more.
pub async fn read(comun: Arc<SharedState>, quien: Persona) -> ReadLog {
    let mut leido = ReadLog {
        dichos: vec![],
        demoras: vec![],
    };
    let mut cursor = String::new();
    loop {
        let acabado = comun.basta.load(Ordering::Relaxed);
        let ruta = format!(
            "/sync/changes?limite={}&cursor={cursor}",
            1 + random_below(500)
        );
        let r = request_until_answered(&comun, &quien, "GET", &ruta, None).await;
        assert_eq!(r.status, 200, "{}", r.texto);
        let reportes = r.json["reportes"].as_array().unwrap();
        let retirados = r.json["retirados"].as_array().unwrap();
        let uuid = |v: &serde_json::Value| v["uuid_cliente"].as_str().unwrap().to_owned();
        for reporte in reportes {
            let clave = (uuid(reporte), reporte["version"].as_i64().unwrap());
            leido
                .demoras
                .extend(comun.delay_since_ack(&clave.0, clave.1));
            leido.dichos.push(FeedItem::Reporte(clave.0, clave.1));
        }
        for retirado in retirados {
            let uuid = uuid(retirado);
            assert!(
                !reportes.iter().any(|r| r["uuid_cliente"] == *uuid),
                "{uuid}"
            );
            leido.dichos.push(FeedItem::Retirado(uuid));
        }
        cursor = r.json["cursor"].as_str().unwrap().to_owned();
        let hay_mas = r.json["hay_mas"].as_bool().unwrap();
        if acabado && !hay_mas {
            return leido;
        }
        if !hay_mas {
            let pausa = u64::try_from(random_below(20)).unwrap();
            tokio::time::sleep(Duration::from_millis(pausa)).await;
        }
    }
}
