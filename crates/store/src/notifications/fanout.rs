//! From the feed to each person's tray. How far it went is written with what it wrote: whoever falls in
//! the middle tells nobody twice and nobody less.

use sigra_domain::{
    Quien, Rut,
    aviso::{Aviso, AvisoData, ReporteEvent, avisos},
    bitacora::Entrada,
    reporte::AccionCorrectiva,
};
use sigra_store_macros::FromRow;

use super::outbox::{Channels, Notice, a_personas, a_webhooks};
use crate::{
    Store, StoreError, Tx, Write,
    db::{json, with_conn},
};

/// Changes told of in one transaction.
const CHUNK: i64 = 200;

/// A change, with how its report is now.
#[derive(FromRow)]
pub(super) struct ChangedReporte {
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

macro_rules! statement {
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

struct FanOut(Channels);

impl Store {
    /// Tells people and other systems of all that is committed now.
    pub async fn fan_out_avisos(&self, salidas: Channels) -> Result<(), StoreError> {
        self.sequence_changes().await?;
        let mut lectura = self.read().await?;
        let hay: bool = with_conn!(lectura.conn(), c => sqlx::query_scalar(
            "SELECT (SELECT coalesce(max(posicion), 0) FROM cambios) >
                (SELECT posicion FROM reparto WHERE id = 1)").fetch_one(&mut **c).await)?;
        drop(lectura);
        if hay {
            while self.write(FanOut(salidas)).await? == CHUNK {}
            self.send_wakeup().await;
        }
        Ok(())
    }
}

impl Write for FanOut {
    /// How many changes were gone through.
    type Out = i64;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, StoreError> {
        let desde = lock_position(tx).await?;
        // A disk that fails leaves texts that are none: they are read as bytes.
        let sql = tx.conn.pick(
            statement!("CAST(b.canonica AS BLOB)"),
            statement!("convert_to(b.canonica, 'UTF8')"),
        );
        let cambios: Vec<ChangedReporte> = with_conn!(tx.conn, c => sqlx::query_as(sql)
            .bind(desde).bind(CHUNK).fetch_all(&mut **c).await)?;
        let Some(hasta) = cambios.last().map(|c| c.posicion) else {
            return Ok(0);
        };
        let deciden = Deciders::read(tx).await?;
        let estados: Vec<(i64, String, bool)> = with_conn!(tx.conn, c => sqlx::query_as(
            "SELECT id, nombre, es_final FROM estados").fetch_all(&mut **c).await)?;
        let mut dichos = vec![];
        for cambio in &cambios {
            // One that was altered is found by `sigra audit verify`; it must not keep the rest from people.
            if let Err(error) = cambio.avisos(&deciden, &estados, &mut dichos) {
                tracing::error!(%error, "no se avisa de un cambio: su entrada de la bitácora no se puede leer");
            }
        }
        write(tx, &dichos).await?;
        a_personas(tx, &dichos, self.0).await?;
        a_webhooks(tx, &cambios).await?;
        with_conn!(tx.conn, c => sqlx::query("UPDATE reparto SET posicion = $1 WHERE id = 1")
            .bind(hasta).execute(&mut **c).await.map(drop))?;
        Ok(i64::try_from(cambios.len()).unwrap_or(CHUNK))
    }
}

/// Of several servers one tells people at a time, and the others wait for where it left off: what people are told
/// is numbered in the order in which it is committed.
pub(super) async fn lock_position(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    let sql = tx.conn.pick(
        "SELECT posicion FROM reparto WHERE id = 1",
        "SELECT posicion FROM reparto WHERE id = 1 FOR UPDATE",
    );
    Ok(with_conn!(tx.conn, c => sqlx::query_scalar(sql).fetch_one(&mut **c).await)?)
}

/// Who decides now.
pub(super) struct Deciders(Vec<Quien>);

impl Deciders {
    pub(super) async fn read(tx: &mut Tx<'_>) -> Result<Self, StoreError> {
        Ok(Self(tx.deciders().await?))
    }

    pub(super) fn administradores(&self) -> Vec<Rut> {
        let todas = self.0.iter().filter(|q| q.sees_all());
        todas.map(|q| q.rut).collect()
    }

    /// Those of an area, but for the administradores.
    fn supervisores(&self, area_id: i64) -> Vec<Rut> {
        let suyos = self.0.iter().filter(|q| !q.sees_all());
        suyos
            .filter(|q| q.can_decide(area_id))
            .map(|q| q.rut)
            .collect()
    }
}

impl ChangedReporte {
    fn avisos(
        &self,
        deciden: &Deciders,
        estados: &[(i64, String, bool)],
        dichos: &mut Vec<Notice>,
    ) -> Result<(), StoreError> {
        // Nobody needs to look at what was withdrawn.
        if self.retirado {
            return Ok(());
        }
        let ilegible = || {
            StoreError::Dato(format!(
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
        let medida = accion_from(&entrada);
        let suceso = ReporteEvent {
            accion: entrada.accion,
            decidido: estado.is_some_and(|(_, _, es_final)| *es_final),
            cambio_de_area: self.area_antes.is_some_and(|a| a != self.area_despues),
            espera: self.espera,
            autor,
            actor: entrada.rut,
            medida: medida.as_ref(),
        };
        let supervisores = deciden.supervisores(self.area_despues);
        let todos: Vec<(Rut, Aviso)> = avisos(&suceso, &supervisores, &deciden.administradores());
        if todos.is_empty() {
            return Ok(());
        }
        let datos = json(&AvisoData {
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
        dichos.extend(todos.into_iter().map(|(rut, aviso)| Notice {
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
fn accion_from(entrada: &Entrada) -> Option<AccionCorrectiva> {
    let (_, valor) = entrada
        .despues
        .iter()
        .find(|(campo, _)| campo.starts_with("accion_"))?;
    serde_json::from_value(valor.clone()).ok()
}

/// Person, what of, report, version, data.
type Row = (i64, &'static str, Option<i64>, i64, String);

/// Into each one's tray.
pub(super) async fn write(tx: &mut Tx<'_>, dichos: &[Notice]) -> Result<(), StoreError> {
    if dichos.is_empty() {
        return Ok(());
    }
    let ahora = tx.ahora.0;
    let fila = |d: &Notice| -> Row {
        let datos = d.datos.clone();
        (d.rut.body(), d.aviso.name(), d.reporte_id, d.version, datos)
    };
    let filas: Vec<Row> = dichos.iter().map(fila).collect();
    let sql = tx.conn.pick(
        "INSERT INTO notificaciones (rut, evento, reporte_id, version, datos, creada)
         SELECT value->>0, value->>1, value->>2, value->>3, value->>4, $2 FROM json_each($1)
         ORDER BY key",
        "INSERT INTO notificaciones (rut, evento, reporte_id, version, datos, creada)
         SELECT CAST(value->>0 AS BIGINT), value->>1, CAST(value->>2 AS BIGINT),
            CAST(value->>3 AS BIGINT), value->>4, $2
         FROM json_array_elements(CAST($1 AS JSON)) WITH ORDINALITY AS x (value, n) ORDER BY n",
    );
    with_conn!(tx.conn, c => sqlx::query(sql).bind(json(&filas)?).bind(ahora)
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}
