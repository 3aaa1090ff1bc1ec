//! Every `resultado` of an item, one after the other.

use serde_json::{Value, json};

use super::outcomes;
use sigra_testkit::{Persona, TestSite, both_databases, reporte_in, uuid};

/// The one result of a batch of one.
pub async fn send_one(sitio: &TestSite, quien: &Persona, item: &Value) -> Value {
    let mut r = sitio.push_batch(quien, std::slice::from_ref(item)).await;
    r["resultados"][0].take()
}

pub fn with(item: &Value, cambios: &Value) -> Value {
    let mut item = item.clone();
    for (campo, valor) in cambios.as_object().expect("objeto") {
        item[campo] = valor.clone();
    }
    item
}

/// Of one uuid the first names an area that the site gave up: it is refused whether or not the
/// other one has made the report by then.
#[both_databases]
async fn what_is_out_of_use_is_refused_the_second_time_too(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.administrador().await);
    let pedido = sitio.request("PATCH", "/catalogos/areas/9").by(&jefe);
    pedido
        .json(&json!({"activa": false}))
        .send()
        .await
        .expect_status(200, "");
    let bueno = reporte_in(1);
    for version_base in [json!(null), json!(1)] {
        let bueno = with(&bueno, &json!({"uuid_cliente": uuid()}));
        let malo = with(
            &bueno,
            &json!({"area_id": 9, "titulo": "Otro", "version_base": version_base}),
        );
        let lote = [malo, bueno];
        let primera = sitio.push_batch(&autor, &lote).await;
        assert_eq!(outcomes(&primera), ["rechazado", "creado"]);
        let segunda = sitio.push_batch(&autor, &lote).await;
        assert_eq!(outcomes(&segunda), ["rechazado", "duplicado"]);
        assert_eq!(primera["resultados"][0], segunda["resultados"][0]);
    }
}

#[both_databases]
async fn the_life_of_a_reporte(sitio: &TestSite) {
    let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let nuevo = reporte_in(1);
    let r = send_one(sitio, &autor, &nuevo).await;
    assert_eq!(
        (&r["resultado"], &r["version"]),
        (&json!("creado"), &json!(1)),
        "{r}"
    );
    let id = r["id"].clone();
    let otra_vez = send_one(sitio, &autor, &nuevo).await;
    assert_eq!(otra_vez["resultado"], "duplicado", "{otra_vez}");
    assert_eq!((&otra_vez["id"], &otra_vez["version"]), (&id, &json!(1)));
    assert!(otra_vez.get("actual").is_none());

    let edicion = with(&nuevo, &json!({"titulo": "Roca caída", "version_base": 1}));
    let r = send_one(sitio, &autor, &edicion).await;
    assert_eq!(
        (&r["resultado"], &r["version"]),
        (&json!("actualizado"), &json!(2)),
        "{r}"
    );
    // The creation again, after its edit.
    let r = send_one(sitio, &autor, &nuevo).await;
    assert_eq!(
        (&r["resultado"], &r["version"]),
        (&json!("duplicado"), &json!(1)),
        "{r}"
    );
    assert_eq!(r["actual"]["titulo"], "Roca caída");

    // The supervisor changes another field.
    let ruta = format!("/reportes/{id}");
    let cambio = json!({"severidad_id": 2, "version": 2});
    sitio
        .request("PUT", &ruta)
        .by(&jefa)
        .json(&cambio)
        .send()
        .await
        .expect_status(200, "");
    let r = send_one(sitio, &autor, &edicion).await;
    assert_eq!(
        (&r["resultado"], &r["version"]),
        (&json!("duplicado"), &json!(2)),
        "{r}"
    );
    let edicion = with(
        &edicion,
        &json!({"descripcion": "Ya cayó.", "version_base": 2}),
    );
    let r = send_one(sitio, &autor, &edicion).await;
    assert_eq!(
        (&r["resultado"], &r["version"]),
        (&json!("fusionado"), &json!(4)),
        "{r}"
    );
    let actual = &r["actual"];
    assert_eq!(
        (&actual["severidad_id"], &actual["descripcion"]),
        (&json!(2), &json!("Ya cayó."))
    );

    // And then the same one.
    let clash = with(&edicion, &json!({"severidad_id": 1, "version_base": 2}));
    let r = send_one(sitio, &autor, &clash).await;
    assert_eq!(
        (&r["resultado"], &r["version"], &r["sync_status"]),
        (&json!("conflicto"), &json!(5), &json!("conflicto")),
        "{r}"
    );
    let campo = json!([{"campo": "severidad_id", "base": 3, "servidor": 2, "cliente": 1}]);
    assert_eq!(r["campos"], campo);
    let conflicto = r["conflicto_id"].clone();
    let r = send_one(sitio, &autor, &clash).await;
    assert_eq!(
        (&r["conflicto_id"], &r["version"]),
        (&conflicto, &json!(5)),
        "{r}"
    );

    let resuelve = json!({"decision": "cliente", "version": 5});
    let ruta_conflicto = format!("/sync/conflictos/{conflicto}/resolver");
    let r = sitio
        .request("POST", &ruta_conflicto)
        .by(&jefa)
        .json(&resuelve)
        .send()
        .await
        .expect_status(200, "");
    assert_eq!(
        (r.version(), &r.json["severidad_id"], &r.json["sync_status"]),
        (6, &json!(1), &json!("completo"))
    );
    let r = send_one(sitio, &autor, &clash).await;
    assert_eq!(
        (&r["resultado"], &r["version"]),
        (&json!("duplicado"), &json!(6)),
        "{r}"
    );

    let ajeno = sitio.trabajador().await;
    let r = send_one(sitio, &ajeno, &nuevo).await;
    assert_eq!(r["error"]["codigo"], "uuid_en_conflicto", "{r}");
    assert!(r.get("id").is_none() && r.get("actual").is_none(), "{r}");
}

/// What the report holds already is accepted too: it is known when the report has gone on.
#[both_databases]
async fn what_changed_nothing_is_known_for_ever(sitio: &TestSite) {
    let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let nuevo = reporte_in(1);
    let ruta = format!("/reportes/{}", send_one(sitio, &autor, &nuevo).await["id"]);
    let cambia = async |titulo: &str, version: i64| {
        let cambio = json!({"titulo": titulo, "version": version});
        let pedido = sitio.request("PUT", &ruta).by(&jefa).json(&cambio);
        pedido.send().await.expect_status(200, "");
    };
    cambia("Roca caída", 1).await;
    let igual = with(&nuevo, &json!({"titulo": "Roca caída", "version_base": 1}));
    for titulo in ["Otro", "Un tercero"] {
        let r = send_one(sitio, &autor, &igual).await;
        assert_eq!(
            (&r["resultado"], &r["version"]),
            (&json!("duplicado"), &json!(2)),
            "{r}"
        );
        let version = if titulo == "Otro" { 2 } else { 3 };
        cambia(titulo, version).await;
    }
}

/// The same content, made from another version, is another edit.
#[both_databases]
async fn an_edit_back_to_an_old_content_is_an_edit(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let nuevo = reporte_in(1);
    let caida = json!({"titulo": "Roca caída"});
    let (uno, otro) = (nuevo.clone(), with(&nuevo, &caida));
    let de = |item: &Value, base: i64| with(item, &json!({"version_base": base}));
    for (item, resultado, version) in [
        (uno.clone(), "creado", 1),
        (de(&otro, 1), "actualizado", 2),
        (de(&uno, 2), "actualizado", 3),
        (de(&otro, 3), "actualizado", 4),
        // And each again is what it was.
        (uno.clone(), "duplicado", 1),
        (de(&otro, 1), "duplicado", 2),
        (de(&uno, 2), "duplicado", 3),
        (de(&otro, 3), "duplicado", 4),
    ] {
        let r = send_one(sitio, &autor, &item).await;
        assert_eq!(
            (&r["resultado"], &r["version"]),
            (&json!(resultado), &json!(version)),
            "{r}"
        );
    }
}

#[both_databases]
async fn the_same_uuid_several_times_in_a_batch(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let nuevo = reporte_in(1);
    let edita =
        |titulo: &str, base: i64| with(&nuevo, &json!({"titulo": titulo, "version_base": base}));
    let lote = [
        nuevo.clone(),
        nuevo.clone(),
        edita("dos", 1),
        edita("tres", 2),
        edita("otra", 1),
        edita("dos", 1),
        nuevo.clone(),
    ];
    for esperados in [
        [
            "creado 1",
            "duplicado 1",
            "actualizado 2",
            "actualizado 3",
            "conflicto 4",
            "duplicado 2",
            "duplicado 1",
        ],
        [
            "duplicado 1",
            "duplicado 1",
            "duplicado 2",
            "duplicado 3",
            "conflicto 4",
            "duplicado 2",
            "duplicado 1",
        ],
    ] {
        let r = sitio.push_batch(&autor, &lote).await;
        let dichos: Vec<String> = r["resultados"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| format!("{} {}", r["resultado"].as_str().unwrap(), r["version"]))
            .collect();
        assert_eq!(dichos, esperados, "{r}");
    }
    let r = sitio
        .request(
            "GET",
            &format!("/reportes/uuid/{}", nuevo["uuid_cliente"].as_str().unwrap()),
        )
        .by(&autor)
        .send()
        .await;
    assert_eq!((r.version(), &r.json["titulo"]), (4, &json!("tres")));
}

#[both_databases]
async fn changes_reach_those_who_may_see_them(sitio: &TestSite) {
    let (autor, jefa, otra) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.supervisor(&[2]).await,
    );
    let nuevo = reporte_in(1);
    send_one(sitio, &autor, &nuevo).await;
    let cambios = async |quien: &Persona, cursor: &str| {
        let ruta = format!("/sync/changes?cursor={cursor}");
        sitio
            .request("GET", &ruta)
            .by(quien)
            .send()
            .await
            .expect_status(200, "")
            .json
    };
    let de = |v: &Value| {
        v["reportes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["version"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    let (a, b, c) = (
        cambios(&autor, "").await,
        cambios(&jefa, "").await,
        cambios(&otra, "").await,
    );
    assert_eq!((de(&a), de(&b), de(&c)), (vec![1], vec![1], vec![]));
    assert!(
        a["catalogos"]["version"].is_i64() && a["hay_mas"] == false,
        "{a}"
    );
    let mueve = with(&nuevo, &json!({"area_id": 2, "version_base": 1}));
    send_one(sitio, &autor, &mueve).await;
    let cursor = |v: &Value| v["cursor"].as_str().unwrap().to_owned();
    let (a, b, c) = (
        cambios(&autor, &cursor(&a)).await,
        cambios(&jefa, &cursor(&b)).await,
        cambios(&otra, &cursor(&c)).await,
    );
    assert_eq!((de(&a), de(&b), de(&c)), (vec![2], vec![], vec![2]));
    assert_eq!(b["retirados"][0]["motivo"], "fuera_de_alcance");
    assert!(a.get("catalogos").is_none());
    let d = cambios(&jefa, &cursor(&b)).await;
    assert_eq!((&d["retirados"], &d["cursor"]), (&json!([]), &b["cursor"]));
}
