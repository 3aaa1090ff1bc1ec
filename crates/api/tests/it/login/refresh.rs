//! Refresh tokens rotate, and a stolen one ends its family.

use sigra_domain::Rol;

use super::{PASSWORD, log_in, login_persona, me, send_refresh, text};
use sigra_testkit::{ApiResponse, Persona, TestSite, both_databases, iterations, run_concurrently};

/// Somebody signed in, their refresh token and their access token.
async fn open_token_family(sitio: &TestSite) -> (Persona, String) {
    let quien = sitio.trabajador().await.quien;
    Persona::open_session(&sitio.store, &sitio.tokens, quien).await
}

async fn next_token(sitio: &TestSite, token: &str) -> String {
    let r = send_refresh(sitio, token).await.expect_status(200, "");
    text(&r.json, "refresh_token").to_owned()
}

async fn assert_session_closed(sitio: &TestSite, token: &str) {
    send_refresh(sitio, token)
        .await
        .expect_status(401, "sesion_cerrada");
}

fn advance_clock_secs(sitio: &TestSite, segundos: i64) {
    sitio.store.env().advance(segundos * 1_000);
}

#[both_databases]
async fn a_stolen_token_already_used_ends_the_family(sitio: &TestSite) {
    let (p, t0) = open_token_family(sitio).await;
    let otra = sitio.session(p.quien.clone()).await;
    let t1 = next_token(sitio, &t0).await;
    let t2 = next_token(sitio, &t1).await;
    me(sitio, &p.token).await.expect_status(200, "");
    advance_clock_secs(sitio, 61);
    assert_session_closed(sitio, &t0).await;
    for t in [&t2, &t1, &t0] {
        assert_session_closed(sitio, t).await;
    }
    me(sitio, &p.token)
        .await
        .expect_status(401, "sesion_cerrada");
    // One family per login: the person's other phone goes on.
    me(sitio, &otra.token).await.expect_status(200, "");
}

#[both_databases]
async fn a_lost_response_does_not_end_the_session(sitio: &TestSite) {
    let (_, t0) = open_token_family(sitio).await;
    let perdido = next_token(sitio, &t0).await;
    assert_eq!(next_token(sitio, &t0).await, perdido, "en 60 s, el mismo");
    advance_clock_secs(sitio, 61);
    let hermano = next_token(sitio, &t0).await;
    assert_ne!(hermano, perdido);
    assert_eq!(next_token(sitio, &t0).await, hermano);
    // The phone had no signal for the whole shift.
    advance_clock_secs(sitio, 12 * 3_600);
    let t1 = next_token(sitio, &t0).await;
    let t2 = next_token(sitio, &t1).await;
    let r = send_refresh(sitio, &t2).await.expect_status(200, "");
    me(sitio, text(&r.json, "access_token"))
        .await
        .expect_status(200, "");
    // Whoever kept the lost answer is not the phone.
    assert_session_closed(sitio, &perdido).await;
    assert_session_closed(sitio, text(&r.json, "refresh_token")).await;
    me(sitio, text(&r.json, "access_token"))
        .await
        .expect_status(401, "sesion_cerrada");
}

#[both_databases]
async fn two_tabs_that_refresh_at_once_both_go_on(sitio: &TestSite) {
    for _ in 0..iterations(50) {
        let (_, t0) = open_token_family(sitio).await;
        let mut actual = t0;
        for _ in 0..3 {
            let cuerpo = serde_json::json!({"refresh_token": actual});
            let rs: Vec<ApiResponse> = run_concurrently(
                (0..20).map(|_| sitio.request("POST", "/auth/refresh").json(&cuerpo).send()),
            )
            .await;
            let nuevos: Vec<&str> = rs.iter().map(|r| text(&r.json, "refresh_token")).collect();
            assert!(
                nuevos.iter().all(|t| *t == nuevos[0] && *t != actual),
                "{nuevos:?}"
            );
            for r in rs.iter().step_by(7) {
                me(sitio, text(&r.json, "access_token"))
                    .await
                    .expect_status(200, "");
            }
            actual = nuevos[0].to_owned();
        }
    }
}

#[both_databases]
async fn a_session_lives_thirty_days_from_its_last_use(sitio: &TestSite) {
    const DAY: i64 = 24 * 3_600;
    let (_, t0) = open_token_family(sitio).await;
    advance_clock_secs(sitio, 30 * DAY - 60);
    let t1 = next_token(sitio, &t0).await;
    advance_clock_secs(sitio, 30 * DAY - 60);
    let t2 = next_token(sitio, &t1).await;
    advance_clock_secs(sitio, 30 * DAY + 1);
    assert_session_closed(sitio, &t2).await;
}

#[both_databases]
async fn what_is_not_a_refresh_token_is_refused(sitio: &TestSite) {
    let (p, t0) = open_token_family(sitio).await;
    for malo in [
        "",
        "x",
        &p.token,
        &t0.to_uppercase(),
        &t0[1..],
        "' OR 1=1 --",
        "\u{0}",
    ] {
        assert_session_closed(sitio, malo).await;
    }
    for cuerpo in [
        "{}",
        r#"{"refresh_token": 5}"#,
        r#"{"refresh_token": null}"#,
    ] {
        sitio
            .request("POST", "/auth/refresh")
            .raw(cuerpo)
            .send()
            .await
            .expect_status(422, "datos_invalidos");
    }
    next_token(sitio, &t0).await;
}

#[both_databases]
async fn the_tokens_are_not_in_the_database(sitio: &TestSite) {
    let p = login_persona(sitio, Rol::Trabajador).await;
    let r = log_in(sitio, &p, PASSWORD).await.expect_status(200, "");
    let t0 = text(&r.json, "refresh_token").to_owned();
    let t1 = next_token(sitio, &t0).await;
    let t2 = next_token(sitio, &t1).await;
    let todo = dump(sitio).await;
    // What is looked for would be found: the hashes are there.
    for t in [&t0, &t1, &t2] {
        assert!(
            todo.contains(&sigra_domain::sha256_hex(t.as_bytes())),
            "sin el hash"
        );
        assert!(
            !todo.contains(t.as_str()),
            "un refresh token está en la base"
        );
    }
    let firma = text(&r.json, "access_token").rsplit_once('.').unwrap().1;
    assert!(!todo.contains(firma), "un access token está en la base");
    assert!(!todo.contains(PASSWORD), "una contraseña está en la base");
}

/// Random uses of one family's tokens against the rule of the contract, kept in memory.
#[both_databases]
async fn any_sequence_of_uses_follows_the_rule(sitio: &TestSite) {
    let mut robos = 0;
    for semilla in 1..=iterations(300) as u64 {
        robos += model::run(sitio, semilla).await;
    }
    assert!(robos > 0, "ninguna sucesión llegó a un robo");
}

/// All that the database holds, as text.
async fn dump(sitio: &TestSite) -> String {
    if let Some(dir) = sitio.bd.dir() {
        // The files themselves, so that freed pages and the log count too.
        let archivos = std::fs::read_dir(dir)
            .expect("directorio")
            .map(|f| f.expect("archivo").path());
        let bytes: Vec<u8> = archivos
            .flat_map(|f| std::fs::read(f).unwrap_or_default())
            .collect();
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    let tablas = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()";
    let mut todo = String::new();
    for tabla in sitio.bd.texts(tablas).await {
        let filas = sitio
            .bd
            .texts(&format!("SELECT t::text FROM {tabla} t"))
            .await;
        todo.extend(filas);
    }
    todo
}

mod model;
