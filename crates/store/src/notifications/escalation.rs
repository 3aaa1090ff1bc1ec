//! What people are told because nothing happened: nobody opened an urgent report, files that were announced
//! did not come, a phone is silent. Each once.

use sigra_domain::{
    Evento, Fecha, Instante, Rut,
    aviso::{Aviso, AvisoData},
    evento::EventSubject,
    reporte::AccionesCorrectivas,
};
use sigra_store_macros::FromRow;

use super::{
    fanout::{Deciders, lock_position, write},
    outbox::{Channels, Notice, a_personas, enqueue_event_for_webhooks},
};
use crate::{
    Store, StoreError, Tx, Write,
    db::{json, with_conn},
};

/// Raised in one transaction, of each kind.
const CHUNK: i64 = 100;
/// What is older than that is no news, in milliseconds.
const MAX_AGE: i64 = 30 * Instante::DAY;

/// How long nothing may happen, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscalationDelays {
    /// Until somebody who may decide it opens an urgent report; `None`: nobody is told.
    pub sin_abrir: Option<i64>,
    /// Until the announced files of a report are there.
    pub sin_archivos: i64,
    /// Until a phone syncs.
    pub silencio: i64,
    /// The same, of one that said it had reports to send.
    pub silencio_con_deuda: i64,
}

struct Escalate {
    plazos: EscalationDelays,
    hoy: Fecha,
    salidas: Channels,
}

impl Store {
    /// Tells people of what did not happen in time; `hoy` in the site's zone. To be called now and then.
    pub async fn escalate(
        &self,
        plazos: EscalationDelays,
        hoy: Fecha,
        salidas: Channels,
    ) -> Result<(), StoreError> {
        let mut alguna = false;
        let alarmar = || Escalate {
            plazos,
            hoy,
            salidas,
        };
        while self.write(alarmar()).await? {
            alguna = true;
        }
        if alguna {
            self.send_wakeup().await;
        }
        Ok(())
    }
}

#[derive(FromRow)]
struct Reporte {
    id: i64,
    version: i64,
    titulo: String,
    area: String,
    severidad: String,
    urgente: bool,
    estado: String,
    rut: i64,
    autor: String,
}

macro_rules! overdue_reportes {
    ($donde:literal) => {
        concat!(
            "SELECT r.id, r.version, r.titulo, a.nombre AS area, s.nombre AS severidad, s.urgente,
                e.nombre AS estado, r.rut, u.nombre || ' ' || u.apellido_1 AS autor
             FROM reportes r JOIN areas a ON a.id = r.area_id JOIN severidades s ON s.id = r.severidad_id
             JOIN estados e ON e.id = r.estado_id JOIN usuarios u ON u.rut = r.rut
             WHERE r.hora_sincronizado <= $1 AND r.hora_sincronizado > $2 AND r.retirado_en IS NULL AND ",
            $donde,
            " ORDER BY r.hora_sincronizado LIMIT $3"
        )
    };
}

/// Pending, urgent, and nobody but its author did anything with it or opened it.
const UNOPENED: &str = overdue_reportes!(
    "r.decidido_en IS NULL AND s.urgente
     AND NOT EXISTS (SELECT 1 FROM aperturas x WHERE x.reporte_id = r.id)
     AND NOT EXISTS (SELECT 1 FROM bitacora b WHERE b.reporte_id = r.id AND b.rut <> r.rut)
     AND NOT EXISTS (SELECT 1 FROM alarmas x WHERE x.clave = 'sin_abrir:' || CAST(r.id AS TEXT))"
);

const MISSING_ARCHIVOS: &str = overdue_reportes!(
    "(r.sync_status = 'multimedia_pendiente' OR (r.sync_status = 'conflicto' AND EXISTS
        (SELECT 1 FROM multimedia m WHERE m.reporte_id = r.id AND m.estado = 'pendiente')))
     AND NOT EXISTS (SELECT 1 FROM alarmas x WHERE x.clave = 'sin_archivos:' || CAST(r.id AS TEXT))"
);

/// Days after which the administradores are told, too.
const GRACE_DAYS: i32 = 3;

#[derive(FromRow)]
struct OverdueAccion {
    id: i64,
    n: i64,
    responsable: i64,
    plazo: String,
    version: i64,
    titulo: String,
    area: String,
    severidad: String,
    urgente: bool,
    autor: String,
    persona: String,
    acciones: String,
}

const OVERDUE_ACCIONES: &str = "SELECT r.id, x.n, x.responsable, x.plazo, r.version, r.titulo, a.nombre AS area,
        s.nombre AS severidad, s.urgente, u.nombre || ' ' || u.apellido_1 AS autor,
        p.nombre || ' ' || p.apellido_1 AS persona, r.acciones
    FROM acciones_abiertas x JOIN reportes r ON r.id = x.reporte_id JOIN areas a ON a.id = r.area_id
    JOIN severidades s ON s.id = r.severidad_id JOIN usuarios u ON u.rut = r.rut
    JOIN usuarios p ON p.rut = x.responsable
    WHERE x.plazo < $1 AND r.retirado_en IS NULL AND NOT EXISTS (SELECT 1 FROM alarmas y
        WHERE y.clave = $2 || ':' || CAST(r.id AS TEXT) || ':' || CAST(x.n AS TEXT) || ':' || x.plazo)
    ORDER BY x.plazo, x.reporte_id, x.n LIMIT $3";

impl OverdueAccion {
    fn notice(&self, rut: Rut) -> Result<Notice, StoreError> {
        let medidas: AccionesCorrectivas = serde_json::from_str(&self.acciones)
            .map_err(|_| StoreError::Dato(format!("reporte {}: acciones", self.id)))?;
        let datos = AvisoData {
            titulo: self.titulo.clone(),
            area: self.area.clone(),
            severidad: self.severidad.clone(),
            estado: self.plazo.clone(),
            autor: self.autor.clone(),
            actor: self.persona.clone(),
            detalle: medidas.get(&self.n).map(|m| m.descripcion.clone()),
        };
        Ok(Notice {
            rut,
            aviso: Aviso::AccionVencida,
            reporte_id: Some(self.id),
            version: self.version,
            datos: json(&datos)?,
            urgente: self.urgente,
        })
    }
}

#[derive(FromRow)]
struct SilentPhone {
    device_id: String,
    rut: i64,
    persona: String,
    last_sync: i64,
    pendientes: i64,
}

/// One that synced again is silent anew. A phone is seen whoever uses it; what it owes is of the one who wrote
/// it.
const SILENT_DISPOSITIVOS: &str =
    "SELECT d.device_id, d.rut, u.nombre || ' ' || u.apellido_1 AS persona, d.last_sync,
        coalesce(d.pendientes, 0) AS pendientes
    FROM dispositivos d JOIN usuarios u ON u.rut = d.rut
    WHERE u.activo AND d.last_sync > $3
        AND ((d.last_sync <= $1 AND NOT EXISTS (SELECT 1 FROM dispositivos o
                JOIN usuarios w ON w.rut = o.rut AND w.activo WHERE o.device_id = d.device_id AND o.last_sync > d.last_sync))
            OR (coalesce(d.pendientes, 0) > 0 AND d.last_sync <= $2))
        AND NOT EXISTS (SELECT 1 FROM alarmas x WHERE x.clave = 'silencio:' || d.device_id || ':'
            || CAST(d.rut AS TEXT) || ':' || CAST(d.last_sync AS TEXT))
    ORDER BY d.last_sync LIMIT $4";

impl Write for Escalate {
    /// Whether something was raised; then there may be more.
    type Out = bool;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        // Of several servers one does it; and what people are told keeps one order.
        lock_position(tx).await?;
        let ahora = tx.ahora;
        let administradores = Deciders::read(tx).await?.administradores();
        let (mut dichos, mut claves): (Vec<Notice>, Vec<String>) = (vec![], vec![]);
        if let Some(plazo) = self.plazos.sin_abrir {
            for r in reportes(tx, UNOPENED, plazo).await? {
                claves.push(format!("sin_abrir:{}", r.id));
                for rut in &administradores {
                    dichos.push(r.notice(*rut, Aviso::SinAbrir)?);
                }
            }
        }
        for r in reportes(tx, MISSING_ARCHIVOS, self.plazos.sin_archivos).await? {
            claves.push(format!("sin_archivos:{}", r.id));
            let autor =
                Rut::new(r.rut).map_err(|_| StoreError::Dato(format!("usuario {}", r.rut)))?;
            dichos.push(r.notice(autor, Aviso::SinArchivos)?);
        }
        let telefonos: Vec<SilentPhone> = with_conn!(tx.conn, c => sqlx::query_as(SILENT_DISPOSITIVOS)
            .bind(ahora.plus(-self.plazos.silencio).0)
            .bind(ahora.plus(-self.plazos.silencio_con_deuda).0)
            .bind(ahora.plus(-MAX_AGE - self.plazos.silencio).0).bind(CHUNK)
            .fetch_all(&mut **c).await)?;
        let mut sucesos = vec![];
        for t in &telefonos {
            claves.push(format!(
                "silencio:{}:{}:{}",
                t.device_id, t.rut, t.last_sync
            ));
            for rut in &administradores {
                dichos.push(t.notice(*rut)?);
            }
            sucesos.push(t.subject());
        }
        for (pasados, clave, a_todos) in [(0, "vencida", false), (GRACE_DAYS, "vencida_hace", true)]
        {
            let antes_de = self.hoy.plus_days(-pasados).to_string();
            let vencidas: Vec<OverdueAccion> = with_conn!(tx.conn, c => sqlx::query_as(OVERDUE_ACCIONES)
                .bind(antes_de).bind(clave).bind(CHUNK).fetch_all(&mut **c).await)?;
            for v in &vencidas {
                claves.push(format!("{clave}:{}:{}:{}", v.id, v.n, v.plazo));
                let suyo = Rut::new(v.responsable);
                let suyo =
                    suyo.map_err(|_| StoreError::Dato(format!("usuario {}", v.responsable)))?;
                let quienes = if a_todos {
                    administradores.clone()
                } else {
                    vec![suyo]
                };
                for rut in quienes {
                    dichos.push(v.notice(rut)?);
                }
            }
        }
        if claves.is_empty() {
            return Ok(false);
        }
        write(tx, &dichos).await?;
        a_personas(tx, &dichos, self.salidas).await?;
        enqueue_event_for_webhooks(tx, Evento::DispositivoSilencioso, &sucesos).await?;
        let sql = tx.conn.pick(
            "INSERT INTO alarmas (clave, creada) SELECT value, $2 FROM json_each($1)",
            "INSERT INTO alarmas (clave, creada)
             SELECT json_array_elements_text(CAST($1 AS JSON)), $2",
        );
        with_conn!(tx.conn, c => sqlx::query(sql).bind(json(&claves)?).bind(ahora.0)
            .execute(&mut **c).await.map(drop))?;
        Ok(true)
    }
}

async fn reportes(
    tx: &mut Tx<'_>,
    sql: &'static str,
    plazo: i64,
) -> Result<Vec<Reporte>, StoreError> {
    let hasta = tx.ahora.plus(-plazo);
    Ok(with_conn!(tx.conn, c => sqlx::query_as(sql)
        .bind(hasta.0).bind(hasta.plus(-MAX_AGE).0).bind(CHUNK).fetch_all(&mut **c).await)?)
}

impl Reporte {
    fn notice(&self, rut: Rut, aviso: Aviso) -> Result<Notice, StoreError> {
        let datos = AvisoData {
            titulo: self.titulo.clone(),
            area: self.area.clone(),
            severidad: self.severidad.clone(),
            estado: self.estado.clone(),
            autor: self.autor.clone(),
            actor: String::new(),
            detalle: None,
        };
        Ok(Notice {
            rut,
            aviso,
            reporte_id: Some(self.id),
            version: self.version,
            datos: json(&datos)?,
            urgente: self.urgente,
        })
    }
}

impl SilentPhone {
    fn notice(&self, rut: Rut) -> Result<Notice, StoreError> {
        let datos = AvisoData {
            titulo: self.device_id.clone(),
            area: String::new(),
            severidad: String::new(),
            estado: String::new(),
            autor: self.persona.clone(),
            actor: self.pendientes.to_string(),
            detalle: Some(Instante(self.last_sync).to_string()),
        };
        Ok(Notice {
            rut,
            aviso: Aviso::Silencioso,
            reporte_id: None,
            version: 0,
            datos: json(&datos)?,
            urgente: false,
        })
    }

    fn subject(&self) -> EventSubject<'_> {
        EventSubject::Dispositivo {
            device_id: &self.device_id,
            last_sync: Instante(self.last_sync),
            pendientes: self.pendientes,
        }
    }
}
