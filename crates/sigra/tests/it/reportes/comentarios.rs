//! `GET` and `POST /reportes/{id}/comentarios`

use serde_json::{Value, json};

use crate::{
    arnes::{Pedido, Persona, Sitio, a_la_vez, reporte_en},
    en_ambas,
};

fn comenta(sitio: &Sitio, quien: &Persona, id: i64, texto: &str) -> Pedido {
    let pedido = sitio
        .pide("POST", &format!("/reportes/{id}/comentarios"))
        .como(quien);
    pedido.json(&json!({"texto": texto}))
}

async fn todos(sitio: &Sitio, quien: &Persona, id: i64) -> Vec<Value> {
    let ruta = format!("/reportes/{id}/comentarios?limite=200");
    let r = sitio
        .pide("GET", &ruta)
        .como(quien)
        .envia()
        .await
        .espera(200, "");
    r.json["items"].as_array().unwrap().clone()
}

async fn dichos(sitio: &Sitio, quien: &Persona, id: i64) -> Vec<String> {
    let todos = todos(sitio, quien, id).await;
    todos
        .iter()
        .map(|c| c["texto"].as_str().unwrap().to_owned())
        .collect()
}

en_ambas! {
    async fn una_conversacion(sitio: &Sitio) {
        let (autor, otro) = (sitio.trabajador().await, sitio.trabajador().await);
        let (jefe, ajeno, admin) = (sitio.supervisor(&[1]).await, sitio.supervisor(&[2]).await, sitio.administrador().await);
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let cursor = sitio.pide("GET", "/sync/changes").como(&autor).envia().await.json["cursor"].clone();
        let r = comenta(sitio, &jefe, id, "¿En qué pared?").envia().await.espera(201, "");
        assert_eq!(r.header("etag"), "\"2\"");
        assert_eq!((&r.json["n"], &r.json["rut"], &r.json["texto"]), (&json!(2), &json!(jefe.rut.cuerpo()), &json!("¿En qué pared?")));
        comenta(sitio, &autor, id, "La norte.").envia().await.espera(201, "");
        let decide = sitio.pide("POST", &format!("/admin/reportes/{id}/aprobar")).como(&jefe);
        decide.json(&json!({})).envia().await.espera(200, "");
        // Decided, it is still talked about.
        comenta(sitio, &admin, id, "Queda cerrado el paso.").envia().await.espera(201, "");
        for quien in [&autor, &jefe, &admin] {
            assert_eq!(dichos(sitio, quien, id).await, ["¿En qué pared?", "La norte.", "Queda cerrado el paso."]);
        }
        for quien in [&otro, &ajeno] {
            comenta(sitio, quien, id, "Yo también").envia().await.espera(404, "no_encontrado");
            let r = sitio.pide("GET", &format!("/reportes/{id}/comentarios")).como(quien).envia().await;
            r.espera(404, "no_encontrado");
        }
        let ver = sitio.pide("GET", &format!("/reportes/{id}")).como(&autor).envia().await.json;
        assert_eq!((&ver["comentarios"], &ver["version"]), (&json!(3), &json!(5)));
        // The phone hears of it.
        let ruta = format!("/sync/changes?cursor={}", cursor.as_str().unwrap());
        let feed = sitio.pide("GET", &ruta).como(&autor).envia().await.json;
        assert_eq!((&feed["reportes"][0]["id"], &feed["reportes"][0]["comentarios"]), (&json!(id), &json!(3)));
        // Each page goes on after the one before.
        let r = sitio.pide("GET", &format!("/reportes/{id}/comentarios?limite=2")).como(&autor).envia().await.json;
        let resto = format!("/reportes/{id}/comentarios?limite=2&cursor={}", r["siguiente"].as_str().unwrap());
        let resto = sitio.pide("GET", &resto).como(&autor).envia().await.json;
        assert_eq!((&resto["items"][0]["texto"], &resto["siguiente"]), (&json!("Queda cerrado el paso."), &Value::Null));
        // Withdrawn, nobody says more.
        let retira = sitio.pide("DELETE", &format!("/reportes/{id}")).como(&admin).si_version(5);
        retira.json(&json!({"detalle": "De prueba."})).envia().await.espera(204, "");
        comenta(sitio, &autor, id, "¿Y?").envia().await.espera(410, "reporte_retirado");
    }

    async fn lo_mismo_otra_vez_no_se_repite(sitio: &Sitio) {
        let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let primero = comenta(sitio, &autor, id, "La norte.").envia().await.espera(201, "").json;
        assert_eq!(comenta(sitio, &autor, id, "La norte.").envia().await.espera(200, "").json, primero);
        // Somebody else's, and mine after theirs, are new.
        comenta(sitio, &jefe, id, "La norte.").envia().await.espera(201, "");
        comenta(sitio, &autor, id, "La norte.").envia().await.espera(201, "");
        assert_eq!(dichos(sitio, &jefe, id).await.len(), 3);
        // Under a key it is answered as it was, whatever was said since.
        let con_llave = || comenta(sitio, &autor, id, "¿Cuándo?").clave("una-vez");
        let r = con_llave().envia().await.espera(201, "");
        comenta(sitio, &jefe, id, "Mañana.").envia().await.espera(201, "");
        let otra = con_llave().envia().await.espera(201, "");
        assert_eq!((r.json, otra.header("idempotency-replayed")), (otra.json.clone(), "true"));
        assert_eq!(dichos(sitio, &jefe, id).await.len(), 5);
        // Many at once: each once, in one order.
        let tareas = (0..20).map(|i| comenta(sitio, [&autor, &jefe][i % 2], id, &format!("n.º {i}")).envia());
        for r in a_la_vez(tareas.collect::<Vec<_>>()).await {
            r.espera(201, "");
        }
        let n: Vec<i64> = todos(sitio, &autor, id).await.iter().map(|c| c["n"].as_i64().unwrap()).collect();
        assert_eq!((n.len(), n.is_sorted()), (25, true));
        // An edit of the phone from before them is merged as ever.
        let mut edicion = reporte_en(1);
        let ver = sitio.pide("GET", &format!("/reportes/{id}")).como(&autor).envia().await.json;
        edicion["uuid_cliente"] = ver["uuid_cliente"].clone();
        edicion["titulo"] = json!("Otra cosa");
        edicion["version_base"] = json!(1);
        assert_eq!(sitio.lote(&autor, &[edicion]).await["resumen"]["actualizado"], 1);
    }
}
