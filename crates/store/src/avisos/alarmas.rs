//! What people are told because nothing happened: nobody opened an urgent report, files that were announced
//! did not come, a phone is silent. Each once.

use serde_json::json as valor;
use sigra_domain::{
    Fecha, Instante, Rut,
    aviso::{Aviso, Datos},
    reporte::Medidas,
};
use sqlx::FromRow;

use super::{
    reparto::{administradores, escribe, turno},
    salida::{Dicho, Salidas, a_personas, suceso_a_webhooks},
};
use crate::{
    Fallo, Store, Tx, Write,
    db::{con, json},
};

/// Raised in one transaction, of each kind.
const TANDA: i64 = 100;
/// What is older than that is no news, in milliseconds.
const VIEJO: i64 = 30 * Instante::DIA;

/// How long nothing may happen, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plazos {
    /// Until somebody who may decide it opens an urgent report; `None`: nobody is told.
    pub sin_abrir: Option<i64>,
    /// Until the announced files of a report are there.
    pub sin_archivos: i64,
    /// Until a phone syncs.
    pub silencio: i64,
    /// The same, of one that said it had reports to send.
    pub silencio_con_deuda: i64,
}

struct Alarmar {
    plazos: Plazos,
    hoy: Fecha,
    salidas: Salidas,
}

impl Store {
    /// Tells people of what did not happen in time; `hoy` in the site's zone. To be called now and then.
    pub async fn alarma(&self, plazos: Plazos, hoy: Fecha, salidas: Salidas) -> Result<(), Fallo> {
        let mut alguna = false;
        let alarmar = || Alarmar {
            plazos,
            hoy,
            salidas,
        };
        while self.escribir(alarmar()).await? {
            alguna = true;
        }
        if alguna {
            self.hay_novedades().await;
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

macro_rules! reportes {
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
const SIN_ABRIR: &str = reportes!(
    "r.decidido_en IS NULL AND s.urgente
     AND NOT EXISTS (SELECT 1 FROM aperturas x WHERE x.reporte_id = r.id)
     AND NOT EXISTS (SELECT 1 FROM bitacora b WHERE b.reporte_id = r.id AND b.rut <> r.rut)
     AND NOT EXISTS (SELECT 1 FROM alarmas x WHERE x.clave = 'sin_abrir:' || CAST(r.id AS TEXT))"
);

const SIN_ARCHIVOS: &str = reportes!(
    "(r.sync_status = 'multimedia_pendiente' OR (r.sync_status = 'conflicto' AND EXISTS
        (SELECT 1 FROM multimedia m WHERE m.reporte_id = r.id AND m.estado = 'pendiente')))
     AND NOT EXISTS (SELECT 1 FROM alarmas x WHERE x.clave = 'sin_archivos:' || CAST(r.id AS TEXT))"
);

/// Days after which the administradores are told, too.
const DIAS_DE_GRACIA: i32 = 3;

#[derive(FromRow)]
struct Vencida {
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

const VENCIDAS: &str = "SELECT r.id, x.n, x.responsable, x.plazo, r.version, r.titulo, a.nombre AS area,
        s.nombre AS severidad, s.urgente, u.nombre || ' ' || u.apellido_1 AS autor,
        p.nombre || ' ' || p.apellido_1 AS persona, r.acciones
    FROM acciones_abiertas x JOIN reportes r ON r.id = x.reporte_id JOIN areas a ON a.id = r.area_id
    JOIN severidades s ON s.id = r.severidad_id JOIN usuarios u ON u.rut = r.rut
    JOIN usuarios p ON p.rut = x.responsable
    WHERE x.plazo < $1 AND r.retirado_en IS NULL AND NOT EXISTS (SELECT 1 FROM alarmas y
        WHERE y.clave = $2 || ':' || CAST(r.id AS TEXT) || ':' || CAST(x.n AS TEXT) || ':' || x.plazo)
    ORDER BY x.plazo, x.reporte_id, x.n LIMIT $3";

impl Vencida {
    fn dicho(&self, rut: Rut) -> Result<Dicho, Fallo> {
        let medidas: Medidas = serde_json::from_str(&self.acciones)
            .map_err(|_| Fallo::Dato(format!("reporte {}: acciones", self.id)))?;
        let datos = Datos {
            titulo: self.titulo.clone(),
            area: self.area.clone(),
            severidad: self.severidad.clone(),
            estado: self.plazo.clone(),
            autor: self.autor.clone(),
            actor: self.persona.clone(),
            detalle: medidas.get(&self.n).map(|m| m.descripcion.clone()),
        };
        Ok(Dicho {
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
struct Telefono {
    device_id: String,
    rut: i64,
    persona: String,
    last_sync: i64,
    pendientes: i64,
}

/// One that synced again is silent anew. A phone is seen whoever uses it; what it owes is of the one who wrote
/// it.
const SILENCIOSOS: &str =
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

impl Write for Alarmar {
    /// Whether something was raised; then there may be more.
    type Out = bool;
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Fallo> {
        // Of several servers one does it; and what people are told keeps one order.
        turno(tx).await?;
        let ahora = tx.ahora;
        let administradores = administradores(tx).await?;
        let (mut dichos, mut claves): (Vec<Dicho>, Vec<String>) = (vec![], vec![]);
        if let Some(plazo) = self.plazos.sin_abrir {
            for r in reportes(tx, SIN_ABRIR, plazo).await? {
                claves.push(format!("sin_abrir:{}", r.id));
                for rut in &administradores {
                    dichos.push(r.dicho(*rut, Aviso::SinAbrir)?);
                }
            }
        }
        for r in reportes(tx, SIN_ARCHIVOS, self.plazos.sin_archivos).await? {
            claves.push(format!("sin_archivos:{}", r.id));
            let autor = Rut::new(r.rut).map_err(|_| Fallo::Dato(format!("usuario {}", r.rut)))?;
            dichos.push(r.dicho(autor, Aviso::SinArchivos)?);
        }
        let telefonos: Vec<Telefono> = con!(tx.conn, c => sqlx::query_as(SILENCIOSOS)
            .bind(ahora.mas(-self.plazos.silencio).0)
            .bind(ahora.mas(-self.plazos.silencio_con_deuda).0)
            .bind(ahora.mas(-VIEJO - self.plazos.silencio).0).bind(TANDA)
            .fetch_all(&mut **c).await)?;
        let mut sucesos = vec![];
        for t in &telefonos {
            claves.push(format!(
                "silencio:{}:{}:{}",
                t.device_id, t.rut, t.last_sync
            ));
            for rut in &administradores {
                dichos.push(t.dicho(*rut)?);
            }
            sucesos.push(t.suceso());
        }
        for (pasados, clave, a_todos) in [
            (0, "vencida", false),
            (DIAS_DE_GRACIA, "vencida_hace", true),
        ] {
            let antes_de = self.hoy.mas_dias(-pasados).to_string();
            let vencidas: Vec<Vencida> = con!(tx.conn, c => sqlx::query_as(VENCIDAS)
                .bind(antes_de).bind(clave).bind(TANDA).fetch_all(&mut **c).await)?;
            for v in &vencidas {
                claves.push(format!("{clave}:{}:{}:{}", v.id, v.n, v.plazo));
                let suyo = Rut::new(v.responsable);
                let suyo = suyo.map_err(|_| Fallo::Dato(format!("usuario {}", v.responsable)))?;
                let quienes = if a_todos {
                    administradores.clone()
                } else {
                    vec![suyo]
                };
                for rut in quienes {
                    dichos.push(v.dicho(rut)?);
                }
            }
        }
        if claves.is_empty() {
            return Ok(false);
        }
        escribe(tx, &dichos).await?;
        a_personas(tx, &dichos, self.salidas).await?;
        suceso_a_webhooks(tx, Aviso::Silencioso.nombre(), &sucesos).await?;
        let sql = tx.conn.elige(
            "INSERT INTO alarmas (clave, creada) SELECT value, $2 FROM json_each($1)",
            "INSERT INTO alarmas (clave, creada)
             SELECT json_array_elements_text(CAST($1 AS JSON)), $2",
        );
        con!(tx.conn, c => sqlx::query(sql).bind(json(&claves)?).bind(ahora.0)
            .execute(&mut **c).await.map(drop))?;
        Ok(true)
    }
}

async fn reportes(tx: &mut Tx<'_>, sql: &'static str, plazo: i64) -> Result<Vec<Reporte>, Fallo> {
    let hasta = tx.ahora.mas(-plazo);
    Ok(con!(tx.conn, c => sqlx::query_as(sql)
        .bind(hasta.0).bind(hasta.mas(-VIEJO).0).bind(TANDA).fetch_all(&mut **c).await)?)
}

impl Reporte {
    fn dicho(&self, rut: Rut, aviso: Aviso) -> Result<Dicho, Fallo> {
        let datos = Datos {
            titulo: self.titulo.clone(),
            area: self.area.clone(),
            severidad: self.severidad.clone(),
            estado: self.estado.clone(),
            autor: self.autor.clone(),
            actor: String::new(),
            detalle: None,
        };
        Ok(Dicho {
            rut,
            aviso,
            reporte_id: Some(self.id),
            version: self.version,
            datos: json(&datos)?,
            urgente: self.urgente,
        })
    }
}

impl Telefono {
    fn dicho(&self, rut: Rut) -> Result<Dicho, Fallo> {
        let datos = Datos {
            titulo: self.device_id.clone(),
            area: String::new(),
            severidad: String::new(),
            estado: String::new(),
            autor: self.persona.clone(),
            actor: self.pendientes.to_string(),
            detalle: Some(Instante(self.last_sync).to_string()),
        };
        Ok(Dicho {
            rut,
            aviso: Aviso::Silencioso,
            reporte_id: None,
            version: 0,
            datos: json(&datos)?,
            urgente: false,
        })
    }

    /// Which phone and since when: no persons.
    fn suceso(&self) -> serde_json::Value {
        valor!({"device_id": self.device_id, "last_sync": Instante(self.last_sync).to_string(),
            "pendientes": self.pendientes})
    }
}
