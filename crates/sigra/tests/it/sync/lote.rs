//! Every `resultado` of an item, one after the other.

use serde_json::{Value, json};

use super::suertes;
use crate::{
    arnes::{Persona, Sitio, reporte_en, uuid},
    en_ambas,
};

/// The one result of a batch of one.
pub async fn uno(sitio: &Sitio, quien: &Persona, item: &Value) -> Value {
    let mut r = sitio.lote(quien, std::slice::from_ref(item)).await;
    r["resultados"][0].take()
}

pub fn con(item: &Value, cambios: &Value) -> Value {
    let mut item = item.clone();
    for (campo, valor) in cambios.as_object().expect("objeto") {
        item[campo] = valor.clone();
    }
    item
}

en_ambas! {
    /// Of one uuid the first names an area that the site gave up: it is refused whether or not the
    /// other one has made the report by then.
    async fn lo_que_esta_en_desuso_se_rechaza_tambien_la_segunda_vez(sitio: &Sitio) {
        let (autor, jefe) = (sitio.trabajador().await, sitio.administrador().await);
        let pedido = sitio.pide("PATCH", "/catalogos/areas/9").como(&jefe);
        pedido.json(&json!({"activa": false})).envia().await.espera(200, "");
        let bueno = reporte_en(1);
        for version_base in [json!(null), json!(1)] {
            let bueno = con(&bueno, &json!({"uuid_cliente": uuid()}));
            let malo = con(&bueno, &json!({"area_id": 9, "titulo": "Otro", "version_base": version_base}));
            let lote = [malo, bueno];
            let primera = sitio.lote(&autor, &lote).await;
            assert_eq!(suertes(&primera), ["rechazado", "creado"]);
            let segunda = sitio.lote(&autor, &lote).await;
            assert_eq!(suertes(&segunda), ["rechazado", "duplicado"]);
            assert_eq!(primera["resultados"][0], segunda["resultados"][0]);
        }
    }

    async fn la_vida_de_un_reporte(sitio: &Sitio) {
        let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let nuevo = reporte_en(1);
        let r = uno(sitio, &autor, &nuevo).await;
        assert_eq!((&r["resultado"], &r["version"]), (&json!("creado"), &json!(1)), "{r}");
        let id = r["id"].clone();
        let otra_vez = uno(sitio, &autor, &nuevo).await;
        assert_eq!(otra_vez["resultado"], "duplicado", "{otra_vez}");
        assert_eq!((&otra_vez["id"], &otra_vez["version"]), (&id, &json!(1)));
        assert!(otra_vez.get("actual").is_none());

        let edicion = con(&nuevo, &json!({"titulo": "Roca caída", "version_base": 1}));
        let r = uno(sitio, &autor, &edicion).await;
        assert_eq!((&r["resultado"], &r["version"]), (&json!("actualizado"), &json!(2)), "{r}");
        // The creation again, after its edit.
        let r = uno(sitio, &autor, &nuevo).await;
        assert_eq!((&r["resultado"], &r["version"]), (&json!("duplicado"), &json!(1)), "{r}");
        assert_eq!(r["actual"]["titulo"], "Roca caída");

        // The supervisor changes another field.
        let ruta = format!("/reportes/{id}");
        let cambio = json!({"severidad_id": 2, "version": 2});
        sitio.pide("PUT", &ruta).como(&jefa).json(&cambio).envia().await.espera(200, "");
        let r = uno(sitio, &autor, &edicion).await;
        assert_eq!((&r["resultado"], &r["version"]), (&json!("duplicado"), &json!(2)), "{r}");
        let edicion = con(&edicion, &json!({"descripcion": "Ya cayó.", "version_base": 2}));
        let r = uno(sitio, &autor, &edicion).await;
        assert_eq!((&r["resultado"], &r["version"]), (&json!("fusionado"), &json!(4)), "{r}");
        let actual = &r["actual"];
        assert_eq!((&actual["severidad_id"], &actual["descripcion"]), (&json!(2), &json!("Ya cayó.")));

        // And then the same one.
        let clash = con(&edicion, &json!({"severidad_id": 1, "version_base": 2}));
        let r = uno(sitio, &autor, &clash).await;
        assert_eq!((&r["resultado"], &r["version"], &r["sync_status"]),
            (&json!("conflicto"), &json!(5), &json!("conflicto")), "{r}");
        let campo = json!([{"campo": "severidad_id", "base": 3, "servidor": 2, "cliente": 1}]);
        assert_eq!(r["campos"], campo);
        let conflicto = r["conflicto_id"].clone();
        let r = uno(sitio, &autor, &clash).await;
        assert_eq!((&r["conflicto_id"], &r["version"]), (&conflicto, &json!(5)), "{r}");

        let resuelve = json!({"decision": "cliente", "version": 5});
        let ruta_conflicto = format!("/sync/conflictos/{conflicto}/resolver");
        let r = sitio.pide("POST", &ruta_conflicto).como(&jefa).json(&resuelve).envia().await.espera(200, "");
        assert_eq!((r.version(), &r.json["severidad_id"], &r.json["sync_status"]),
            (6, &json!(1), &json!("completo")));
        let r = uno(sitio, &autor, &clash).await;
        assert_eq!((&r["resultado"], &r["version"]), (&json!("duplicado"), &json!(6)), "{r}");

        let ajeno = sitio.trabajador().await;
        let r = uno(sitio, &ajeno, &nuevo).await;
        assert_eq!(r["error"]["codigo"], "uuid_en_conflicto", "{r}");
        assert!(r.get("id").is_none() && r.get("actual").is_none(), "{r}");
    }

    async fn el_mismo_uuid_varias_veces_en_un_lote(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let nuevo = reporte_en(1);
        let edita = |titulo: &str, base: i64| con(&nuevo, &json!({"titulo": titulo, "version_base": base}));
        let lote = [nuevo.clone(), nuevo.clone(), edita("dos", 1), edita("tres", 2), edita("otra", 1),
            edita("dos", 1), nuevo.clone()];
        for esperados in [
            ["creado 1", "duplicado 1", "actualizado 2", "actualizado 3", "conflicto 4", "duplicado 2", "duplicado 1"],
            ["duplicado 1", "duplicado 1", "duplicado 2", "duplicado 3", "conflicto 4", "duplicado 2", "duplicado 1"],
        ] {
            let r = sitio.lote(&autor, &lote).await;
            let dichos: Vec<String> = r["resultados"].as_array().unwrap().iter()
                .map(|r| format!("{} {}", r["resultado"].as_str().unwrap(), r["version"])).collect();
            assert_eq!(dichos, esperados, "{r}");
        }
        let r = sitio.pide("GET", &format!("/reportes/uuid/{}", nuevo["uuid_cliente"].as_str().unwrap()))
            .como(&autor).envia().await;
        assert_eq!((r.version(), &r.json["titulo"]), (4, &json!("tres")));
    }

    async fn los_cambios_llegan_a_quien_los_puede_ver(sitio: &Sitio) {
        let (autor, jefa, otra) = (sitio.trabajador().await, sitio.supervisor(&[1]).await, sitio.supervisor(&[2]).await);
        let nuevo = reporte_en(1);
        uno(sitio, &autor, &nuevo).await;
        let cambios = async |quien: &Persona, cursor: &str| {
            let ruta = format!("/sync/changes?cursor={cursor}");
            sitio.pide("GET", &ruta).como(quien).envia().await.espera(200, "").json
        };
        let de = |v: &Value| v["reportes"].as_array().unwrap().iter()
            .map(|r| r["version"].as_i64().unwrap()).collect::<Vec<_>>();
        let (a, b, c) = (cambios(&autor, "").await, cambios(&jefa, "").await, cambios(&otra, "").await);
        assert_eq!((de(&a), de(&b), de(&c)), (vec![1], vec![1], vec![]));
        assert!(a["catalogos"]["version"].is_i64() && a["hay_mas"] == false, "{a}");
        let mueve = con(&nuevo, &json!({"area_id": 2, "version_base": 1}));
        uno(sitio, &autor, &mueve).await;
        let cursor = |v: &Value| v["cursor"].as_str().unwrap().to_owned();
        let (a, b, c) = (cambios(&autor, &cursor(&a)).await, cambios(&jefa, &cursor(&b)).await,
            cambios(&otra, &cursor(&c)).await);
        assert_eq!((de(&a), de(&b), de(&c)), (vec![2], vec![], vec![2]));
        assert_eq!(b["retirados"][0]["motivo"], "fuera_de_alcance");
        assert!(a.get("catalogos").is_none());
        let d = cambios(&jefa, &cursor(&b)).await;
        assert_eq!((&d["retirados"], &d["cursor"]), (&json!([]), &b["cursor"]));
    }
}
