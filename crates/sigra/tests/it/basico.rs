//! The shortest way through: a report comes in, is decided, and the bitácora remembers.

use serde_json::json;

use crate::en_ambas;

en_ambas! {
    async fn un_reporte_entra_y_se_decide(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let jefe = sitio.supervisor(&[1]).await;
        let creado = sitio.reporte(&autor, 1).await;
        let id = creado["id"].as_i64().unwrap();
        assert_eq!((creado["estado"].as_str(), creado["version"].as_i64()), (Some("Pendiente"), Some(1)));

        let r = sitio.pide("GET", &format!("/reportes/{id}/")).como(&jefe).envia().await;
        assert_eq!((r.status, r.header("etag")), (200, "\"1\""));
        assert_eq!(r.json, creado);

        let r = sitio
            .pide("POST", &format!("/admin/reportes/{id}/aprobar"))
            .como(&jefe)
            .json(&json!({"detalle": "Se cierra el paso."}))
            .envia()
            .await;
        assert_eq!((r.status, r.json["estado"].as_str(), r.version()), (200, Some("Aprobado"), 2));

        let r = sitio.pide("GET", &format!("/reportes/{id}/bitacora")).como(&autor).envia().await;
        assert_eq!(r.json["items"].as_array().unwrap().len(), 2);
        let antes = json!({"estado_id": 1, "decidido_en": null, "a_tiempo": null});
        assert_eq!(r.json["items"][1]["antes"], antes);
        assert_eq!(r.json["items"][1]["rut"], jefe.rut.cuerpo());
    }
}
