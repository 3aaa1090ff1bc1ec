//! Too many sync calls of one session are sent away before their body is read.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    arnes::{Ajuste, Persona, Respuesta, Sitio, openapi, reporte_en, uuid},
    bytes_ajenos::{self, crudo::conecta},
    en_ambas,
};

fn tres() -> Ajuste {
    Ajuste {
        sync_por_minuto: 3,
        ..Ajuste::default()
    }
}

async fn estado(sitio: &Sitio, quien: &Persona) -> Respuesta {
    sitio.pide("GET", "/sync/status").como(quien).envia().await
}

/// The members of a `RateLimit` or `RateLimit-Policy` header.
#[track_caller]
fn miembros(r: &Respuesta, header: &str) -> Vec<(String, i64)> {
    let valor = r
        .header(header)
        .strip_prefix("\"sync\";")
        .unwrap_or_else(|| panic!("{header}: {r:?}"));
    let par = |p: &str| {
        let (nombre, n) = p.split_once('=').expect(header);
        (nombre.to_owned(), n.parse().expect(header))
    };
    valor.split(';').map(par).collect()
}

/// How many calls are left and for how many seconds to wait.
#[track_caller]
fn cuota(r: &Respuesta) -> (i64, i64) {
    assert_eq!(
        miembros(r, "ratelimit-policy"),
        [("q".to_owned(), 3), ("w".to_owned(), 60)]
    );
    let [(r, quedan), (t, espera)] = &miembros(r, "ratelimit")[..] else {
        panic!("{r:?}")
    };
    assert_eq!((&**r, &**t), ("r", "t"));
    (*quedan, *espera)
}

/// The whole of a refusal; the seconds it tells.
#[track_caller]
fn frenada(r: &Respuesta) -> i64 {
    assert_eq!(
        (r.status, r.codigo()),
        (429, "demasiadas_sincronizaciones"),
        "{}",
        r.texto
    );
    assert_eq!(r.json["permanente"], false);
    let (quedan, espera) = cuota(r);
    assert_eq!(quedan, 0);
    assert_eq!(
        (r.header("retry-after"), &r.json["reintentar_en"]),
        (&*espera.to_string(), &json!(espera))
    );
    // One call in twenty seconds.
    assert!((1..=20).contains(&espera), "{espera}");
    espera
}

fn sin_cuota(r: &Respuesta) {
    assert!(
        r.headers
            .keys()
            .all(|h| !h.as_str().starts_with("ratelimit")),
        "{r:?}"
    );
}

/// No call of the session is left.
async fn agota(sitio: &Sitio, quien: &Persona) {
    for _ in 0..3 {
        estado(sitio, quien).await.espera(200, "");
    }
    frenada(&estado(sitio, quien).await);
}

en_ambas! { con tres();
    async fn la_cuarta_llamada_espera_y_despues_pasa(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        for quedan in [2, 1, 0] {
            let r = sitio.envia_lote(&autor, &[reporte_en(1)]).await.espera(200, "");
            let (dichas, espera) = cuota(&r);
            assert_eq!(dichas, quedan);
            assert!((1..=60).contains(&espera), "{espera}");
        }
        let antes = bytes_ajenos::escrito(sitio).await;
        let nuevo = reporte_en(1);
        let espera = frenada(&sitio.envia_lote(&autor, std::slice::from_ref(&nuevo)).await);
        assert_eq!(bytes_ajenos::escrito(sitio).await, antes);
        // Half the time is not enough, and asking too early costs nothing.
        sitio.store.entorno().adelanta(espera * 500);
        let espera = frenada(&sitio.envia_lote(&autor, std::slice::from_ref(&nuevo)).await);
        sitio.store.entorno().adelanta(espera * 1_000);
        let r = sitio.envia_lote(&autor, std::slice::from_ref(&nuevo)).await.espera(200, "");
        assert_eq!((r.json["resumen"].clone(), cuota(&r).0), (json!({"creado": 1}), 0));
        frenada(&estado(sitio, &autor).await);
        // After a minute all three are there again.
        sitio.store.entorno().adelanta(60_000);
        assert_eq!(cuota(&estado(sitio, &autor).await.espera(200, "")).0, 2);
        assert_eq!(estado(sitio, &autor).await.json["limites"]["sync_por_minuto"], 3);
    }

    async fn el_cuerpo_de_una_frenada_no_se_lee(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        agota(sitio, &autor).await;
        // Too large, no JSON, no gzip: nobody looks.
        for (headers, cuerpo) in [
            (&[][..], vec![b'x'; 12 << 20]),
            (&[("content-encoding", "gzip")], b"esto no es gzip".to_vec()),
            (&[("content-encoding", "gzip")], bytes_ajenos::cuerpos::bomba(200)),
            (&[("content-type", "text/plain")], b"hola".to_vec()),
        ] {
            let mut pedido = sitio.pide("POST", "/sync/batch").como(&autor);
            for (nombre, valor) in headers {
                pedido = pedido.header(nombre, valor);
            }
            frenada(&pedido.cuerpo(cuerpo).envia().await);
        }
        // It is not even waited for.
        let mut c = conecta(&sitio.url).await;
        let cabeza = format!("POST /sync/batch HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
            content-type: application/json\r\ncontent-length: 8000000\r\n\r\n{{", autor.token);
        c.write_all(cabeza.as_bytes()).await.unwrap();
        let mut primeros = [0; 12];
        let lee = c.read_exact(&mut primeros);
        tokio::time::timeout(std::time::Duration::from_secs(10), lee).await.expect("responde").unwrap();
        assert_eq!(&primeros, b"HTTP/1.1 429");
    }

    async fn se_cuenta_por_sesion_y_no_por_persona(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let (otro_telefono, otra) = (sitio.sesion(autor.quien.clone()).await, sitio.trabajador().await);
        agota(sitio, &autor).await;
        agota(sitio, &otro_telefono).await;
        agota(sitio, &otra).await;
        // Another token of the same session is no other session.
        let token = sitio.tokens.emite(sitio.store.entorno(), &autor.quien, autor.sesion_id, sigra_api::AUD_API);
        let mismo = Persona { token: token.unwrap(), ..autor };
        frenada(&estado(sitio, &mismo).await);
    }

    async fn se_frena_todo_sync_y_nada_mas(sitio: &Sitio) {
        let autor = sitio.administrador().await;
        let id = sitio.crea(&autor, &reporte_en(1)).await.espera(201, "").id();
        let mut frenadas = 0;
        for op in openapi::operaciones() {
            let quien = sitio.administrador().await;
            let ruta = op.ruta.replace("{id}", "999999").replace("{rut}", "1").replace("{uuid_cliente}", &uuid());
            let llama = async || sitio.pide(&op.metodo, &ruta).como(&quien).json(&json!({})).envia().await;
            if !op.ruta.starts_with("/sync/") {
                sin_cuota(&llama().await);
                continue;
            }
            frenadas += 1;
            // Whoever is not let in spends nothing.
            let r = sitio.pide(&op.metodo, &ruta).json(&json!({})).envia().await;
            sin_cuota(&r.espera(401, "no_autenticado"));
            // A call that goes wrong is a call.
            for quedan in [2, 1, 0] {
                let r = llama().await;
                assert_eq!((r.status < 429, cuota(&r).0), (true, quedan), "{} {ruta}: {r:?}", op.metodo);
            }
            frenada(&llama().await);
            frenada(&estado(sitio, &quien).await);
        }
        assert!(frenadas >= 6, "{frenadas}");
        agota(sitio, &autor).await;
        sitio.crea(&autor, &reporte_en(1)).await.espera(201, "");
        for ruta in [&*format!("/reportes/{id}"), "/reportes", "/auth/me", "/catalogos", "/admin/dispositivos"] {
            sin_cuota(&sitio.pide("GET", ruta).como(&autor).envia().await.espera(200, ""));
        }
        frenada(&estado(sitio, &autor).await);
    }
}

en_ambas! {
    async fn sin_freno_no_hay_limite_ni_cabeceras(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        for _ in 0..100 {
            let r = estado(sitio, &autor).await.espera(200, "");
            sin_cuota(&r);
            assert_eq!(r.json["limites"]["sync_por_minuto"], 0);
        }
    }
}
