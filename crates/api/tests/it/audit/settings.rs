//! The same for the bitácora of settings: who changed which person, which catalogue and what leaves for others.

use serde_json::{Value, json};
use sigra_domain::bitacora::{BreakReason, GENESIS};
use sigra_store::notifications::Channels;

use super::{ChainRef, Intruder, expected, findings, hash, text};
use sigra_testkit::{DbKind, Rng, TestSite, both_databases, iterations};

/// The chain as stored, `(canonica, hash)` by number.
async fn chain(sitio: &TestSite) -> Vec<(String, String)> {
    let columna = |c| format!("SELECT {c} FROM bitacora_ajustes ORDER BY n");
    let canonicas = sitio.bd.texts(&columna("canonica")).await;
    canonicas
        .into_iter()
        .zip(sitio.bd.texts(&columna("hash")).await)
        .collect()
}

/// People and areas that come and change.
async fn change_settings(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    for i in 0..6 {
        let quien = sitio.supervisor(&[1, 2]).await;
        let cambio = json!({"nombre": format!("Otra {i}"), "areas": [3], "email": null});
        let ruta = format!("/usuarios/{}", quien.rut);
        let r = sitio
            .request("PATCH", &ruta)
            .by(&jefe)
            .json(&cambio)
            .send()
            .await;
        assert_eq!(r.status, 200, "{}", r.texto);
        let area = json!({"nombre": format!("Área \"{i}\" ñ💥")});
        let r = sitio
            .request("POST", "/catalogos/areas")
            .by(&jefe)
            .json(&area)
            .send()
            .await;
        assert_eq!(r.status, 201, "{}", r.texto);
    }
}

/// What is done to the chain, which entry must be named and why.
fn random_tampering(
    cadena: &[(String, String)],
    azar: &mut Rng,
    motor: DbKind,
) -> (String, i64, BreakReason) {
    let largo = cadena.len();
    let i = azar.below(largo);
    let n = i + 1;
    let pon = |columnas: &str| format!("UPDATE bitacora_ajustes SET {columnas} WHERE n = {n}");
    let cabeza = |columnas: &str| format!("UPDATE bitacora_ajustes_cabeza SET {columnas}");
    let anterior = if i == 0 { GENESIS } else { &cadena[i - 1].1 };
    let (sql, n, motivo) = match azar.below(18) {
        0 => (pon("objeto = 'usuario:1'"), n, BreakReason::Columnas),
        1 => (pon("accion = 'nada'"), n, BreakReason::Columnas),
        2 => (pon("rut = COALESCE(rut, 0) + 1"), n, BreakReason::Columnas),
        3 => (
            pon("rut = CASE WHEN rut IS NULL THEN 1 END"),
            n,
            BreakReason::Columnas,
        ),
        4 => (pon("en = en + 1"), n, BreakReason::Columnas),
        5 => (pon("n = n + 1000"), n, BreakReason::Falta),
        6 => (
            pon(&format!("hash = '{}'", cadena[(i + 1) % largo].1)),
            n,
            BreakReason::Hash,
        ),
        7 => {
            let mut otra = cadena[i].0.clone();
            let letra = azar.below(otra.len());
            otra.replace_range(
                otra.floor_char_boundary(letra)..otra.ceil_char_boundary(letra + 1),
                "~",
            );
            (
                pon(&format!("canonica = {}", text(&otra))),
                n,
                BreakReason::Hash,
            )
        }
        8 if motor == DbKind::Sqlite => {
            (pon("canonica = CAST(x'ff' AS TEXT)"), n, BreakReason::Hash)
        }
        8 | 9 => (
            format!("DELETE FROM bitacora_ajustes WHERE n = {n}"),
            n,
            BreakReason::Falta,
        ),
        10 => (
            format!("DELETE FROM bitacora_ajustes WHERE n >= {n}"),
            n,
            BreakReason::Falta,
        ),
        11 => {
            let (a, b) = (n.min(largo - 1), largo);
            let cambia = |de, a| format!("UPDATE bitacora_ajustes SET n = {a} WHERE n = {de}");
            (
                [cambia(a, 0), cambia(b, a), cambia(0, b)].join("; "),
                a,
                BreakReason::Hash,
            )
        }
        12 => {
            // Its own hash fits the altered text; what follows does not.
            let mut json: Value = serde_json::from_str(&cadena[i].0).unwrap();
            json["despues"] = json!({"rol": "administrador"});
            let canonica = json.to_string();
            let nuevo = hash(anterior, &canonica);
            let sql = pon(&format!("canonica = {}, hash = '{nuevo}'", text(&canonica)));
            if n == largo {
                (sql, n, BreakReason::Cabeza)
            } else {
                (sql, n + 1, BreakReason::Hash)
            }
        }
        13 => {
            let mut json: Value = serde_json::from_str(&cadena[i].0).unwrap();
            json["n"] = json!(largo + 1);
            let (canonica, en) = (json.to_string(), json["en"].as_str().unwrap().to_owned());
            let sql = format!(
                "INSERT INTO bitacora_ajustes (n, objeto, accion, rut, en, canonica, hash)
                 VALUES ({}, 'x', '{en}', NULL, 0, {}, '{}')",
                largo + 1,
                text(&canonica),
                hash(&cadena[largo - 1].1, &canonica),
            );
            (sql, largo + 1, BreakReason::Sobra)
        }
        14 => (
            cabeza("entradas = entradas + 1"),
            largo + 1,
            BreakReason::Falta,
        ),
        15 => (cabeza("entradas = entradas - 1"), largo, BreakReason::Sobra),
        16 => (
            cabeza(&format!("ultimo_hash = '{GENESIS}'")),
            largo,
            BreakReason::Cabeza,
        ),
        _ => (
            "DELETE FROM bitacora_ajustes_cabeza".to_owned(),
            1,
            BreakReason::Sobra,
        ),
    };
    (sql, i64::try_from(n).unwrap(), motivo)
}

/// From what to what: a webhook, a delivery that is sent again, a target.
#[both_databases]
async fn webhooks_deliveries_and_targets_are_recorded(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.administrador().await);
    let yo = json!(jefe.rut);
    let manda = async |op: &str, cuerpo: Value, status: u16| {
        let (metodo, ruta) = op.split_once(' ').expect("op");
        let pedido = sitio.request(metodo, ruta).by(&jefe);
        let pedido = if cuerpo.is_null() {
            pedido
        } else {
            pedido.json(&cuerpo)
        };
        pedido.send().await.expect_status(status, "").json
    };
    let nuevo = json!({"url": "https://ejemplo.cl/sigra", "eventos": ["reporte.creado"], "descripcion": "Gestión"});
    let webhook = manda("POST /admin/webhooks", nuevo, 201).await["id"]
        .as_i64()
        .unwrap();
    let ruta = format!("/admin/webhooks/{webhook}");
    let otro = json!({"url": "https://ejemplo.cl/otro", "eventos": ["reporte.creado", "reporte.decidido"]});
    manda(&format!("PATCH {ruta}"), otro.clone(), 200).await;
    // What it is owed is given up when it is not active.
    sitio.reporte(&autor, 1).await;
    sitio
        .store
        .fan_out_avisos(Channels::default())
        .await
        .unwrap();
    manda(&format!("PATCH {ruta}"), json!({"activo": false}), 200).await;
    let muertas = manda("GET /admin/entregas?estado=muerta", Value::Null, 200).await;
    let entrega = muertas["items"][0]["id"].as_i64().unwrap();
    manda(
        &format!("POST /admin/entregas/{entrega}/reenviar"),
        Value::Null,
        204,
    )
    .await;
    manda(&format!("DELETE {ruta}"), Value::Null, 204).await;
    manda(
        "PATCH /catalogos/severidades/3",
        json!({"meta_horas": 31}),
        200,
    )
    .await;

    let todos = manda("GET /admin/bitacora/ajustes?limite=200", Value::Null, 200).await;
    let de = |objeto: String| -> Vec<Value> {
        let suyos = todos["items"]
            .as_array()
            .unwrap()
            .iter()
            .rev()
            .filter(|a| a["objeto"] == objeto);
        suyos
            .map(|a| json!([a["accion"], a["antes"], a["despues"], a["rut"]]))
            .collect()
    };
    let del_webhook = de(format!("webhook:{webhook}"));
    assert_eq!(del_webhook[0][0], "crear");
    let antes = json!({"url": "https://ejemplo.cl/sigra", "eventos": ["reporte.creado"]});
    let ultimo = json!({"url": "https://ejemplo.cl/otro", "eventos": ["reporte.creado", "reporte.decidido"],
            "descripcion": "Gestión", "activo": false});
    assert_eq!(
        del_webhook[1..],
        [
            json!(["editar", antes, otro, yo]),
            json!(["editar", {"activo": true}, {"activo": false}, yo]),
            json!(["eliminar", ultimo, {}, yo]),
        ]
    );
    let de_la_entrega = de(format!("entrega:{entrega}"));
    assert_eq!(
        de_la_entrega,
        [json!(["reenviar", {"estado": "muerta"}, {"estado": "pendiente"}, yo])]
    );
    let de_la_meta = de("severidad:3".to_owned());
    assert_eq!(
        de_la_meta,
        [json!(["editar", {"meta_horas": 24}, {"meta_horas": 31}, yo])]
    );
}

#[both_databases]
async fn tampering_with_the_settings_is_named(sitio: &TestSite) {
    let mut azar = Rng::new();
    change_settings(sitio).await;
    let intruso = Intruder::break_in(sitio).await;
    let cadena = chain(sitio).await;
    assert_eq!(findings(&sitio.store).await, []);
    for _ in 0..iterations(600) {
        let (sql, n, motivo) = random_tampering(&cadena, &mut azar, sitio.bd.motor);
        intruso.sql(&sql).await;
        let esperados = [expected(ChainRef::Ajustes, n, motivo)];
        assert_eq!(findings(&sitio.store).await, esperados, "{sql}");
        intruso.restore().await;
    }
    assert_eq!(findings(&sitio.store).await, []);
}
