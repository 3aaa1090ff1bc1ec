//! Webhooks: signed, in order, again and again until they are taken or given up, and never to the inside.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::{Value, json};
use sigra_domain::{
    Instante,
    entrega::{MAX_INTENTOS, espera},
};
use sigra_store::avisos::Plazos;
use standardwebhooks::Webhook;

use super::{
    de_nuevo, entregas, pasan,
    receptor::{Receptor, Recibido},
    reparte, reporta,
};
use crate::{
    alarmas::hoy,
    arnes::{Ajuste, Bd, Motor, Nodos, Persona, Sitio, cuenta, dado, openapi, reporte_en},
    en_ambas,
    multimedia::taller::{Foto, Taller, reporte_con},
};

/// All that other systems can be told of.
pub const EVENTOS: [&str; 6] = [
    "reporte.creado",
    "reporte.cambiado",
    "reporte.decidido",
    "reporte.completo",
    "conflicto.creado",
    "dispositivo.silencioso",
];

/// A webhook at this address for these events; its id and secret.
async fn webhook(sitio: &Sitio, admin: &Persona, url: &str, eventos: &[&str]) -> (i64, String) {
    let cuerpo = json!({"url": url, "eventos": eventos, "descripcion": "Gestión"});
    let r = sitio
        .pide("POST", "/admin/webhooks")
        .como(admin)
        .json(&cuerpo)
        .envia()
        .await
        .espera(201, "");
    let secreto = r.json["secreto"].as_str().unwrap().to_owned();
    assert!(secreto.starts_with("whsec_"), "{secreto}");
    (r.json["id"].as_i64().unwrap(), secreto)
}

/// Whether the specification's own crate signs it alike. The test's clock runs ahead of the machine's, so the
/// crate's look at the time can't be used for all.
fn firmado(r: &Recibido, secreto: &str) -> bool {
    let wh = Webhook::new(secreto).unwrap();
    let segundos = r.cabecera("webhook-timestamp").parse().unwrap();
    let firma = wh
        .sign(r.cabecera("webhook-id"), segundos, &r.cuerpo)
        .unwrap();
    r.cabecera("webhook-signature")
        .split(' ')
        .any(|f| f == firma)
}

/// What a receiver does.
fn verificado(r: &Recibido, cuerpo: &[u8], secreto: &str) -> bool {
    let pares = r
        .cabeceras
        .iter()
        .filter(|(n, _)| n.starts_with("webhook-"));
    let pares = pares.map(|(n, v)| {
        (
            n.parse::<reqwest::header::HeaderName>().unwrap(),
            v.parse().unwrap(),
        )
    });
    Webhook::new(secreto)
        .unwrap()
        .verify(cuerpo, &pares.collect())
        .is_ok()
}

fn version(r: &Recibido) -> (i64, i64) {
    let d = r.json()["data"].clone();
    (
        d["reporte_id"].as_i64().unwrap(),
        d["version"].as_i64().unwrap(),
    )
}

/// What a report's events say of it.
fn datos(reporte: &Value, version: i64, titulo: &str, estado: (i64, &str)) -> Value {
    json!({
        "reporte_id": reporte["id"],
        "uuid_cliente": reporte["uuid_cliente"],
        "version": version,
        "titulo": titulo,
        "area": {"id": 1, "nombre": "Perforación y Tronadura"},
        "severidad": {"id": 3, "nombre": "Alta"},
        "estado": {"id": estado.0, "nombre": estado.1},
        "retirado": false,
        "url": format!("/reportes/{}", reporte["id"]),
    })
}

en_ambas! {
    con Ajuste { hacia_aqui: true, ..Ajuste::default() };
    /// Each kind that there is, signed, with the fields that the guide promises and no others.
    async fn uno_de_cada_evento(sitio: &Sitio) {
        const PENDIENTE: (i64, &str) = (1, "Pendiente");
        let descripcion: Value = serde_json::from_str(&std::fs::read_to_string(openapi::ARCHIVO).unwrap()).unwrap();
        let maximo = &descripcion["components"]["schemas"]["WebhookCreate"]["properties"]["eventos"]["maxItems"];
        assert_eq!(*maximo, json!(EVENTOS.len()), "hay otros eventos");
        let receptor = Receptor::abre(|_| 204).await;
        let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let admin = sitio.administrador().await;
        let (_, secreto) = webhook(sitio, &admin, &receptor.url, &EVENTOS).await;
        let mut vistos: Vec<(String, String)> = vec![];
        // The one that came since the last time.
        let mut llega = async |evento: &str, data: Value| {
            reparte(sitio).await;
            let todos = receptor.todos();
            assert_eq!(todos.len(), vistos.len() + 1, "{evento}");
            let r = &todos[vistos.len()];
            assert!(verificado(r, &r.cuerpo, &secreto), "{evento}");
            assert_eq!(r.cabecera("content-type"), "application/json");
            let cuerpo = r.json();
            assert!(Instante::parse(cuerpo["timestamp"].as_str().unwrap()).is_some(), "{cuerpo}");
            assert_eq!(cuerpo, json!({"type": evento, "timestamp": cuerpo["timestamp"], "data": data}));
            for quien in [&autor, &jefa, &admin] {
                assert!(!cuerpo.to_string().contains(&quien.rut.to_string()), "dice quién: {cuerpo}");
            }
            vistos.push((evento.to_owned(), r.cabecera("webhook-id").to_owned()));
        };
        let sincroniza = async |item: &Value| {
            let ahora = sitio.store.entorno().ahora().to_string();
            let lote = json!({"device_id": "moto-7", "timestamp": ahora, "pendientes": 4, "reportes": [item]});
            let r = sitio.pide("POST", "/sync/batch").como(&autor).json(&lote).envia().await.espera(200, "");
            r.json["resultados"][0].clone()
        };
        let manda = async |quien: &Persona, op: &str, cuerpo: Value| {
            let (metodo, ruta) = op.split_once(' ').expect("op");
            sitio.pide(metodo, ruta).como(quien).json(&cuerpo).envia().await.espera(200, "");
        };

        let mut item = reporte_en(1);
        let creado = sincroniza(&item).await;
        let a = json!({"id": creado["id"], "uuid_cliente": item["uuid_cliente"]});
        llega("reporte.creado", datos(&a, 1, "Roca suelta en galería 4", PENDIENTE)).await;
        manda(&jefa, &format!("PUT /reportes/{}", a["id"]), json!({"titulo": "Del servidor", "version": 1})).await;
        llega("reporte.cambiado", datos(&a, 2, "Del servidor", PENDIENTE)).await;
        item["titulo"] = json!("Del teléfono");
        item["version_base"] = json!(1);
        let conflicto = sincroniza(&item).await["conflicto_id"].clone();
        llega("conflicto.creado", datos(&a, 3, "Del servidor", PENDIENTE)).await;
        let resuelve = format!("POST /sync/conflictos/{conflicto}/resolver");
        manda(&autor, &resuelve, json!({"decision": "cliente", "version": 3})).await;
        llega("reporte.cambiado", datos(&a, 4, "Del teléfono", PENDIENTE)).await;
        manda(&jefa, &format!("POST /admin/reportes/{}/aprobar", a["id"]), json!({})).await;
        llega("reporte.decidido", datos(&a, 5, "Del teléfono", (2, "Aprobado"))).await;
        let foto = Foto::nueva(900);
        let b = sitio.crea(&autor, &reporte_con(&[&foto])).await.espera(201, "").json;
        llega("reporte.creado", datos(&b, 1, "Roca suelta en galería 4", PENDIENTE)).await;
        Taller::de(sitio).envia(&autor, &foto).await.unwrap();
        llega("reporte.completo", datos(&b, 2, "Roca suelta en galería 4", PENDIENTE)).await;
        // Silent at once, so that the clock is still the machine's and the signature fresh.
        let plazos = Plazos { sin_abrir: None, sin_archivos: Instante::DIA, silencio: 0, silencio_con_deuda: 0 };
        sitio.store.alarma(plazos, hoy(sitio), sitio.app.cartero().salidas()).await.unwrap();
        let telefonos = sitio.pide("GET", "/admin/dispositivos").como(&admin).envia().await.espera(200, "").json;
        let last_sync = &telefonos["items"][0]["last_sync"];
        assert!(last_sync.is_string(), "{telefonos}");
        llega("dispositivo.silencioso", json!({"device_id": "moto-7", "last_sync": last_sync, "pendientes": 4})).await;

        let (tipos, ids): (HashSet<String>, HashSet<String>) = vistos.into_iter().unzip();
        assert_eq!(tipos, HashSet::from(EVENTOS.map(str::to_owned)));
        assert_eq!(ids.len(), 8);
    }

    async fn firmados_y_en_orden(sitio: &Sitio) {
        let falla = Arc::new(Mutex::new(HashSet::<i64>::new()));
        let negados = Arc::clone(&falla);
        let receptor = Receptor::abre(move |r| if negados.lock().unwrap().contains(&version(r).0) { 500 } else { 204 }).await;
        let (admin, autor) = (sitio.administrador().await, sitio.trabajador().await);
        let (id, secreto) = webhook(sitio, &admin, &receptor.url, &["reporte.creado", "reporte.decidido"]).await;
        let a = reporta(sitio, &autor, 3, "Roca").await;
        let b = reporta(sitio, &autor, 1, "Baranda").await;
        falla.lock().unwrap().insert(a);
        for r in [a, b] {
            let aprueba = sitio.pide("POST", &format!("/admin/reportes/{r}/aprobar")).como(&admin);
            aprueba.json(&json!({})).envia().await.espera(200, "");
        }
        reparte(sitio).await;
        // What was edited is none of its events; the second of `a` waits for its first.
        let vistos: Vec<_> = receptor.todos().iter().map(version).collect();
        let de = |reporte| vistos.iter().filter(|(r, _)| *r == reporte).map(|(_, v)| *v).collect::<Vec<_>>();
        assert_eq!((de(a), de(b)), (vec![1], vec![1, 2]));
        let r = &receptor.todos()[2];
        let cuerpo = r.json();
        assert_eq!((&cuerpo["type"], &cuerpo["data"]["estado"]["nombre"]), (&json!("reporte.decidido"), &json!("Aprobado")));
        assert!(Instante::parse(cuerpo["timestamp"].as_str().unwrap()).is_some());
        assert!(!String::from_utf8_lossy(&r.cuerpo).contains(&autor.rut.to_string()), "dice quién");
        assert!(verificado(r, &r.cuerpo, &secreto));
        assert!(!verificado(r, &[&r.cuerpo[..], b" "].concat(), &secreto));
        let segundos: i64 = r.cabecera("webhook-timestamp").parse().unwrap();
        assert!((sitio.store.entorno().ahora().0 / 1_000 - segundos).abs() < 60);

        // A new secret; for a day both sign.
        let nuevo = sitio.pide("POST", &format!("/admin/webhooks/{id}/secreto")).como(&admin).envia().await.espera(200, "");
        let nuevo = nuevo.json["secreto"].as_str().unwrap().to_owned();
        assert_ne!(nuevo, secreto);
        falla.lock().unwrap().clear();
        pasan(sitio, 13_000);
        reparte(sitio).await;
        let todos = receptor.todos();
        assert_eq!(todos[3..].iter().map(version).collect::<Vec<_>>(), [(a, 1), (a, 2)]);
        // The same id as when it failed.
        let antes = todos[..3].iter().find(|r| version(r) == (a, 1)).unwrap();
        assert_eq!(todos[3].cabecera("webhook-id"), antes.cabecera("webhook-id"));
        assert!(firmado(&todos[3], &secreto) && firmado(&todos[3], &nuevo));
        pasan(sitio, 25 * Instante::HORA);
        let (admin, autor) = (de_nuevo(sitio, &admin).await, de_nuevo(sitio, &autor).await);
        reporta(sitio, &autor, 1, "Otra").await;
        reparte(sitio).await;
        let ultimo = receptor.todos().pop().unwrap();
        assert!(!firmado(&ultimo, &secreto) && firmado(&ultimo, &nuevo));

        // The secret is shown nowhere else, not even in the bitácora of settings.
        let lista = sitio.pide("GET", "/admin/webhooks").como(&admin).envia().await.espera(200, "");
        let ajustes = sitio.pide("GET", &format!("/admin/bitacora/ajustes?objeto=webhook:{id}")).como(&admin).envia().await;
        let acciones: Vec<_> = ajustes.json["items"].as_array().unwrap().iter().map(|a| a["accion"].clone()).collect();
        assert_eq!(acciones, ["cambiar_secreto", "crear"]);
        for texto in [&lista.texto, &ajustes.texto] {
            assert!(!texto.contains("whsec") && !texto.contains(&nuevo[6..]), "{texto}");
        }
        assert!(lista.json["items"][0].get("secreto").is_none());

        // One that is not active, or is gone, gets nothing, and is owed nothing.
        let edita = sitio.pide("PATCH", &format!("/admin/webhooks/{id}")).como(&admin).json(&json!({"activo": false}));
        assert_eq!(edita.envia().await.espera(200, "").json["activo"], false);
        reporta(sitio, &autor, 1, "Nadie la espera").await;
        reparte(sitio).await;
        assert_eq!(receptor.todos().len(), 6);
        let quita = async || sitio.pide("DELETE", &format!("/admin/webhooks/{id}")).como(&admin).envia().await;
        quita().await.espera(204, "");
        quita().await.espera(404, "no_encontrado");
    }

    async fn uno_que_no_responde(sitio: &Sitio) {
        let sirve = Arc::new(AtomicBool::new(false));
        let anda = Arc::clone(&sirve);
        let malo = Receptor::abre(move |_| if anda.load(Relaxed) { 200 } else { 503 }).await;
        let bueno = Receptor::abre(|_| 200).await;
        let (admin, autor) = (sitio.administrador().await, sitio.trabajador().await);
        let (id, _) = webhook(sitio, &admin, &malo.url, &["reporte.creado"]).await;
        webhook(sitio, &admin, &bueno.url, &["reporte.creado"]).await;
        for n in 0..30 {
            reporta(sitio, &autor, 1, &format!("Roca {n}")).await;
        }
        reparte(sitio).await;
        // The other does not suffer; this one is soon left alone.
        assert_eq!(bueno.todos().len(), 30);
        let tocado = malo.todos().len();
        assert!((5..=8).contains(&tocado), "{tocado}");
        let estado = async || {
            let admin = de_nuevo(sitio, &admin).await;
            let r = sitio.pide("GET", "/admin/webhooks").como(&admin).envia().await.espera(200, "");
            r.json["items"].as_array().unwrap().iter().find(|w| w["id"] == id).unwrap().clone()
        };
        let w = estado().await;
        assert!(w["fallos"].as_i64().unwrap() >= 5 && w["en_pausa_hasta"].is_string(), "{w}");
        // After the pause one is tried, and no more.
        for n in 1..=3 {
            pasan(sitio, 16 * Instante::MINUTO);
            reparte(sitio).await;
            assert_eq!(malo.todos().len(), tocado + n);
        }
        // It is back: all arrive, and it is a destination like any other.
        sirve.store(true, Relaxed);
        pasan(sitio, 16 * Instante::MINUTO);
        reparte(sitio).await;
        pasan(sitio, 60 * Instante::MINUTO);
        reparte(sitio).await;
        let ids: HashSet<_> = malo.todos()[tocado + 3..].iter().map(|r| version(r).0).collect();
        assert_eq!(ids.len(), 30);
        let w = estado().await;
        assert_eq!((&w["fallos"], &w["en_pausa_hasta"]), (&json!(0), &Value::Null));
        assert_eq!(entregas(sitio, &admin, "pendiente").await, Vec::<Value>::new());
    }

    async fn lo_que_se_da_por_perdido(sitio: &Sitio) {
        let sirve = Arc::new(AtomicBool::new(false));
        let anda = Arc::clone(&sirve);
        let receptor = Receptor::abre(move |_| if anda.load(Relaxed) { 200 } else { 500 }).await;
        let (admin, autor) = (sitio.administrador().await, sitio.trabajador().await);
        webhook(sitio, &admin, &receptor.url, &["reporte.creado"]).await;
        reporta(sitio, &autor, 1, "Roca").await;
        for n in 1..=MAX_INTENTOS {
            reparte(sitio).await;
            assert_eq!(receptor.todos().len(), usize::try_from(n).unwrap());
            // Not before its time.
            reparte(sitio).await;
            assert_eq!(receptor.todos().len(), usize::try_from(n).unwrap());
            pasan(sitio, espera(n, 500).unwrap_or(0).max(Instante::HORA));
        }
        reparte(sitio).await;
        let muertas = entregas(sitio, &admin, "muerta").await;
        assert_eq!((muertas.len(), receptor.todos().len()), (1, 10));
        assert_eq!((&muertas[0]["intentos"], &muertas[0]["canal"]), (&json!(10), &json!("webhook")));
        assert!(muertas[0]["error"].as_str().unwrap().contains("HTTP 500"), "{muertas:?}");
        sirve.store(true, Relaxed);
        let (admin, autor) = (de_nuevo(sitio, &admin).await, de_nuevo(sitio, &autor).await);
        let r = sitio.pide("POST", &format!("/admin/entregas/{}/reenviar", muertas[0]["id"])).como(&admin);
        r.envia().await.espera(204, "");
        pasan(sitio, Instante::HORA);
        reparte(sitio).await;
        let todos = receptor.todos();
        assert_eq!((todos.len(), todos[10].cabecera("webhook-id")), (11, todos[0].cabecera("webhook-id")));
        assert_eq!(entregas(sitio, &admin, "entregada").await.len(), 1);
        // Not even tried in three days: given up all the same.
        let autor = de_nuevo(sitio, &autor).await;
        reporta(sitio, &autor, 1, "Otra").await;
        sitio.store.reparte_avisos(sitio.app.cartero().salidas()).await.unwrap();
        pasan(sitio, 73 * Instante::HORA);
        sitio.store.limpiar().await.unwrap();
        assert_eq!(entregas(sitio, &admin, "muerta").await.len(), 1);
    }

    async fn hacia_adentro_no_va_nada(sitio: &Sitio) {
        let admin = sitio.administrador().await;
        let crea = async |cuerpo: Value| sitio.pide("POST", "/admin/webhooks").como(&admin).json(&cuerpo).envia().await;
        for url in ["http://10.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/latest", "https://[fe80::1]/",
            "https://usuario:clave@ejemplo.cl/", "ftp://ejemplo.cl", "/ruta", ""] {
            let r = crea(json!({"url": url, "eventos": ["reporte.creado"]})).await;
            assert_eq!(r.espera(422, "datos_invalidos").json["errores"][0]["campo"], "url", "{url}");
        }
        for eventos in [json!([]), json!(["otro"]), json!(["reporte.creado", "reporte.creado"]), json!("reporte.creado")] {
            let r = crea(json!({"url": "https://ejemplo.cl/", "eventos": eventos})).await;
            r.espera(422, "datos_invalidos");
        }
        for n in 0..20 {
            crea(json!({"url": format!("https://ejemplo.cl/{n}"), "eventos": ["reporte.creado"]})).await.espera(201, "");
        }
        let r = crea(json!({"url": "https://ejemplo.cl/", "eventos": ["reporte.creado"]})).await;
        r.espera(409, "demasiados_webhooks");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ninguno_se_pierde_sqlite() {
    mueren_los_que_entregan(Motor::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ninguno_se_pierde_postgres() {
    mueren_los_que_entregan(Motor::Postgres, 2).await;
}

/// Reports come in at one server while those that deliver are killed again and again: all arrive, what comes
/// twice has the same id, and of each report in order.
async fn mueren_los_que_entregan(motor: Motor, nodos: usize) {
    let Some(bd) = Bd::nueva(motor).await else {
        return;
    };
    let otra = bd.otra();
    let ajuste = Ajuste {
        hacia_aqui: true,
        ..Ajuste::default()
    };
    let sitio = Arc::new(Sitio::con(bd, ajuste).await);
    let receptor = Receptor::abre(|_| if dado(20) == 0 { 500 } else { 200 }).await;
    let (admin, autor, jefe) = (
        sitio.administrador().await,
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
    );
    let eventos = ["reporte.creado", "reporte.decidido"];
    webhook(&sitio, &admin, &receptor.url, &eventos).await;
    let reportes = cuenta(10_000) / 2;
    let escriben = {
        let sitio = Arc::clone(&sitio);
        tokio::spawn(async move {
            for _ in 0..reportes / 20 {
                let lote: Vec<Value> = (0..20).map(|_| reporte_en(1)).collect();
                let r = sitio.lote(&autor, &lote).await;
                for uno in r["resultados"].as_array().unwrap() {
                    let ruta = format!("/admin/reportes/{}/aprobar", uno["id"]);
                    let r = sitio
                        .pide("POST", &ruta)
                        .como(&jefe)
                        .json(&json!({}))
                        .envia()
                        .await;
                    r.espera(200, "");
                }
            }
        })
    };
    let redes = ("SIGRA_WEBHOOKS_REDES".to_owned(), "127.0.0.0/8".to_owned());
    let mut nodos = Nodos::con(otra, nodos, vec![redes]).await;
    for i in 0..cuenta(100) {
        let i = i % nodos.red.nodos();
        // The moment is what is tried here.
        tokio::time::sleep(Duration::from_micros(dado(400_000) as u64)).await;
        nodos.mata(i).await;
        nodos.arranca(i).await;
    }
    escriben.await.expect("escriben");
    // What a dead worker had is taken after its time; nobody waits for that here.
    let mut cuantos = receptor.cuantos.clone();
    let faltan = "SELECT (SELECT max(posicion) FROM cambios) - (SELECT posicion FROM reparto)
        + (SELECT count(*) FROM cambios WHERE posicion IS NULL)
        + (SELECT count(*) FROM entregas WHERE estado = 'pendiente')";
    let suelta = "UPDATE entregas SET tomada = NULL, proximo = 0 WHERE estado = 'pendiente'";
    let limite = tokio::time::Instant::now() + Duration::from_mins(4);
    while sitio.bd.entero(faltan).await > 0 {
        assert!(
            tokio::time::Instant::now() < limite,
            "faltan {}",
            sitio.bd.entero(faltan).await
        );
        // Until something arrives, or a while: what was taken by the dead arrives at nobody.
        let algo = tokio::time::timeout(Duration::from_secs(1), cuantos.changed()).await;
        if algo.is_err() {
            sitio.bd.sql(suelta).await.expect("suelta");
            sitio
                .bd
                .sql("DELETE FROM circuitos")
                .await
                .expect("circuitos");
        }
    }
    let (bd, _dir) = nodos.archiva().await;
    drop(bd);
    let todos = receptor.todos();
    let mut por_id: HashMap<&str, (i64, i64)> = HashMap::new();
    let mut visto: HashMap<i64, i64> = HashMap::new();
    let mut repetidos = 0;
    for r in &todos {
        let (reporte, version) = version(r);
        if let Some(antes) = por_id.insert(r.cabecera("webhook-id"), (reporte, version)) {
            assert_eq!(antes, (reporte, version), "un id, dos avisos");
            repetidos += 1;
            continue;
        }
        let antes = visto.insert(reporte, version).unwrap_or(0);
        assert!(
            antes < version,
            "reporte {reporte}: {version} después de {antes}"
        );
    }
    println!(
        "{motor:?}: {} avisos de {reportes} reportes, {repetidos} repetidos",
        por_id.len()
    );
    assert_eq!(por_id.len(), reportes / 20 * 20 * 2);
    assert!(visto.values().all(|v| *v == 2));
    let Ok(sitio) = Arc::try_unwrap(sitio) else {
        panic!("alguien sigue escribiendo");
    };
    sitio.en_orden_y_fuera().await;
}
