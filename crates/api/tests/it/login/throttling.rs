//! Wrong passwords slow down, per account and per address.

use sigra_domain::Rol;
use sigra_store::identity::CountAttempt;

use super::{PASSWORD, change_password, log_in, login, login_persona, me};
use sigra_testkit::{
    ApiResponse, SiteOptions, TestSite, both_databases, iterations, run_concurrently,
};

const FREE_ATTEMPTS: u32 = 5;

fn now(sitio: &TestSite) -> i64 {
    sitio.store.env().now().0
}

/// After so many wrong ones, milliseconds until the next: 1, 2, 4 … s, at most five minutes.
fn expect_status(fallos: u32) -> i64 {
    match fallos.checked_sub(FREE_ATTEMPTS) {
        None => 0,
        Some(n) => (1_000 << n.min(20)).min(300_000),
    }
}

/// The seconds that a 429 tells, the same in its header and body.
fn retry_after_secs(r: &ApiResponse) -> i64 {
    let s = r.json["reintentar_en"].as_i64().expect("reintentar_en");
    assert_eq!(r.header("retry-after"), s.to_string());
    assert_eq!(r.json["permanente"], false);
    s
}

/// Wrong passwords one after the other. The clock of the machine goes on meanwhile, so each wait is
/// held against the moments before and after the request.
async fn attempt_logins(sitio: &TestSite, rut: i64, veces: u32) -> usize {
    let (mut fallos, mut ultimo, mut frenadas, mut vencida) = (0, (0, 0), 0, false);
    while fallos < veces {
        let (antes, miradas) = (now(sitio), sitio.app.verification_count());
        let r = login(sitio, rut, "incorrecta").send().await;
        let despues = now(sitio);
        if r.status == 401 {
            assert!(
                despues - ultimo.0 >= expect_status(fallos),
                "{fallos} fallos y pasó antes de tiempo"
            );
            (fallos, ultimo, vencida) = (fallos + 1, (antes, despues), false);
            continue;
        }
        let r = r.expect_status(429, "demasiados_intentos");
        assert!(
            fallos >= FREE_ATTEMPTS && !vencida,
            "{fallos} fallos: {}",
            r.texto
        );
        assert_eq!(
            sitio.app.verification_count(),
            miradas,
            "una frenada no mira la contraseña"
        );
        let (dicho, falta) = (
            retry_after_secs(&r) * 1_000,
            ultimo.1 + expect_status(fallos) - antes,
        );
        assert!(
            dicho < falta + 1_000,
            "{fallos} fallos: {dicho} ms, faltaban a lo más {falta}"
        );
        assert!(
            dicho >= ultimo.0 + expect_status(fallos) - despues,
            "{fallos} fallos: {dicho} ms"
        );
        frenadas += 1;
        // Half the wait is not enough; the whole one is.
        let mitad = frenadas % 2 == 1 && dicho > 8_000;
        sitio
            .store
            .env()
            .advance(if mitad { dicho / 2 } else { dicho });
        vencida = !mitad;
    }
    frenadas
}

#[both_databases]
async fn each_account_waits_twice_as_long_each_time(sitio: &TestSite) {
    let p = login_persona(sitio, Rol::Trabajador).await;
    // Five minutes are reached with nine doublings. An account that does not exist is no different.
    for rut in [p.rut.body(), 99_999_999] {
        let frenadas = attempt_logins(sitio, rut, FREE_ATTEMPTS + 11).await;
        assert!(frenadas >= 8, "{frenadas}");
        // The right password has to wait too, or this would tell which one it is.
        let r = login(sitio, rut, PASSWORD)
            .send()
            .await
            .expect_status(429, "demasiados_intentos");
        assert!(retry_after_secs(&r) > 200, "{}", r.texto);
    }
    // Another account does not pay for it.
    log_in(
        sitio,
        &login_persona(sitio, Rol::Trabajador).await,
        PASSWORD,
    )
    .await
    .expect_status(200, "");
    sitio.store.env().advance(300_000);
    log_in(sitio, &p, PASSWORD).await.expect_status(200, "");
    // Forgiven: the free ones are free again.
    attempt_logins(sitio, p.rut.body(), FREE_ATTEMPTS).await;
}

#[both_databases]
async fn a_right_password_resets_the_throttle(sitio: &TestSite) {
    let p = login_persona(sitio, Rol::Trabajador).await;
    for _ in 0..3 {
        for _ in 0..FREE_ATTEMPTS - 1 {
            log_in(sitio, &p, "incorrecta")
                .await
                .expect_status(401, "credenciales_invalidas");
        }
        log_in(sitio, &p, PASSWORD).await.expect_status(200, "");
    }
}

#[both_databases]
async fn many_attempts_at_once_do_not_slip_through(sitio: &TestSite) {
    let p = login_persona(sitio, Rol::Trabajador).await;
    for rut in [p.rut.body(), 99_999_999] {
        let (antes, miradas) = (now(sitio), sitio.app.verification_count());
        let pedidos = (0..40).map(|i| {
            login(sitio, rut, "incorrecta")
                .header("x-forwarded-for", &format!("198.51.100.{i}"))
                .send()
        });
        let rs = run_concurrently(pedidos).await;
        let pasaron = rs.iter().filter(|r| r.status == 401).count();
        assert!(rs.iter().all(|r| [401, 429].contains(&r.status)));
        assert_eq!(sitio.app.verification_count() - miradas, pasaron as u64);
        // On a slow machine the first waits may run out while the rest arrives.
        let transcurrido = now(sitio) - antes;
        let mut permitidas = FREE_ATTEMPTS;
        while (1_000 << (permitidas - FREE_ATTEMPTS + 1)) - 1_000 <= transcurrido {
            permitidas += 1;
        }
        let esperadas = FREE_ATTEMPTS as usize..=permitidas as usize;
        assert!(
            esperadas.contains(&pasaron),
            "pasaron {pasaron} en {transcurrido} ms"
        );
    }
}

#[both_databases]
async fn a_whole_turno_logs_in_at_once_from_one_address(sitio: &TestSite) {
    for _ in 0..iterations(20) {
        let mut turno = vec![];
        for _ in 0..20 {
            turno.push(login_persona(sitio, Rol::Trabajador).await);
        }
        let entran = turno
            .iter()
            .map(|p| login(sitio, p.rut.body(), PASSWORD).send());
        for r in run_concurrently(entran).await {
            r.expect_status(200, "");
        }
    }
    // And nothing of it is held against the address.
    let cuentan = "SELECT coalesce(sum(fallos), 0) FROM intentos";
    assert_eq!(
        sitio
            .bd
            .query_i64(&format!("SELECT CAST(({cuentan}) AS BIGINT)"))
            .await,
        0
    );
}

#[both_databases]
async fn changing_the_password_is_throttled_alike(sitio: &TestSite) {
    let p = login_persona(sitio, Rol::Trabajador).await;
    attempt_logins(sitio, p.rut.body(), FREE_ATTEMPTS + 4).await;
    change_password(sitio, &p.token, PASSWORD, "roca muy firme 42")
        .await
        .expect_status(429, "demasiados_intentos");
    sitio.store.env().advance(300_000);
    let mut frenada = false;
    for _ in 0..=FREE_ATTEMPTS + 4 {
        frenada |= change_password(sitio, &p.token, "incorrecta", "roca muy firme 42")
            .await
            .status
            == 429;
    }
    assert!(frenada);
}

#[both_databases]
async fn each_address_is_throttled_too(sitio: &TestSite) {
    exhaust(sitio, ["198.51.100.7", "2001:db8:1:2::/64", "127.0.0.1"]).await;
    let mut rut = 30_000_000;
    let mut prueba = async |cabecera: &str| {
        rut += 1;
        login(sitio, rut, "incorrecta")
            .header("x-forwarded-for", cabecera)
            .send()
            .await
    };
    for frenada in [
        "198.51.100.7",
        "203.0.113.1, 198.51.100.7",
        "198.51.100.7, 127.0.0.1",
        "2001:db8:1:2::9",
        "2001:db8:1:2:ffff:ffff:ffff:ffff",
        "no es una dirección",
    ] {
        let r = prueba(frenada).await;
        assert_eq!(
            (r.status, r.code()),
            (429, "demasiados_intentos"),
            "{frenada}"
        );
        assert!(retry_after_secs(&r) > 60, "{frenada}: {}", r.texto);
    }
    for libre in [
        "198.51.100.8",
        "198.51.100.7, 203.0.113.1",
        "2001:db8:1:3::9",
    ] {
        prueba(libre)
            .await
            .expect_status(401, "credenciales_invalidas");
    }
    // A right password does not help either, and a session that is open goes on.
    let p = login_persona(sitio, Rol::Trabajador).await;
    login(sitio, p.rut.body(), PASSWORD)
        .header("x-forwarded-for", "198.51.100.7")
        .send()
        .await
        .expect_status(429, "demasiados_intentos");
    me(sitio, &p.token).await.expect_status(200, "");
    check_without_proxy(sitio).await;
}

/// Wrong passwords of many accounts, without the hashing, until each address has to wait for minutes.
async fn exhaust(sitio: &TestSite, direcciones: [&str; 3]) {
    let mut rut = 0;
    let mut una_vuelta = || {
        rut += 1;
        direcciones.map(|d| {
            let (store, direccion) = (sitio.store.clone(), d.to_owned());
            async move {
                store
                    .write(CountAttempt { rut, direccion })
                    .await
                    .expect("intento")
            }
        })
    };
    let mut libres = 0;
    while run_concurrently((0..50).flat_map(|_| una_vuelta()))
        .await
        .iter()
        .all(Result::is_ok)
    {
        libres += 50;
        // A crew behind one address may go wrong; an attacker may not try them all.
        assert!(libres < 1_000, "una dirección no se frena");
    }
    assert!(
        libres >= 50,
        "una dirección se frena antes de {libres} intentos"
    );
    loop {
        let esperas: Vec<i64> = run_concurrently(una_vuelta())
            .await
            .into_iter()
            .map(|r| r.err().unwrap_or(0))
            .collect();
        if esperas.iter().all(|ms| *ms > 200_000) {
            return;
        }
        sitio
            .store
            .env()
            .advance(esperas.into_iter().max().unwrap_or(0));
    }
}

/// The same service where no proxy is trusted: what the client writes about its address is nothing.
async fn check_without_proxy(sitio: &TestSite) {
    let ajuste = SiteOptions {
        proxies: &[],
        ..SiteOptions::default()
    };
    let directo = TestSite::with(sitio.bd.shared(), ajuste).await;
    directo.store.env().advance(now(sitio) - now(&directo));
    let entra = |rut: i64, clave: &str| {
        let pedido = login(&directo, rut, clave);
        pedido.header("x-forwarded-for", "203.0.113.77").send()
    };
    // 127.0.0.1 has used up its free ones.
    entra(40_000_000, "incorrecta")
        .await
        .expect_status(429, "demasiados_intentos");
    directo.store.env().advance(3_600_000);
    let p = login_persona(sitio, Rol::Trabajador).await;
    let r = entra(p.rut.body(), PASSWORD).await.expect_status(200, "");
    assert!(
        r.header("set-cookie").ends_with("; Secure"),
        "{:?}",
        r.headers
    );
    directo.close().await;
}
