//! Signing in: what a password opens, what a wrong one costs, and how it is changed.

mod passwords;
mod refresh;
mod sessions;
mod throttling;
mod usuarios;

use std::sync::LazyLock;

use serde_json::{Value, json};
use sigra_domain::Rol;

use sigra_testkit::{ApiResponse, Persona, TestRequest, TestSite, both_databases};

pub const PASSWORD: &str = "clave de prueba";

/// One hash for all: making it costs as much as a sign-in.
static HASH: LazyLock<String> =
    LazyLock::new(|| sigra_api::hash_password(PASSWORD).expect("argon2"));

/// Somebody who can sign in with [`PASSWORD`].
pub async fn login_persona(sitio: &TestSite, rol: Rol) -> Persona {
    login_persona_with(sitio, rol, &[], false).await
}

pub async fn login_persona_with(sitio: &TestSite, rol: Rol, areas: &[i64], debe: bool) -> Persona {
    sitio.persona_with(rol, areas, &HASH, debe).await
}

pub async fn log_in(sitio: &TestSite, quien: &Persona, clave: &str) -> ApiResponse {
    login(sitio, quien.rut.body(), clave).send().await
}

pub fn login(sitio: &TestSite, rut: i64, clave: &str) -> TestRequest {
    let cuerpo = json!({"rut": rut, "password": clave});
    sitio.request("POST", "/auth/login").json(&cuerpo)
}

pub async fn send_refresh(sitio: &TestSite, token: &str) -> ApiResponse {
    let cuerpo = json!({"refresh_token": token});
    sitio
        .request("POST", "/auth/refresh")
        .json(&cuerpo)
        .send()
        .await
}

pub async fn change_password(
    sitio: &TestSite,
    token: &str,
    vieja: &str,
    nueva: &str,
) -> ApiResponse {
    let cuerpo = json!({"password": vieja, "new_password": nueva});
    let pedido = sitio.request("POST", "/auth/cambiar-password").token(token);
    pedido.json(&cuerpo).send().await
}

/// What `/auth/me` says to a token.
pub async fn me(sitio: &TestSite, token: &str) -> ApiResponse {
    sitio.request("GET", "/auth/me").token(token).send().await
}

pub fn text<'a>(json: &'a Value, campo: &str) -> &'a str {
    json[campo]
        .as_str()
        .unwrap_or_else(|| panic!("{campo}: {json}"))
}

async fn stored_hash(sitio: &TestSite, quien: &Persona) -> String {
    let sql = format!(
        "SELECT hash_password FROM usuarios WHERE rut = {}",
        quien.rut
    );
    sitio.bd.texts(&sql).await.remove(0)
}

async fn set_hash(sitio: &TestSite, quien: &Persona, hash: &str) {
    let sql = format!(
        "UPDATE usuarios SET hash_password = '{hash}' WHERE rut = {}",
        quien.rut
    );
    sitio.bd.sql(&sql).await.expect("hash");
}

async fn set_active(sitio: &TestSite, admin: &Persona, quien: &Persona, activo: bool) {
    let pedido = sitio
        .request("PATCH", &format!("/usuarios/{}", quien.rut))
        .by(admin);
    pedido
        .json(&json!({"activo": activo}))
        .send()
        .await
        .expect_status(200, "");
}

/// Wrong sign-ins take as long for each RUT: the fastest of several are compared, in turns, and on a
/// machine that is busy with something else, more of them. What one does not do, it never does.
async fn assert_same_cost(sitio: &TestSite, ruts: &[i64]) {
    let mut mejores = vec![f64::MAX; ruts.len()];
    for vuelta in 0..40 {
        sitio.bd.sql("DELETE FROM intentos").await.expect("perdona");
        for (rut, mejor) in ruts.iter().zip(&mut mejores) {
            let reloj = sigra_store::Env::monotonic_now();
            let r = login(sitio, *rut, "incorrecta").send().await;
            r.expect_status(401, "credenciales_invalidas");
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

#[both_databases]
async fn an_unknown_rut_costs_and_answers_like_a_known_one(sitio: &TestSite) {
    let (admin, activa_, inactiva) = (
        sitio.administrador().await,
        login_persona(sitio, Rol::Trabajador).await,
        login_persona(sitio, Rol::Trabajador).await,
    );
    set_active(sitio, &admin, &inactiva, false).await;
    let ruts = [activa_.rut.body(), inactiva.rut.body(), 99_999_999];
    let mut respuestas = vec![];
    for rut in ruts {
        let antes = sitio.app.verification_count();
        let r = login(sitio, rut, "incorrecta")
            .send()
            .await
            .expect_status(401, "credenciales_invalidas");
        assert_eq!(sitio.app.verification_count(), antes + 1, "{rut}");
        respuestas.push(r.json);
    }
    assert!(
        respuestas.iter().all(|r| *r == respuestas[0]),
        "{respuestas:?}"
    );
    assert_same_cost(sitio, &ruts).await;
}

/// Nor while hashes of the earlier system are left, whatever they cost.
#[both_databases]
async fn a_legacy_password_does_not_give_its_usuario_away(sitio: &TestSite) {
    let nueva = login_persona(sitio, Rol::Trabajador).await;
    let antigua = sitio.trabajador().await;
    set_hash(sitio, &antigua, &bcrypt::hash(PASSWORD, 4).unwrap()).await;
    let ruts = [nueva.rut.body(), antigua.rut.body(), 99_999_999];
    assert_same_cost(sitio, &ruts).await;
}

#[both_databases]
async fn an_inactive_usuario_learns_it_only_with_the_right_password(sitio: &TestSite) {
    let (admin, p) = (
        sitio.administrador().await,
        login_persona(sitio, Rol::Supervisor).await,
    );
    set_active(sitio, &admin, &p, false).await;
    log_in(sitio, &p, PASSWORD)
        .await
        .expect_status(403, "usuario_inactivo");
    log_in(sitio, &p, "incorrecta")
        .await
        .expect_status(401, "credenciales_invalidas");
    set_active(sitio, &admin, &p, true).await;
    log_in(sitio, &p, PASSWORD).await.expect_status(200, "");
}

#[both_databases]
async fn login_returns_what_the_contract_says(sitio: &TestSite) {
    let p = login_persona(sitio, Rol::Supervisor).await;
    for rut in [
        json!(p.rut),
        json!(p.rut.to_string()),
        json!(p.rut.formatted()),
    ] {
        let cuerpo = json!({"rut": rut, "password": PASSWORD, "device_id": "moto-e7"});
        let r = sitio
            .request("POST", "/auth/login/")
            .json(&cuerpo)
            .send()
            .await
            .expect_status(200, "");
        assert_eq!(r.json["token_type"], "Bearer");
        assert_eq!(r.json["expires_in"], 900);
        assert_eq!(r.json["debe_cambiar_password"], false);
        assert_eq!(r.json["usuario"]["rut"], p.rut.body());
        assert_eq!(r.json["usuario"]["rut_formateado"], p.rut.formatted());
        assert_eq!(
            (&r.json["usuario"]["rol"], &r.json["usuario"]["cargo"]),
            (&json!("supervisor"), &json!(3))
        );
        assert_eq!(
            me(sitio, text(&r.json, "access_token")).await.json,
            r.json["usuario"]
        );
        // The claims by name, without looking at the signature, and not a moment past their time.
        let c = jsonwebtoken::dangerous::insecure_decode::<Value>(text(&r.json, "access_token"))
            .unwrap()
            .claims;
        assert_eq!(
            (&c["sub"], &c["cargo"]),
            (&json!(p.rut.to_string()), &json!(3))
        );
        assert_eq!(c["exp"].as_i64().unwrap() - c["iat"].as_i64().unwrap(), 900);
        assert!(
            c["jti"].is_string() && c["iss"].is_string() && c["aud"].is_string(),
            "{c}"
        );
    }
    let r = log_in(sitio, &p, PASSWORD).await;
    sitio.store.env().advance(899_000 - 60_000);
    me(sitio, text(&r.json, "access_token"))
        .await
        .expect_status(200, "");
    sitio.store.env().advance(61_000);
    me(sitio, text(&r.json, "access_token"))
        .await
        .expect_status(401, "token_vencido");
}

#[both_databases]
async fn a_password_of_the_earlier_system_works_and_is_rehashed(sitio: &TestSite) {
    use bcrypt::Version::{TwoA, TwoB, TwoY};
    for version in [TwoB, TwoA, TwoY] {
        let p = sitio.trabajador().await;
        let antigua = bcrypt::hash_with_result(PASSWORD, 4)
            .unwrap()
            .format_for_version(version);
        set_hash(sitio, &p, &antigua).await;
        log_in(sitio, &p, "incorrecta")
            .await
            .expect_status(401, "credenciales_invalidas");
        assert_eq!(stored_hash(sitio, &p).await, antigua);
        log_in(sitio, &p, PASSWORD).await.expect_status(200, "");
        let nueva = stored_hash(sitio, &p).await;
        assert!(nueva.starts_with("$argon2id$"), "{nueva}");
        log_in(sitio, &p, PASSWORD).await.expect_status(200, "");
        log_in(sitio, &p, "incorrecta")
            .await
            .expect_status(401, "credenciales_invalidas");
        assert_eq!(stored_hash(sitio, &p).await, nueva, "una vez basta");
    }
}
