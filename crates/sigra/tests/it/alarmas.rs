//! What people are told because nothing happened: once, and not when it did.

use serde_json::{Value, json};
use sigra_domain::{Fecha, Instante, Zona};
use sigra_store::avisos::{Plazos, Salidas};

use crate::{
    arnes::{Persona, Sitio, reporte_en},
    en_ambas,
    multimedia::taller::{Foto, reporte_con},
};

const PLAZOS: Plazos = Plazos {
    sin_abrir: Some(30 * Instante::MINUTO),
    sin_archivos: 24 * Instante::HORA,
    silencio: 72 * Instante::HORA,
    silencio_con_deuda: 24 * Instante::HORA,
};

pub fn hoy(sitio: &Sitio) -> Fecha {
    let zona = Zona::new("America/Santiago").expect("zona");
    zona.fecha(sitio.store.entorno().ahora())
}

pub async fn revisa(sitio: &Sitio) {
    sitio
        .store
        .reparte_avisos(Salidas::default())
        .await
        .expect("reparte");
    sitio
        .store
        .alarma(PLAZOS, hoy(sitio), Salidas::default())
        .await
        .expect("alarma");
}

/// Of these events, what a person was told; oldest first.
pub async fn suyas(sitio: &Sitio, quien: &Persona, evento: &str) -> Vec<Value> {
    let quien = sitio.sesion(quien.quien.clone()).await;
    let r = sitio
        .pide("GET", "/notificaciones?limite=200")
        .como(&quien)
        .envia()
        .await;
    let r = r.espera(200, "");
    let mut todas = r.json["items"].as_array().expect("items").clone();
    todas.retain(|n| n["evento"] == evento);
    todas.reverse();
    todas
}

async fn reporta(sitio: &Sitio, autor: &Persona, severidad: i64) -> i64 {
    let autor = sitio.sesion(autor.quien.clone()).await;
    let mut nuevo = reporte_en(1);
    nuevo["severidad_id"] = json!(severidad);
    sitio.crea(&autor, &nuevo).await.espera(201, "").id()
}

en_ambas! {
    async fn nadie_lo_abrio(sitio: &Sitio) {
        let (autor, jefe, otro) = (sitio.trabajador().await, sitio.supervisor(&[1]).await, sitio.supervisor(&[2]).await);
        let admin = sitio.administrador().await;
        reporta(sitio, &autor, 1).await;
        let abierto = reporta(sitio, &autor, 3).await;
        let comentado = reporta(sitio, &autor, 3).await;
        let decidido = reporta(sitio, &autor, 3).await;
        let retirado = reporta(sitio, &autor, 3).await;
        let solo = reporta(sitio, &autor, 3).await;
        let ve = async |quien: &Persona, id: i64| {
            sitio.pide("GET", &format!("/reportes/{id}")).como(quien).envia().await.espera(200, "");
        };
        ve(&jefe, abierto).await;
        // Noted beside the answer.
        while sitio.bd.entero("SELECT count(*) FROM aperturas").await == 0 {
            tokio::task::yield_now().await;
        }
        // Its author does not count; whoever may not decide it does not even see it.
        ve(&autor, solo).await;
        sitio.pide("GET", &format!("/reportes/{solo}")).como(&otro).envia().await.espera(404, "no_encontrado");
        let manda = async |metodo: &str, ruta: String, cuerpo: Value| {
            let r = sitio.pide(metodo, &ruta).como(&admin).json(&cuerpo).envia().await;
            assert!(r.status < 300, "{r:?}");
        };
        manda("POST", format!("/reportes/{comentado}/comentarios"), json!({"texto": "Vamos."})).await;
        manda("POST", format!("/admin/reportes/{decidido}/aprobar"), json!({})).await;
        manda("DELETE", format!("/reportes/{retirado}"), json!({"detalle": "De prueba.", "version": 1})).await;
        // Not before the limit.
        sitio.store.entorno().adelanta(29 * Instante::MINUTO);
        revisa(sitio).await;
        assert_eq!(suyas(sitio, &admin, "reporte.sin_abrir").await, Vec::<Value>::new());
        sitio.store.entorno().adelanta(2 * Instante::MINUTO);
        for _ in 0..3 {
            revisa(sitio).await;
        }
        let dichas = suyas(sitio, &admin, "reporte.sin_abrir").await;
        assert_eq!(dichas.iter().map(|n| n["reporte_id"].clone()).collect::<Vec<_>>(), [json!(solo)]);
        assert!(dichas[0]["texto"].as_str().unwrap().contains("Nadie que pueda decidirlo lo ha abierto"));
        for quien in [&jefe, &otro, &autor] {
            assert_eq!(suyas(sitio, quien, "reporte.sin_abrir").await, Vec::<Value>::new());
        }
        // A site may not want it.
        reporta(sitio, &autor, 3).await;
        sitio.store.entorno().adelanta(Instante::HORA);
        let nunca = Plazos { sin_abrir: None, ..PLAZOS };
        sitio.store.alarma(nunca, hoy(sitio), Salidas::default()).await.unwrap();
        assert_eq!(suyas(sitio, &admin, "reporte.sin_abrir").await.len(), 1);
        revisa(sitio).await;
        assert_eq!(suyas(sitio, &admin, "reporte.sin_abrir").await.len(), 2);
    }

    async fn faltan_sus_fotos(sitio: &Sitio) {
        let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let con = sitio.crea(&autor, &reporte_con(&[&Foto::nueva(900)])).await.espera(201, "").id();
        reporta(sitio, &autor, 1).await;
        sitio.store.entorno().adelanta(23 * Instante::HORA);
        revisa(sitio).await;
        assert_eq!(suyas(sitio, &autor, "reporte.sin_archivos").await, Vec::<Value>::new());
        sitio.store.entorno().adelanta(2 * Instante::HORA);
        for _ in 0..3 {
            revisa(sitio).await;
        }
        let dichas = suyas(sitio, &autor, "reporte.sin_archivos").await;
        assert_eq!(dichas.iter().map(|n| n["reporte_id"].clone()).collect::<Vec<_>>(), [json!(con)]);
        assert_eq!(suyas(sitio, &jefe, "reporte.sin_archivos").await, Vec::<Value>::new());
    }

    async fn un_telefono_calla(sitio: &Sitio) {
        let (uno, debe, admin) = (sitio.trabajador().await, sitio.trabajador().await, sitio.administrador().await);
        let sincroniza = async |quien: &Persona, device: &str, pendientes: i64| {
            let quien = sitio.sesion(quien.quien.clone()).await;
            let ahora = sitio.store.entorno().ahora().to_string();
            let lote = json!({"device_id": device, "timestamp": ahora, "pendientes": pendientes, "reportes": []});
            sitio.pide("POST", "/sync/batch").como(&quien).json(&lote).envia().await.espera(200, "");
        };
        sincroniza(&uno, "moto-1", 0).await;
        sincroniza(&debe, "moto-2", 4).await;
        sitio.store.entorno().adelanta(25 * Instante::HORA);
        for _ in 0..2 {
            revisa(sitio).await;
        }
        let dichas = suyas(sitio, &admin, "dispositivo.silencioso").await;
        assert_eq!(dichas.len(), 1);
        let texto = dichas[0]["texto"].as_str().unwrap();
        assert!(texto.contains("moto-2") && texto.contains("4 reportes sin enviar"), "{texto}");
        assert_eq!((&dichas[0]["reporte_id"], &dichas[0]["url"]), (&Value::Null, &Value::Null));
        // Heard of again, and silent again: told again. The other one, after its own time.
        sincroniza(&debe, "moto-2", 0).await;
        sitio.store.entorno().adelanta(48 * Instante::HORA);
        revisa(sitio).await;
        assert_eq!(suyas(sitio, &admin, "dispositivo.silencioso").await.len(), 2);
        sitio.store.entorno().adelanta(25 * Instante::HORA);
        revisa(sitio).await;
        assert_eq!(suyas(sitio, &admin, "dispositivo.silencioso").await.len(), 3);
    }
}
