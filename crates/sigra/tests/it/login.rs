//! Signing in: what a password opens, what a wrong one costs, and how it is changed.

mod claves;
mod frenos;
mod refresco;
mod sesiones;
mod usuarios;

use std::sync::LazyLock;

use serde_json::{Value, json};
use sigra_domain::Rol;

use crate::{
    arnes::{Pedido, Persona, Respuesta, Sitio},
    en_ambas,
};

pub const CLAVE: &str = "clave de prueba";

/// One hash for all: making it costs as much as a sign-in.
static HASH: LazyLock<String> = LazyLock::new(|| sigra_api::hash_password(CLAVE).expect("argon2"));

/// Somebody who can sign in with [`CLAVE`].
pub async fn con_clave(sitio: &Sitio, rol: Rol) -> Persona {
    con_clave_y(sitio, rol, &[], false).await
}

pub async fn con_clave_y(sitio: &Sitio, rol: Rol, areas: &[i64], debe: bool) -> Persona {
    sitio.persona_con(rol, areas, &HASH, debe).await
}

pub async fn entra(sitio: &Sitio, quien: &Persona, clave: &str) -> Respuesta {
    login(sitio, quien.rut.cuerpo(), clave).envia().await
}

pub fn login(sitio: &Sitio, rut: i64, clave: &str) -> Pedido {
    let cuerpo = json!({"rut": rut, "password": clave});
    sitio.pide("POST", "/auth/login").json(&cuerpo)
}

pub async fn refresca(sitio: &Sitio, token: &str) -> Respuesta {
    let cuerpo = json!({"refresh_token": token});
    sitio
        .pide("POST", "/auth/refresh")
        .json(&cuerpo)
        .envia()
        .await
}

pub async fn cambia_clave(sitio: &Sitio, token: &str, vieja: &str, nueva: &str) -> Respuesta {
    let cuerpo = json!({"password": vieja, "new_password": nueva});
    let pedido = sitio.pide("POST", "/auth/cambiar-password").token(token);
    pedido.json(&cuerpo).envia().await
}

/// What `/auth/me` says to a token.
pub async fn yo(sitio: &Sitio, token: &str) -> Respuesta {
    sitio.pide("GET", "/auth/me").token(token).envia().await
}

pub fn texto<'a>(json: &'a Value, campo: &str) -> &'a str {
    json[campo]
        .as_str()
        .unwrap_or_else(|| panic!("{campo}: {json}"))
}

async fn hash_guardado(sitio: &Sitio, quien: &Persona) -> String {
    let sql = format!(
        "SELECT hash_password FROM usuarios WHERE rut = {}",
        quien.rut
    );
    sitio.bd.textos(&sql).await.remove(0)
}

async fn pon_hash(sitio: &Sitio, quien: &Persona, hash: &str) {
    let sql = format!(
        "UPDATE usuarios SET hash_password = '{hash}' WHERE rut = {}",
        quien.rut
    );
    sitio.bd.sql(&sql).await.expect("hash");
}

async fn activa(sitio: &Sitio, admin: &Persona, quien: &Persona, activo: bool) {
    let pedido = sitio
        .pide("PATCH", &format!("/usuarios/{}", quien.rut))
        .como(admin);
    pedido
        .json(&json!({"activo": activo}))
        .envia()
        .await
        .espera(200, "");
}

/// Wrong sign-ins take as long for each RUT: the fastest of several are compared, in turns, and on a
/// machine that is busy with something else, more of them. What one does not do, it never does.
async fn cuestan_lo_mismo(sitio: &Sitio, ruts: &[i64]) {
    let mut mejores = vec![f64::MAX; ruts.len()];
    for vuelta in 0..40 {
        sitio.bd.sql("DELETE FROM intentos").await.expect("perdona");
        for (rut, mejor) in ruts.iter().zip(&mut mejores) {
            let reloj = sigra_store::Entorno::cronometro();
            let r = login(sitio, *rut, "incorrecta").envia().await;
            r.espera(401, "credenciales_invalidas");
            *mejor = mejor.min(reloj.elapsed().as_secs_f64());
        }
        let (min, max) = mejores
            .iter()
            .fold((f64::MAX, 0.0_f64), |(a, b), t| (a.min(*t), b.max(*t)));
        if vuelta >= 3 && max < 1.6 * min {
            return;
        }
    }
    panic!("los tiempos delatan quién existe: {mejores:?}");
}

en_ambas! {
    async fn un_rut_desconocido_cuesta_y_responde_como_uno_conocido(sitio: &Sitio) {
        let (admin, activa_, inactiva) = (
            sitio.administrador().await,
            con_clave(sitio, Rol::Trabajador).await,
            con_clave(sitio, Rol::Trabajador).await,
        );
        activa(sitio, &admin, &inactiva, false).await;
        let ruts = [activa_.rut.cuerpo(), inactiva.rut.cuerpo(), 99_999_999];
        let mut respuestas = vec![];
        for rut in ruts {
            let antes = sitio.app.verificaciones();
            let r = login(sitio, rut, "incorrecta").envia().await.espera(401, "credenciales_invalidas");
            assert_eq!(sitio.app.verificaciones(), antes + 1, "{rut}");
            respuestas.push(r.json);
        }
        assert!(respuestas.iter().all(|r| *r == respuestas[0]), "{respuestas:?}");
        cuestan_lo_mismo(sitio, &ruts).await;
    }

    /// Nor while hashes of the earlier system are left, whatever they cost.
    async fn una_clave_antigua_no_delata_a_su_duenna(sitio: &Sitio) {
        let nueva = con_clave(sitio, Rol::Trabajador).await;
        let antigua = sitio.trabajador().await;
        pon_hash(sitio, &antigua, &bcrypt::hash(CLAVE, 4).unwrap()).await;
        let ruts = [nueva.rut.cuerpo(), antigua.rut.cuerpo(), 99_999_999];
        cuestan_lo_mismo(sitio, &ruts).await;
    }

    async fn un_usuario_inactivo_lo_sabe_solo_con_su_clave(sitio: &Sitio) {
        let (admin, p) = (sitio.administrador().await, con_clave(sitio, Rol::Supervisor).await);
        activa(sitio, &admin, &p, false).await;
        entra(sitio, &p, CLAVE).await.espera(403, "usuario_inactivo");
        entra(sitio, &p, "incorrecta").await.espera(401, "credenciales_invalidas");
        activa(sitio, &admin, &p, true).await;
        entra(sitio, &p, CLAVE).await.espera(200, "");
    }

    async fn el_login_entrega_lo_que_el_contrato_dice(sitio: &Sitio) {
        let p = con_clave(sitio, Rol::Supervisor).await;
        for rut in [json!(p.rut), json!(p.rut.to_string()), json!(p.rut.formateado())] {
            let cuerpo = json!({"rut": rut, "password": CLAVE, "device_id": "moto-e7"});
            let r = sitio.pide("POST", "/auth/login/").json(&cuerpo).envia().await.espera(200, "");
            assert_eq!(r.json["token_type"], "Bearer");
            assert_eq!(r.json["expires_in"], 900);
            assert_eq!(r.json["debe_cambiar_password"], false);
            assert_eq!(r.json["usuario"]["rut"], p.rut.cuerpo());
            assert_eq!(r.json["usuario"]["rut_formateado"], p.rut.formateado());
            assert_eq!((&r.json["usuario"]["rol"], &r.json["usuario"]["cargo"]), (&json!("supervisor"), &json!(3)));
            assert_eq!(yo(sitio, texto(&r.json, "access_token")).await.json, r.json["usuario"]);
            // The claims by name, without looking at the signature, and not a moment past their time.
            let c = jsonwebtoken::dangerous::insecure_decode::<Value>(texto(&r.json, "access_token")).unwrap().claims;
            assert_eq!((&c["sub"], &c["cargo"]), (&json!(p.rut.to_string()), &json!(3)));
            assert_eq!(c["exp"].as_i64().unwrap() - c["iat"].as_i64().unwrap(), 900);
            assert!(c["jti"].is_string() && c["iss"].is_string() && c["aud"].is_string(), "{c}");
        }
        let r = entra(sitio, &p, CLAVE).await;
        sitio.store.entorno().adelanta(899_000 - 60_000);
        yo(sitio, texto(&r.json, "access_token")).await.espera(200, "");
        sitio.store.entorno().adelanta(61_000);
        yo(sitio, texto(&r.json, "access_token")).await.espera(401, "token_vencido");
    }

    async fn una_clave_del_sistema_anterior_sirve_y_se_renueva(sitio: &Sitio) {
        use bcrypt::Version::{TwoA, TwoB, TwoY};
        for version in [TwoB, TwoA, TwoY] {
            let p = sitio.trabajador().await;
            let antigua = bcrypt::hash_with_result(CLAVE, 4).unwrap().format_for_version(version);
            pon_hash(sitio, &p, &antigua).await;
            entra(sitio, &p, "incorrecta").await.espera(401, "credenciales_invalidas");
            assert_eq!(hash_guardado(sitio, &p).await, antigua);
            entra(sitio, &p, CLAVE).await.espera(200, "");
            let nueva = hash_guardado(sitio, &p).await;
            assert!(nueva.starts_with("$argon2id$"), "{nueva}");
            entra(sitio, &p, CLAVE).await.espera(200, "");
            entra(sitio, &p, "incorrecta").await.espera(401, "credenciales_invalidas");
            assert_eq!(hash_guardado(sitio, &p).await, nueva, "una vez basta");
        }
    }
}
