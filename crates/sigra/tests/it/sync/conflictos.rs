//! Conflicts: who sees them, what each decision leads to, and what is too late.

use serde_json::{Value, json};

use super::lote::{con, uno};
use crate::{
    arnes::{Persona, Respuesta, Sitio, a_la_vez, cuenta, reporte_en, uuid},
    en_ambas,
};

/// A report with an open conflict about its title; the phone also changed the description, and the
/// supervisor the severity.
struct Escena<'a> {
    sitio: &'a Sitio,
    autor: Persona,
    jefa: Persona,
    reporte: Value,
    item: Value,
    id: Value,
    conflicto: Value,
}

impl<'a> Escena<'a> {
    async fn nueva(sitio: &'a Sitio, archivos: &Value) -> Self {
        let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let reporte = con(&reporte_en(1), &json!({"multimedia": archivos}));
        let id = uno(sitio, &autor, &reporte).await["id"].clone();
        let cambio = json!({"titulo": "del servidor", "severidad_id": 1, "version": 1});
        let pedido = sitio.pide("PUT", &format!("/reportes/{id}")).como(&jefa);
        pedido.json(&cambio).envia().await.espera(200, "");
        let item = con(
            &reporte,
            &json!({"titulo": "del teléfono", "descripcion": "más", "version_base": 1}),
        );
        let r = uno(sitio, &autor, &item).await;
        assert_eq!(r["version"], 3, "{r}");
        let conflicto = r["conflicto_id"].clone();
        Self {
            sitio,
            autor,
            jefa,
            reporte,
            item,
            id,
            conflicto,
        }
    }

    async fn resuelve(&self, quien: &Persona, cuerpo: &Value) -> Respuesta {
        let ruta = format!("/sync/conflictos/{}/resolver", self.conflicto);
        self.sitio
            .pide("POST", &ruta)
            .como(quien)
            .json(cuerpo)
            .envia()
            .await
    }

    async fn ver(&self) -> Value {
        let pedido = self
            .sitio
            .pide("GET", &format!("/reportes/{}", self.id))
            .como(&self.autor);
        pedido.envia().await.json
    }

    async fn lista(&self, quien: &Persona) -> Vec<Value> {
        let r = self
            .sitio
            .pide("GET", "/sync/conflictos")
            .como(quien)
            .envia()
            .await
            .espera(200, "");
        r.json["items"].as_array().unwrap().clone()
    }
}

en_ambas! {
    async fn cada_resolucion(sitio: &Sitio) {
        let archivos = json!([{"uuid_cliente": uuid(), "nombre": "a.jpg", "tipo": "image/jpeg", "bytes": 5,
            "sha256": "9".repeat(64)}]);
        for (cuerpo, titulo, descripcion) in [
            (json!({"decision": "servidor"}), "del servidor", "Planchón suelto sobre el paso de personal."),
            (json!({"decision": "cliente"}), "del teléfono", "más"),
            (json!({"decision": "mezcla", "campos": {"titulo": "servidor"}}), "del servidor", "más"),
            (json!({"decision": "mezcla", "campos": {"titulo": "cliente"}}), "del teléfono", "más"),
        ] {
            for (archivos, estado) in [(json!(null), "completo"), (archivos.clone(), "multimedia_pendiente")] {
                let e = Escena::nueva(sitio, &archivos).await;
                let quien = if estado == "completo" { &e.autor } else { &e.jefa };
                let r = e.resuelve(quien, &con(&cuerpo, &json!({"version": 3}))).await.espera(200, "");
                assert_eq!((r.version(), r.header("etag")), (4, "\"4\""));
                let vistos = json!([r.json["titulo"], r.json["descripcion"], r.json["severidad_id"], r.json["sync_status"]]);
                assert_eq!(vistos, json!([titulo, descripcion, 1, estado]), "{cuerpo}");
                assert_eq!(e.ver().await, r.json);
                let ruta = format!("/reportes/{}/bitacora", e.id);
                let bitacora = sitio.pide("GET", &ruta).como(&e.autor).envia().await.json;
                let ultima = bitacora["items"].as_array().unwrap().last().unwrap();
                assert_eq!((&ultima["accion"], &ultima["rut"]), (&json!("resolver_conflicto"), &json!(quien.rut.cuerpo())));
                // A mixture says the side of each field.
                let lado = cuerpo["campos"]["titulo"].as_str().map(|l| format!(" (titulo: {l})"));
                let dicho = format!("conflicto {}: {}{}", e.conflicto, cuerpo["decision"].as_str().unwrap(), lado.unwrap_or_default());
                assert_eq!(ultima["detalle"], dicho);
                // The phone that has not heard of it.
                let r = uno(sitio, &e.autor, &e.item).await;
                assert_eq!((&r["resultado"], &r["version"]), (&json!("duplicado"), &json!(4)), "{cuerpo}: {r}");
                assert!(e.lista(&e.autor).await.is_empty());
                let eventos = format!("SELECT evento FROM cambios WHERE reporte_id = {} ORDER BY id", e.id);
                assert_eq!(sitio.bd.textos(&eventos).await,
                    ["reporte.creado", "reporte.cambiado", "conflicto.creado", "reporte.cambiado"]);
            }
        }
    }

    async fn lo_ve_quien_ve_el_reporte(sitio: &Sitio) {
        let e = Escena::nueva(sitio, &json!(null)).await;
        let (ajeno, otra, admin) = (sitio.trabajador().await, sitio.supervisor(&[2]).await, sitio.administrador().await);
        for (quien, ve) in [(&e.autor, true), (&e.jefa, true), (&admin, true), (&ajeno, false), (&otra, false)] {
            let lista = e.lista(quien).await;
            assert_eq!(lista.len(), usize::from(ve), "{:?}", quien.quien);
            if ve {
                assert_eq!((&lista[0]["id"], &lista[0]["actual"]["version"], &lista[0]["version_base"]),
                    (&e.conflicto, &json!(3), &json!(1)));
                assert_eq!(lista[0]["campos"], json!([{"campo": "titulo", "base": e.reporte["titulo"],
                    "servidor": "del servidor", "cliente": "del teléfono"}]));
            } else {
                e.resuelve(quien, &json!({"decision": "servidor", "version": 3})).await.espera(404, "no_encontrado");
            }
        }
        for id in ["999999", "0", "-1", "x"] {
            let ruta = format!("/sync/conflictos/{id}/resolver");
            let r = sitio.pide("POST", &ruta).como(&admin).json(&json!({"decision": "servidor", "version": 3}));
            r.envia().await.espera(404, "no_encontrado");
        }
        let r = sitio.pide("GET", "/reportes?sync_status=conflicto").como(&e.jefa).envia().await.json;
        assert_eq!(r["items"][0]["id"], e.id);
        // In pages.
        let otro = con(&e.item, &json!({"titulo": "otro más"}));
        uno(sitio, &e.autor, &otro).await;
        let pagina = sitio.pide("GET", "/sync/conflictos?limite=1").como(&e.autor).envia().await.json;
        let ruta = format!("/sync/conflictos?limite=1&cursor={}", pagina["siguiente"].as_str().unwrap());
        let segunda = sitio.pide("GET", &ruta).como(&e.autor).envia().await.json;
        assert!(segunda["siguiente"].is_null() && segunda["items"][0]["id"] != pagina["items"][0]["id"]);
        // One of two resolved: the report still waits.
        let r = e.resuelve(&e.jefa, &json!({"decision": "servidor", "version": 4})).await.espera(200, "");
        assert_eq!(r.json["sync_status"], "conflicto");
        let retira = json!({"detalle": "de prueba", "version": 5});
        sitio.pide("DELETE", &format!("/reportes/{}", e.id)).como(&admin).json(&retira).envia().await.espera(204, "");
        assert!(e.lista(&e.autor).await.is_empty());
        e.resuelve(&e.autor, &json!({"decision": "servidor", "version": 6})).await.espera(410, "reporte_retirado");
    }

    async fn resolver_dos_veces_tarde_o_mal(sitio: &Sitio) {
        let e = Escena::nueva(sitio, &json!(null)).await;
        let r = e.resuelve(&e.jefa, &json!({"decision": "cliente", "version": 2})).await.espera(412, "version_desfasada");
        assert_eq!(r.json["actual"]["version"], 3);
        e.resuelve(&e.jefa, &json!({"decision": "cliente"})).await.espera(428, "falta_version");
        for (cuerpo, campo, codigo) in [
            (json!({"version": 3}), "decision", "requerido"),
            (json!({"decision": "azar", "version": 3}), "decision", "no_existe"),
            (json!({"decision": "mezcla", "version": 3}), "campos.titulo", "requerido"),
            (json!({"decision": "mezcla", "version": 3, "campos": {"titulo": "nadie"}}), "campos.titulo", "no_existe"),
            (json!({"decision": "mezcla", "version": 3, "campos": {"titulo": "cliente", "severidad_id": "cliente"}}),
                "campos.severidad_id", "no_en_conflicto"),
            (json!({"decision": "mezcla", "version": 3, "campos": {"titulo": "cliente", "estado_id": "cliente"}}),
                "campos", "no_en_conflicto"),
        ] {
            let r = e.resuelve(&e.jefa, &cuerpo).await.espera(422, "datos_invalidos");
            assert_eq!((&r.json["errores"][0]["campo"], &r.json["errores"][0]["codigo"]), (&json!(campo), &json!(codigo)), "{cuerpo}");
        }
        // A newer edit makes it agree in the title and clash in the description.
        let cambio = json!({"titulo": "del teléfono", "descripcion": "otra", "version": 3});
        sitio.pide("PUT", &format!("/reportes/{}", e.id)).como(&e.jefa).json(&cambio).envia().await.espera(200, "");
        let mezcla = |campo: &str, version: i64| json!({"decision": "mezcla", "version": version, "campos": {campo: "cliente"}});
        e.resuelve(&e.jefa, &mezcla("titulo", 3)).await.espera(412, "version_desfasada");
        assert_eq!(e.lista(&e.jefa).await[0]["campos"][0]["campo"], "descripcion");
        e.resuelve(&e.jefa, &mezcla("titulo", 4)).await.espera(422, "datos_invalidos");
        let buena = mezcla("descripcion", 4);
        let r = e.resuelve(&e.jefa, &buena).await.espera(200, "");
        assert_eq!((r.version(), &r.json["descripcion"]), (5, &json!("más")));
        // The same again, after a lost answer, is the same; anything else is too late.
        let otra_vez = e.resuelve(&e.jefa, &buena).await.espera(200, "");
        assert_eq!(otra_vez.json, r.json);
        e.resuelve(&e.jefa, &json!({"decision": "servidor", "version": 5})).await.espera(409, "conflicto_resuelto");
        e.resuelve(&e.autor, &buena).await.espera(409, "conflicto_resuelto");
        let otros_lados = json!({"decision": "mezcla", "version": 4, "campos": {"descripcion": "servidor"}});
        e.resuelve(&e.jefa, &otros_lados).await.espera(409, "conflicto_resuelto");
        assert_eq!(e.ver().await["version"], 5);
    }

    async fn sobre_un_reporte_decidido_solo_el_servidor(sitio: &Sitio) {
        let e = Escena::nueva(sitio, &json!(null)).await;
        let aprueba = sitio.pide("POST", &format!("/admin/reportes/{}/aprobar", e.id)).como(&e.jefa);
        aprueba.json(&json!({})).envia().await.espera(200, "");
        for decision in [json!({"decision": "cliente", "version": 4}),
            json!({"decision": "mezcla", "version": 4, "campos": {"titulo": "servidor"}})] {
            e.resuelve(&e.jefa, &decision).await.espera(409, "reporte_decidido");
        }
        let r = e.resuelve(&e.autor, &json!({"decision": "servidor", "version": 4})).await.espera(200, "");
        assert_eq!((&r.json["titulo"], &r.json["estado"], &r.json["sync_status"]),
            (&json!("del servidor"), &json!("Aprobado"), &json!("completo")));
    }

    async fn dos_resuelven_a_la_vez(sitio: &Sitio) {
        for _ in 0..cuenta(100) {
            let e = Escena::nueva(sitio, &json!(null)).await;
            let ruta = format!("/sync/conflictos/{}/resolver", e.conflicto);
            let pedidos = [(&e.autor, "cliente"), (&e.jefa, "servidor"), (&e.jefa, "servidor")].map(|(quien, decision)| {
                let cuerpo = json!({"decision": decision, "version": 3});
                sitio.pide("POST", &ruta).como(quien).json(&cuerpo).envia()
            });
            let rs = a_la_vez(pedidos).await;
            let buenas: Vec<_> = rs.iter().filter(|r| r.status == 200).collect();
            assert!(rs.iter().all(|r| r.status == 200 || r.codigo() == "conflicto_resuelto"), "{rs:?}");
            let mismas = rs[1].status == rs[2].status && rs[0].status != rs[1].status;
            assert!(mismas && buenas.iter().all(|r| r.version() == 4), "{rs:?}");
            assert_eq!(e.ver().await, buenas[0].json);
        }
    }

    async fn los_conflictos_de_un_reporte_tienen_un_limite(sitio: &Sitio) {
        let e = Escena::nueva(sitio, &json!(null)).await;
        let lote: Vec<Value> = (0..25).map(|n| con(&e.item, &json!({"titulo": format!("otro {n}")}))).collect();
        for _ in 0..2 {
            let r = sitio.lote(&e.autor, &lote).await;
            assert_eq!(r["resumen"], json!({"conflicto": 19, "rechazado": 6}), "{r}");
            let error = &r["resultados"][24]["error"];
            assert_eq!((&error["codigo"], &error["permanente"]), (&json!("demasiados_conflictos"), &json!(false)));
        }
        e.resuelve(&e.jefa, &json!({"decision": "servidor", "version": 22})).await.espera(200, "");
        let r = uno(sitio, &e.autor, &lote[24]).await;
        assert_eq!(r["resultado"], "conflicto", "{r}");
    }
}
