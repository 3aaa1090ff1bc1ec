//! What may be taken, in what order, and what becomes of it: rows of every kind at once, as an outage leaves
//! them.

use sigra_domain::Instante;
use sigra_store::notifications::{Ack, Claim, Claimed, Outcome, Recipient};

use super::{advance_clock, create_reporte, set_email};
use sigra_testkit::{Persona, TestSite, both_databases};

const DATA: &str = r#"{"titulo":"Roca","area":"A","severidad":"B","estado":"","autor":"R","actor":"R","detalle":null}"#;

/// A row that waits.
#[derive(Clone, Copy)]
struct Row<'a> {
    canal: &'a str,
    destino: i64,
    circuito: &'a str,
    reporte: i64,
    urgente: bool,
    /// From now on, in milliseconds.
    proximo: i64,
    intentos: i64,
    /// Somebody is at it until then.
    tomada: Option<i64>,
}

impl<'a> Row<'a> {
    fn webhook(id: i64, circuito: &'a str, reporte: i64) -> Self {
        Self {
            canal: "webhook",
            destino: id,
            circuito,
            reporte,
            urgente: false,
            proximo: 0,
            intentos: 0,
            tomada: None,
        }
    }

    fn email(quien: &Persona, reporte: i64) -> Self {
        Self {
            canal: "correo",
            destino: quien.rut.body(),
            ..Row::webhook(0, "correo", reporte)
        }
    }

    /// Its id.
    async fn enqueue(self, sitio: &TestSite) -> i64 {
        let ahora = sitio.store.env().now();
        let tomada = self
            .tomada
            .map_or("NULL".to_owned(), |t| ahora.plus(t).0.to_string());
        let sql = format!(
            "INSERT INTO entregas (canal, destino, circuito, evento, reporte_id, datos, urgente, estado, proximo,
                intentos, tomada, creada)
             VALUES ('{}', {}, '{}', 'reporte.creado', {}, '{DATA}', {}, 'pendiente', {}, {}, {tomada}, {})",
            self.canal,
            self.destino,
            self.circuito,
            self.reporte,
            self.urgente,
            ahora.plus(self.proximo).0,
            self.intentos,
            ahora.0,
        );
        sitio.bd.sql(&sql).await.expect("fila");
        sitio.bd.query_i64("SELECT max(id) FROM entregas").await
    }
}

async fn webhook(sitio: &TestSite) -> i64 {
    let sql = "INSERT INTO webhooks (url, descripcion, eventos, activo, secreto, creado)
        VALUES ('https://gestion.example/', '', '[]', TRUE, 'whsec_AAAA', 0)";
    sitio.bd.sql(sql).await.expect("webhook");
    sitio.bd.query_i64("SELECT max(id) FROM webhooks").await
}

async fn insert_circuit(sitio: &TestSite, nombre: &str, fallos: i64, abierto_hasta: i64) {
    let hasta = sitio.store.env().now().plus(abierto_hasta).0;
    let sql = format!(
        "INSERT INTO circuitos (circuito, fallos, abierto_hasta) VALUES ('{nombre}', {fallos}, {hasta})"
    );
    sitio.bd.sql(&sql).await.expect("circuito");
}

async fn claim(sitio: &TestSite) -> Vec<Claimed> {
    sitio.store.write(Claim { limite: 32 }).await.expect("toma")
}

async fn record(sitio: &TestSite, tomada: &Claimed, hecho: Outcome) {
    let tomada = tomada.clone();
    sitio
        .store
        .write(Ack { tomada, hecho })
        .await
        .expect("anota");
}

fn failed(permanente: bool, solo_suyo: bool) -> Outcome {
    Outcome::Failed {
        texto: "No.".into(),
        permanente,
        reintentar_en: None,
        solo_suyo,
    }
}

fn ids(tomadas: &[Claimed]) -> Vec<i64> {
    let mut ids: Vec<i64> = tomadas.iter().flat_map(|t| t.ids.clone()).collect();
    ids.sort_unstable();
    ids
}

/// A supervisor with an address, and reports that they may see.
async fn create_people(sitio: &TestSite, reportes: usize) -> (Persona, Vec<i64>) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    set_email(sitio, &jefe, "jefa@mina.example").await;
    let mut ids = vec![];
    for n in 0..reportes {
        ids.push(create_reporte(sitio, &autor, 1, &format!("Roca {n}")).await);
    }
    (jefe, ids)
}

/// A receiver that is slow and has a long queue holds up nobody.
#[both_databases]
async fn a_slow_receiver_holds_up_nobody(sitio: &TestSite) {
    let (jefe, r) = create_people(sitio, 2).await;
    let lento = webhook(sitio).await;
    for n in 0..700 {
        let tomada = (n < 4).then_some(Instante::MINUTE);
        Row {
            tomada,
            proximo: -1_000_000,
            ..Row::webhook(lento, "webhook:lento", r[n % 2])
        }
        .enqueue(sitio)
        .await;
    }
    let comun = Row::email(&jefe, r[0]).enqueue(sitio).await;
    let urgente = Row {
        urgente: true,
        ..Row::email(&jefe, r[1])
    }
    .enqueue(sitio)
    .await;
    let tomadas = claim(sitio).await;
    assert_eq!(ids(&tomadas), [comun, urgente]);
    assert_eq!(tomadas.len(), 2, "lo urgente va aparte");
    assert_eq!(claim(sitio).await, []);
}

/// Of what fails together four are on their way at once; each that ends makes room for one.
#[both_databases]
async fn of_one_circuit_four_are_claimed_at_once(sitio: &TestSite) {
    let (_, r) = create_people(sitio, 6).await;
    let w = webhook(sitio).await;
    let mut filas = vec![];
    for reporte in &r {
        filas.push(Row::webhook(w, "webhook:w", *reporte).enqueue(sitio).await);
    }
    let tomadas = claim(sitio).await;
    assert_eq!(ids(&tomadas), filas[..4]);
    assert_eq!(claim(sitio).await, []);
    record(sitio, &tomadas[0], Outcome::Entregada).await;
    assert_eq!(ids(&claim(sitio).await), filas[4..5]);
}

/// Together go those that wait to go together, and no others.
#[both_databases]
async fn only_what_waits_together_goes_together(sitio: &TestSite) {
    let (jefe, r) = create_people(sitio, 5).await;
    let debida = Row::email(&jefe, r[0]).enqueue(sitio).await;
    let espera = Row {
        proximo: 60_000,
        ..Row::email(&jefe, r[1])
    }
    .enqueue(sitio)
    .await;
    // Failed before: not before its time, and what follows of its report neither.
    Row {
        proximo: 60_000,
        intentos: 3,
        ..Row::email(&jefe, r[2])
    }
    .enqueue(sitio)
    .await;
    Row::email(&jefe, r[2]).enqueue(sitio).await;
    // Somebody is at it.
    Row {
        tomada: Some(60_000),
        ..Row::email(&jefe, r[3])
    }
    .enqueue(sitio)
    .await;
    Row::email(&jefe, r[3]).enqueue(sitio).await;
    // Of the same report, both.
    let otra = Row {
        proximo: 60_000,
        ..Row::email(&jefe, r[1])
    }
    .enqueue(sitio)
    .await;
    let tomadas = claim(sitio).await;
    assert_eq!(
        (tomadas.len(), ids(&tomadas)),
        (1, vec![debida, espera, otra])
    );
    assert_eq!(claim(sitio).await, []);
    // A mail has room for so much.
    let mut todas = vec![];
    for _ in 0..250 {
        todas.push(
            Row {
                proximo: 60_000,
                ..Row::email(&jefe, r[4])
            }
            .enqueue(sitio)
            .await,
        );
    }
    sitio
        .bd
        .sql(&format!(
            "UPDATE entregas SET proximo = 0 WHERE id = {}",
            todas[0]
        ))
        .await
        .unwrap();
    let tomadas = claim(sitio).await;
    assert_eq!(ids(&tomadas), todas[..100]);
}

/// Each waits by its own tries.
#[both_databases]
async fn each_delivery_backs_off_by_its_own_attempts(sitio: &TestSite) {
    let (jefe, r) = create_people(sitio, 3).await;
    let vieja = Row {
        intentos: 5,
        ..Row::email(&jefe, r[0])
    }
    .enqueue(sitio)
    .await;
    let nueva = Row::email(&jefe, r[1]).enqueue(sitio).await;
    let ultima = Row {
        intentos: 9,
        ..Row::email(&jefe, r[2])
    }
    .enqueue(sitio)
    .await;
    let tomadas = claim(sitio).await;
    assert_eq!(
        (tomadas.len(), ids(&tomadas)),
        (1, vec![vieja, nueva, ultima])
    );
    record(sitio, &tomadas[0], failed(false, false)).await;
    let ahora = sitio.store.env().now().0;
    let en = async |id: i64| {
        sitio
            .bd
            .query_i64(&format!("SELECT proximo FROM entregas WHERE id = {id}"))
            .await
            - ahora
    };
    assert!((2 * Instante::HOUR..15 * Instante::HOUR).contains(&en(vieja).await));
    assert!((0..15_000).contains(&en(nueva).await));
    let muerta = format!(
        "SELECT count(*) FROM entregas WHERE id = {ultima} AND estado = 'muerta' AND intentos = 10"
    );
    assert_eq!(sitio.bd.query_i64(&muerta).await, 1);
}

/// What a worker that died had is taken again after its time, under the same ids; what the dead one says after
/// that is nothing.
#[both_databases]
async fn what_a_dead_worker_claimed_is_claimed_again(sitio: &TestSite) {
    let (_, r) = create_people(sitio, 1).await;
    let w = webhook(sitio).await;
    let id = Row::webhook(w, "webhook:w", r[0]).enqueue(sitio).await;
    let primera = claim(sitio).await;
    assert_eq!(ids(&primera), [id]);
    assert_eq!(claim(sitio).await, []);
    advance_clock(sitio, 2 * Instante::MINUTE + 1);
    let segunda = claim(sitio).await;
    assert_eq!(ids(&segunda), [id]);
    record(sitio, &primera[0], failed(false, false)).await;
    assert_eq!(
        sitio.bd.query_i64("SELECT count(*) FROM circuitos").await,
        0
    );
    assert_eq!(
        sitio
            .bd
            .query_i64("SELECT CAST(sum(intentos) AS BIGINT) FROM entregas")
            .await,
        0
    );
    // But if it arrived, it arrived.
    record(sitio, &primera[0], Outcome::Entregada).await;
    assert_eq!(
        sitio
            .bd
            .query_i64("SELECT count(*) FROM entregas WHERE estado = 'entregada'")
            .await,
        1
    );
    record(sitio, &segunda[0], failed(false, false)).await;
    assert_eq!(
        sitio
            .bd
            .query_i64("SELECT count(*) FROM entregas WHERE estado = 'entregada'")
            .await,
        1
    );
}

/// A destination that failed is tried with one thing; what says nothing of it does not count.
#[both_databases]
async fn a_half_open_circuit_is_tried_with_one_delivery(sitio: &TestSite) {
    let (jefe, r) = create_people(sitio, 6).await;
    let w = webhook(sitio).await;
    insert_circuit(sitio, "webhook:w", 5, -1).await;
    insert_circuit(sitio, "correo", 9, 60_000).await;
    Row::email(&jefe, r[0]).enqueue(sitio).await;
    // The first is for a webhook that is not there any more.
    Row::webhook(999, "webhook:w", r[0]).enqueue(sitio).await;
    let prueba = Row::webhook(w, "webhook:w", r[1]).enqueue(sitio).await;
    let otra = Row::webhook(w, "webhook:w", r[2]).enqueue(sitio).await;
    assert_eq!(claim(sitio).await, []);
    let tomadas = claim(sitio).await;
    assert_eq!(ids(&tomadas), [prueba]);
    assert_eq!(claim(sitio).await, []);
    // Whoever says no for ever is there: the next may go at once.
    record(sitio, &tomadas[0], failed(true, false)).await;
    let tomadas = claim(sitio).await;
    assert_eq!(ids(&tomadas), [otra]);
    // And a no to one is no reason to leave the others alone.
    for reporte in &r[3..6] {
        Row::webhook(w, "webhook:w", *reporte).enqueue(sitio).await;
    }
    record(sitio, &tomadas[0], failed(false, true)).await;
    assert_eq!(
        sitio
            .bd
            .query_i64("SELECT count(*) FROM circuitos WHERE circuito = 'webhook:w'")
            .await,
        0
    );
    assert_eq!(claim(sitio).await.len(), 3);
}

/// Who lost the area, or a report that was withdrawn: nothing of it leaves.
#[both_databases]
async fn what_may_no_longer_be_seen_is_not_delivered(sitio: &TestSite) {
    let (jefe, r) = create_people(sitio, 3).await;
    let admin = sitio.administrador().await;
    Row::email(&jefe, r[0]).enqueue(sitio).await;
    sitio.withdraw_reporte(&admin, r[0], 1).await;
    let queda = Row::email(&jefe, r[1]).enqueue(sitio).await;
    let tomadas = claim(sitio).await;
    assert_eq!(ids(&tomadas), [queda]);
    assert!(matches!(tomadas[0].destino, Recipient::Correo { .. }));
    record(sitio, &tomadas[0], Outcome::Entregada).await;
    let cambia = sitio
        .request("PATCH", &format!("/usuarios/{}", jefe.rut))
        .by(&admin);
    cambia
        .json(&serde_json::json!({"areas": [2]}))
        .send()
        .await
        .expect_status(200, "");
    Row::email(&jefe, r[2]).enqueue(sitio).await;
    assert_eq!(claim(sitio).await, []);
    assert_eq!(
        sitio
            .bd
            .query_i64("SELECT count(*) FROM entregas WHERE estado = 'muerta'")
            .await,
        2
    );
}
