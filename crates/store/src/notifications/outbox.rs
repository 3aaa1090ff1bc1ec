//! What goes out of the server of what people and other systems are told: one row for each destination,
//! written with the place in the feed that it comes from.

use std::collections::{HashMap, HashSet};

use sigra_domain::{
    Evento, Instante, Language, Rol, Rut,
    aviso::Aviso,
    evento::{CatalogoRef, EventSubject, webhook_body},
    retry::{Channel, DIGEST_WINDOW, Preferencias},
};

use super::{fanout::ChangedReporte, preferences::parse_muted, webhooks::parse_eventos};
use crate::{
    StoreError, Tx,
    db::{json, with_conn},
};

/// The ways out that the site has. Subscriptions and webhooks speak for themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    /// There is a server for mail.
    pub correo: bool,
}

/// Something that a person is told.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub rut: Rut,
    pub aviso: Aviso,
    pub reporte_id: Option<i64>,
    pub version: i64,
    /// [`sigra_domain::aviso::AvisoData`], as JSON.
    pub datos: String,
    pub urgente: bool,
}

/// Channel, destination, circuit, event, report, data, urgent, not before.
type Row<'a> = (
    &'static str,
    i64,
    String,
    &'a str,
    Option<i64>,
    &'a str,
    bool,
    i64,
);

/// Channel, destination, report.
type UrgentDelivery = (&'static str, i64, i64);

/// What of it leaves by mail and push.
pub(super) async fn a_personas(
    tx: &mut Tx<'_>,
    dichos: &[Notice],
    salidas: Channels,
) -> Result<(), StoreError> {
    if dichos.is_empty() {
        return Ok(());
    }
    let ruts: HashSet<i64> = dichos.iter().map(|d| d.rut.body()).collect();
    let ruts = json(&ruts)?;
    let personas = read_personas(tx, &ruts).await?;
    let suscripciones = push_subscriptions(tx, &ruts).await?;
    let (mut filas, mut apuradas): (Vec<Row<'_>>, Vec<UrgentDelivery>) = (vec![], vec![]);
    for d in dichos {
        let rut = d.rut.body();
        let Some(persona) = personas.get(&rut) else {
            continue;
        };
        let obligatorio = d.urgente && persona.decide;
        let lleva = |canal| persona.preferencias.allows(canal, d.aviso, obligatorio);
        let evento = d.aviso.name();
        let fila = |canal: Channel, destino, circuito, proximo| {
            let (reporte, datos) = (d.reporte_id, d.datos.as_str());
            (
                canal.name(),
                destino,
                circuito,
                evento,
                reporte,
                datos,
                d.urgente,
                proximo,
            )
        };
        let apurada = |canal: Channel, destino| -> Option<UrgentDelivery> {
            let reporte = d.reporte_id.filter(|_| d.urgente)?;
            Some((canal.name(), destino, reporte))
        };
        if salidas.correo && persona.con_email && lleva(Channel::Correo) {
            let espera = if d.urgente { 0 } else { DIGEST_WINDOW };
            let circuito = Channel::Correo.name().to_owned();
            filas.push(fila(
                Channel::Correo,
                rut,
                circuito,
                tx.ahora.plus(espera).0,
            ));
            apuradas.extend(apurada(Channel::Correo, rut));
        }
        if lleva(Channel::Push) {
            for (id, circuito) in suscripciones.get(&rut).into_iter().flatten() {
                filas.push(fila(Channel::Push, *id, circuito.clone(), tx.ahora.0));
                apuradas.extend(apurada(Channel::Push, *id));
            }
        }
    }
    expedite(tx, &apuradas).await?;
    write(tx, &filas).await
}

/// What is urgent does not wait for what came before it of the same report: that goes at once, too.
async fn expedite(tx: &mut Tx<'_>, urgentes: &[UrgentDelivery]) -> Result<(), StoreError> {
    if urgentes.is_empty() {
        return Ok(());
    }
    let sql = tx.conn.pick(
        "UPDATE entregas SET proximo = $2 WHERE estado = 'pendiente' AND proximo > $2
            AND (tomada IS NULL OR tomada <= $2) AND (canal, destino, reporte_id) IN (
                SELECT value->>0, value->>1, value->>2 FROM json_each($1))",
        "UPDATE entregas SET proximo = $2 WHERE estado = 'pendiente' AND proximo > $2
            AND (tomada IS NULL OR tomada <= $2) AND (canal, destino, reporte_id) IN (
                SELECT value->>0, CAST(value->>1 AS BIGINT), CAST(value->>2 AS BIGINT)
                FROM json_array_elements(CAST($1 AS JSON)))",
    );
    with_conn!(tx.conn, c => sqlx::query(sql).bind(json(urgentes)?).bind(tx.ahora.0)
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}

struct Persona {
    con_email: bool,
    decide: bool,
    preferencias: Preferencias,
}

type PersonaRow = (
    i64,
    String,
    bool,
    Option<String>,
    Option<bool>,
    Option<bool>,
    Option<String>,
);

async fn read_personas(tx: &mut Tx<'_>, ruts: &str) -> Result<HashMap<i64, Persona>, StoreError> {
    let sql = tx.conn.pick(
        "SELECT u.rut, u.rol, u.email IS NOT NULL, p.idioma, p.correo, p.push, p.silenciados
         FROM usuarios u LEFT JOIN preferencias p ON p.rut = u.rut
         WHERE u.activo AND u.rut IN (SELECT value FROM json_each($1))",
        "SELECT u.rut, u.rol, u.email IS NOT NULL, p.idioma, p.correo, p.push, p.silenciados
         FROM usuarios u LEFT JOIN preferencias p ON p.rut = u.rut
         WHERE u.activo AND u.rut IN (SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT))",
    );
    let filas: Vec<PersonaRow> =
        with_conn!(tx.conn, c => sqlx::query_as(sql).bind(ruts).fetch_all(&mut **c).await)?;
    let persona = |(rut, rol, con_email, idioma, correo, push, mudos): PersonaRow| {
        let normal = Preferencias::default();
        let preferencias = Preferencias {
            idioma: idioma
                .as_deref()
                .and_then(Language::from_name)
                .unwrap_or(normal.idioma),
            correo: correo.unwrap_or(normal.correo),
            push: push.unwrap_or(normal.push),
            silenciados: parse_muted(mudos.as_deref()),
        };
        let decide = Rol::from_name(&rol).is_some_and(Rol::decides);
        (
            rut,
            Persona {
                con_email,
                decide,
                preferencias,
            },
        )
    };
    Ok(filas.into_iter().map(persona).collect())
}

/// Of each person, which and in what circuit.
async fn push_subscriptions(
    tx: &mut Tx<'_>,
    ruts: &str,
) -> Result<HashMap<i64, Vec<(i64, String)>>, StoreError> {
    let sql = tx.conn.pick(
        "SELECT rut, id, circuito FROM suscripciones_push
         WHERE rut IN (SELECT value FROM json_each($1)) ORDER BY id",
        "SELECT rut, id, circuito FROM suscripciones_push
         WHERE rut IN (SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT)) ORDER BY id",
    );
    let filas: Vec<(i64, i64, String)> =
        with_conn!(tx.conn, c => sqlx::query_as(sql).bind(ruts).fetch_all(&mut **c).await)?;
    let mut todas: HashMap<i64, Vec<(i64, String)>> = HashMap::new();
    for (rut, id, circuito) in filas {
        todas.entry(rut).or_default().push((id, circuito));
    }
    Ok(todas)
}

/// What of the changes other systems are told.
pub(super) async fn a_webhooks(
    tx: &mut Tx<'_>,
    cambios: &[ChangedReporte],
) -> Result<(), StoreError> {
    let webhooks = webhooks(tx).await?;
    if webhooks.is_empty() {
        return Ok(());
    }
    // One whose name is none any more is nothing that a webhook can want.
    let cambios = cambios
        .iter()
        .filter_map(|c| Some((c, Evento::from_name(&c.evento)?)));
    let cambios: Vec<_> = cambios
        .map(|(c, evento)| {
            (
                c,
                evento,
                webhook_body(evento, Instante(c.en), &c.subject()),
            )
        })
        .collect();
    let mut filas: Vec<Row<'_>> = vec![];
    for (cambio, evento, cuerpo) in &cambios {
        for (id, _) in webhooks.iter().filter(|(_, e)| e.contains(evento)) {
            let reporte = Some(cambio.reporte_id);
            filas.push(a_webhook(
                *id,
                *evento,
                reporte,
                cuerpo,
                cambio.urgente,
                tx.ahora,
            ));
        }
    }
    write(tx, &filas).await
}

/// The same of what is about no report.
pub(super) async fn enqueue_event_for_webhooks(
    tx: &mut Tx<'_>,
    evento: Evento,
    sujetos: &[EventSubject<'_>],
) -> Result<(), StoreError> {
    let webhooks = webhooks(tx).await?;
    let ahora = tx.ahora;
    let cuerpos: Vec<String> = sujetos
        .iter()
        .map(|s| webhook_body(evento, ahora, s))
        .collect();
    let mut filas: Vec<Row<'_>> = vec![];
    for cuerpo in &cuerpos {
        let quieren = webhooks.iter().filter(|(_, e)| e.contains(&evento));
        filas.extend(quieren.map(|(id, _)| a_webhook(*id, evento, None, cuerpo, false, ahora)));
    }
    write(tx, &filas).await
}

/// Those that are active, and the events that each wants.
async fn webhooks(tx: &mut Tx<'_>) -> Result<Vec<(i64, Vec<Evento>)>, StoreError> {
    let filas: Vec<(i64, String)> = with_conn!(tx.conn, c => sqlx::query_as(
        "SELECT id, eventos FROM webhooks WHERE activo ORDER BY id").fetch_all(&mut **c).await)?;
    let webhook = |(id, eventos): (i64, String)| (id, parse_eventos(&eventos));
    Ok(filas.into_iter().map(webhook).collect())
}

fn a_webhook(
    id: i64,
    evento: Evento,
    reporte: Option<i64>,
    cuerpo: &str,
    urgente: bool,
    ahora: Instante,
) -> Row<'_> {
    let circuito = webhook_circuit(id);
    (
        Channel::Webhook.name(),
        id,
        circuito,
        evento.name(),
        reporte,
        cuerpo,
        urgente,
        ahora.0,
    )
}

/// What other systems fail by.
pub(super) fn webhook_circuit(id: i64) -> String {
    format!("webhook:{id}")
}

impl ChangedReporte {
    fn subject(&self) -> EventSubject<'_> {
        let de = |id, nombre| CatalogoRef { id, nombre };
        EventSubject::Reporte {
            id: self.reporte_id,
            uuid_cliente: &self.uuid_cliente,
            version: self.version,
            titulo: &self.titulo,
            area: de(self.area_despues, &self.area),
            severidad: de(self.severidad_id, &self.severidad),
            estado: de(self.estado_id, &self.estado),
            retirado: self.retirado,
        }
    }
}

async fn write(tx: &mut Tx<'_>, filas: &[Row<'_>]) -> Result<(), StoreError> {
    if filas.is_empty() {
        return Ok(());
    }
    let sql = tx.conn.pick(
        "INSERT INTO entregas (canal, destino, circuito, evento, reporte_id, datos, urgente, proximo,
            estado, creada)
         SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7,
            'pendiente', $2 FROM json_each($1) ORDER BY key",
        "INSERT INTO entregas (canal, destino, circuito, evento, reporte_id, datos, urgente, proximo,
            estado, creada)
         SELECT value->>0, CAST(value->>1 AS BIGINT), value->>2, value->>3, CAST(value->>4 AS BIGINT),
            value->>5, CAST(value->>6 AS BOOLEAN), CAST(value->>7 AS BIGINT), 'pendiente', $2
         FROM json_array_elements(CAST($1 AS JSON)) WITH ORDINALITY AS x (value, n) ORDER BY n",
    );
    with_conn!(tx.conn, c => sqlx::query(sql).bind(json(filas)?).bind(tx.ahora.0)
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}
