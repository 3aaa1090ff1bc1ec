//! `DELETE /reportes/{id}`: a tombstone, never an erased row.

use serde_json::{Value, json};

use super::{bitacora, decide, edita, errores, ver};
use crate::{
    arnes::{Pedido, Persona, Respuesta, Sitio, reporte_en},
    en_ambas,
};

fn retira(sitio: &Sitio, quien: &Persona, id: i64, cuerpo: &Value) -> Pedido {
    sitio
        .pide("DELETE", &format!("/reportes/{id}"))
        .como(quien)
        .json(cuerpo)
}

async fn cuantos(sitio: &Sitio, quien: &Persona, consulta: &str) -> usize {
    let r: Respuesta = sitio
        .pide("GET", &format!("/reportes{consulta}"))
        .como(quien)
        .envia()
        .await;
    r.json["items"].as_array().unwrap().len()
}

en_ambas! {
    async fn lo_retirado_deja_de_verse_y_su_historia_queda(sitio: &Sitio) {
        let (autor, jefe, admin, otro_admin) = (
            sitio.trabajador().await, sitio.supervisor(&[1]).await,
            sitio.administrador().await, sitio.administrador().await,
        );
        for decidido in [false, true] {
            let cuerpo = reporte_en(1);
            let r = sitio.crea(&autor, &cuerpo).await;
            let (id, uuid) = (r.id(), r.json["uuid_cliente"].as_str().unwrap().to_owned());
            let mut version = 1;
            if decidido {
                decide(sitio, &jefe, id, "aprobar").envia().await;
                version = 2;
            }
            let retiro = json!({"detalle": "reporte de prueba", "version": version});
            let vieja = retira(sitio, &admin, id, &json!({"detalle": "x", "version": 9}));
            vieja.envia().await.espera(412, "version_desfasada");
            let r = retira(sitio, &admin, id, &retiro).envia().await;
            assert_eq!((r.status, r.texto.as_str()), (204, ""));

            // The same withdrawal again is the same answer; another one is too late.
            for pedido in [retira(sitio, &admin, id, &retiro), {
                let sin_version = json!({"detalle": "reporte de prueba"});
                retira(sitio, &admin, id, &sin_version).si_version(version)
            }] {
                assert_eq!(pedido.envia().await.status, 204);
            }
            let otra_version = json!({"detalle": "reporte de prueba", "version": version + 1});
            for pedido in [
                retira(sitio, &otro_admin, id, &retiro),
                retira(sitio, &admin, id, &json!({"detalle": "x", "version": version})),
                retira(sitio, &admin, id, &otra_version),
                edita(sitio, &autor, id, &json!({"titulo": "Otro", "version": version})),
                edita(sitio, &jefe, id, &json!({"estado_id": 2, "version": version + 1})),
                decide(sitio, &jefe, id, "aprobar"), decide(sitio, &admin, id, "rechazar"),
                sitio.pide("GET", &format!("/reportes/{id}")).como(&autor).header("if-none-match", "*"),
                sitio.pide("GET", &format!("/reportes/{id}")).como(&admin),
                sitio.pide("GET", &format!("/reportes/uuid/{uuid}/")).como(&jefe),
                sitio.pide("POST", "/reportes/").como(&autor).json(&cuerpo),
            ] {
                let r = pedido.envia().await.espera(410, "reporte_retirado");
                assert!(!r.texto.contains("galería"), "{}", r.texto);
            }
            // Who could not see it learns nothing now either.
            let ajeno = sitio.trabajador().await;
            ver(sitio, &ajeno, id).await.espera(404, "no_encontrado");
            let r = sitio.crea(&ajeno, &cuerpo).await.espera(409, "uuid_en_conflicto");
            assert!(r.json.get("actual").is_none());

            for quien in [&autor, &jefe, &admin] {
                for consulta in ["", "?estado=1&estado=2", "?q=roca", "?orden=id&area_id=1"] {
                    assert_eq!(cuantos(sitio, quien, consulta).await, 0, "{consulta}");
                }
                let entradas = bitacora(sitio, quien, id).await;
                assert_eq!(entradas.len(), if decidido { 3 } else { 2 });
                let ultima = entradas.last().unwrap();
                for (campo, valor) in [
                    ("accion", json!("retirar")), ("detalle", json!("reporte de prueba")),
                    ("rut", json!(admin.rut)), ("version", json!(version + 1)),
                ] {
                    assert_eq!(ultima[campo], valor, "{campo}");
                }
                assert_eq!(ultima["despues"], json!({"retirado": true}));
            }
            let fila = format!("SELECT count(*) FROM reportes WHERE id = {id} AND retirado_en IS NOT NULL");
            assert_eq!(sitio.bd.entero(&fila).await, 1);
        }
    }

    async fn retirar_exige_motivo_y_version(sitio: &Sitio) {
        let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        for (cuerpo, codigo) in [
            (json!({"version": 1}), "requerido"), (json!({"detalle": null, "version": 1}), "requerido"),
            (json!({"detalle": "  ", "version": 1}), "largo"), (json!({"detalle": 5, "version": 1}), "tipo"),
            (json!({"detalle": "x".repeat(2_001), "version": 1}), "largo"),
        ] {
            let r = retira(sitio, &admin, id, &cuerpo).envia().await.espera(422, "datos_invalidos");
            assert_eq!(errores(&r), [("detalle", codigo)], "{cuerpo}");
        }
        retira(sitio, &admin, id, &json!({"detalle": "x"})).envia().await.espera(428, "falta_version");
        let ninguno = retira(sitio, &admin, 987_654, &json!({"detalle": "x", "version": 1}));
        ninguno.envia().await.espera(404, "no_encontrado");
        assert_eq!(ver(sitio, &autor, id).await.status, 200);
        let largo = json!({"detalle": "x".repeat(2_000), "version": 1});
        assert_eq!(retira(sitio, &admin, id, &largo).envia().await.status, 204);
    }

    async fn la_base_no_borra_un_reporte(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        // Its dependants gone, nothing but the database's own refusal is left.
        for sql in [format!("DELETE FROM reportes WHERE id = {id}"), "DELETE FROM reportes".to_owned()] {
            let e = sitio.bd.sql(&sql).await.unwrap_err().to_string();
            assert!(e.contains("se retira, no se borra"), "{e}");
        }
        assert_eq!(ver(sitio, &autor, id).await.status, 200);
    }
}
