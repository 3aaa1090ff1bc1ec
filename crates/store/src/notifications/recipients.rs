//! Where what was taken goes now: addresses, keys and secrets as they are at this moment. What has no destination
//! any more, or nobody who may see its report, is given up.

use std::collections::HashMap;

use serde::Serialize;
use sigra_domain::{Instante, Language, Rut, aviso::Aviso, retry::Channel};
use sigra_store_macros::FromRow;

use super::{
    ack::dead_letter,
    claim::{Claimed, OutboundMessage, Recipient, Row},
};
use crate::{
    StoreError, Tx,
    db::{json, with_conn},
    identity::{QuienRow, quien_columns},
};

type PersonaRow = (i64, Option<String>, String, String);
type SubscriptionRow = (i64, String, String, String, String);
type WebhookRow = (i64, String, String, Option<String>, Option<i64>);

/// Each with what its destination is now; what has none any more is given up.
pub(super) async fn resolve(
    tx: &mut Tx<'_>,
    mut filas: Vec<Row>,
    plazo: Instante,
) -> Result<Vec<Claimed>, StoreError> {
    let ajenas = no_longer_visible(tx, &filas).await?;
    dead_letter(
        tx,
        &ajenas,
        "La persona ya no puede ver el reporte, o el reporte se retiró.",
    )
    .await?;
    filas.retain(|f| !ajenas.contains(&f.id));
    let de = |canal: Channel| -> Vec<i64> {
        let suyas = filas.iter().filter(|f| f.canal == canal.name());
        suyas.map(|f| f.destino).collect()
    };
    let personas: Vec<PersonaRow> = read(
        tx,
        &de(Channel::Correo),
        "SELECT u.rut, u.email, u.nombre, coalesce(p.idioma, 'es') FROM usuarios u
         LEFT JOIN preferencias p ON p.rut = u.rut
         WHERE u.activo AND u.rut IN (SELECT value FROM json_each($1))",
        "SELECT u.rut, u.email, u.nombre, coalesce(p.idioma, 'es') FROM usuarios u
         LEFT JOIN preferencias p ON p.rut = u.rut
         WHERE u.activo AND u.rut IN (
            SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT))",
    )
    .await?;
    let suscripciones: Vec<SubscriptionRow> = read(
        tx,
        &de(Channel::Push),
        "SELECT s.id, s.endpoint, s.p256dh, s.auth, coalesce(p.idioma, 'es') FROM suscripciones_push s
         JOIN usuarios u ON u.rut = s.rut LEFT JOIN preferencias p ON p.rut = s.rut
         WHERE u.activo AND s.id IN (SELECT value FROM json_each($1))",
        "SELECT s.id, s.endpoint, s.p256dh, s.auth, coalesce(p.idioma, 'es') FROM suscripciones_push s
         JOIN usuarios u ON u.rut = s.rut LEFT JOIN preferencias p ON p.rut = s.rut
         WHERE u.activo AND s.id IN (
            SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT))",
    )
    .await?;
    let webhooks: Vec<WebhookRow> = read(
        tx,
        &de(Channel::Webhook),
        "SELECT id, url, secreto, secreto_anterior, anterior_hasta FROM webhooks
         WHERE activo AND id IN (SELECT value FROM json_each($1))",
        "SELECT id, url, secreto, secreto_anterior, anterior_hasta FROM webhooks
         WHERE activo AND id IN (
            SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT))",
    )
    .await?;
    let directorio = AddressBook {
        ahora: tx.ahora,
        personas: personas.into_iter().map(|f| (f.0, f)).collect(),
        suscripciones: suscripciones.into_iter().map(|f| (f.0, f)).collect(),
        webhooks: webhooks.into_iter().map(|f| (f.0, f)).collect(),
    };
    let (mut tomadas, mut perdidas): (Vec<Claimed>, Vec<i64>) = (vec![], vec![]);
    // Where in `tomadas` a person's mail is.
    let mut juntas: HashMap<i64, usize> = HashMap::new();
    for fila in filas {
        let Some(destino) = directorio.recipient(&fila) else {
            perdidas.push(fila.id);
            continue;
        };
        let se_reune = fila.canal == Channel::Correo.name() && !fila.urgente;
        if let Some(i) = juntas.get(&fila.destino).filter(|_| se_reune) {
            tomadas[*i].ids.push(fila.id);
            if let (
                Recipient::Correo { mensajes, .. },
                Recipient::Correo {
                    mensajes: otros, ..
                },
            ) = (&mut tomadas[*i].destino, destino)
            {
                mensajes.extend(otros);
            }
            continue;
        }
        if se_reune {
            juntas.insert(fila.destino, tomadas.len());
        }
        tomadas.push(Claimed {
            ids: vec![fila.id],
            circuito: fila.circuito,
            plazo,
            destino,
        });
    }
    dead_letter(tx, &perdidas, "El destino ya no existe o no está activo.").await?;
    Ok(tomadas)
}

/// What goes to a person about a report.
#[derive(FromRow)]
struct ReporteDelivery {
    id: i64,
    autor: i64,
    area_id: i64,
    retirado: bool,
    #[row(flatten)]
    persona: QuienRow,
}

const REPORTE_DELIVERIES: [&str; 2] = quien_columns!(
    "SELECT e.id, r.rut AS autor, r.area_id, r.retirado_en IS NOT NULL AS retirado, ",
    "FROM entregas e JOIN reportes r ON r.id = e.reporte_id
     LEFT JOIN suscripciones_push s ON e.canal = 'push' AND s.id = e.destino
     JOIN usuarios u ON u.rut = CASE WHEN e.canal = 'push' THEN s.rut ELSE e.destino END
     WHERE e.canal <> 'webhook' AND e.id IN ",
    "(SELECT value FROM json_each($1))",
    "(SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT))"
);

/// Those about a report that their person may not see any more: it was moved, or they were, or it was withdrawn.
async fn no_longer_visible(tx: &mut Tx<'_>, filas: &[Row]) -> Result<Vec<i64>, StoreError> {
    let ids: Vec<i64> = filas.iter().map(|f| f.id).collect();
    let entregas: Vec<ReporteDelivery> =
        read(tx, &ids, REPORTE_DELIVERIES[0], REPORTE_DELIVERIES[1]).await?;
    let mut ajenas = vec![];
    for e in entregas {
        let persona = e.persona.into_quien()?;
        let suyo = Rut::new(e.autor).is_ok_and(|autor| persona.can_see(autor, e.area_id));
        if e.retirado || !suyo {
            ajenas.push(e.id);
        }
    }
    Ok(ajenas)
}

async fn read<T>(
    tx: &mut Tx<'_>,
    ids: &(impl Serialize + ?Sized),
    sqlite: &'static str,
    postgres: &'static str,
) -> Result<Vec<T>, StoreError>
where
    T: Send
        + Unpin
        + for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>
        + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
{
    let sql = tx.conn.pick(sqlite, postgres);
    Ok(with_conn!(tx.conn, c => sqlx::query_as(sql).bind(json(ids)?).fetch_all(&mut **c).await)?)
}

/// Where things go now.
struct AddressBook {
    ahora: Instante,
    personas: HashMap<i64, PersonaRow>,
    suscripciones: HashMap<i64, SubscriptionRow>,
    webhooks: HashMap<i64, WebhookRow>,
}

impl AddressBook {
    /// `None` when it is not there any more, or when the row can't be read: it must not hold up the rest.
    fn recipient(&self, fila: &Row) -> Option<Recipient> {
        let canal = Channel::from_name(&fila.canal)?;
        if canal == Channel::Webhook {
            return Some(self.webhook(self.webhooks.get(&fila.destino)?, fila));
        }
        let mensaje = OutboundMessage {
            id: fila.id,
            aviso: Aviso::from_name(&fila.evento)?,
            reporte_id: fila.reporte_id,
            datos: serde_json::from_str(&fila.datos).ok()?,
        };
        if canal == Channel::Push {
            let (id, endpoint, p256dh, auth, idioma) = self.suscripciones.get(&fila.destino)?;
            return Some(Recipient::Push {
                suscripcion: *id,
                endpoint: endpoint.clone(),
                p256dh: p256dh.clone(),
                auth: auth.clone(),
                idioma: Language::from_name(idioma).unwrap_or_default(),
                mensaje: Box::new(mensaje),
                urgente: fila.urgente,
            });
        }
        let (_, email, nombre, idioma) = self.personas.get(&fila.destino)?;
        Some(Recipient::Correo {
            email: email.clone()?,
            nombre: nombre.clone(),
            idioma: Language::from_name(idioma).unwrap_or_default(),
            mensajes: vec![mensaje],
        })
    }

    fn webhook(&self, w: &WebhookRow, fila: &Row) -> Recipient {
        let (_, url, secreto, anterior, hasta) = w;
        let vigente = hasta.is_some_and(|h| h > self.ahora.0);
        let anterior = anterior.iter().filter(|_| vigente);
        Recipient::Webhook {
            url: url.clone(),
            secretos: std::iter::once(secreto).chain(anterior).cloned().collect(),
            id: fila.id,
            cuerpo: fila.datos.clone(),
        }
    }
}
