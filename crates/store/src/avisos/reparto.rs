//! From the feed to each person's tray. How far it went is written with what it wrote: whoever falls in
//! the middle tells nobody twice and nobody less.

use std::collections::{HashMap, HashSet};

use sigra_domain::{
    Rut,
    aviso::{Aviso, Datos, Suceso, avisos},
    bitacora::Entrada,
    reporte::Medida,
};
use sqlx::FromRow;

use super::salida::{Dicho, Salidas, a_personas, a_webhooks};
use crate::{
    Fallo, Store, Tx, Write,
    db::{con, json},
};

/// Changes told of in one transaction.
const TANDA: i64 = 200;

/// A change, with how its report is now.
#[derive(FromRow)]
pub(super) struct Cambio {
    posicion: i64,
    pub(super) reporte_id: i64,
    pub(super) version: i64,
    pub(super) evento: String,
    pub(super) en: i64,
    area_antes: Option<i64>,
    pub(super) area_despues: i64,
    pub(super) uuid_cliente: String,
    pub(super) titulo: String,
    pub(super) area: String,
    pub(super) severidad_id: i64,
    pub(super) severidad: String,
    pub(super) urgente: bool,
    pub(super) estado_id: i64,
    pub(super) estado: String,
    autor_rut: i64,
    autor: String,
    actor: Option<String>,
    pub(super) retirado: bool,
    espera: bool,
    canonica: Vec<u8>,
}

macro_rules! sentencia {
    ($canonica:literal) => {
        concat!(
            "SELECT c.posicion, c.reporte_id, c.version, c.evento, c.en, c.area_antes, c.area_despues,
                r.uuid_cliente, r.titulo, a.nombre AS area, s.id AS severidad_id, s.nombre AS severidad,
                s.urgente, e.id AS estado_id, e.nombre AS estado, r.rut AS autor_rut,
                u.nombre || ' ' || u.apellido_1 AS autor, q.nombre || ' ' || q.apellido_1 AS actor,
                r.retirado_en IS NOT NULL AS retirado,
                r.area_id = c.area_despues AND r.decidido_en IS NULL AS espera, ",
            $canonica,
            " AS canonica
             FROM cambios c
             JOIN reportes r ON r.id = c.reporte_id
             JOIN areas a ON a.id = c.area_despues
             JOIN severidades s ON s.id = r.severidad_id
             JOIN estados e ON e.id = r.estado_id
             JOIN usuarios u ON u.rut = r.rut
             JOIN bitacora b ON b.reporte_id = c.reporte_id AND b.n = c.version
             LEFT JOIN usuarios q ON q.rut = b.rut
             WHERE c.posicion > $1 ORDER BY c.posicion LIMIT $2"
        )
    };
}

struct Reparto(Salidas);

impl Store {
    /// Tells people and other systems of all that is committed now.
    pub async fn reparte_avisos(&self, salidas: Salidas) -> Result<(), Fallo> {
        self.ordena_cambios().await?;
        let mut lectura = self.leer().await?;
        let hay: bool = con!(lectura.conn(), c => sqlx::query_scalar(
            "SELECT (SELECT coalesce(max(posicion), 0) FROM cambios) >
                (SELECT posicion FROM reparto WHERE id = 1)").fetch_one(&mut **c).await)?;
        drop(lectura);
        if hay {
            while self.escribir(Reparto(salidas)).await? == TANDA {}
            self.hay_novedades().await;
        }
        Ok(())
    }
}

impl Write for Reparto {
    /// How many changes were gone through.
    type Out = i64;
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, Fallo> {
        let desde = turno(tx).await?;
        // A disk that fails leaves texts that are none: they are read as bytes.
        let sql = tx.conn.elige(
            sentencia!("CAST(b.canonica AS BLOB)"),
            sentencia!("convert_to(b.canonica, 'UTF8')"),
        );
        let cambios: Vec<Cambio> = con!(tx.conn, c => sqlx::query_as(sql)
            .bind(desde).bind(TANDA).fetch_all(&mut **c).await)?;
        let Some(hasta) = cambios.last().map(|c| c.posicion) else {
            return Ok(0);
        };
        let deciden = Deciden::lee(tx, &cambios).await?;
        let estados: Vec<(i64, String, bool)> = con!(tx.conn, c => sqlx::query_as(
            "SELECT id, nombre, es_final FROM estados").fetch_all(&mut **c).await)?;
        let mut dichos = vec![];
        for cambio in &cambios {
            // One that was altered is found by `sigra audit verify`; it must not keep the rest from people.
            if let Err(error) = cambio.avisos(&deciden, &estados, &mut dichos) {
                tracing::error!(%error, "no se avisa de un cambio: su entrada de la bitácora no se puede leer");
            }
        }
        escribe(tx, &dichos).await?;
        a_personas(tx, &dichos, self.0).await?;
        a_webhooks(tx, &cambios).await?;
        con!(tx.conn, c => sqlx::query("UPDATE reparto SET posicion = $1 WHERE id = 1")
            .bind(hasta).execute(&mut **c).await.map(drop))?;
        Ok(i64::try_from(cambios.len()).unwrap_or(TANDA))
    }
}

/// Of several servers one tells people at a time, and the others wait for where it left off: what people are told
/// is numbered in the order in which it is committed.
pub(super) async fn turno(tx: &mut Tx<'_>) -> Result<i64, Fallo> {
    let sql = tx.conn.elige(
        "SELECT posicion FROM reparto WHERE id = 1",
        "SELECT posicion FROM reparto WHERE id = 1 FOR UPDATE",
    );
    Ok(con!(tx.conn, c => sqlx::query_scalar(sql).fetch_one(&mut **c).await)?)
}

pub(super) async fn administradores(tx: &mut Tx<'_>) -> Result<Vec<Rut>, Fallo> {
    let ruts: Vec<i64> = con!(tx.conn, c => sqlx::query_scalar(
        "SELECT rut FROM usuarios WHERE activo AND rol = 'administrador' ORDER BY rut")
        .fetch_all(&mut **c).await)?;
    let rut = |rut| Rut::new(rut).map_err(|_| Fallo::Dato(format!("usuario {rut}")));
    ruts.into_iter().map(rut).collect()
}

/// Who decides in each area now.
struct Deciden {
    supervisores: HashMap<i64, Vec<Rut>>,
    administradores: Vec<Rut>,
}

impl Deciden {
    async fn lee(tx: &mut Tx<'_>, cambios: &[Cambio]) -> Result<Self, Fallo> {
        let areas: HashSet<i64> = cambios.iter().map(|c| c.area_despues).collect();
        let sql = tx.conn.elige(
            "SELECT a.area_id, u.rut FROM usuario_areas a JOIN usuarios u ON u.rut = a.rut
             WHERE u.activo AND u.rol = 'supervisor' AND a.area_id IN (SELECT value FROM json_each($1))
             ORDER BY 1, 2",
            "SELECT a.area_id, u.rut FROM usuario_areas a JOIN usuarios u ON u.rut = a.rut
             WHERE u.activo AND u.rol = 'supervisor'
                AND a.area_id IN (SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT))
             ORDER BY 1, 2",
        );
        let filas: Vec<(i64, i64)> = con!(tx.conn, c => sqlx::query_as(sql)
            .bind(json(&areas)?).fetch_all(&mut **c).await)?;
        let mut supervisores: HashMap<i64, Vec<Rut>> = HashMap::new();
        for (area, rut) in filas {
            let rut = Rut::new(rut).map_err(|_| Fallo::Dato(format!("usuario {rut}")))?;
            supervisores.entry(area).or_default().push(rut);
        }
        Ok(Self {
            supervisores,
            administradores: administradores(tx).await?,
        })
    }
}

impl Cambio {
    fn avisos(
        &self,
        deciden: &Deciden,
        estados: &[(i64, String, bool)],
        dichos: &mut Vec<Dicho>,
    ) -> Result<(), Fallo> {
        // Nobody needs to look at what was withdrawn.
        if self.retirado {
            return Ok(());
        }
        let ilegible = || {
            Fallo::Dato(format!(
                "reporte {}: entrada {}",
                self.reporte_id, self.version
            ))
        };
        let entrada: Entrada = serde_json::from_slice(&self.canonica).map_err(|_| ilegible())?;
        let autor = Rut::new(self.autor_rut).map_err(|_| ilegible())?;
        let estado = entrada
            .despues
            .get("estado_id")
            .and_then(serde_json::Value::as_i64);
        let estado = estados.iter().find(|(id, ..)| Some(*id) == estado);
        let medida = medida_de(&entrada);
        let suceso = Suceso {
            accion: entrada.accion,
            decidido: estado.is_some_and(|(_, _, es_final)| *es_final),
            cambio_de_area: self.area_antes.is_some_and(|a| a != self.area_despues),
            espera: self.espera,
            autor,
            actor: entrada.rut,
            medida: medida.as_ref(),
        };
        let supervisores = deciden.supervisores.get(&self.area_despues);
        let supervisores = supervisores.map_or(&[][..], Vec::as_slice);
        let todos: Vec<(Rut, Aviso)> = avisos(&suceso, supervisores, &deciden.administradores);
        if todos.is_empty() {
            return Ok(());
        }
        let datos = json(&Datos {
            titulo: self.titulo.clone(),
            area: self.area.clone(),
            severidad: self.severidad.clone(),
            estado: match &medida {
                Some(m) => m.plazo.to_string(),
                None => estado
                    .map(|(_, nombre, _)| nombre.clone())
                    .unwrap_or_default(),
            },
            autor: self.autor.clone(),
            actor: self.actor.clone().unwrap_or_default(),
            detalle: medida.map(|m| m.descripcion).or(entrada.detalle),
        })?;
        dichos.extend(todos.into_iter().map(|(rut, aviso)| Dicho {
            rut,
            aviso,
            reporte_id: Some(self.reporte_id),
            version: self.version,
            datos: datos.clone(),
            urgente: self.urgente,
        }));
        Ok(())
    }
}

/// The corrective action that an entry is about.
fn medida_de(entrada: &Entrada) -> Option<Medida> {
    let (_, valor) = entrada
        .despues
        .iter()
        .find(|(campo, _)| campo.starts_with("accion_"))?;
    serde_json::from_value(valor.clone()).ok()
}

/// Person, what of, report, version, data.
type Fila = (i64, &'static str, Option<i64>, i64, String);

/// Into each one's tray.
pub(super) async fn escribe(tx: &mut Tx<'_>, dichos: &[Dicho]) -> Result<(), Fallo> {
    if dichos.is_empty() {
        return Ok(());
    }
    let ahora = tx.ahora.0;
    let fila = |d: &Dicho| -> Fila {
        let datos = d.datos.clone();
        (
            d.rut.cuerpo(),
            d.aviso.nombre(),
            d.reporte_id,
            d.version,
            datos,
        )
    };
    let filas: Vec<Fila> = dichos.iter().map(fila).collect();
    let sql = tx.conn.elige(
        "INSERT INTO notificaciones (rut, evento, reporte_id, version, datos, creada)
         SELECT value->>0, value->>1, value->>2, value->>3, value->>4, $2 FROM json_each($1)
         ORDER BY key",
        "INSERT INTO notificaciones (rut, evento, reporte_id, version, datos, creada)
         SELECT CAST(value->>0 AS BIGINT), value->>1, CAST(value->>2 AS BIGINT),
            CAST(value->>3 AS BIGINT), value->>4, $2
         FROM json_array_elements(CAST($1 AS JSON)) WITH ORDINALITY AS x (value, n) ORDER BY n",
    );
    con!(tx.conn, c => sqlx::query(sql).bind(json(&filas)?).bind(ahora)
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}
