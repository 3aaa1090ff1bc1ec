//! The phones of a site, as they present themselves at each batch.

use serde_json::{Value, json};
use sigra_domain::Instante;

use super::batch::with;
use sigra_testkit::{Persona, TestSite, both_databases, reporte_in, uuid};

/// A batch from a phone whose clock is `adelanto` ms fast, saying so much of itself.
pub async fn send_presence(
    sitio: &TestSite,
    quien: &Persona,
    device: &str,
    adelanto: i64,
    dicho: Value,
) -> Value {
    let ahora = sitio.store.env().now().plus(adelanto);
    let mut cuerpo = json!({"device_id": device, "timestamp": ahora, "reportes": []});
    for (campo, valor) in dicho.as_object().expect("objeto") {
        cuerpo[campo] = valor.clone();
    }
    let pedido = sitio.request("POST", "/sync/batch").by(quien);
    pedido
        .json(&cuerpo)
        .send()
        .await
        .expect_status(200, "")
        .json
}

/// All of them, by device and person, a page after the other; asked by a new administrator, since the
/// clock may have outrun every token.
async fn all_dispositivos(sitio: &TestSite, limite: usize) -> Vec<Value> {
    let jefe = sitio.administrador().await;
    let (mut vistos, mut ruta) = (vec![], format!("/admin/dispositivos?limite={limite}"));
    loop {
        let r = sitio
            .request("GET", &ruta)
            .by(&jefe)
            .send()
            .await
            .expect_status(200, "");
        let items = r.json["items"].as_array().unwrap().clone();
        assert!(items.len() <= limite, "{}", r.texto);
        vistos.extend(items);
        let Some(cursor) = r.json["siguiente"].as_str() else {
            assert_eq!(r.header("link"), "");
            return vistos;
        };
        ruta = format!("/admin/dispositivos?limite={limite}&cursor={cursor}");
        assert!(r.header("link").contains(cursor) && r.header("link").ends_with("rel=\"next\""));
    }
}

async fn device_status(sitio: &TestSite, device: &str, quien: &Persona) -> Value {
    let suyo = |d: &Value| d["device_id"] == device && d["rut"] == json!(quien.rut);
    all_dispositivos(sitio, 200)
        .await
        .into_iter()
        .find(suyo)
        .expect("dispositivo")
}

#[both_databases]
async fn each_persona_on_each_phone_is_a_row(sitio: &TestSite) {
    let (rosa, luis) = (sitio.trabajador().await, sitio.trabajador().await);
    send_presence(
        sitio,
        &rosa,
        "moto",
        0,
        json!({"app_version": "2.4.1", "pendientes": 7}),
    )
    .await;
    let primera = device_status(sitio, "moto", &rosa).await;
    assert_eq!(primera["usuario"], format!("Rosa Díaz {}", rosa.rut));
    assert_eq!(
        (
            &primera["app_version"],
            &primera["pendientes"],
            &primera["silencioso"]
        ),
        (&json!("2.4.1"), &json!(7), &json!(false))
    );
    assert_eq!(primera["primer_sync"], primera["last_sync"]);
    sitio.store.env().advance(60_000);
    send_presence(
        sitio,
        &luis,
        "moto",
        0,
        json!({"app_version": "3", "pendientes": 0}),
    )
    .await;
    send_presence(sitio, &rosa, "nokia", 0, json!({})).await;
    assert_eq!(
        device_status(sitio, "moto", &rosa).await,
        primera,
        "lo de Rosa no lo cambia Luis"
    );

    // What is left out: the version is still known, what it holds is not.
    send_presence(sitio, &rosa, "moto", 0, json!({})).await;
    let ahora = device_status(sitio, "moto", &rosa).await;
    assert_eq!(
        (&ahora["app_version"], &ahora["pendientes"]),
        (&json!("2.4.1"), &Value::Null)
    );
    assert_eq!(ahora["primer_sync"], primera["primer_sync"]);
    let en = |d: &Value| Instante::parse(d["last_sync"].as_str().unwrap()).unwrap().0;
    assert!(en(&ahora) - en(&primera) >= 60_000, "{primera} {ahora}");
    send_presence(
        sitio,
        &rosa,
        "moto",
        0,
        json!({"app_version": "2.5", "pendientes": 1}),
    )
    .await;
    let ahora = device_status(sitio, "moto", &rosa).await;
    assert_eq!(
        (&ahora["app_version"], &ahora["pendientes"]),
        (&json!("2.5"), &json!(1))
    );

    let filas: Vec<String> = all_dispositivos(sitio, 200)
        .await
        .iter()
        .map(|d| {
            format!(
                "{} {} {} {}",
                d["device_id"], d["rut"], d["app_version"], d["pendientes"]
            )
        })
        .collect();
    assert_eq!(
        filas,
        [
            format!("\"moto\" {} \"2.5\" 1", rosa.rut.body()),
            format!("\"moto\" {} \"3\" 0", luis.rut.body()),
            format!("\"nokia\" {} null null", rosa.rut.body()),
        ]
    );
}

/// Server less phone: behind zero when the phone is fast.
#[both_databases]
async fn the_clock_skew_is_told_everywhere(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    for (device, adelanto) in [
        ("rapido", 3 * Instante::HOUR),
        ("lento", -3 * Instante::HOUR),
        ("bueno", 0),
    ] {
        let item = reporte_in(1);
        let antes = sitio.store.env().now().0;
        let r = send_presence(
            sitio,
            &autor,
            device,
            adelanto,
            json!({"reportes": [item.clone()]}),
        )
        .await;
        let tardo = sitio.store.env().now().0 - antes;
        let desfase = r["desfase_reloj_ms"].as_i64().unwrap();
        assert!(
            (-adelanto..=-adelanto + tardo).contains(&desfase),
            "{device}: {desfase}, tardó {tardo}"
        );
        assert_eq!(
            device_status(sitio, device, &autor).await["desfase_reloj_ms"],
            desfase
        );
        let uuid = item["uuid_cliente"].as_str().unwrap();
        let fila = format!("SELECT desfase_reloj_ms FROM reportes WHERE uuid_cliente = '{uuid}'");
        assert_eq!(sitio.bd.query_i64(&fila).await, desfase);
        // An edit comes by another clock; a repetition changes nothing.
        let edicion = with(&item, &json!({"titulo": "Otro", "version_base": 1}));
        for (adelanto, reportes) in [
            (5_000_000, json!([edicion])),
            (9_000_000, json!([item, edicion])),
        ] {
            send_presence(
                sitio,
                &autor,
                device,
                adelanto,
                json!({"reportes": reportes}),
            )
            .await;
            let dicho = sitio.bd.query_i64(&fila).await;
            assert!(
                (-5_000_000..-4_900_000).contains(&dicho),
                "{device}: {dicho}"
            );
        }
    }
}

#[both_databases]
async fn a_phone_quiet_longer_than_the_faena_allows_is_silent(sitio: &TestSite) {
    let (rosa, luis) = (sitio.trabajador().await, sitio.trabajador().await);
    send_presence(sitio, &rosa, "moto", 0, json!({})).await;
    sitio
        .store
        .env()
        .advance(72 * Instante::HOUR - Instante::MINUTE);
    assert_eq!(
        device_status(sitio, "moto", &rosa).await["silencioso"],
        false
    );
    let luis = sitio.session(luis.quien).await;
    send_presence(sitio, &luis, "moto", 0, json!({})).await;
    sitio.store.env().advance(2 * Instante::MINUTE);
    // The phone is seen, whoever uses it.
    assert_eq!(
        device_status(sitio, "moto", &rosa).await["silencioso"],
        false
    );
    assert_eq!(
        device_status(sitio, "moto", &luis).await["silencioso"],
        false
    );
    sitio.store.env().advance(72 * Instante::HOUR);
    assert_eq!(
        device_status(sitio, "moto", &rosa).await["silencioso"],
        true
    );
    let rosa = sitio.session(rosa.quien).await;
    send_presence(sitio, &rosa, "moto", 0, json!({})).await;
    assert_eq!(
        device_status(sitio, "moto", &luis).await["silencioso"],
        false
    );
}

#[both_databases]
async fn the_pages_bring_each_device_once(sitio: &TestSite) {
    let personas = [
        sitio.trabajador().await,
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
    ];
    assert_eq!(all_dispositivos(sitio, 1).await, [] as [Value; 0]);
    // Where languages and bytes disagree about the order.
    let nombres = ["a", "B", "b", "_", "~", "a-1", "a1", "A", "!", "10", "9"];
    let mut esperados = vec![];
    for nombre in nombres {
        for p in &personas {
            send_presence(sitio, p, nombre, 0, json!({})).await;
            esperados.push((nombre.to_owned(), p.rut.body()));
        }
    }
    esperados.sort();
    for limite in [1, 2, 10, 200] {
        let vistos: Vec<_> = all_dispositivos(sitio, limite)
            .await
            .iter()
            .map(|d| {
                (
                    d["device_id"].as_str().unwrap().to_owned(),
                    d["rut"].as_i64().unwrap(),
                )
            })
            .collect();
        assert_eq!(vistos, esperados, "limite={limite}");
    }
}

/// Whoever invents names for phones fills only a list of their own, up to a point.
#[both_databases]
async fn the_last_fifty_of_each_persona_are_kept(sitio: &TestSite) {
    let (inventor, otro) = (sitio.trabajador().await, sitio.trabajador().await);
    send_presence(sitio, &otro, "viejo", 0, json!({})).await;
    let nombres: Vec<String> = (0..55).map(|_| uuid()).collect();
    for nombre in &nombres {
        sitio.store.env().advance(10);
        send_presence(sitio, &inventor, nombre, 0, json!({})).await;
    }
    // The first one is in use again.
    sitio.store.env().advance(10);
    send_presence(sitio, &inventor, &nombres[0], 0, json!({})).await;
    assert_eq!(all_dispositivos(sitio, 200).await.len(), 56);
    assert_eq!(sitio.store.purge().await.unwrap(), 5);
    let mut quedan: Vec<&str> = nombres[6..].iter().map(String::as_str).collect();
    quedan.extend(["viejo", &nombres[0]]);
    quedan.sort_unstable();
    let vistos = all_dispositivos(sitio, 200).await;
    let vistos: Vec<&str> = vistos
        .iter()
        .map(|d| d["device_id"].as_str().unwrap())
        .collect();
    assert_eq!(vistos, quedan);
    assert_eq!(sitio.store.purge().await.unwrap(), 0);
}
