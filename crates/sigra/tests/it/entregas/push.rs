//! Web Push: who gets it, that the browser alone can read it, and when it is forgotten.

mod navegador;

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering::Relaxed},
};

use serde_json::{Value, json};

use super::{receptor::Receptor, reparte, reporta};
use crate::{
    arnes::{Ajuste, Persona, Respuesta, Sitio},
    en_ambas,
};

/// The keys of RFC 8291's example.
const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

async fn suscribe(sitio: &Sitio, quien: &Persona, endpoint: &str, auth: &str) -> Respuesta {
    let cuerpo = json!({"endpoint": endpoint, "keys": {"p256dh": P256DH, "auth": auth}});
    sitio
        .pide("POST", "/notificaciones/push")
        .como(quien)
        .json(&cuerpo)
        .envia()
        .await
}

en_ambas! {
    con Ajuste { hacia_aqui: true, ..Ajuste::default() };
    async fn un_navegador_recibe_hasta_que_se_va(sitio: &Sitio) {
        let status = Arc::new(AtomicU16::new(201));
        let dice = Arc::clone(&status);
        let servicio = Receptor::abre(move |_| dice.load(Relaxed)).await;
        let (autor, jefe, otro) = (sitio.trabajador().await, sitio.supervisor(&[1]).await, sitio.supervisor(&[2]).await);
        let clave = sitio.pide("GET", "/notificaciones/push").como(&jefe).envia().await.espera(200, "").json;
        assert_eq!(clave["clave"].as_str().unwrap().len(), 87);
        let uno = format!("{}/uno", servicio.url);
        let id = suscribe(sitio, &jefe, &uno, AUTH).await.espera(201, "").json["id"].clone();
        assert_eq!(suscribe(sitio, &jefe, &uno, AUTH).await.espera(201, "").json["id"], id);
        reporta(sitio, &autor, 3, "Roca suelta").await;
        reparte(sitio).await;
        let llego = servicio.todos();
        assert_eq!(llego.len(), 1);
        assert_eq!((llego[0].ruta.as_str(), llego[0].cabecera("content-encoding")), ("/uno", "aes128gcm"));
        assert_eq!((llego[0].cabecera("urgency"), llego[0].cabecera("ttl")), ("high", "86400"));
        assert!(llego[0].cabecera("authorization").ends_with(&format!(", k={}", clave["clave"].as_str().unwrap())));
        let dentro = |aguja: &[u8]| llego[0].cuerpo.windows(aguja.len()).any(|v| v == aguja);
        assert!(!dentro(b"Roca"), "se lee en el camino");

        // Who has not the browser's keys can't take it; who has them, and signs in on it, does.
        suscribe(sitio, &otro, &uno, "AAAAAAAAAAAAAAAAAAAAAA").await.espera(409, "suscripcion_ajena");
        // What waited for the one before does not reach the next.
        reporta(sitio, &autor, 3, "Otra").await;
        sitio.store.reparte_avisos(sitio.app.cartero().salidas()).await.unwrap();
        assert_ne!(suscribe(sitio, &otro, &uno, AUTH).await.espera(201, "").json["id"], id);
        reparte(sitio).await;
        assert_eq!(servicio.todos().len(), 1);
        suscribe(sitio, &jefe, &uno, AUTH).await.espera(201, "");

        // It is gone: forgotten, and what was for it given up.
        status.store(410, Relaxed);
        reporta(sitio, &autor, 1, "Y otra").await;
        reparte(sitio).await;
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM suscripciones_push").await, 0);
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM entregas WHERE estado = 'muerta'").await, 2);

        // Ten are remembered.
        let mut ids: Vec<Value> = vec![];
        for n in 0..11 {
            let r = suscribe(sitio, &jefe, &format!("{}/{n}", servicio.url), AUTH).await.espera(201, "");
            ids.push(r.json["id"].clone());
        }
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM suscripciones_push").await, 10);
        let quita = async |quien: &Persona, id: &Value| {
            sitio.pide("DELETE", &format!("/notificaciones/push/{id}")).como(quien).envia().await
        };
        quita(&jefe, &ids[0]).await.espera(404, "no_encontrado");
        quita(&otro, &ids[5]).await.espera(404, "no_encontrado");
        quita(&jefe, &ids[5]).await.espera(204, "");
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM suscripciones_push").await, 9);
    }
}

mod hacia_adentro {
    use super::*;

    en_ambas! {
        async fn no_se_suscribe(sitio: &Sitio) {
            let jefe = sitio.supervisor(&[1]).await;
            let servicio = Receptor::abre(|_| 201).await;
            for endpoint in [servicio.url.as_str(), "https://127.0.0.1/x", "https://10.0.0.1/", "https://[::1]/", "ftp://a.b", ""] {
                suscribe(sitio, &jefe, endpoint, AUTH).await.espera(422, "datos_invalidos");
            }
            assert_eq!(*servicio.cuantos.borrow(), 0);
        }
    }
}
