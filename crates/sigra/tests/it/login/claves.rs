//! Changing a password, on one's own account and on another's, while others sign in.

use serde_json::json;
use sigra_domain::Rol;
use sigra_store::identidad::RestablecerPassword;

use super::{
    CLAVE, activa, cambia_clave, con_clave, entra, hash_guardado, login, pon_hash, refresca, texto,
    yo,
};
use crate::{
    arnes::{Persona, Sitio, a_la_vez, cuenta},
    en_ambas,
};

const NUEVA: &str = "roca muy firme 42";

/// A sign-in that has read the stored hash and is busy comparing: `durante` happens meanwhile.
async fn login_en_curso(
    sitio: &Sitio,
    quien: &Persona,
    durante: impl Future<Output = ()>,
) -> crate::arnes::Respuesta {
    let antes = sitio.app.verificaciones();
    let en_curso = tokio::spawn(login(sitio, quien.rut.cuerpo(), CLAVE).envia());
    while sitio.app.verificaciones() == antes {
        tokio::task::yield_now().await;
    }
    durante.await;
    en_curso.await.expect("login")
}

en_ambas! {
    async fn con_clave_temporal_solo_se_puede_cambiarla(sitio: &Sitio) {
        let admin = sitio.administrador().await;
        let cuerpo = json!({"rut": 20_000_001, "nombre": "Ana", "apellido_1": "Soto", "rol": "trabajador"});
        let r = sitio.pide("POST", "/usuarios").como(&admin).json(&cuerpo).envia().await.espera(201, "");
        let temporal = texto(&r.json, "password_temporal");
        assert!(!temporal.contains("20000001"));
        let r = login(sitio, 20_000_001, temporal).envia().await.espera(200, "");
        assert_eq!(r.json["debe_cambiar_password"], true);
        let (token, refresh) = (texto(&r.json, "access_token"), texto(&r.json, "refresh_token"));
        yo(sitio, token).await.espera(403, "debe_cambiar_password");
        let otra = login(sitio, 20_000_001, temporal).envia().await.espera(200, "");
        // Neither does a refresh free them of it.
        let r = refresca(sitio, refresh).await.espera(200, "");
        assert_eq!(r.json["debe_cambiar_password"], true);
        let (token, refresh) = (texto(&r.json, "access_token"), texto(&r.json, "refresh_token"));
        yo(sitio, token).await.espera(403, "debe_cambiar_password");

        cambia_clave(sitio, token, "incorrecta", NUEVA).await.espera(401, "credenciales_invalidas");
        for mala in ["siete77", "20.000.001", temporal, &"x".repeat(129)] {
            cambia_clave(sitio, token, temporal, mala).await.espera(422, "datos_invalidos");
        }
        let r = cambia_clave(sitio, token, temporal, NUEVA).await.espera(200, "");
        assert_eq!(r.json["debe_cambiar_password"], false);
        yo(sitio, texto(&r.json, "access_token")).await.espera(200, "");
        refresca(sitio, texto(&r.json, "refresh_token")).await.espera(200, "");
        // The other sessions end, with their refresh tokens.
        for viejo in [token, texto(&otra.json, "access_token")] {
            yo(sitio, viejo).await.espera(401, "sesion_cerrada");
        }
        for viejo in [refresh, texto(&otra.json, "refresh_token")] {
            refresca(sitio, viejo).await.espera(401, "sesion_cerrada");
        }
        login(sitio, 20_000_001, temporal).envia().await.espera(401, "credenciales_invalidas");
        let r = login(sitio, 20_000_001, NUEVA).envia().await.espera(200, "");
        assert_eq!(r.json["debe_cambiar_password"], false);
    }

    async fn restablecer_da_otra_clave_temporal_y_cierra_todo(sitio: &Sitio) {
        let (admin, p) = (sitio.administrador().await, con_clave(sitio, Rol::Supervisor).await);
        let abierta = entra(sitio, &p, CLAVE).await.espera(200, "");
        for _ in 0..6 {
            entra(sitio, &p, "incorrecta").await;
        }
        let ruta = format!("/usuarios/{}/restablecer-password", p.rut.formateado());
        let mut temporales = vec![];
        for _ in 0..2 {
            let r = sitio.pide("POST", &ruta).como(&admin).envia().await.espera(200, "");
            temporales.push(texto(&r.json, "password_temporal").to_owned());
        }
        assert_ne!(temporales[0], temporales[1], "al azar");
        yo(sitio, texto(&abierta.json, "access_token")).await.espera(401, "sesion_cerrada");
        yo(sitio, &p.token).await.espera(401, "sesion_cerrada");
        refresca(sitio, texto(&abierta.json, "refresh_token")).await.espera(401, "sesion_cerrada");
        // Who was slowed down for wrong passwords is not any more; the first temporary one is void.
        entra(sitio, &p, &temporales[0]).await.espera(401, "credenciales_invalidas");
        entra(sitio, &p, CLAVE).await.espera(401, "credenciales_invalidas");
        let r = entra(sitio, &p, &temporales[1]).await.espera(200, "");
        assert_eq!(r.json["debe_cambiar_password"], true);
        let nadie = sitio.pide("POST", "/usuarios/98765432/restablecer-password").como(&admin);
        nadie.envia().await.espera(404, "no_encontrado");
    }

    /// The password was looked at before it was replaced: no session may rest on it afterwards.
    async fn una_clave_reemplazada_no_abre_ni_la_sesion_que_iba_en_camino(sitio: &Sitio) {
        for i in 0..cuenta(40) {
            let p = con_clave(sitio, Rol::Trabajador).await;
            if i % 2 == 1 {
                // Its sign-in would also write a new hash of the password that was replaced.
                pon_hash(sitio, &p, &bcrypt::hash(CLAVE, 4).unwrap()).await;
            }
            let hash = format!("$argon2id$otra-{i}");
            let cambio = RestablecerPassword { rut: p.rut, hash: hash.clone(), actor: None };
            let r = login_en_curso(sitio, &p, async {
                sitio.store.escribir(cambio).await.expect("restablece");
            }).await;
            assert_eq!(hash_guardado(sitio, &p).await, hash, "la clave reemplazada volvió");
            if r.status == 200 {
                yo(sitio, texto(&r.json, "access_token")).await.espera(401, "sesion_cerrada");
                refresca(sitio, texto(&r.json, "refresh_token")).await.espera(401, "sesion_cerrada");
            } else {
                r.espera(401, "credenciales_invalidas");
            }
        }
    }

    async fn los_telefonos_de_alguien_entran_a_la_vez_con_su_clave_antigua(sitio: &Sitio) {
        for _ in 0..cuenta(20) {
            let p = sitio.trabajador().await;
            pon_hash(sitio, &p, &bcrypt::hash(CLAVE, 4).unwrap()).await;
            for r in a_la_vez((0..4).map(|_| login(sitio, p.rut.cuerpo(), CLAVE).envia())).await {
                yo(sitio, texto(&r.espera(200, "").json, "access_token")).await.espera(200, "");
            }
        }
    }

    async fn desactivar_alcanza_al_login_que_iba_en_camino(sitio: &Sitio) {
        let admin = sitio.administrador().await;
        for _ in 0..cuenta(30) {
            let p = con_clave(sitio, Rol::Trabajador).await;
            let r = login_en_curso(sitio, &p, activa(sitio, &admin, &p, false)).await;
            // Nor may its session come alive when the person is made active again.
            activa(sitio, &admin, &p, true).await;
            if r.status == 200 {
                yo(sitio, texto(&r.json, "access_token")).await.espera(401, "sesion_cerrada");
            } else {
                // Looked at again, or before at all.
                r.espera(403, "usuario_inactivo");
            }
        }
    }

    async fn dos_cambios_de_clave_a_la_vez_dejan_una_y_una_sesion(sitio: &Sitio) {
        for _ in 0..cuenta(30) {
            let p = con_clave(sitio, Rol::Trabajador).await;
            let otra = sitio.sesion(p.quien.clone()).await;
            let cambia = |token: &str, nueva: &str| {
                let cuerpo = json!({"password": CLAVE, "new_password": nueva});
                sitio.pide("POST", "/auth/cambiar-password").token(token).json(&cuerpo).envia()
            };
            let rs = a_la_vez([cambia(&p.token, "primera clave"), cambia(&otra.token, "segunda clave")]).await;
            let buenas: Vec<_> = rs.iter().filter(|r| r.status == 200).collect();
            assert_eq!(buenas.len(), 1, "{rs:?}");
            yo(sitio, texto(&buenas[0].json, "access_token")).await.espera(200, "");
            let gana = if rs[0].status == 200 { "primera clave" } else { "segunda clave" };
            entra(sitio, &p, gana).await.espera(200, "");
            let abiertas = format!("SELECT count(*) FROM sesiones WHERE rut = {} AND cerrada_en IS NULL", p.rut);
            assert_eq!(sitio.bd.entero(&abiertas).await, 2);
        }
    }
}
