//! Sessions: seen, closed one by one, and all at once when their person may no more.

use serde_json::json;
use sigra_domain::Rol;

use super::{CLAVE, activa, con_clave, entra, refresca, texto, yo};
use crate::{
    arnes::{Sitio, a_la_vez, cuenta, reporte_en},
    en_ambas,
};

/// The ids in `GET /auth/sesiones`, and which one is marked as the caller's.
async fn lista(sitio: &Sitio, token: &str) -> (Vec<i64>, Vec<i64>) {
    let r = sitio
        .pide("GET", "/auth/sesiones")
        .token(token)
        .envia()
        .await
        .espera(200, "");
    let items = r.json["items"].as_array().expect("items").clone();
    let ids = |solo_actual: bool| {
        let filtra = items.iter().filter(|s| !solo_actual || s["actual"] == true);
        filtra.map(|s| s["id"].as_i64().expect("id")).collect()
    };
    (ids(false), ids(true))
}

en_ambas! {
    async fn cada_cual_ve_y_cierra_sus_sesiones(sitio: &Sitio) {
        let (p, ajeno) = (con_clave(sitio, Rol::Trabajador).await, sitio.trabajador().await);
        let cuerpo = json!({"rut": p.rut, "password": CLAVE, "device_id": "moto-e7-0042"});
        let telefono = sitio.pide("POST", "/auth/login").json(&cuerpo)
            .header("user-agent", "SIGRA/2.0 (Android 11)")
            .header("x-forwarded-for", "198.51.100.7")
            .envia().await.espera(200, "");
        let token = texto(&telefono.json, "access_token");
        let r = sitio.pide("GET", "/auth/sesiones").como(&p).envia().await;
        let del_telefono = r.json["items"][0].clone();
        assert_eq!(del_telefono["device_id"], "moto-e7-0042");
        assert_eq!(del_telefono["agente"], "SIGRA/2.0 (Android 11)");
        assert_eq!(del_telefono["direccion"], "198.51.100.7");
        let id = del_telefono["id"].as_i64().unwrap();
        // From the newest to the oldest, the asking one marked.
        assert_eq!(lista(sitio, &p.token).await, (vec![id, p.sesion_id], vec![p.sesion_id]));
        assert_eq!(lista(sitio, token).await, (vec![id, p.sesion_id], vec![id]));

        let ruta = format!("/auth/sesiones/{id}");
        sitio.pide("DELETE", &ruta).como(&ajeno).envia().await.espera(404, "no_encontrado");
        yo(sitio, token).await.espera(200, "");
        sitio.pide("DELETE", &ruta).como(&p).envia().await.espera(204, "");
        yo(sitio, token).await.espera(401, "sesion_cerrada");
        refresca(sitio, texto(&telefono.json, "refresh_token")).await.espera(401, "sesion_cerrada");
        sitio.pide("DELETE", &ruta).como(&p).envia().await.espera(404, "no_encontrado");
        for ruta in ["/auth/sesiones/0", "/auth/sesiones/x", "/auth/sesiones/99999999999999999999"] {
            sitio.pide("DELETE", ruta).como(&p).envia().await.espera(404, "no_encontrado");
        }
        assert_eq!(lista(sitio, &p.token).await, (vec![p.sesion_id], vec![p.sesion_id]));
        // One's own, too.
        let propia = format!("/auth/sesiones/{}", p.sesion_id);
        sitio.pide("DELETE", &propia).como(&p).envia().await.espera(204, "");
        yo(sitio, &p.token).await.espera(401, "sesion_cerrada");
    }

    async fn salir_termina_los_tokens_al_instante(sitio: &Sitio) {
        let p = con_clave(sitio, Rol::Supervisor).await;
        let r = entra(sitio, &p, CLAVE).await.espera(200, "");
        let (token, refresh) = (texto(&r.json, "access_token"), texto(&r.json, "refresh_token"));
        let r = sitio.pide("POST", "/auth/logout").token(token).envia().await.espera(204, "");
        let cookie = r.header("set-cookie");
        assert!(cookie.starts_with("sigra_sesion=;") && cookie.contains("Max-Age=0"), "{cookie}");
        yo(sitio, token).await.espera(401, "sesion_cerrada");
        refresca(sitio, refresh).await.espera(401, "sesion_cerrada");
        sitio.pide("POST", "/auth/logout").token(token).envia().await.espera(401, "sesion_cerrada");
        yo(sitio, &p.token).await.espera(200, "");
    }

    async fn desactivar_a_alguien_termina_todo_al_instante(sitio: &Sitio) {
        let (admin, p) = (sitio.administrador().await, con_clave(sitio, Rol::Administrador).await);
        let sesiones = [entra(sitio, &p, CLAVE).await, entra(sitio, &p, CLAVE).await];
        let vivas = || sesiones.iter().map(|r| texto(&r.json, "access_token")).chain([p.token.as_str()]);
        for token in vivas() {
            yo(sitio, token).await.espera(200, "");
        }
        let reporte = sitio.reporte(&p, 1).await;
        activa(sitio, &admin, &p, false).await;
        for token in vivas() {
            yo(sitio, token).await.espera(401, "sesion_cerrada");
            let crear = sitio.pide("POST", "/reportes").token(token).json(&reporte_en(1));
            crear.envia().await.espera(401, "sesion_cerrada");
        }
        for r in &sesiones {
            refresca(sitio, texto(&r.json, "refresh_token")).await.espera(401, "sesion_cerrada");
        }
        entra(sitio, &p, CLAVE).await.espera(403, "usuario_inactivo");
        // Their history stays.
        let ruta = format!("/reportes/{}", reporte["id"]);
        let r = sitio.pide("GET", &ruta).como(&admin).envia().await.espera(200, "");
        assert_eq!(r.json["rut"], p.rut.cuerpo());
        // Coming back does not bring the old sessions back.
        activa(sitio, &admin, &p, true).await;
        for token in vivas() {
            yo(sitio, token).await.espera(401, "sesion_cerrada");
        }
        entra(sitio, &p, CLAVE).await.espera(200, "");
    }

    /// Whoever writes without a pause: nothing that begins after the answer gets in.
    async fn nada_empieza_despues_de_desactivar(sitio: &Sitio) {
        let admin = sitio.administrador().await;
        for _ in 0..cuenta(20) {
            let p = sitio.trabajador().await;
            let escribe = a_la_vez((0..30).map(|_| {
                sitio.pide("POST", "/reportes").como(&p).json(&reporte_en(1)).envia()
            }));
            let ((), rs) = tokio::join!(activa(sitio, &admin, &p, false), escribe);
            sitio.crea(&p, &reporte_en(1)).await.espera(401, "sesion_cerrada");
            let otras = rs.iter().filter(|r| ![201, 401, 403].contains(&r.status)).count();
            assert_eq!(otras, 0, "{rs:?}");
            let creados = rs.iter().filter(|r| r.status == 201).count();
            let sql = format!("SELECT count(*) FROM reportes WHERE rut = {}", p.rut);
            assert_eq!(sitio.bd.entero(&sql).await, i64::try_from(creados).unwrap());
        }
    }

    async fn hay_lugar_para_veinte_sesiones(sitio: &Sitio) {
        let p = sitio.trabajador().await;
        let mut todas = vec![p.clone()];
        for _ in 0..21 {
            todas.push(sitio.sesion(p.quien.clone()).await);
        }
        for (i, s) in todas.iter().enumerate() {
            let r = yo(sitio, &s.token).await;
            assert_eq!(r.status, if i < 2 { 401 } else { 200 }, "sesión {i}");
        }
        assert_eq!(lista(sitio, &todas[21].token).await.0.len(), 20);
    }
}
