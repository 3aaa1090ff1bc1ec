//! Wrong passwords slow down, per account and per address.

use sigra_api::{App, ClaveFirma, Opciones};
use sigra_domain::{Rol, Zona};
use sigra_store::identidad::Intento;

use super::{CLAVE, cambia_clave, con_clave, entra, login, yo};
use crate::{
    arnes::{Pedido, Respuesta, SECRETO, Sitio, a_la_vez, cuenta},
    en_ambas,
};

const LIBRES: u32 = 5;

fn ahora(sitio: &Sitio) -> i64 {
    sitio.store.entorno().ahora().0
}

/// After so many wrong ones, milliseconds until the next: 1, 2, 4 … s, at most five minutes.
fn espera(fallos: u32) -> i64 {
    match fallos.checked_sub(LIBRES) {
        None => 0,
        Some(n) => (1_000 << n.min(20)).min(300_000),
    }
}

/// The seconds that a 429 tells, the same in its header and body.
fn segundos(r: &Respuesta) -> i64 {
    let s = r.json["reintentar_en"].as_i64().expect("reintentar_en");
    assert_eq!(r.header("retry-after"), s.to_string());
    assert_eq!(r.json["permanente"], false);
    s
}

/// Wrong passwords one after the other. The clock of the machine goes on meanwhile, so each wait is
/// held against the moments before and after the request.
async fn insiste(sitio: &Sitio, rut: i64, veces: u32) -> usize {
    let (mut fallos, mut ultimo, mut frenadas, mut vencida) = (0, (0, 0), 0, false);
    while fallos < veces {
        let (antes, miradas) = (ahora(sitio), sitio.app.verificaciones());
        let r = login(sitio, rut, "incorrecta").envia().await;
        let despues = ahora(sitio);
        if r.status == 401 {
            assert!(
                despues - ultimo.0 >= espera(fallos),
                "{fallos} fallos y pasó antes de tiempo"
            );
            (fallos, ultimo, vencida) = (fallos + 1, (antes, despues), false);
            continue;
        }
        let r = r.espera(429, "demasiados_intentos");
        assert!(fallos >= LIBRES && !vencida, "{fallos} fallos: {}", r.texto);
        assert_eq!(
            sitio.app.verificaciones(),
            miradas,
            "una frenada no mira la contraseña"
        );
        let (dicho, falta) = (segundos(&r) * 1_000, ultimo.1 + espera(fallos) - antes);
        assert!(
            dicho < falta + 1_000,
            "{fallos} fallos: {dicho} ms, faltaban a lo más {falta}"
        );
        assert!(
            dicho >= ultimo.0 + espera(fallos) - despues,
            "{fallos} fallos: {dicho} ms"
        );
        frenadas += 1;
        // Half the wait is not enough; the whole one is.
        let mitad = frenadas % 2 == 1 && dicho > 8_000;
        sitio
            .store
            .entorno()
            .adelanta(if mitad { dicho / 2 } else { dicho });
        vencida = !mitad;
    }
    frenadas
}

en_ambas! {
    async fn cada_cuenta_espera_el_doble_cada_vez(sitio: &Sitio) {
        let p = con_clave(sitio, Rol::Trabajador).await;
        // Five minutes are reached with nine doublings. An account that does not exist is no different.
        for rut in [p.rut.cuerpo(), 99_999_999] {
            let frenadas = insiste(sitio, rut, LIBRES + 11).await;
            assert!(frenadas >= 8, "{frenadas}");
            // The right password has to wait too, or this would tell which one it is.
            let r = login(sitio, rut, CLAVE).envia().await.espera(429, "demasiados_intentos");
            assert!(segundos(&r) > 200, "{}", r.texto);
        }
        // Another account does not pay for it.
        entra(sitio, &con_clave(sitio, Rol::Trabajador).await, CLAVE).await.espera(200, "");
        sitio.store.entorno().adelanta(300_000);
        entra(sitio, &p, CLAVE).await.espera(200, "");
        // Forgiven: the free ones are free again.
        insiste(sitio, p.rut.cuerpo(), LIBRES).await;
    }

    async fn acertar_perdona(sitio: &Sitio) {
        let p = con_clave(sitio, Rol::Trabajador).await;
        for _ in 0..3 {
            for _ in 0..LIBRES - 1 {
                entra(sitio, &p, "incorrecta").await.espera(401, "credenciales_invalidas");
            }
            entra(sitio, &p, CLAVE).await.espera(200, "");
        }
    }

    async fn muchas_a_la_vez_no_se_cuelan(sitio: &Sitio) {
        let p = con_clave(sitio, Rol::Trabajador).await;
        for rut in [p.rut.cuerpo(), 99_999_999] {
            let (antes, miradas) = (ahora(sitio), sitio.app.verificaciones());
            let pedidos = (0..40).map(|i| {
                login(sitio, rut, "incorrecta").header("x-forwarded-for", &format!("198.51.100.{i}")).envia()
            });
            let rs = a_la_vez(pedidos).await;
            let pasaron = rs.iter().filter(|r| r.status == 401).count();
            assert!(rs.iter().all(|r| [401, 429].contains(&r.status)));
            assert_eq!(sitio.app.verificaciones() - miradas, pasaron as u64);
            // On a slow machine the first waits may run out while the rest arrives.
            let transcurrido = ahora(sitio) - antes;
            let mut permitidas = LIBRES;
            while (1_000 << (permitidas - LIBRES + 1)) - 1_000 <= transcurrido {
                permitidas += 1;
            }
            let esperadas = LIBRES as usize..=permitidas as usize;
            assert!(esperadas.contains(&pasaron), "pasaron {pasaron} en {transcurrido} ms");
        }
    }

    async fn un_turno_entero_entra_a_la_vez_por_una_direccion(sitio: &Sitio) {
        for _ in 0..cuenta(20) {
            let mut turno = vec![];
            for _ in 0..20 {
                turno.push(con_clave(sitio, Rol::Trabajador).await);
            }
            let entran = turno.iter().map(|p| login(sitio, p.rut.cuerpo(), CLAVE).envia());
            for r in a_la_vez(entran).await {
                r.espera(200, "");
            }
        }
        // And nothing of it is held against the address.
        let cuentan = "SELECT coalesce(sum(fallos), 0) FROM intentos";
        assert_eq!(sitio.bd.entero(&format!("SELECT CAST(({cuentan}) AS BIGINT)")).await, 0);
    }

    async fn cambiar_la_clave_se_frena_igual(sitio: &Sitio) {
        let p = con_clave(sitio, Rol::Trabajador).await;
        insiste(sitio, p.rut.cuerpo(), LIBRES + 4).await;
        cambia_clave(sitio, &p.token, CLAVE, "roca muy firme 42").await.espera(429, "demasiados_intentos");
        sitio.store.entorno().adelanta(300_000);
        let mut frenada = false;
        for _ in 0..=LIBRES + 4 {
            frenada |= cambia_clave(sitio, &p.token, "incorrecta", "roca muy firme 42").await.status == 429;
        }
        assert!(frenada);
    }

    async fn tambien_cada_direccion(sitio: &Sitio) {
        agota(sitio, ["198.51.100.7", "2001:db8:1:2::/64", "127.0.0.1"]).await;
        let mut rut = 30_000_000;
        let mut prueba = async |cabecera: &str| {
            rut += 1;
            login(sitio, rut, "incorrecta").header("x-forwarded-for", cabecera).envia().await
        };
        for frenada in ["198.51.100.7", "203.0.113.1, 198.51.100.7", "198.51.100.7, 127.0.0.1",
            "2001:db8:1:2::9", "2001:db8:1:2:ffff:ffff:ffff:ffff", "no es una dirección"] {
            let r = prueba(frenada).await;
            assert_eq!((r.status, r.codigo()), (429, "demasiados_intentos"), "{frenada}");
            assert!(segundos(&r) > 60, "{frenada}: {}", r.texto);
        }
        for libre in ["198.51.100.8", "198.51.100.7, 203.0.113.1", "2001:db8:1:3::9"] {
            prueba(libre).await.espera(401, "credenciales_invalidas");
        }
        // A right password does not help either, and a session that is open goes on.
        let p = con_clave(sitio, Rol::Trabajador).await;
        login(sitio, p.rut.cuerpo(), CLAVE).header("x-forwarded-for", "198.51.100.7").envia().await
            .espera(429, "demasiados_intentos");
        yo(sitio, &p.token).await.espera(200, "");
        sin_proxy(sitio).await;
    }
}

/// Wrong passwords of many accounts, without the hashing, until each address has to wait for minutes.
async fn agota(sitio: &Sitio, direcciones: [&str; 3]) {
    let mut rut = 0;
    let mut una_vuelta = || {
        rut += 1;
        direcciones.map(|d| {
            let (store, direccion) = (sitio.store.clone(), d.to_owned());
            async move {
                store
                    .escribir(Intento { rut, direccion })
                    .await
                    .expect("intento")
            }
        })
    };
    let mut libres = 0;
    while a_la_vez((0..50).flat_map(|_| una_vuelta()))
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
        let esperas: Vec<i64> = a_la_vez(una_vuelta())
            .await
            .into_iter()
            .map(|r| r.err().unwrap_or(0))
            .collect();
        if esperas.iter().all(|ms| *ms > 200_000) {
            return;
        }
        sitio
            .store
            .entorno()
            .adelanta(esperas.into_iter().max().unwrap_or(0));
    }
}

/// The same service where no proxy is trusted: what the client writes about its address is nothing.
async fn sin_proxy(sitio: &Sitio) {
    let opciones = Opciones {
        zona: Zona::new("America/Santiago").expect("zona"),
        claves: vec![ClaveFirma {
            kid: "prueba".into(),
            secreto: SECRETO,
        }],
        proxies: vec![],
        cookie_segura: true,
        sync_por_minuto: 0,
        silencio_horas: 72,
    };
    let app = App::nueva(
        sitio.store.clone(),
        sitio.app.evidencia().clone(),
        sitio.app.cartero().clone(),
        opciones,
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("puerto");
    let url = format!("http://{}", listener.local_addr().expect("dirección"));
    let servidor = tokio::spawn(sigra_api::servir(listener, app, std::future::pending()));
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("cliente");
    let entra = |rut: i64, clave: &str| {
        let cuerpo = serde_json::json!({"rut": rut, "password": clave});
        let pedido = Pedido::nuevo(&http, &url, "POST", "/auth/login").json(&cuerpo);
        pedido.header("x-forwarded-for", "203.0.113.77").envia()
    };
    // 127.0.0.1 has used up its free ones.
    entra(40_000_000, "incorrecta")
        .await
        .espera(429, "demasiados_intentos");
    sitio.store.entorno().adelanta(3_600_000);
    let p = con_clave(sitio, Rol::Trabajador).await;
    let r = entra(p.rut.cuerpo(), CLAVE).await.espera(200, "");
    assert!(
        r.header("set-cookie").ends_with("; Secure"),
        "{:?}",
        r.headers
    );
    servidor.abort();
}
