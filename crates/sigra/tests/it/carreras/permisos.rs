//! What comes before a kept answer: permission. And what leaves no trace under a key: a refusal.

use serde_json::{Value, json};

use super::{decide, edita};
use crate::{
    arnes::{Persona, Respuesta, Sitio, reporte_en},
    en_ambas,
};

async fn cambia_usuario(sitio: &Sitio, admin: &Persona, de: &Persona, cambio: Value) {
    let ruta = format!("/usuarios/{}", de.rut);
    let r = sitio
        .pide("PATCH", &ruta)
        .como(admin)
        .json(&cambio)
        .envia()
        .await;
    assert_eq!(r.status, 200, "{}", r.texto);
}

#[track_caller]
fn hecha(r: &Respuesta, status: u16, repetida: bool) {
    assert_eq!(
        (r.status, r.header("idempotency-replayed") == "true"),
        (status, repetida),
        "{}",
        r.texto
    );
}

en_ambas! {
    async fn quien_fue_desactivado_no_recibe_su_respuesta_guardada(sitio: &Sitio) {
        let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
        let cuerpo = reporte_en(1);
        let crea = |quien: &Persona| sitio.pide("POST", "/reportes").como(quien).clave("k").json(&cuerpo);
        hecha(&crea(&autor).envia().await, 201, false);
        cambia_usuario(sitio, &admin, &autor, json!({"activo": false})).await;
        let r = crea(&autor).envia().await;
        assert!(matches!(r.codigo(), "usuario_inactivo" | "sesion_cerrada"), "{}", r.texto);
        assert!(!r.texto.contains("galería"), "{}", r.texto);
        // A session opened before the deactivation was known helps nothing.
        let otra = sitio.sesion(autor.quien.clone()).await;
        crea(&otra).envia().await.espera(403, "usuario_inactivo");
        cambia_usuario(sitio, &admin, &autor, json!({"activo": true})).await;
        let de_vuelta = sitio.sesion(autor.quien.clone()).await;
        hecha(&crea(&de_vuelta).envia().await, 201, true);
    }

    async fn sin_el_area_no_hay_respuesta_guardada(sitio: &Sitio) {
        let (autor, jefe, admin) =
            (sitio.trabajador().await, sitio.supervisor(&[1]).await, sitio.administrador().await);
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let decide = || decide(sitio, &jefe, id, "aprobar").clave("k");
        let edita = |titulo: &str| {
            edita(sitio, &jefe, id, &json!({"titulo": titulo, "version": 1})).clave("k")
        };
        hecha(&edita("Nuevo").envia().await, 200, false);
        hecha(&decide().envia().await, 200, false);

        cambia_usuario(sitio, &admin, &jefe, json!({"areas": [2]})).await;
        // Also before the body is compared.
        for pedido in [decide(), edita("Nuevo"), edita("Otro"), decide().json(&json!({}))] {
            let r = pedido.envia().await.espera(404, "no_encontrado");
            assert!(!r.texto.contains("galería"), "{}", r.texto);
        }
        cambia_usuario(sitio, &admin, &jefe, json!({"areas": [1]})).await;
        hecha(&edita("Nuevo").envia().await, 200, true);
        hecha(&decide().envia().await, 200, true);
        edita("Otro").envia().await.espera(422, "idempotencia_distinta");

        cambia_usuario(sitio, &admin, &jefe, json!({"rol": "trabajador"})).await;
        decide().envia().await.espera(403, "sin_permiso");
        edita("Nuevo").envia().await.espera(404, "no_encontrado");
    }

    async fn quien_ya_no_es_administrador_no_repite_su_retiro(sitio: &Sitio) {
        let (autor, admin, otro) =
            (sitio.trabajador().await, sitio.administrador().await, sitio.administrador().await);
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let retira = || {
            let cuerpo = json!({"detalle": "de prueba", "version": 1});
            sitio.pide("DELETE", &format!("/reportes/{id}/")).como(&admin).clave("k").json(&cuerpo)
        };
        hecha(&retira().envia().await, 204, false);
        hecha(&retira().envia().await, 204, true);
        cambia_usuario(sitio, &otro, &admin, json!({"rol": "supervisor", "areas": [1]})).await;
        retira().envia().await.espera(403, "sin_permiso");
    }

    async fn una_negativa_no_gasta_la_clave(sitio: &Sitio) {
        let (autor, ajeno) = (sitio.trabajador().await, sitio.trabajador().await);
        let (jefe, admin) = (sitio.supervisor(&[2]).await, sitio.administrador().await);
        let crea = |cuerpo: &Value| sitio.pide("POST", "/reportes").como(&autor).clave("k").json(cuerpo);
        // 422, then 409, then done: all under one key.
        let mut malo = reporte_en(1);
        malo["area_id"] = 99.into();
        crea(&malo).envia().await.espera(422, "datos_invalidos");
        let de_otro = sitio.crea(&ajeno, &reporte_en(1)).await.json["uuid_cliente"].clone();
        let mut tomado = reporte_en(1);
        tomado["uuid_cliente"] = de_otro;
        crea(&tomado).envia().await.espera(409, "uuid_en_conflicto");
        let bueno = reporte_en(1);
        let creado = crea(&bueno).envia().await;
        hecha(&creado, 201, false);
        let id = creado.id();

        // 412, 428, 422, then done.
        let edita = |quien: &Persona, cambio: Value| edita(sitio, quien, id, &cambio).clave("k");
        edita(&autor, json!({"titulo": "Nuevo", "version": 9})).envia().await.espera(412, "version_desfasada");
        edita(&autor, json!({"titulo": "Nuevo"})).envia().await.espera(428, "falta_version");
        edita(&autor, json!({"titulo": "", "version": 1})).envia().await.espera(422, "datos_invalidos");
        edita(&autor, json!({"estado_id": 2, "version": 1})).envia().await.espera(403, "sin_permiso");
        hecha(&edita(&autor, json!({"titulo": "Nuevo", "version": 1})).envia().await, 200, false);

        // 404, then 200 for the very same request once it is allowed.
        let decide = |como: &str| decide(sitio, &jefe, id, como).clave("k");
        decide("aprobar").envia().await.espera(404, "no_encontrado");
        cambia_usuario(sitio, &admin, &jefe, json!({"areas": [1, 2]})).await;
        hecha(&decide("aprobar").envia().await, 200, false);
        hecha(&decide("aprobar").envia().await, 200, true);
        // 409 for a decision that came too late, and again: never a kept answer.
        for _ in 0..2 {
            decide("rechazar").envia().await.espera(409, "transicion_no_permitida");
        }
        let guardadas = "SELECT count(*) FROM idempotencia";
        assert_eq!(sitio.bd.entero(guardadas).await, 3);
    }
}
