//! Changing a password, on one's own account and on another's, while others sign in.

use serde_json::json;
use sigra_domain::Rol;
use sigra_store::identity::ResetPassword;

use super::{
    PASSWORD, change_password, log_in, login, login_persona, me, send_refresh, set_active,
    set_hash, stored_hash, text,
};
use sigra_testkit::{Persona, TestSite, both_databases, iterations, run_concurrently};

const NEW_PASSWORD: &str = "roca muy firme 42";

/// A sign-in that has read the stored hash and is busy comparing: `durante` happens meanwhile.
async fn login_in_progress(
    sitio: &TestSite,
    quien: &Persona,
    durante: impl Future<Output = ()>,
) -> sigra_testkit::ApiResponse {
    let antes = sitio.app.verification_count();
    let en_curso = tokio::spawn(login(sitio, quien.rut.body(), PASSWORD).send());
    while sitio.app.verification_count() == antes {
        tokio::task::yield_now().await;
    }
    durante.await;
    en_curso.await.expect("login")
}

#[both_databases]
async fn a_temporary_password_can_only_be_changed(sitio: &TestSite) {
    let admin = sitio.administrador().await;
    let cuerpo =
        json!({"rut": 20_000_001, "nombre": "Ana", "apellido_1": "Soto", "rol": "trabajador"});
    let r = sitio
        .request("POST", "/usuarios")
        .by(&admin)
        .json(&cuerpo)
        .send()
        .await
        .expect_status(201, "");
    let temporal = text(&r.json, "password_temporal");
    assert!(!temporal.contains("20000001"));
    let r = login(sitio, 20_000_001, temporal)
        .send()
        .await
        .expect_status(200, "");
    assert_eq!(r.json["debe_cambiar_password"], true);
    let (token, refresh) = (
        text(&r.json, "access_token"),
        text(&r.json, "refresh_token"),
    );
    me(sitio, token)
        .await
        .expect_status(403, "debe_cambiar_password");
    let otra = login(sitio, 20_000_001, temporal)
        .send()
        .await
        .expect_status(200, "");
    // Neither does a refresh free them of it.
    let r = send_refresh(sitio, refresh).await.expect_status(200, "");
    assert_eq!(r.json["debe_cambiar_password"], true);
    let (token, refresh) = (
        text(&r.json, "access_token"),
        text(&r.json, "refresh_token"),
    );
    me(sitio, token)
        .await
        .expect_status(403, "debe_cambiar_password");

    change_password(sitio, token, "incorrecta", NEW_PASSWORD)
        .await
        .expect_status(401, "credenciales_invalidas");
    for mala in ["siete77", "20.000.001", temporal, &"x".repeat(129)] {
        change_password(sitio, token, temporal, mala)
            .await
            .expect_status(422, "datos_invalidos");
    }
    let r = change_password(sitio, token, temporal, NEW_PASSWORD)
        .await
        .expect_status(200, "");
    assert_eq!(r.json["debe_cambiar_password"], false);
    me(sitio, text(&r.json, "access_token"))
        .await
        .expect_status(200, "");
    send_refresh(sitio, text(&r.json, "refresh_token"))
        .await
        .expect_status(200, "");
    // The other sessions end, with their refresh tokens.
    for viejo in [token, text(&otra.json, "access_token")] {
        me(sitio, viejo).await.expect_status(401, "sesion_cerrada");
    }
    for viejo in [refresh, text(&otra.json, "refresh_token")] {
        send_refresh(sitio, viejo)
            .await
            .expect_status(401, "sesion_cerrada");
    }
    login(sitio, 20_000_001, temporal)
        .send()
        .await
        .expect_status(401, "credenciales_invalidas");
    let r = login(sitio, 20_000_001, NEW_PASSWORD)
        .send()
        .await
        .expect_status(200, "");
    assert_eq!(r.json["debe_cambiar_password"], false);
}

#[both_databases]
async fn a_reset_gives_another_temporary_password_and_closes_every_session(sitio: &TestSite) {
    let (admin, p) = (
        sitio.administrador().await,
        login_persona(sitio, Rol::Supervisor).await,
    );
    let abierta = log_in(sitio, &p, PASSWORD).await.expect_status(200, "");
    for _ in 0..6 {
        log_in(sitio, &p, "incorrecta").await;
    }
    let ruta = format!("/usuarios/{}/restablecer-password", p.rut.formatted());
    let mut temporales = vec![];
    for _ in 0..2 {
        let r = sitio
            .request("POST", &ruta)
            .by(&admin)
            .send()
            .await
            .expect_status(200, "");
        temporales.push(text(&r.json, "password_temporal").to_owned());
    }
    assert_ne!(temporales[0], temporales[1], "al azar");
    me(sitio, text(&abierta.json, "access_token"))
        .await
        .expect_status(401, "sesion_cerrada");
    me(sitio, &p.token)
        .await
        .expect_status(401, "sesion_cerrada");
    send_refresh(sitio, text(&abierta.json, "refresh_token"))
        .await
        .expect_status(401, "sesion_cerrada");
    // Who was slowed down for wrong passwords is not any more; the first temporary one is void.
    log_in(sitio, &p, &temporales[0])
        .await
        .expect_status(401, "credenciales_invalidas");
    log_in(sitio, &p, PASSWORD)
        .await
        .expect_status(401, "credenciales_invalidas");
    let r = log_in(sitio, &p, &temporales[1])
        .await
        .expect_status(200, "");
    assert_eq!(r.json["debe_cambiar_password"], true);
    let nadie = sitio
        .request("POST", "/usuarios/98765432/restablecer-password")
        .by(&admin);
    nadie.send().await.expect_status(404, "no_encontrado");
}

/// The password was looked at before it was replaced: no session may rest on it afterwards.
#[both_databases]
async fn a_replaced_password_does_not_even_open_the_session_in_progress(sitio: &TestSite) {
    for i in 0..iterations(40) {
        let p = login_persona(sitio, Rol::Trabajador).await;
        if i % 2 == 1 {
            // Its sign-in would also write a new hash of the password that was replaced.
            set_hash(sitio, &p, &bcrypt::hash(PASSWORD, 4).unwrap()).await;
        }
        let hash = format!("$argon2id$otra-{i}");
        let cambio = ResetPassword {
            rut: p.rut,
            hash: hash.clone(),
            actor: None,
        };
        let r = login_in_progress(sitio, &p, async {
            sitio.store.write(cambio).await.expect("restablece");
        })
        .await;
        assert_eq!(
            stored_hash(sitio, &p).await,
            hash,
            "la clave reemplazada volvió"
        );
        if r.status == 200 {
            me(sitio, text(&r.json, "access_token"))
                .await
                .expect_status(401, "sesion_cerrada");
            send_refresh(sitio, text(&r.json, "refresh_token"))
                .await
                .expect_status(401, "sesion_cerrada");
        } else {
            r.expect_status(401, "credenciales_invalidas");
        }
    }
}

#[both_databases]
async fn all_phones_of_a_usuario_log_in_at_once_with_a_legacy_password(sitio: &TestSite) {
    for _ in 0..iterations(20) {
        let p = sitio.trabajador().await;
        set_hash(sitio, &p, &bcrypt::hash(PASSWORD, 4).unwrap()).await;
        for r in run_concurrently((0..4).map(|_| login(sitio, p.rut.body(), PASSWORD).send())).await
        {
            me(sitio, text(&r.expect_status(200, "").json, "access_token"))
                .await
                .expect_status(200, "");
        }
    }
}

#[both_databases]
async fn deactivation_reaches_a_login_in_flight(sitio: &TestSite) {
    let admin = sitio.administrador().await;
    for _ in 0..iterations(30) {
        let p = login_persona(sitio, Rol::Trabajador).await;
        let r = login_in_progress(sitio, &p, set_active(sitio, &admin, &p, false)).await;
        // Nor may its session come alive when the person is made active again.
        set_active(sitio, &admin, &p, true).await;
        if r.status == 200 {
            me(sitio, text(&r.json, "access_token"))
                .await
                .expect_status(401, "sesion_cerrada");
        } else {
            // Looked at again, or before at all.
            r.expect_status(403, "usuario_inactivo");
        }
    }
}

#[both_databases]
async fn two_concurrent_password_changes_leave_one_password_and_one_session(sitio: &TestSite) {
    for _ in 0..iterations(30) {
        let p = login_persona(sitio, Rol::Trabajador).await;
        let otra = sitio.session(p.quien.clone()).await;
        let cambia = |token: &str, nueva: &str| {
            let cuerpo = json!({"password": PASSWORD, "new_password": nueva});
            sitio
                .request("POST", "/auth/cambiar-password")
                .token(token)
                .json(&cuerpo)
                .send()
        };
        let rs = run_concurrently([
            cambia(&p.token, "primera clave"),
            cambia(&otra.token, "segunda clave"),
        ])
        .await;
        let buenas: Vec<_> = rs.iter().filter(|r| r.status == 200).collect();
        assert_eq!(buenas.len(), 1, "{rs:?}");
        me(sitio, text(&buenas[0].json, "access_token"))
            .await
            .expect_status(200, "");
        let gana = if rs[0].status == 200 {
            "primera clave"
        } else {
            "segunda clave"
        };
        log_in(sitio, &p, gana).await.expect_status(200, "");
        let abiertas = format!(
            "SELECT count(*) FROM sesiones WHERE rut = {} AND cerrada_en IS NULL",
            p.rut
        );
        assert_eq!(sitio.bd.query_i64(&abiertas).await, 2);
    }
}
