//! Sessions: seen, closed one by one, and all at once when their person may no more.

use serde_json::json;
use sigra_domain::Rol;

use super::{PASSWORD, log_in, login_persona, me, send_refresh, set_active, text};
use sigra_testkit::{TestSite, both_databases, iterations, reporte_in, run_concurrently};

/// The ids in `GET /auth/sesiones`, and which one is marked as the caller's.
async fn list_sessions(sitio: &TestSite, token: &str) -> (Vec<i64>, Vec<i64>) {
    let r = sitio
        .request("GET", "/auth/sesiones")
        .token(token)
        .send()
        .await
        .expect_status(200, "");
    let items = r.json["items"].as_array().expect("items").clone();
    let ids = |solo_actual: bool| {
        let filtra = items.iter().filter(|s| !solo_actual || s["actual"] == true);
        filtra.map(|s| s["id"].as_i64().expect("id")).collect()
    };
    (ids(false), ids(true))
}

#[both_databases]
async fn everyone_sees_and_closes_their_own_sessions(sitio: &TestSite) {
    let (p, ajeno) = (
        login_persona(sitio, Rol::Trabajador).await,
        sitio.trabajador().await,
    );
    let cuerpo = json!({"rut": p.rut, "password": PASSWORD, "device_id": "moto-e7-0042"});
    let telefono = sitio
        .request("POST", "/auth/login")
        .json(&cuerpo)
        .header("user-agent", "SIGRA/2.0 (Android 11)")
        .header("x-forwarded-for", "198.51.100.7")
        .send()
        .await
        .expect_status(200, "");
    let token = text(&telefono.json, "access_token");
    let r = sitio.request("GET", "/auth/sesiones").by(&p).send().await;
    let del_telefono = r.json["items"][0].clone();
    assert_eq!(del_telefono["device_id"], "moto-e7-0042");
    assert_eq!(del_telefono["agente"], "SIGRA/2.0 (Android 11)");
    assert_eq!(del_telefono["direccion"], "198.51.100.7");
    let id = del_telefono["id"].as_i64().unwrap();
    // From the newest to the oldest, the asking one marked.
    assert_eq!(
        list_sessions(sitio, &p.token).await,
        (vec![id, p.sesion_id], vec![p.sesion_id])
    );
    assert_eq!(
        list_sessions(sitio, token).await,
        (vec![id, p.sesion_id], vec![id])
    );

    let ruta = format!("/auth/sesiones/{id}");
    sitio
        .request("DELETE", &ruta)
        .by(&ajeno)
        .send()
        .await
        .expect_status(404, "no_encontrado");
    me(sitio, token).await.expect_status(200, "");
    sitio
        .request("DELETE", &ruta)
        .by(&p)
        .send()
        .await
        .expect_status(204, "");
    me(sitio, token).await.expect_status(401, "sesion_cerrada");
    send_refresh(sitio, text(&telefono.json, "refresh_token"))
        .await
        .expect_status(401, "sesion_cerrada");
    sitio
        .request("DELETE", &ruta)
        .by(&p)
        .send()
        .await
        .expect_status(404, "no_encontrado");
    for ruta in [
        "/auth/sesiones/0",
        "/auth/sesiones/x",
        "/auth/sesiones/99999999999999999999",
    ] {
        sitio
            .request("DELETE", ruta)
            .by(&p)
            .send()
            .await
            .expect_status(404, "no_encontrado");
    }
    assert_eq!(
        list_sessions(sitio, &p.token).await,
        (vec![p.sesion_id], vec![p.sesion_id])
    );
    // One's own, too.
    let propia = format!("/auth/sesiones/{}", p.sesion_id);
    sitio
        .request("DELETE", &propia)
        .by(&p)
        .send()
        .await
        .expect_status(204, "");
    me(sitio, &p.token)
        .await
        .expect_status(401, "sesion_cerrada");
}

#[both_databases]
async fn logout_ends_the_tokens_at_once(sitio: &TestSite) {
    let p = login_persona(sitio, Rol::Supervisor).await;
    let r = log_in(sitio, &p, PASSWORD).await.expect_status(200, "");
    let (token, refresh) = (
        text(&r.json, "access_token"),
        text(&r.json, "refresh_token"),
    );
    let r = sitio
        .request("POST", "/auth/logout")
        .token(token)
        .send()
        .await
        .expect_status(204, "");
    let cookie = r.header("set-cookie");
    assert!(
        cookie.starts_with("sigra_sesion=;") && cookie.contains("Max-Age=0"),
        "{cookie}"
    );
    me(sitio, token).await.expect_status(401, "sesion_cerrada");
    send_refresh(sitio, refresh)
        .await
        .expect_status(401, "sesion_cerrada");
    sitio
        .request("POST", "/auth/logout")
        .token(token)
        .send()
        .await
        .expect_status(401, "sesion_cerrada");
    me(sitio, &p.token).await.expect_status(200, "");
}

#[both_databases]
async fn deactivating_someone_ends_everything_at_once(sitio: &TestSite) {
    let (admin, p) = (
        sitio.administrador().await,
        login_persona(sitio, Rol::Administrador).await,
    );
    let sesiones = [
        log_in(sitio, &p, PASSWORD).await,
        log_in(sitio, &p, PASSWORD).await,
    ];
    let vivas = || {
        sesiones
            .iter()
            .map(|r| text(&r.json, "access_token"))
            .chain([p.token.as_str()])
    };
    for token in vivas() {
        me(sitio, token).await.expect_status(200, "");
    }
    let reporte = sitio.reporte(&p, 1).await;
    set_active(sitio, &admin, &p, false).await;
    for token in vivas() {
        me(sitio, token).await.expect_status(401, "sesion_cerrada");
        let crear = sitio
            .request("POST", "/reportes")
            .token(token)
            .json(&reporte_in(1));
        crear.send().await.expect_status(401, "sesion_cerrada");
    }
    for r in &sesiones {
        send_refresh(sitio, text(&r.json, "refresh_token"))
            .await
            .expect_status(401, "sesion_cerrada");
    }
    log_in(sitio, &p, PASSWORD)
        .await
        .expect_status(403, "usuario_inactivo");
    // Their history stays.
    let ruta = format!("/reportes/{}", reporte["id"]);
    let r = sitio
        .request("GET", &ruta)
        .by(&admin)
        .send()
        .await
        .expect_status(200, "");
    assert_eq!(r.json["rut"], p.rut.body());
    // Coming back does not bring the old sessions back.
    set_active(sitio, &admin, &p, true).await;
    for token in vivas() {
        me(sitio, token).await.expect_status(401, "sesion_cerrada");
    }
    log_in(sitio, &p, PASSWORD).await.expect_status(200, "");
}

/// Whoever writes without a pause: nothing that begins after the answer gets in.
#[both_databases]
async fn nothing_starts_after_a_usuario_is_deactivated(sitio: &TestSite) {
    let admin = sitio.administrador().await;
    for _ in 0..iterations(20) {
        let p = sitio.trabajador().await;
        let escribe = run_concurrently((0..30).map(|_| {
            sitio
                .request("POST", "/reportes")
                .by(&p)
                .json(&reporte_in(1))
                .send()
        }));
        let ((), rs) = tokio::join!(set_active(sitio, &admin, &p, false), escribe);
        sitio
            .create(&p, &reporte_in(1))
            .await
            .expect_status(401, "sesion_cerrada");
        let otras = rs
            .iter()
            .filter(|r| ![201, 401, 403].contains(&r.status))
            .count();
        assert_eq!(otras, 0, "{rs:?}");
        let creados = rs.iter().filter(|r| r.status == 201).count();
        let sql = format!("SELECT count(*) FROM reportes WHERE rut = {}", p.rut);
        assert_eq!(
            sitio.bd.query_i64(&sql).await,
            i64::try_from(creados).unwrap()
        );
    }
}

#[both_databases]
async fn there_is_room_for_twenty_sessions(sitio: &TestSite) {
    let p = sitio.trabajador().await;
    let mut todas = vec![p.clone()];
    for _ in 0..21 {
        todas.push(sitio.session(p.quien.clone()).await);
    }
    for (i, s) in todas.iter().enumerate() {
        let r = me(sitio, &s.token).await;
        assert_eq!(r.status, if i < 2 { 401 } else { 200 }, "sesión {i}");
    }
    assert_eq!(list_sessions(sitio, &todas[21].token).await.0.len(), 20);
}
