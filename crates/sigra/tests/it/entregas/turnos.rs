//! What may be taken, in what order, and what becomes of it: rows of every kind at once, as an outage leaves
//! them.

use sigra_domain::Instante;
use sigra_store::avisos::{Anotar, Destino, Hecho, Tomada, Tomar};

use super::{con_email, pasan, reporta};
use crate::{
    arnes::{Persona, Sitio},
    en_ambas,
};

const DATOS: &str = r#"{"titulo":"Roca","area":"A","severidad":"B","estado":"","autor":"R","actor":"R","detalle":null}"#;

/// A row that waits.
#[derive(Clone, Copy)]
struct Fila<'a> {
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

impl<'a> Fila<'a> {
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

    fn correo(quien: &Persona, reporte: i64) -> Self {
        Self {
            canal: "correo",
            destino: quien.rut.cuerpo(),
            ..Fila::webhook(0, "correo", reporte)
        }
    }

    /// Its id.
    async fn espera(self, sitio: &Sitio) -> i64 {
        let ahora = sitio.store.entorno().ahora();
        let tomada = self
            .tomada
            .map_or("NULL".to_owned(), |t| ahora.mas(t).0.to_string());
        let sql = format!(
            "INSERT INTO entregas (canal, destino, circuito, evento, reporte_id, datos, urgente, estado, proximo,
                intentos, tomada, creada)
             VALUES ('{}', {}, '{}', 'reporte.creado', {}, '{DATOS}', {}, 'pendiente', {}, {}, {tomada}, {})",
            self.canal,
            self.destino,
            self.circuito,
            self.reporte,
            self.urgente,
            ahora.mas(self.proximo).0,
            self.intentos,
            ahora.0,
        );
        sitio.bd.sql(&sql).await.expect("fila");
        sitio.bd.entero("SELECT max(id) FROM entregas").await
    }
}

async fn webhook(sitio: &Sitio) -> i64 {
    let sql = "INSERT INTO webhooks (url, descripcion, eventos, activo, secreto, creado)
        VALUES ('https://gestion.example/', '', '[]', TRUE, 'whsec_AAAA', 0)";
    sitio.bd.sql(sql).await.expect("webhook");
    sitio.bd.entero("SELECT max(id) FROM webhooks").await
}

async fn circuito(sitio: &Sitio, nombre: &str, fallos: i64, abierto_hasta: i64) {
    let hasta = sitio.store.entorno().ahora().mas(abierto_hasta).0;
    let sql = format!(
        "INSERT INTO circuitos (circuito, fallos, abierto_hasta) VALUES ('{nombre}', {fallos}, {hasta})"
    );
    sitio.bd.sql(&sql).await.expect("circuito");
}

async fn toma(sitio: &Sitio) -> Vec<Tomada> {
    sitio
        .store
        .escribir(Tomar { limite: 32 })
        .await
        .expect("toma")
}

async fn anota(sitio: &Sitio, tomada: &Tomada, hecho: Hecho) {
    let tomada = tomada.clone();
    sitio
        .store
        .escribir(Anotar { tomada, hecho })
        .await
        .expect("anota");
}

fn fallo(permanente: bool, solo_suyo: bool) -> Hecho {
    Hecho::Fallo {
        texto: "No.".into(),
        permanente,
        reintentar_en: None,
        solo_suyo,
    }
}

fn ids(tomadas: &[Tomada]) -> Vec<i64> {
    let mut ids: Vec<i64> = tomadas.iter().flat_map(|t| t.ids.clone()).collect();
    ids.sort_unstable();
    ids
}

/// A supervisor with an address, and reports that they may see.
async fn gente(sitio: &Sitio, reportes: usize) -> (Persona, Vec<i64>) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    con_email(sitio, &jefe, "jefa@mina.example").await;
    let mut ids = vec![];
    for n in 0..reportes {
        ids.push(reporta(sitio, &autor, 1, &format!("Roca {n}")).await);
    }
    (jefe, ids)
}

en_ambas! {
    /// A receiver that is slow and has a long queue holds up nobody.
    async fn cada_uno_su_lugar(sitio: &Sitio) {
        let (jefe, r) = gente(sitio, 2).await;
        let lento = webhook(sitio).await;
        for n in 0..700 {
            let tomada = (n < 4).then_some(Instante::MINUTO);
            Fila { tomada, proximo: -1_000_000, ..Fila::webhook(lento, "webhook:lento", r[n % 2]) }.espera(sitio).await;
        }
        let comun = Fila::correo(&jefe, r[0]).espera(sitio).await;
        let urgente = Fila { urgente: true, ..Fila::correo(&jefe, r[1]) }.espera(sitio).await;
        let tomadas = toma(sitio).await;
        assert_eq!(ids(&tomadas), [comun, urgente]);
        assert_eq!(tomadas.len(), 2, "lo urgente va aparte");
        assert_eq!(toma(sitio).await, []);
    }

    /// Together go those that wait to go together, and no others.
    async fn lo_que_va_junto(sitio: &Sitio) {
        let (jefe, r) = gente(sitio, 5).await;
        let debida = Fila::correo(&jefe, r[0]).espera(sitio).await;
        let espera = Fila { proximo: 60_000, ..Fila::correo(&jefe, r[1]) }.espera(sitio).await;
        // Failed before: not before its time, and what follows of its report neither.
        Fila { proximo: 60_000, intentos: 3, ..Fila::correo(&jefe, r[2]) }.espera(sitio).await;
        Fila::correo(&jefe, r[2]).espera(sitio).await;
        // Somebody is at it.
        Fila { tomada: Some(60_000), ..Fila::correo(&jefe, r[3]) }.espera(sitio).await;
        Fila::correo(&jefe, r[3]).espera(sitio).await;
        // Of the same report, both.
        let otra = Fila { proximo: 60_000, ..Fila::correo(&jefe, r[1]) }.espera(sitio).await;
        let tomadas = toma(sitio).await;
        assert_eq!((tomadas.len(), ids(&tomadas)), (1, vec![debida, espera, otra]));
        assert_eq!(toma(sitio).await, []);
        // A mail has room for so much.
        let mut todas = vec![];
        for _ in 0..250 {
            todas.push(Fila { proximo: 60_000, ..Fila::correo(&jefe, r[4]) }.espera(sitio).await);
        }
        sitio.bd.sql(&format!("UPDATE entregas SET proximo = 0 WHERE id = {}", todas[0])).await.unwrap();
        let tomadas = toma(sitio).await;
        assert_eq!(ids(&tomadas), todas[..100]);
    }

    /// Each waits by its own tries.
    async fn cada_una_espera_lo_suyo(sitio: &Sitio) {
        let (jefe, r) = gente(sitio, 3).await;
        let vieja = Fila { intentos: 5, ..Fila::correo(&jefe, r[0]) }.espera(sitio).await;
        let nueva = Fila::correo(&jefe, r[1]).espera(sitio).await;
        let ultima = Fila { intentos: 9, ..Fila::correo(&jefe, r[2]) }.espera(sitio).await;
        let tomadas = toma(sitio).await;
        assert_eq!((tomadas.len(), ids(&tomadas)), (1, vec![vieja, nueva, ultima]));
        anota(sitio, &tomadas[0], fallo(false, false)).await;
        let ahora = sitio.store.entorno().ahora().0;
        let en = async |id: i64| sitio.bd.entero(&format!("SELECT proximo FROM entregas WHERE id = {id}")).await - ahora;
        assert!((2 * Instante::HORA..15 * Instante::HORA).contains(&en(vieja).await));
        assert!((0..15_000).contains(&en(nueva).await));
        let muerta = format!("SELECT count(*) FROM entregas WHERE id = {ultima} AND estado = 'muerta' AND intentos = 10");
        assert_eq!(sitio.bd.entero(&muerta).await, 1);
    }

    /// What a worker that died had is taken again after its time, under the same ids; what the dead one says after
    /// that is nothing.
    async fn lo_de_un_muerto(sitio: &Sitio) {
        let (_, r) = gente(sitio, 1).await;
        let w = webhook(sitio).await;
        let id = Fila::webhook(w, "webhook:w", r[0]).espera(sitio).await;
        let primera = toma(sitio).await;
        assert_eq!(ids(&primera), [id]);
        assert_eq!(toma(sitio).await, []);
        pasan(sitio, 2 * Instante::MINUTO + 1);
        let segunda = toma(sitio).await;
        assert_eq!(ids(&segunda), [id]);
        anota(sitio, &primera[0], fallo(false, false)).await;
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM circuitos").await, 0);
        assert_eq!(sitio.bd.entero("SELECT CAST(sum(intentos) AS BIGINT) FROM entregas").await, 0);
        // But if it arrived, it arrived.
        anota(sitio, &primera[0], Hecho::Entregada).await;
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM entregas WHERE estado = 'entregada'").await, 1);
        anota(sitio, &segunda[0], fallo(false, false)).await;
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM entregas WHERE estado = 'entregada'").await, 1);
    }

    /// A destination that failed is tried with one thing; what says nothing of it does not count.
    async fn un_circuito_a_medias(sitio: &Sitio) {
        let (jefe, r) = gente(sitio, 6).await;
        let w = webhook(sitio).await;
        circuito(sitio, "webhook:w", 5, -1).await;
        circuito(sitio, "correo", 9, 60_000).await;
        Fila::correo(&jefe, r[0]).espera(sitio).await;
        // The first is for a webhook that is not there any more.
        Fila::webhook(999, "webhook:w", r[0]).espera(sitio).await;
        let prueba = Fila::webhook(w, "webhook:w", r[1]).espera(sitio).await;
        let otra = Fila::webhook(w, "webhook:w", r[2]).espera(sitio).await;
        assert_eq!(toma(sitio).await, []);
        let tomadas = toma(sitio).await;
        assert_eq!(ids(&tomadas), [prueba]);
        assert_eq!(toma(sitio).await, []);
        // Whoever says no for ever is there: the next may go at once.
        anota(sitio, &tomadas[0], fallo(true, false)).await;
        let tomadas = toma(sitio).await;
        assert_eq!(ids(&tomadas), [otra]);
        // And a no to one is no reason to leave the others alone.
        for reporte in &r[3..6] {
            Fila::webhook(w, "webhook:w", *reporte).espera(sitio).await;
        }
        anota(sitio, &tomadas[0], fallo(false, true)).await;
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM circuitos WHERE circuito = 'webhook:w'").await, 0);
        assert_eq!(toma(sitio).await.len(), 3);
    }

    /// Who lost the area, or a report that was withdrawn: nothing of it leaves.
    async fn quien_ya_no_lo_ve(sitio: &Sitio) {
        let (jefe, r) = gente(sitio, 3).await;
        let admin = sitio.administrador().await;
        Fila::correo(&jefe, r[0]).espera(sitio).await;
        let retira = sitio.pide("DELETE", &format!("/reportes/{}", r[0])).como(&admin).si_version(1);
        retira.json(&serde_json::json!({"detalle": "De prueba."})).envia().await.espera(204, "");
        let queda = Fila::correo(&jefe, r[1]).espera(sitio).await;
        let tomadas = toma(sitio).await;
        assert_eq!(ids(&tomadas), [queda]);
        assert!(matches!(tomadas[0].destino, Destino::Correo { .. }));
        anota(sitio, &tomadas[0], Hecho::Entregada).await;
        let cambia = sitio.pide("PATCH", &format!("/usuarios/{}", jefe.rut)).como(&admin);
        cambia.json(&serde_json::json!({"areas": [2]})).envia().await.espera(200, "");
        Fila::correo(&jefe, r[2]).espera(sitio).await;
        assert_eq!(toma(sitio).await, []);
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM entregas WHERE estado = 'muerta'").await, 2);
    }
}
