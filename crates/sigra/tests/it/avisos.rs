//! Who is told what, once, and in what words.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use sigra_store::avisos::Salidas;

use crate::{
    arnes::{Bd, Motor, Nodos, Persona, Sitio, cuenta, dado, reporte_en},
    en_ambas,
};

/// What a person was told, oldest first.
async fn bandeja(sitio: &Sitio, quien: &Persona, consulta: &str) -> Vec<Value> {
    sitio
        .store
        .reparte_avisos(Salidas::default())
        .await
        .expect("reparte");
    let ruta = format!("/notificaciones?limite=200{consulta}");
    let r = sitio
        .pide("GET", &ruta)
        .como(quien)
        .envia()
        .await
        .espera(200, "");
    let mut todas = r.json["items"].as_array().expect("items").clone();
    todas.reverse();
    todas
}

async fn eventos(sitio: &Sitio, quien: &Persona) -> Vec<(String, i64)> {
    let todas = bandeja(sitio, quien, "").await;
    let uno = |n: &Value| {
        (
            n["evento"].as_str().unwrap().to_owned(),
            n["reporte_id"].as_i64().unwrap(),
        )
    };
    todas.iter().map(uno).collect()
}

async fn manda(sitio: &Sitio, quien: &Persona, op: &str, cuerpo: Value) -> Value {
    let (metodo, ruta) = op.split_once(' ').expect("op");
    let r = sitio
        .pide(metodo, ruta)
        .como(quien)
        .json(&cuerpo)
        .envia()
        .await;
    assert!(r.status < 300, "{r:?}");
    r.json
}

fn e(evento: &str, id: i64) -> (String, i64) {
    (evento.to_owned(), id)
}

en_ambas! {
    async fn a_cada_uno_lo_suyo(sitio: &Sitio) {
        let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
        let (uno, otro) = (sitio.supervisor(&[1]).await, sitio.supervisor(&[1, 2]).await);
        let a = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        // Nobody supervises area 3.
        let b = sitio.reporte(&autor, 3).await["id"].as_i64().unwrap();
        let propio = sitio.reporte(&uno, 1).await["id"].as_i64().unwrap();
        let retirado = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let retira = sitio.pide("DELETE", &format!("/reportes/{retirado}")).como(&admin).si_version(1);
        retira.json(&json!({"detalle": "De prueba."})).envia().await.espera(204, "");
        assert_eq!(eventos(sitio, &uno).await, [e("reporte.creado", a)]);
        assert_eq!(eventos(sitio, &otro).await, [e("reporte.creado", a), e("reporte.creado", propio)]);
        assert_eq!(eventos(sitio, &admin).await, [e("reporte.creado", b)]);
        assert_eq!(eventos(sitio, &autor).await, []);

        // To another area, and decided: its new supervisor and its author.
        manda(sitio, &uno, &format!("PUT /reportes/{a}"), json!({"area_id": 2, "version": 1})).await;
        assert_eq!(eventos(sitio, &otro).await[2..], [e("reporte.trasladado", a)]);
        // What is decided, or has gone on, before anybody was told is no news.
        let c = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        manda(sitio, &uno, &format!("PUT /reportes/{c}"), json!({"area_id": 2, "version": 1})).await;
        manda(sitio, &otro, &format!("PUT /reportes/{c}"), json!({"area_id": 3, "version": 2})).await;
        manda(sitio, &admin, &format!("POST /admin/reportes/{c}/rechazar"), json!({"detalle": "Repetido"})).await;
        for quien in [&uno, &otro, &admin] {
            assert!(!eventos(sitio, quien).await.iter().any(|(_, id)| *id == c));
        }
        assert_eq!(eventos(sitio, &autor).await, [e("reporte.decidido", c)]);
        manda(sitio, &otro, &format!("POST /admin/reportes/{a}/aprobar"), json!({"detalle": "Cierren el paso"})).await;
        manda(sitio, &otro, &format!("POST /admin/reportes/{a}/aprobar"), json!({"detalle": "Cierren el paso"})).await;
        assert_eq!(eventos(sitio, &otro).await[2..], [e("reporte.trasladado", a)]);
        assert_eq!(eventos(sitio, &uno).await.len(), 1);
        let suyas = bandeja(sitio, &autor, "").await;
        assert_eq!(suyas.len(), 2);
        let n = &suyas[1];
        assert_eq!((&n["evento"], &n["version"], &n["leida"]), (&json!("reporte.decidido"), &json!(3), &Value::Null));
        assert_eq!(n["url"], format!("/reportes/{a}"));
        assert_eq!(n["asunto"], "Su reporte quedó en Aprobado: Roca suelta en galería 4");
        let texto = n["texto"].as_str().unwrap();
        assert!(texto.contains("Carga y Transporte") && texto.contains("Dijo: «Cierren el paso»."), "{texto}");
        let ingles = sitio.pide("GET", "/notificaciones").como(&autor).header("accept-language", "en").envia().await;
        assert_eq!(ingles.json["items"][0]["asunto"], "Your report is now Aprobado: Roca suelta en galería 4");

        // A phone's edit of what is decided waits for its author.
        let mut edicion = reporte_en(1);
        edicion["uuid_cliente"] = sitio.pide("GET", &format!("/reportes/{a}")).como(&autor).envia().await.json["uuid_cliente"].clone();
        edicion["titulo"] = json!("Otra cosa");
        edicion["version_base"] = json!(1);
        assert_eq!(sitio.lote(&autor, &[edicion]).await["resumen"]["conflicto"], 1);
        assert_eq!(eventos(sitio, &autor).await[2..], [e("conflicto.creado", a)]);
        // Told once, however often the feed is gone through.
        for _ in 0..3 {
            sitio.store.reparte_avisos(Salidas::default()).await.unwrap();
        }
        assert_eq!(eventos(sitio, &autor).await.len(), 3);
    }

    async fn leer_es_de_cada_uno(sitio: &Sitio) {
        let (autor, uno, otro) = (sitio.trabajador().await, sitio.supervisor(&[1]).await, sitio.supervisor(&[1]).await);
        for _ in 0..5 {
            sitio.reporte(&autor, 1).await;
        }
        let suyas = bandeja(sitio, &uno, "").await;
        let id = |i: usize| suyas[i]["id"].as_i64().unwrap();
        let lee = async |quien: &Persona, id: i64| {
            sitio.pide("POST", &format!("/notificaciones/{id}/leida")).como(quien).envia().await
        };
        lee(&uno, id(1)).await.espera(204, "");
        let cuando = bandeja(sitio, &uno, "").await[1]["leida"].clone();
        assert!(cuando.is_string());
        // Again: it stays read when it was. Another's is not there.
        sitio.store.entorno().adelanta(1_000);
        lee(&uno, id(1)).await.espera(204, "");
        assert_eq!(bandeja(sitio, &uno, "").await[1]["leida"], cuando);
        lee(&otro, id(2)).await.espera(404, "no_encontrado");
        lee(&autor, id(2)).await.espera(404, "no_encontrado");
        assert_eq!(bandeja(sitio, &uno, "&sin_leer=true").await.len(), 4);
        let r = manda(sitio, &uno, "POST /notificaciones/leidas", json!({"hasta": id(3)})).await;
        assert_eq!(r, json!({"leidas": 3}));
        let quedan: Vec<i64> = bandeja(sitio, &uno, "&sin_leer=true").await.iter().map(|n| n["id"].as_i64().unwrap()).collect();
        assert_eq!(quedan, [id(4)]);
        assert_eq!(bandeja(sitio, &otro, "&sin_leer=true").await.len(), 5);
        // Pages, newest first.
        let mut ruta = "/notificaciones?limite=2".to_owned();
        let mut vistas = vec![];
        loop {
            let r = sitio.pide("GET", &ruta).como(&uno).envia().await.espera(200, "").json;
            vistas.extend(r["items"].as_array().unwrap().iter().map(|n| n["id"].as_i64().unwrap()));
            let Some(cursor) = r["siguiente"].as_str() else { break };
            ruta = format!("/notificaciones?limite=2&cursor={cursor}");
        }
        assert_eq!(vistas, (0..5).rev().map(id).collect::<Vec<_>>());
        sitio.pide("GET", "/notificaciones?sin_leer=quizás").como(&uno).envia().await.espera(422, "datos_invalidos");
        // After three months nobody needs them.
        sitio.store.entorno().adelanta(91 * 24 * 3_600_000);
        sitio.store.limpiar().await.unwrap();
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM notificaciones").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nadie_se_pierde_ni_se_repite_sqlite() {
    mueren_los_que_avisan(Motor::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nadie_se_pierde_ni_se_repite_postgres() {
    mueren_los_que_avisan(Motor::Postgres, 2).await;
}

/// Reports come in at one server while others, that tell people of them, are killed again and again.
async fn mueren_los_que_avisan(motor: Motor, nodos: usize) {
    let Some(bd) = Bd::nueva(motor).await else {
        return;
    };
    let otra = bd.otra();
    let sitio = Arc::new(Sitio::nuevo(bd).await);
    let jefes = [sitio.supervisor(&[1]).await, sitio.supervisor(&[1]).await];
    let autor = sitio.trabajador().await;
    let escriben = {
        let sitio = Arc::clone(&sitio);
        tokio::spawn(async move {
            for _ in 0..cuenta(10_000) / 20 {
                let lote: Vec<Value> = (0..20).map(|_| reporte_en(1)).collect();
                assert_eq!(sitio.lote(&autor, &lote).await["resumen"]["creado"], 20);
            }
        })
    };
    let mut nodos = Nodos::nuevos(otra, nodos).await;
    for i in 0..cuenta(100) {
        let i = i % nodos.red.nodos();
        // The moment is what is tried here.
        tokio::time::sleep(Duration::from_micros(dado(400_000) as u64)).await;
        nodos.mata(i).await;
        nodos.arranca(i).await;
    }
    escriben.await.expect("escriben");
    // One that is left alone tells all, and folds what the dashboard counts, with nobody asking for it.
    let mut quedan = 1;
    for _ in 0..1_200 {
        quedan = sitio
            .bd
            .entero(
                "SELECT (SELECT max(posicion) FROM cambios) - (SELECT posicion FROM reparto)
            + (SELECT count(*) FROM cambios WHERE posicion IS NULL)
            + (SELECT count(*) FROM conteos_deltas)",
            )
            .await;
        if quedan == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(quedan, 0, "el servidor no avisa por sí mismo");
    let (bd, _dir) = nodos.archiva().await;
    drop(bd);
    sitio
        .store
        .reparte_avisos(Salidas::default())
        .await
        .expect("reparte");
    let reportes = i64::try_from(cuenta(10_000) / 20 * 20).expect("cabe");
    for jefe in &jefes {
        let suyas = format!(
            "FROM notificaciones WHERE rut = {} AND evento = 'reporte.creado'",
            jefe.rut
        );
        assert_eq!(
            sitio.bd.entero(&format!("SELECT count(*) {suyas}")).await,
            reportes
        );
        assert_eq!(
            sitio
                .bd
                .entero(&format!("SELECT count(DISTINCT reporte_id) {suyas}"))
                .await,
            reportes
        );
    }
    // In the feed's order.
    let fuera = "SELECT count(*) FROM (SELECT c.posicion < lag(c.posicion) OVER (PARTITION BY n.rut ORDER BY n.id) AS antes
        FROM notificaciones n JOIN cambios c ON c.reporte_id = n.reporte_id AND c.version = n.version) x WHERE antes";
    assert_eq!(sitio.bd.entero(fuera).await, 0);
    let Ok(sitio) = Arc::try_unwrap(sitio) else {
        panic!("alguien sigue escribiendo");
    };
    sitio.en_orden_y_fuera().await;
}
