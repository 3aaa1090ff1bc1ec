//! What people are told because nothing happened: once, and not when it did.

use serde_json::{Value, json};
use sigra_domain::{Fecha, Instante, Zona};
use sigra_store::notifications::{Channels, EscalationDelays};

use crate::sync::devices::send_presence;
use sigra_testkit::{
    Persona, TestSite, both_databases,
    files::{FilesFixture, Photo, reporte_with},
    reporte_in,
};

const DELAYS: EscalationDelays = EscalationDelays {
    sin_abrir: Some(30 * Instante::MINUTE),
    sin_archivos: 24 * Instante::HOUR,
    silencio: 72 * Instante::HOUR,
    silencio_con_deuda: 24 * Instante::HOUR,
};

pub fn today(sitio: &TestSite) -> Fecha {
    let zona = Zona::new("America/Santiago").expect("zona");
    zona.fecha(sitio.store.env().now())
}

pub async fn check(sitio: &TestSite) {
    sitio
        .store
        .fan_out_avisos(Channels::default())
        .await
        .expect("reparte");
    sitio
        .store
        .escalate(DELAYS, today(sitio), Channels::default())
        .await
        .expect("alarma");
}

/// Of these events, what a person was told; oldest first.
pub async fn notificaciones_of(sitio: &TestSite, quien: &Persona, evento: &str) -> Vec<Value> {
    let quien = sitio.session(quien.quien.clone()).await;
    let r = sitio
        .request("GET", "/notificaciones?limite=200")
        .by(&quien)
        .send()
        .await;
    let r = r.expect_status(200, "");
    let mut todas = r.json["items"].as_array().expect("items").clone();
    todas.retain(|n| n["evento"] == evento);
    todas.reverse();
    todas
}

/// The reports that they are about.
fn reporte_ids(notificaciones: &[Value]) -> Vec<i64> {
    let ids = notificaciones.iter().map(|n| n["reporte_id"].as_i64());
    ids.map(|id| id.expect("reporte_id")).collect()
}

async fn create_reporte(sitio: &TestSite, autor: &Persona, severidad: i64) -> i64 {
    let autor = sitio.session(autor.quien.clone()).await;
    let mut nuevo = reporte_in(1);
    nuevo["severidad_id"] = json!(severidad);
    sitio
        .create(&autor, &nuevo)
        .await
        .expect_status(201, "")
        .id()
}

/// A phone with nothing new, under a session that the clock has not outrun.
async fn sync(sitio: &TestSite, quien: &Persona, device: &str, pendientes: i64) {
    let quien = sitio.session(quien.quien.clone()).await;
    send_presence(sitio, &quien, device, 0, json!({"pendientes": pendientes})).await;
}

#[both_databases]
async fn a_reporte_nobody_opened_is_escalated(sitio: &TestSite) {
    let (autor, jefe, otro) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.supervisor(&[2]).await,
    );
    let admin = sitio.administrador().await;
    create_reporte(sitio, &autor, 1).await;
    let abierto = create_reporte(sitio, &autor, 3).await;
    let comentado = create_reporte(sitio, &autor, 3).await;
    let decidido = create_reporte(sitio, &autor, 3).await;
    let retirado = create_reporte(sitio, &autor, 3).await;
    let solo = create_reporte(sitio, &autor, 3).await;
    let ve = async |quien: &Persona, id: i64| {
        sitio
            .request("GET", &format!("/reportes/{id}"))
            .by(quien)
            .send()
            .await
            .expect_status(200, "");
    };
    ve(&jefe, abierto).await;
    // Noted beside the answer.
    while sitio.bd.query_i64("SELECT count(*) FROM aperturas").await == 0 {
        tokio::task::yield_now().await;
    }
    // Its author does not count; whoever may not decide it does not even see it.
    ve(&autor, solo).await;
    sitio
        .request("GET", &format!("/reportes/{solo}"))
        .by(&otro)
        .send()
        .await
        .expect_status(404, "no_encontrado");
    let manda = async |metodo: &str, ruta: String, cuerpo: Value| {
        let r = sitio
            .request(metodo, &ruta)
            .by(&admin)
            .json(&cuerpo)
            .send()
            .await;
        assert!(r.status < 300, "{r:?}");
    };
    manda(
        "POST",
        format!("/reportes/{comentado}/comentarios"),
        json!({"texto": "Vamos."}),
    )
    .await;
    manda(
        "POST",
        format!("/admin/reportes/{decidido}/aprobar"),
        json!({}),
    )
    .await;
    manda(
        "DELETE",
        format!("/reportes/{retirado}"),
        json!({"detalle": "De prueba.", "version": 1}),
    )
    .await;
    // Not before the limit.
    sitio.store.env().advance(29 * Instante::MINUTE);
    check(sitio).await;
    assert_eq!(
        notificaciones_of(sitio, &admin, "reporte.sin_abrir").await,
        Vec::<Value>::new()
    );
    sitio.store.env().advance(2 * Instante::MINUTE);
    for _ in 0..3 {
        check(sitio).await;
    }
    let dichas = notificaciones_of(sitio, &admin, "reporte.sin_abrir").await;
    assert_eq!(reporte_ids(&dichas), [solo]);
    assert!(
        dichas[0]["texto"]
            .as_str()
            .unwrap()
            .contains("Nadie que pueda decidirlo lo ha abierto")
    );
    for quien in [&jefe, &otro, &autor] {
        assert_eq!(
            notificaciones_of(sitio, quien, "reporte.sin_abrir").await,
            Vec::<Value>::new()
        );
    }
    // A site may not want it.
    create_reporte(sitio, &autor, 3).await;
    sitio.store.env().advance(Instante::HOUR);
    let nunca = EscalationDelays {
        sin_abrir: None,
        ..DELAYS
    };
    sitio
        .store
        .escalate(nunca, today(sitio), Channels::default())
        .await
        .unwrap();
    assert_eq!(
        notificaciones_of(sitio, &admin, "reporte.sin_abrir")
            .await
            .len(),
        1
    );
    check(sitio).await;
    assert_eq!(
        notificaciones_of(sitio, &admin, "reporte.sin_abrir")
            .await
            .len(),
        2
    );
}

#[both_databases]
async fn the_author_is_told_of_missing_photos(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let con = sitio
        .create(&autor, &reporte_with(&[&Photo::new(900)]))
        .await
        .expect_status(201, "")
        .id();
    create_reporte(sitio, &autor, 1).await;
    sitio.store.env().advance(23 * Instante::HOUR);
    check(sitio).await;
    assert_eq!(
        notificaciones_of(sitio, &autor, "reporte.sin_archivos").await,
        Vec::<Value>::new()
    );
    sitio.store.env().advance(2 * Instante::HOUR);
    for _ in 0..3 {
        check(sitio).await;
    }
    let dichas = notificaciones_of(sitio, &autor, "reporte.sin_archivos").await;
    assert_eq!(reporte_ids(&dichas), [con]);
    assert_eq!(
        notificaciones_of(sitio, &jefe, "reporte.sin_archivos").await,
        Vec::<Value>::new()
    );
    // One that clashes with another phone's lacks them all the same.
    let foto = Photo::new(900);
    let autor = sitio.session(autor.quien.clone()).await;
    let choca = sitio
        .create(&autor, &reporte_with(&[&foto]))
        .await
        .expect_status(201, "")
        .id();
    let sin_falta = sitio
        .create(&autor, &reporte_in(1))
        .await
        .expect_status(201, "")
        .id();
    sitio
        .bd
        .sql(&format!(
            "UPDATE reportes SET sync_status = 'conflicto' WHERE id IN ({choca}, {sin_falta})"
        ))
        .await
        .unwrap();
    sitio
        .bitacora_rota
        .store(true, std::sync::atomic::Ordering::Relaxed);
    sitio.store.env().advance(25 * Instante::HOUR);
    check(sitio).await;
    let dichas = notificaciones_of(sitio, &autor, "reporte.sin_archivos").await;
    assert_eq!(reporte_ids(&dichas), [con, choca]);
    // Then its last file is there, whatever else is open.
    FilesFixture::new(sitio).send(&autor, &foto).await.unwrap();
    let eventos = format!("SELECT evento FROM cambios WHERE reporte_id = {choca} ORDER BY id");
    assert_eq!(
        sitio.bd.texts(&eventos).await,
        ["reporte.creado", "reporte.completo"]
    );
}

#[both_databases]
async fn a_silent_phone_is_reported(sitio: &TestSite) {
    let (uno, debe, admin) = (
        sitio.trabajador().await,
        sitio.trabajador().await,
        sitio.administrador().await,
    );
    sync(sitio, &uno, "moto-1", 0).await;
    sync(sitio, &debe, "moto-2", 4).await;
    sitio.store.env().advance(25 * Instante::HOUR);
    for _ in 0..2 {
        check(sitio).await;
    }
    let dichas = notificaciones_of(sitio, &admin, "dispositivo.silencioso").await;
    assert_eq!(dichas.len(), 1);
    let texto = dichas[0]["texto"].as_str().unwrap();
    assert!(
        texto.contains("moto-2") && texto.contains("4 reportes sin enviar"),
        "{texto}"
    );
    assert_eq!(
        (&dichas[0]["reporte_id"], &dichas[0]["url"]),
        (&Value::Null, &Value::Null)
    );
    // Heard of again, and silent again: told again. The other one, after its own time.
    sync(sitio, &debe, "moto-2", 0).await;
    sitio.store.env().advance(48 * Instante::HOUR);
    check(sitio).await;
    assert_eq!(
        notificaciones_of(sitio, &admin, "dispositivo.silencioso")
            .await
            .len(),
        2
    );
    sitio.store.env().advance(25 * Instante::HOUR);
    check(sitio).await;
    assert_eq!(
        notificaciones_of(sitio, &admin, "dispositivo.silencioso")
            .await
            .len(),
        3
    );
}

#[both_databases]
async fn a_shared_phone_is_reported_for_its_last_usuario(sitio: &TestSite) {
    let (uno, otro, admin) = (
        sitio.trabajador().await,
        sitio.trabajador().await,
        sitio.administrador().await,
    );
    // Somebody else uses the phone since; who had another still owes what is in it.
    sync(sitio, &uno, "turno-a", 0).await;
    sync(sitio, &uno, "turno-b", 2).await;
    sitio.store.env().advance(30 * Instante::HOUR);
    sync(sitio, &otro, "turno-a", 0).await;
    sync(sitio, &otro, "turno-b", 0).await;
    check(sitio).await;
    sitio.store.env().advance(50 * Instante::HOUR);
    check(sitio).await;
    let dichas = notificaciones_of(sitio, &admin, "dispositivo.silencioso").await;
    assert_eq!(dichas.len(), 1, "{dichas:?}");
    assert!(dichas[0]["texto"].as_str().unwrap().contains("turno-b"));
    // Of one whose last user is gone, the one before is told of.
    let echa = sitio
        .request("PATCH", &format!("/usuarios/{}", otro.rut))
        .by(&sitio.administrador().await)
        .json(&json!({"activo": false}));
    echa.send().await.expect_status(200, "");
    check(sitio).await;
    assert_eq!(
        notificaciones_of(sitio, &admin, "dispositivo.silencioso")
            .await
            .len(),
        2
    );
    let vuelve = sitio
        .request("PATCH", &format!("/usuarios/{}", otro.rut))
        .by(&sitio.administrador().await)
        .json(&json!({"activo": true}));
    vuelve.send().await.expect_status(200, "");
    // All in the end, once each.
    sitio.store.env().advance(30 * Instante::HOUR);
    for _ in 0..2 {
        check(sitio).await;
    }
    assert_eq!(
        notificaciones_of(sitio, &admin, "dispositivo.silencioso")
            .await
            .len(),
        4
    );
}
