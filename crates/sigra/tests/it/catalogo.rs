//! A site adds its own states and steps between them, and sets its targets.

use serde_json::{Value, json};
use sigra_domain::Instante;

use crate::{
    arnes::{Persona, Respuesta, Sitio},
    en_ambas,
};

async fn manda(sitio: &Sitio, quien: &Persona, op: &str, cuerpo: Value) -> Respuesta {
    let (metodo, ruta) = op.split_once(' ').expect("op");
    let pedido = sitio.pide(metodo, ruta).como(quien);
    if cuerpo.is_null() {
        return pedido.envia().await;
    }
    pedido.json(&cuerpo).envia().await
}

async fn pasa(sitio: &Sitio, quien: &Persona, id: i64, estado: i64) -> Respuesta {
    let ver = sitio
        .pide("GET", &format!("/reportes/{id}"))
        .como(quien)
        .envia()
        .await;
    let cuerpo = json!({"estado_id": estado, "version": ver.json["version"]});
    manda(sitio, quien, &format!("PUT /reportes/{id}"), cuerpo).await
}

en_ambas! {
    async fn estados_y_pasos_propios(sitio: &Sitio) {
        let (autor, otro) = (sitio.trabajador().await, sitio.trabajador().await);
        let (jefe, admin) = (sitio.supervisor(&[1]).await, sitio.administrador().await);
        let antes = sitio.pide("GET", "/catalogos").envia().await.json;
        let crea = async |nombre: &str, es_final: bool| {
            let r = manda(sitio, &admin, "POST /catalogos/estados", json!({"nombre": nombre, "final": es_final})).await;
            let r = r.espera(201, "");
            assert_eq!((&r.json["nombre"], &r.json["final"]), (&json!(nombre), &json!(es_final)));
            r.id()
        };
        let terreno = crea("En terreno", false).await;
        let resuelto = crea("Resuelto", true).await;
        manda(sitio, &admin, "POST /catalogos/estados", json!({"nombre": "Resuelto", "final": true})).await
            .espera(409, "nombre_repetido");
        let paso = async |desde: i64, hacia: i64, roles: Value| {
            manda(sitio, &admin, &format!("PUT /catalogos/transiciones/{desde}/{hacia}"), json!({"roles": roles})).await
        };
        paso(1, terreno, json!(["supervisor"])).await.espera(200, "");
        paso(terreno, resuelto, json!(["trabajador", "administrador"])).await.espera(200, "");
        for (desde, hacia) in [(1, 99), (99, 1), (1, 1), (-1, 2)] {
            paso(desde, hacia, json!(["supervisor"])).await.espera(404, "no_encontrado");
        }
        let despues = sitio.pide("GET", "/catalogos").envia().await.json;
        assert_eq!(despues["version"].as_i64().unwrap(), antes["version"].as_i64().unwrap() + 4);
        assert_eq!(despues["estados"].as_array().unwrap().len(), 5);
        assert!(despues["transiciones"].as_array().unwrap().contains(
            &json!({"desde": terreno, "hacia": resuelto, "roles": ["trabajador", "administrador"]})));

        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        pasa(sitio, &autor, id, terreno).await.espera(403, "sin_permiso");
        pasa(sitio, &admin, id, terreno).await.espera(403, "sin_permiso");
        pasa(sitio, &jefe, id, resuelto).await.espera(409, "transicion_no_permitida");
        pasa(sitio, &jefe, id, terreno).await.espera(200, "");
        // Not decided yet: its author may still correct it, and only they of all workers close it.
        let version = json!({"titulo": "Roca suelta, dos metros", "version": 2});
        manda(sitio, &autor, &format!("PUT /reportes/{id}"), version).await.espera(200, "");
        pasa(sitio, &jefe, id, resuelto).await.espera(403, "sin_permiso");
        let ajeno = json!({"estado_id": resuelto, "version": 3});
        manda(sitio, &otro, &format!("PUT /reportes/{id}"), ajeno).await.espera(404, "no_encontrado");
        pasa(sitio, &autor, id, resuelto).await.espera(200, "");
        manda(sitio, &autor, &format!("PUT /reportes/{id}"), json!({"titulo": "No", "version": 4})).await
            .espera(409, "reporte_decidido");

        // Taken away, nobody makes it again; what was decided stays.
        let quita = format!("DELETE /catalogos/transiciones/1/{terreno}");
        manda(sitio, &admin, &quita, Value::Null).await.espera(204, "");
        manda(sitio, &admin, &quita, Value::Null).await.espera(404, "no_encontrado");
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        pasa(sitio, &jefe, id, terreno).await.espera(409, "transicion_no_permitida");

        let r = manda(sitio, &admin, &format!("PATCH /catalogos/estados/{terreno}"), json!({"nombre": "En faena"})).await;
        assert_eq!(r.espera(200, "").json, json!({"id": terreno, "nombre": "En faena", "final": false}));
        let ajustes = manda(sitio, &admin, "GET /admin/bitacora/ajustes?limite=5", Value::Null).await.json;
        let dichos: Vec<_> = ajustes["items"].as_array().unwrap().iter()
            .map(|a| (a["objeto"].as_str().unwrap(), a["accion"].as_str().unwrap(), &a["antes"], &a["despues"]))
            .take(2).collect();
        let (objeto, de) = (format!("estado:{terreno}"), format!("transicion:1-{terreno}"));
        assert_eq!(dichos, [
            (&*objeto, "editar", &json!({"nombre": "En terreno"}), &json!({"nombre": "En faena"})),
            (&*de, "eliminar", &json!({"roles": "supervisor"}), &json!({})),
        ]);
    }

    /// A target holds for what is decided from then on.
    async fn las_metas_se_cambian(sitio: &Sitio) {
        let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
        let dos = [sitio.reporte(&autor, 1).await, sitio.reporte(&autor, 1).await];
        sitio.store.entorno().adelanta(30 * Instante::HORA);
        let admin = Persona { rut: admin.rut, ..sitio.administrador().await };
        let decide = async |r: &Value| {
            let ruta = format!("POST /admin/reportes/{}/aprobar", r["id"]);
            manda(sitio, &admin, &ruta, json!({})).await.espera(200, "");
        };
        let a_tiempo = async || {
            let t = sitio.pide("GET", "/admin/dashboard").como(&admin).envia().await.json;
            (t["por_severidad"][2]["a_tiempo"].clone(), t["por_severidad"][2]["meta_horas"].clone())
        };
        decide(&dos[0]).await;
        assert_eq!(a_tiempo().await, (json!(0), json!(24)));
        let r = manda(sitio, &admin, "PATCH /catalogos/severidades/3", json!({"meta_horas": 31})).await;
        assert_eq!(r.espera(200, "").json, json!({"id": 3, "nombre": "Alta", "activa": true, "meta_horas": 31, "urgente": true}));
        decide(&dos[1]).await;
        assert_eq!(a_tiempo().await, (json!(1), json!(31)));
        let nueva = manda(sitio, &admin, "POST /catalogos/severidades", json!({"nombre": "Crítica"})).await;
        assert_eq!(nueva.espera(201, "").json["meta_horas"], 168);
    }
}
