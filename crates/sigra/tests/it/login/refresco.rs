//! Refresh tokens rotate, and a stolen one ends its family.

use sigra_domain::Rol;
use sigra_store::identidad::AbrirSesion;

use super::{CLAVE, con_clave, entra, refresca, texto, yo};
use crate::{
    arnes::{Persona, Respuesta, Sitio, a_la_vez, cuenta},
    en_ambas,
};

/// Somebody signed in, their refresh token and their access token.
async fn familia(sitio: &Sitio) -> (Persona, String) {
    let p = sitio.trabajador().await;
    let abrir = AbrirSesion {
        rut: p.rut,
        device_id: None,
        agente: None,
        direccion: "127.0.0.1".into(),
        rehash: None,
    };
    let (sesion_id, refresh) = sitio.store.escribir(abrir).await.expect("sesión");
    let token = sitio.tokens.emite(
        sitio.store.entorno(),
        &p.quien,
        sesion_id,
        sigra_api::AUD_API,
    );
    let token = token.expect("token");
    (
        Persona {
            token,
            sesion_id,
            ..p
        },
        refresh,
    )
}

async fn siguiente(sitio: &Sitio, token: &str) -> String {
    let r = refresca(sitio, token).await.espera(200, "");
    texto(&r.json, "refresh_token").to_owned()
}

async fn muerta(sitio: &Sitio, token: &str) {
    refresca(sitio, token).await.espera(401, "sesion_cerrada");
}

fn pasan(sitio: &Sitio, segundos: i64) {
    sitio.store.entorno().adelanta(segundos * 1_000);
}

en_ambas! {
    async fn un_token_robado_y_ya_usado_termina_la_familia(sitio: &Sitio) {
        let (p, t0) = familia(sitio).await;
        let otra = sitio.sesion(p.quien.clone()).await;
        let t1 = siguiente(sitio, &t0).await;
        let t2 = siguiente(sitio, &t1).await;
        yo(sitio, &p.token).await.espera(200, "");
        pasan(sitio, 61);
        muerta(sitio, &t0).await;
        for t in [&t2, &t1, &t0] {
            muerta(sitio, t).await;
        }
        yo(sitio, &p.token).await.espera(401, "sesion_cerrada");
        // One family per login: the person's other phone goes on.
        yo(sitio, &otra.token).await.espera(200, "");
    }

    async fn una_respuesta_perdida_no_termina_nada(sitio: &Sitio) {
        let (_, t0) = familia(sitio).await;
        let perdido = siguiente(sitio, &t0).await;
        assert_eq!(siguiente(sitio, &t0).await, perdido, "en 60 s, el mismo");
        pasan(sitio, 61);
        let hermano = siguiente(sitio, &t0).await;
        assert_ne!(hermano, perdido);
        assert_eq!(siguiente(sitio, &t0).await, hermano);
        // The phone had no signal for the whole shift.
        pasan(sitio, 12 * 3_600);
        let t1 = siguiente(sitio, &t0).await;
        let t2 = siguiente(sitio, &t1).await;
        let r = refresca(sitio, &t2).await.espera(200, "");
        yo(sitio, texto(&r.json, "access_token")).await.espera(200, "");
        // Whoever kept the lost answer is not the phone.
        muerta(sitio, &perdido).await;
        muerta(sitio, texto(&r.json, "refresh_token")).await;
        yo(sitio, texto(&r.json, "access_token")).await.espera(401, "sesion_cerrada");
    }

    async fn dos_pestanas_que_renuevan_a_la_vez_siguen_las_dos(sitio: &Sitio) {
        for _ in 0..cuenta(50) {
            let (_, t0) = familia(sitio).await;
            let mut actual = t0;
            for _ in 0..3 {
                let cuerpo = serde_json::json!({"refresh_token": actual});
                let rs: Vec<Respuesta> = a_la_vez(
                    (0..20).map(|_| sitio.pide("POST", "/auth/refresh").json(&cuerpo).envia()),
                ).await;
                let nuevos: Vec<&str> = rs.iter().map(|r| texto(&r.json, "refresh_token")).collect();
                assert!(nuevos.iter().all(|t| *t == nuevos[0] && *t != actual), "{nuevos:?}");
                for r in rs.iter().step_by(7) {
                    yo(sitio, texto(&r.json, "access_token")).await.espera(200, "");
                }
                actual = nuevos[0].to_owned();
            }
        }
    }

    async fn una_sesion_vive_treinta_dias_desde_su_ultimo_uso(sitio: &Sitio) {
        const DIA: i64 = 24 * 3_600;
        let (_, t0) = familia(sitio).await;
        pasan(sitio, 30 * DIA - 60);
        let t1 = siguiente(sitio, &t0).await;
        pasan(sitio, 30 * DIA - 60);
        let t2 = siguiente(sitio, &t1).await;
        pasan(sitio, 30 * DIA + 1);
        muerta(sitio, &t2).await;
    }

    async fn lo_que_no_es_un_refresh_token(sitio: &Sitio) {
        let (p, t0) = familia(sitio).await;
        for malo in ["", "x", &p.token, &t0.to_uppercase(), &t0[1..], "' OR 1=1 --", "\u{0}"] {
            muerta(sitio, malo).await;
        }
        for cuerpo in ["{}", r#"{"refresh_token": 5}"#, r#"{"refresh_token": null}"#] {
            sitio.pide("POST", "/auth/refresh").crudo(cuerpo).envia().await.espera(422, "datos_invalidos");
        }
        siguiente(sitio, &t0).await;
    }

    async fn los_tokens_no_estan_en_la_base(sitio: &Sitio) {
        let p = con_clave(sitio, Rol::Trabajador).await;
        let r = entra(sitio, &p, CLAVE).await.espera(200, "");
        let t0 = texto(&r.json, "refresh_token").to_owned();
        let t1 = siguiente(sitio, &t0).await;
        let t2 = siguiente(sitio, &t1).await;
        let todo = volcado(sitio).await;
        // What is looked for would be found: the hashes are there.
        for t in [&t0, &t1, &t2] {
            assert!(todo.contains(&sigra_domain::sha256_hex(t.as_bytes())), "sin el hash");
            assert!(!todo.contains(t.as_str()), "un refresh token está en la base");
        }
        let firma = texto(&r.json, "access_token").rsplit_once('.').unwrap().1;
        assert!(!todo.contains(firma), "un access token está en la base");
        assert!(!todo.contains(CLAVE), "una contraseña está en la base");
    }

    /// Random uses of one family's tokens against the rule of the contract, kept in memory.
    async fn cualquier_sucesion_de_usos_sigue_la_regla(sitio: &Sitio) {
        let mut robos = 0;
        for semilla in 1..=cuenta(300) as u64 {
            robos += modelo::corre(sitio, semilla).await;
        }
        assert!(robos > 0, "ninguna sucesión llegó a un robo");
    }
}

/// All that the database holds, as text.
async fn volcado(sitio: &Sitio) -> String {
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
    for tabla in sitio.bd.textos(tablas).await {
        let filas = sitio
            .bd
            .textos(&format!("SELECT t::text FROM {tabla} t"))
            .await;
        todo.extend(filas);
    }
    todo
}

mod modelo;
