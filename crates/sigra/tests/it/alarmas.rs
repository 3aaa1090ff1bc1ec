//! What people are told because nothing happened: once, and not when it did.

use serde_json::{Value, json};
use sigra_domain::{Fecha, Instante, Zona};
use sigra_store::avisos::{Plazos, Salidas};

use crate::{
    arnes::{Bd, Motor, Nodos, Persona, Sitio, reporte_en},
    en_ambas,
    eventos::Flujo,
    multimedia::taller::{Foto, Taller, reporte_con},
    sync::dispositivos::presenta,
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

/// A phone with nothing new, under a session that the clock has not outrun.
async fn sincroniza(sitio: &Sitio, quien: &Persona, device: &str, pendientes: i64) {
    let quien = sitio.sesion(quien.quien.clone()).await;
    presenta(sitio, &quien, device, 0, json!({"pendientes": pendientes})).await;
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
        // One that clashes with another phone's lacks them all the same.
        let foto = Foto::nueva(900);
        let autor = sitio.sesion(autor.quien.clone()).await;
        let choca = sitio.crea(&autor, &reporte_con(&[&foto])).await.espera(201, "").id();
        let sin_falta = sitio.crea(&autor, &reporte_en(1)).await.espera(201, "").id();
        sitio.bd.sql(&format!("UPDATE reportes SET sync_status = 'conflicto' WHERE id IN ({choca}, {sin_falta})")).await.unwrap();
        sitio.bitacora_rota.store(true, std::sync::atomic::Ordering::Relaxed);
        sitio.store.entorno().adelanta(25 * Instante::HORA);
        revisa(sitio).await;
        let dichas = suyas(sitio, &autor, "reporte.sin_archivos").await;
        assert_eq!(dichas.iter().map(|n| n["reporte_id"].clone()).collect::<Vec<_>>(), [json!(con), json!(choca)]);
        // Then its last file is there, whatever else is open.
        Taller::de(sitio).envia(&autor, &foto).await.unwrap();
        let eventos = format!("SELECT evento FROM cambios WHERE reporte_id = {choca} ORDER BY id");
        assert_eq!(sitio.bd.textos(&eventos).await, ["reporte.creado", "reporte.completo"]);
    }

    async fn un_telefono_calla(sitio: &Sitio) {
        let (uno, debe, admin) = (sitio.trabajador().await, sitio.trabajador().await, sitio.administrador().await);
        sincroniza(sitio, &uno, "moto-1", 0).await;
        sincroniza(sitio, &debe, "moto-2", 4).await;
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
        sincroniza(sitio, &debe, "moto-2", 0).await;
        sitio.store.entorno().adelanta(48 * Instante::HORA);
        revisa(sitio).await;
        assert_eq!(suyas(sitio, &admin, "dispositivo.silencioso").await.len(), 2);
        sitio.store.entorno().adelanta(25 * Instante::HORA);
        revisa(sitio).await;
        assert_eq!(suyas(sitio, &admin, "dispositivo.silencioso").await.len(), 3);
    }

    async fn un_telefono_de_varios(sitio: &Sitio) {
        let (uno, otro, admin) = (sitio.trabajador().await, sitio.trabajador().await, sitio.administrador().await);
        // Somebody else uses the phone since; who had another still owes what is in it.
        sincroniza(sitio, &uno, "turno-a", 0).await;
        sincroniza(sitio, &uno, "turno-b", 2).await;
        sitio.store.entorno().adelanta(30 * Instante::HORA);
        sincroniza(sitio, &otro, "turno-a", 0).await;
        sincroniza(sitio, &otro, "turno-b", 0).await;
        revisa(sitio).await;
        sitio.store.entorno().adelanta(50 * Instante::HORA);
        revisa(sitio).await;
        let dichas = suyas(sitio, &admin, "dispositivo.silencioso").await;
        assert_eq!(dichas.len(), 1, "{dichas:?}");
        assert!(dichas[0]["texto"].as_str().unwrap().contains("turno-b"));
        // Of one whose last user is gone, the one before is told of.
        let echa = sitio.pide("PATCH", &format!("/usuarios/{}", otro.rut)).como(&sitio.administrador().await).json(&json!({"activo": false}));
        echa.envia().await.espera(200, "");
        revisa(sitio).await;
        assert_eq!(suyas(sitio, &admin, "dispositivo.silencioso").await.len(), 2);
        let vuelve = sitio.pide("PATCH", &format!("/usuarios/{}", otro.rut)).como(&sitio.administrador().await).json(&json!({"activo": true}));
        vuelve.envia().await.espera(200, "");
        // All in the end, once each.
        sitio.store.entorno().adelanta(30 * Instante::HORA);
        for _ in 0..2 {
            revisa(sitio).await;
        }
        assert_eq!(suyas(sitio, &admin, "dispositivo.silencioso").await.len(), 4);
    }
}

/// The server itself looks, by its settings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn el_servidor_vigila() {
    let sitio = Sitio::nuevo(Bd::nueva(Motor::Sqlite).await.expect("SQLite")).await;
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let id = reporta(&sitio, &autor, 3).await;
    let hace_rato = sitio.store.entorno().ahora().mas(-10 * Instante::MINUTO);
    let sql = format!("UPDATE reportes SET hora_sincronizado = {}", hace_rato.0);
    sitio.bd.sql(&sql).await.unwrap();
    let bd = sitio.cierra().await;
    // By default it would be half an hour.
    let variables = vec![("SIGRA_ESCALAR_MINUTOS".to_owned(), "5".to_owned())];
    let nodos = Nodos::con(bd, 1, variables).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/eventos?desde=0", nodos.red.direccion(0));
    let pedido = http.get(url).bearer_auth(nodos.red.token(&admin));
    let mut flujo = Flujo::abre(pedido, None).await.unwrap();
    loop {
        let e = flujo.pronto().await;
        if e.datos["evento"] == "reporte.sin_abrir" {
            assert_eq!(e.datos["reporte_id"], json!(id));
            break;
        }
    }
    nodos.cierra().await.borra().await;
}
