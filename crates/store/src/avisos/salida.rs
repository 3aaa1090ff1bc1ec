//! What goes out of the server of what people and other systems are told: one row for each destination,
//! written with the place in the feed that it comes from.

use std::collections::{HashMap, HashSet};

use serde_json::json as valor;
use sigra_domain::{
    Idioma, Instante, Rol, Rut,
    aviso::Aviso,
    entrega::{Canal, Preferencias, REUNION},
};

use super::{preferencias::silenciados, reparto::Cambio};
use crate::{
    Fallo, Tx,
    db::{con, json},
};

/// The ways out that the site has. Subscriptions and webhooks speak for themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Salidas {
    /// There is a server for mail.
    pub correo: bool,
}

/// Something that a person is told.
#[derive(Clone, Debug)]
pub(super) struct Dicho {
    pub rut: Rut,
    pub aviso: Aviso,
    pub reporte_id: Option<i64>,
    pub version: i64,
    /// [`sigra_domain::aviso::Datos`], as JSON.
    pub datos: String,
    pub urgente: bool,
}

/// Channel, destination, circuit, event, report, data, urgent, not before.
type Fila<'a> = (
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
type Apurada = (&'static str, i64, i64);

/// What of it leaves by mail and push.
pub(super) async fn a_personas(
    tx: &mut Tx<'_>,
    dichos: &[Dicho],
    salidas: Salidas,
) -> Result<(), Fallo> {
    if dichos.is_empty() {
        return Ok(());
    }
    let ruts: HashSet<i64> = dichos.iter().map(|d| d.rut.cuerpo()).collect();
    let ruts = json(&ruts)?;
    let personas = personas(tx, &ruts).await?;
    let suscripciones = suscripciones(tx, &ruts).await?;
    let (mut filas, mut apuradas): (Vec<Fila<'_>>, Vec<Apurada>) = (vec![], vec![]);
    for d in dichos {
        let rut = d.rut.cuerpo();
        let Some(persona) = personas.get(&rut) else {
            continue;
        };
        let obligatorio = d.urgente && persona.decide;
        let lleva = |canal| persona.preferencias.lleva(canal, d.aviso, obligatorio);
        let evento = d.aviso.nombre();
        let fila = |canal: Canal, destino, circuito, proximo| {
            let (reporte, datos) = (d.reporte_id, d.datos.as_str());
            (
                canal.nombre(),
                destino,
                circuito,
                evento,
                reporte,
                datos,
                d.urgente,
                proximo,
            )
        };
        let apurada = |canal: Canal, destino| -> Option<Apurada> {
            let reporte = d.reporte_id.filter(|_| d.urgente)?;
            Some((canal.nombre(), destino, reporte))
        };
        if salidas.correo && persona.con_email && lleva(Canal::Correo) {
            let espera = if d.urgente { 0 } else { REUNION };
            let circuito = Canal::Correo.nombre().to_owned();
            filas.push(fila(Canal::Correo, rut, circuito, tx.ahora.mas(espera).0));
            apuradas.extend(apurada(Canal::Correo, rut));
        }
        if lleva(Canal::Push) {
            for (id, circuito) in suscripciones.get(&rut).into_iter().flatten() {
                filas.push(fila(Canal::Push, *id, circuito.clone(), tx.ahora.0));
                apuradas.extend(apurada(Canal::Push, *id));
            }
        }
    }
    apura(tx, &apuradas).await?;
    escribe(tx, &filas).await
}

/// What is urgent does not wait for what came before it of the same report: that goes at once, too.
async fn apura(tx: &mut Tx<'_>, urgentes: &[Apurada]) -> Result<(), Fallo> {
    if urgentes.is_empty() {
        return Ok(());
    }
    let sql = tx.conn.elige(
        "UPDATE entregas SET proximo = $2 WHERE estado = 'pendiente' AND proximo > $2
            AND (tomada IS NULL OR tomada <= $2) AND (canal, destino, reporte_id) IN (
                SELECT value->>0, value->>1, value->>2 FROM json_each($1))",
        "UPDATE entregas SET proximo = $2 WHERE estado = 'pendiente' AND proximo > $2
            AND (tomada IS NULL OR tomada <= $2) AND (canal, destino, reporte_id) IN (
                SELECT value->>0, CAST(value->>1 AS BIGINT), CAST(value->>2 AS BIGINT)
                FROM json_array_elements(CAST($1 AS JSON)))",
    );
    con!(tx.conn, c => sqlx::query(sql).bind(json(urgentes)?).bind(tx.ahora.0)
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}

struct Persona {
    con_email: bool,
    decide: bool,
    preferencias: Preferencias,
}

type FilaPersona = (
    i64,
    String,
    bool,
    Option<String>,
    Option<bool>,
    Option<bool>,
    Option<String>,
);

async fn personas(tx: &mut Tx<'_>, ruts: &str) -> Result<HashMap<i64, Persona>, Fallo> {
    let sql = tx.conn.elige(
        "SELECT u.rut, u.rol, u.email IS NOT NULL, p.idioma, p.correo, p.push, p.silenciados
         FROM usuarios u LEFT JOIN preferencias p ON p.rut = u.rut
         WHERE u.activo AND u.rut IN (SELECT value FROM json_each($1))",
        "SELECT u.rut, u.rol, u.email IS NOT NULL, p.idioma, p.correo, p.push, p.silenciados
         FROM usuarios u LEFT JOIN preferencias p ON p.rut = u.rut
         WHERE u.activo AND u.rut IN (SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT))",
    );
    let filas: Vec<FilaPersona> =
        con!(tx.conn, c => sqlx::query_as(sql).bind(ruts).fetch_all(&mut **c).await)?;
    let persona = |(rut, rol, con_email, idioma, correo, push, mudos): FilaPersona| {
        let normal = Preferencias::default();
        let preferencias = Preferencias {
            idioma: idioma
                .as_deref()
                .and_then(Idioma::de_nombre)
                .unwrap_or(normal.idioma),
            correo: correo.unwrap_or(normal.correo),
            push: push.unwrap_or(normal.push),
            silenciados: silenciados(mudos.as_deref()),
        };
        let decide = Rol::de_nombre(&rol).is_some_and(|r| r != Rol::Trabajador);
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
async fn suscripciones(
    tx: &mut Tx<'_>,
    ruts: &str,
) -> Result<HashMap<i64, Vec<(i64, String)>>, Fallo> {
    let sql = tx.conn.elige(
        "SELECT rut, id, circuito FROM suscripciones_push
         WHERE rut IN (SELECT value FROM json_each($1)) ORDER BY id",
        "SELECT rut, id, circuito FROM suscripciones_push
         WHERE rut IN (SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT)) ORDER BY id",
    );
    let filas: Vec<(i64, i64, String)> =
        con!(tx.conn, c => sqlx::query_as(sql).bind(ruts).fetch_all(&mut **c).await)?;
    let mut todas: HashMap<i64, Vec<(i64, String)>> = HashMap::new();
    for (rut, id, circuito) in filas {
        todas.entry(rut).or_default().push((id, circuito));
    }
    Ok(todas)
}

/// What of the changes other systems are told.
pub(super) async fn a_webhooks(tx: &mut Tx<'_>, cambios: &[Cambio]) -> Result<(), Fallo> {
    let webhooks = webhooks(tx).await?;
    if webhooks.is_empty() {
        return Ok(());
    }
    let cuerpos = cambios.iter().map(|c| json(&c.cuerpo()));
    let cuerpos: Vec<String> = cuerpos.collect::<Result<_, _>>()?;
    let mut filas: Vec<Fila<'_>> = vec![];
    for (cambio, cuerpo) in cambios.iter().zip(&cuerpos) {
        for (id, _) in webhooks.iter().filter(|(_, e)| e.contains(&cambio.evento)) {
            let reporte = Some(cambio.reporte_id);
            let (evento, urgente) = (cambio.evento.as_str(), cambio.urgente);
            filas.push(a_webhook(*id, evento, reporte, cuerpo, urgente, tx.ahora));
        }
    }
    escribe(tx, &filas).await
}

/// The same of what is about no report.
pub(super) async fn suceso_a_webhooks(
    tx: &mut Tx<'_>,
    evento: &'static str,
    datos: &[serde_json::Value],
) -> Result<(), Fallo> {
    let webhooks = webhooks(tx).await?;
    let ahora = tx.ahora;
    let cuerpo = |d| json(&valor!({"type": evento, "timestamp": ahora.to_string(), "data": d}));
    let cuerpos: Vec<String> = datos.iter().map(cuerpo).collect::<Result<_, _>>()?;
    let mut filas: Vec<Fila<'_>> = vec![];
    for cuerpo in &cuerpos {
        let quieren = webhooks
            .iter()
            .filter(|(_, e)| e.iter().any(|e| e == evento));
        filas.extend(quieren.map(|(id, _)| a_webhook(*id, evento, None, cuerpo, false, ahora)));
    }
    escribe(tx, &filas).await
}

/// Those that are active, and the events that each wants.
async fn webhooks(tx: &mut Tx<'_>) -> Result<Vec<(i64, Vec<String>)>, Fallo> {
    let filas: Vec<(i64, String)> = con!(tx.conn, c => sqlx::query_as(
        "SELECT id, eventos FROM webhooks WHERE activo ORDER BY id").fetch_all(&mut **c).await)?;
    let webhook =
        |(id, eventos): (i64, String)| (id, serde_json::from_str(&eventos).unwrap_or_default());
    Ok(filas.into_iter().map(webhook).collect())
}

fn a_webhook<'a>(
    id: i64,
    evento: &'a str,
    reporte: Option<i64>,
    cuerpo: &'a str,
    urgente: bool,
    ahora: Instante,
) -> Fila<'a> {
    let circuito = circuito_de_webhook(id);
    (
        Canal::Webhook.nombre(),
        id,
        circuito,
        evento,
        reporte,
        cuerpo,
        urgente,
        ahora.0,
    )
}

/// What other systems fail by.
pub(super) fn circuito_de_webhook(id: i64) -> String {
    format!("webhook:{id}")
}

impl Cambio {
    /// Which report, and where it stands: no persons. Whoever may know more asks for it.
    fn cuerpo(&self) -> serde_json::Value {
        valor!({
            "type": self.evento,
            "timestamp": Instante(self.en).to_string(),
            "data": {
                "reporte_id": self.reporte_id,
                "uuid_cliente": self.uuid_cliente,
                "version": self.version,
                "titulo": self.titulo,
                "area": {"id": self.area_despues, "nombre": self.area},
                "severidad": {"id": self.severidad_id, "nombre": self.severidad},
                "estado": {"id": self.estado_id, "nombre": self.estado},
                "retirado": self.retirado,
                "url": format!("/reportes/{}", self.reporte_id),
            },
        })
    }
}

async fn escribe(tx: &mut Tx<'_>, filas: &[Fila<'_>]) -> Result<(), Fallo> {
    if filas.is_empty() {
        return Ok(());
    }
    let sql = tx.conn.elige(
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
    con!(tx.conn, c => sqlx::query(sql).bind(json(filas)?).bind(tx.ahora.0)
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}
