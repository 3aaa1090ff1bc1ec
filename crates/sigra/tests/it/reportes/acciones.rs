//! `/reportes/{id}/acciones`: what is done after a report was approved.

use serde_json::{Value, json};
use sigra_domain::Instante;

use crate::{
    alarmas::{revisa, suyas},
    arnes::{Persona, Respuesta, Sitio, a_la_vez},
    en_ambas,
};

async fn aprobado(sitio: &Sitio, autor: &Persona, jefe: &Persona) -> i64 {
    let id = sitio.reporte(autor, 1).await["id"].as_i64().unwrap();
    let decide = sitio
        .pide("POST", &format!("/admin/reportes/{id}/aprobar"))
        .como(jefe);
    decide.json(&json!({})).envia().await.espera(200, "");
    id
}

/// Some days from now.
fn plazo(sitio: &Sitio, dias: i64) -> String {
    sitio
        .store
        .entorno()
        .ahora()
        .mas(dias * Instante::DIA)
        .to_string()[..10]
        .to_owned()
}

fn cuerpo(sitio: &Sitio, responsable: &Persona, descripcion: &str) -> Value {
    json!({"descripcion": descripcion, "responsable_rut": responsable.rut, "plazo": plazo(sitio, 10)})
}

async fn pide(sitio: &Sitio, quien: &Persona, id: i64, cuerpo: &Value) -> Respuesta {
    let pedido = sitio
        .pide("POST", &format!("/reportes/{id}/acciones"))
        .como(quien);
    pedido.json(cuerpo).envia().await
}

async fn mueve(sitio: &Sitio, quien: &Persona, id: i64, n: i64, estado: &str) -> Respuesta {
    let pedido = sitio
        .pide("PATCH", &format!("/reportes/{id}/acciones/{n}"))
        .como(quien);
    pedido.json(&json!({"estado": estado})).envia().await
}

async fn estados(sitio: &Sitio, quien: &Persona, id: i64) -> Vec<(i64, String, bool)> {
    let r = sitio
        .pide("GET", &format!("/reportes/{id}/acciones"))
        .como(quien)
        .envia()
        .await;
    let r = r.espera(200, "");
    let una = |a: &Value| {
        let estado = a["estado"].as_str().unwrap().to_owned();
        (
            a["n"].as_i64().unwrap(),
            estado,
            a["vencida"].as_bool().unwrap(),
        )
    };
    r.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(una)
        .collect()
}

en_ambas! {
    async fn de_pedida_a_verificada(sitio: &Sitio) {
        let (autor, ajeno) = (sitio.trabajador().await, sitio.trabajador().await);
        let (jefe, otra) = (sitio.supervisor(&[1]).await, sitio.supervisor(&[1]).await);
        let pendiente = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let malla = cuerpo(sitio, &autor, "Poner malla");
        pide(sitio, &jefe, pendiente, &malla).await.espera(409, "reporte_sin_aprobar");
        let id = aprobado(sitio, &autor, &jefe).await;
        let cursor = sitio.pide("GET", "/sync/changes").como(&autor).envia().await.json["cursor"].clone();
        pide(sitio, &autor, id, &malla).await.espera(403, "sin_permiso");
        pide(sitio, &ajeno, id, &malla).await.espera(404, "no_encontrado");
        // Whoever may not see the report can't be asked.
        let r = pide(sitio, &jefe, id, &cuerpo(sitio, &ajeno, "Poner malla")).await.espera(422, "datos_invalidos");
        assert_eq!(r.json["errores"][0]["campo"], "responsable_rut");
        let r = pide(sitio, &jefe, id, &malla).await.espera(201, "");
        assert_eq!((&r.json["n"], &r.json["estado"], &r.json["creada_por"]), (&json!(1), &json!("abierta"), &json!(jefe.rut)));
        assert_eq!(r.header("etag"), "\"3\"");
        // The same again is the same.
        let otra_vez = pide(sitio, &jefe, id, &malla).await.espera(200, "");
        assert_eq!((otra_vez.json, otra_vez.headers["etag"].to_str().unwrap()), (r.json, "\"3\""));
        pide(sitio, &jefe, id, &cuerpo(sitio, &otra, "Acuñar")).await.espera(201, "");

        mueve(sitio, &ajeno, id, 1, "hecha").await.espera(404, "no_encontrado");
        mueve(sitio, &autor, id, 2, "hecha").await.espera(403, "sin_permiso");
        mueve(sitio, &autor, id, 3, "hecha").await.espera(404, "no_encontrado");
        mueve(sitio, &jefe, id, 1, "verificada").await.espera(409, "paso_no_permitido");
        // Its author does it, and one who decides verifies it.
        let r = mueve(sitio, &autor, id, 1, "hecha").await.espera(200, "");
        assert_eq!(r.json["hecha_por"], json!(autor.rut));
        mueve(sitio, &autor, id, 1, "verificada").await.espera(403, "sin_permiso");
        mueve(sitio, &jefe, id, 1, "abierta").await.espera(200, "");
        mueve(sitio, &autor, id, 1, "hecha").await.espera(200, "");
        mueve(sitio, &jefe, id, 1, "verificada").await.espera(200, "");
        mueve(sitio, &jefe, id, 1, "verificada").await.espera(200, "");
        mueve(sitio, &jefe, id, 1, "abierta").await.espera(409, "paso_no_permitido");
        // Whoever did it does not verify it.
        mueve(sitio, &otra, id, 2, "hecha").await.espera(200, "");
        mueve(sitio, &otra, id, 2, "verificada").await.espera(403, "quien_la_hizo");
        assert_eq!(estados(sitio, &autor, id).await, [(1, "verificada".into(), false), (2, "hecha".into(), false)]);
        mueve(sitio, &jefe, id, 2, "verificada").await.espera(200, "");

        let ver = sitio.pide("GET", &format!("/reportes/{id}")).como(&autor).envia().await.json;
        assert_eq!((&ver["acciones_abiertas"], &ver["version"]), (&json!(0), &json!(10)));
        // Each is an entry, and phones hear of it.
        let bitacora = sitio.pide("GET", &format!("/reportes/{id}/bitacora")).como(&autor).envia().await.json;
        let acciones: Vec<&str> = bitacora["items"].as_array().unwrap().iter().map(|e| e["accion"].as_str().unwrap()).collect();
        assert_eq!(acciones[2..4], ["pedir_accion", "pedir_accion"]);
        assert_eq!(acciones[4..], ["mover_accion"; 6]);
        assert_eq!(bitacora["items"][4]["antes"]["accion_1"]["estado"], "abierta");
        let cambios = sitio.pide("GET", &format!("/sync/changes?cursor={}", cursor.as_str().unwrap())).como(&autor).envia().await;
        assert_eq!(cambios.json["reportes"][0]["version"], 10);

        // Who was told of what.
        revisa(sitio).await;
        let cuantas = async |quien: &Persona, evento: &str| suyas(sitio, quien, evento).await.len();
        assert_eq!((cuantas(&autor, "accion.pedida").await, cuantas(&otra, "accion.pedida").await), (2, 1));
        assert_eq!((cuantas(&jefe, "accion.hecha").await, cuantas(&autor, "accion.verificada").await), (3, 1));
        let texto = suyas(sitio, &autor, "accion.pedida").await[0]["texto"].as_str().unwrap().to_owned();
        assert!(texto.contains("«Poner malla»") && texto.contains(&plazo(sitio, 10)), "{texto}");
    }

    async fn lo_vencido_se_dice(sitio: &Sitio) {
        let (autor, jefe, admin) = (sitio.trabajador().await, sitio.supervisor(&[1]).await, sitio.administrador().await);
        let id = aprobado(sitio, &autor, &jefe).await;
        for descripcion in ["Poner malla", "Acuñar", "Hecha a tiempo"] {
            pide(sitio, &jefe, id, &cuerpo(sitio, &autor, descripcion)).await.espera(201, "");
        }
        mueve(sitio, &autor, id, 3, "hecha").await.espera(200, "");
        sitio.store.entorno().adelanta(9 * Instante::DIA);
        revisa(sitio).await;
        assert_eq!(suyas(sitio, &autor, "accion.vencida").await, Vec::<Value>::new());
        sitio.store.entorno().adelanta(2 * Instante::DIA);
        for _ in 0..3 {
            revisa(sitio).await;
        }
        let dichas = suyas(sitio, &autor, "accion.vencida").await;
        assert_eq!(dichas.len(), 2);
        assert!(dichas[0]["texto"].as_str().unwrap().contains("«Poner malla»"), "{dichas:?}");
        assert_eq!(suyas(sitio, &admin, "accion.vencida").await, Vec::<Value>::new());
        let autor = sitio.sesion(autor.quien.clone()).await;
        assert_eq!(estados(sitio, &autor, id).await[0], (1, "abierta".into(), true));
        // One is done in the end; of the other the administrador hears.
        mueve(sitio, &autor, id, 1, "hecha").await.espera(200, "");
        sitio.store.entorno().adelanta(3 * Instante::DIA);
        for _ in 0..3 {
            revisa(sitio).await;
        }
        let dichas = suyas(sitio, &admin, "accion.vencida").await;
        assert_eq!(dichas.len(), 1);
        assert!(dichas[0]["texto"].as_str().unwrap().contains("«Acuñar»"), "{dichas:?}");
    }

    async fn a_la_vez_y_con_clave(sitio: &Sitio) {
        let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let id = aprobado(sitio, &autor, &jefe).await;
        let ruta = format!("/reportes/{id}/acciones");
        let pedidos: Vec<_> = (0..16)
            .map(|n| sitio.pide("POST", &ruta).como(&jefe).clave(&format!("k{}", n / 2))
                .json(&cuerpo(sitio, &autor, &format!("Acción {}", n / 2))).envia())
            .collect();
        for r in a_la_vez(pedidos).await {
            assert!([200, 201].contains(&r.status), "{r:?}");
        }
        let todas = estados(sitio, &autor, id).await;
        assert_eq!(todas.iter().map(|(n, ..)| *n).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
        for n in 9..=50 {
            pide(sitio, &jefe, id, &cuerpo(sitio, &autor, &format!("Otra {n}"))).await.espera(201, "");
        }
        pide(sitio, &jefe, id, &cuerpo(sitio, &autor, "Una más")).await.espera(409, "demasiadas_acciones");
    }
}
