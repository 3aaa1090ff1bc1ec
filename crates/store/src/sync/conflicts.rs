//! What could not be merged, until somebody decides.

use serde::{Deserialize, Serialize};
use sigra_domain::{
    Instante, Quien,
    bitacora::FieldValues,
    catalogo::Catalogo,
    reporte::{Contenido, FieldConflict, MergeOutcome, NewReporte, merge},
};
use sigra_store_macros::FromRow;
use sqlx::AssertSqlSafe;

use crate::{
    ReadConn, StoreError, Tx,
    db::{Conn, json, with_conn},
    reportes::visible::visibility_clause,
    reportes::{
        StoredReporte,
        change::AcceptedContent,
        row::{Row, select_columns},
    },
};

/// What a phone sent, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SentContenido {
    contenido: Contenido,
    sin_ubicacion: bool,
}

impl SentContenido {
    pub(super) fn from_sent(enviado: &NewReporte) -> Self {
        Self {
            contenido: enviado.contenido.clone(),
            sin_ubicacion: enviado.sin_ubicacion,
        }
    }

    /// As it was sent, for the rules that compare it.
    pub(super) fn sent(self, uuid_cliente: &str, clave: &AcceptedContent) -> NewReporte {
        NewReporte {
            uuid_cliente: uuid_cliente.to_owned(),
            contenido: self.contenido,
            sin_ubicacion: self.sin_ubicacion,
            sha256_contenido: clave.sha256().to_owned(),
            fecha_reporte: None,
            hora_creado: None,
            device_id: None,
            version_base: Some(clave.version_base).filter(|v| *v > 0),
            sha256_base: None,
            en_desuso: vec![],
        }
    }
}

/// A conflict to be kept.
pub(super) struct PendingConflicto {
    pub(super) reporte_id: i64,
    pub(super) clave: AcceptedContent,
    pub(super) enviado: SentContenido,
    pub(super) base: Option<FieldValues>,
}

#[derive(FromRow)]
struct NewConflictoRow {
    id: i64,
    reporte_id: i64,
    sha256_contenido: String,
    version_base: i64,
}

/// Keeps new conflicts; answers the id of each with its report and item.
pub(super) async fn save(
    tx: &mut Tx<'_>,
    device_id: &str,
    pendientes: &[PendingConflicto],
) -> Result<Vec<(i64, i64, AcceptedContent)>, StoreError> {
    if pendientes.is_empty() {
        return Ok(vec![]);
    }
    let mut rows = Vec::with_capacity(pendientes.len());
    for p in pendientes {
        let base = p.base.as_ref().map(json).transpose()?;
        rows.push((
            p.reporte_id,
            &p.clave.sha256_contenido,
            p.clave.version_base,
            json(&p.enviado)?,
            base,
        ));
    }
    let sql = tx.conn.pick(
        "INSERT INTO conflictos (reporte_id, sha256_contenido, version_base, enviado, base,
            device_id, creado)
         SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),
            json_extract(value, '$[2]'), json_extract(value, '$[3]'), json_extract(value, '$[4]'),
            $2, $3 FROM json_each($1)
         RETURNING id, reporte_id, sha256_contenido, version_base",
        "INSERT INTO conflictos (reporte_id, sha256_contenido, version_base, enviado, base,
            device_id, creado)
         SELECT CAST(value->>0 AS BIGINT), value->>1, CAST(value->>2 AS BIGINT), value->>3,
            value->>4, $2, $3 FROM json_array_elements(CAST($1 AS JSON))
         RETURNING id, reporte_id, sha256_contenido, version_base",
    );
    let nuevas: Vec<NewConflictoRow> = with_conn!(tx.conn, c => sqlx::query_as(sql)
        .bind(json(&rows)?).bind(device_id).bind(tx.ahora.0).fetch_all(&mut **c).await)?;
    let con_clave = |f: NewConflictoRow| {
        let clave = AcceptedContent {
            sha256_contenido: f.sha256_contenido,
            version_base: f.version_base,
        };
        (f.id, f.reporte_id, clave)
    };
    Ok(nuevas.into_iter().map(con_clave).collect())
}

/// A conflict as kept.
#[derive(FromRow)]
pub(super) struct ConflictoRow {
    pub(super) conflicto_id: i64,
    pub(super) conflicto_reporte: i64,
    conflicto_sha: String,
    conflicto_base: i64,
    conflicto_enviado: String,
    conflicto_valores: Option<String>,
    conflicto_device: String,
    conflicto_creado: i64,
    pub(super) conflicto_resuelto: Option<i64>,
    pub(super) conflicto_decision: Option<String>,
    pub(super) conflicto_rut: Option<i64>,
}

/// The columns of [`ConflictoRow`], from `conflictos k`, before others.
macro_rules! columns {
    () => {
        "k.id AS conflicto_id, k.reporte_id AS conflicto_reporte, \
         k.sha256_contenido AS conflicto_sha, k.version_base AS conflicto_base, \
         k.enviado AS conflicto_enviado, k.base AS conflicto_valores, \
         k.device_id AS conflicto_device, k.creado AS conflicto_creado, \
         k.resuelto AS conflicto_resuelto, k.decision AS conflicto_decision, \
         k.rut_resolvio AS conflicto_rut, "
    };
}

impl ConflictoRow {
    pub(super) fn key(&self) -> AcceptedContent {
        AcceptedContent {
            sha256_contenido: self.conflicto_sha.clone(),
            version_base: self.conflicto_base,
        }
    }

    /// What was sent, and the values it was made from.
    pub(super) fn sides(
        &self,
        uuid_cliente: &str,
    ) -> Result<(NewReporte, Option<FieldValues>), StoreError> {
        let ilegible = |_| StoreError::Dato(format!("conflicto {}", self.conflicto_id));
        let guardado: SentContenido =
            serde_json::from_str(&self.conflicto_enviado).map_err(ilegible)?;
        let base = self.conflicto_valores.as_deref();
        let base = base
            .map(serde_json::from_str)
            .transpose()
            .map_err(ilegible)?;
        Ok((guardado.sent(uuid_cliente, &self.key()), base))
    }
}

/// A conflict that waits for a decision.
#[derive(Debug)]
pub struct Conflicto {
    pub id: i64,
    pub version_base: Option<i64>,
    pub device_id: String,
    pub creado: Instante,
    /// The fields that clash with the report as it is now; none when a later change made them agree.
    pub choques: Vec<FieldConflict>,
    pub actual: StoredReporte,
}

#[derive(FromRow)]
struct ConflictoListRow {
    #[row(flatten)]
    conflicto: ConflictoRow,
    #[row(flatten)]
    reporte: Row,
}

/// Up to `limite` open conflicts of reports that `quien` may see, by id after `despues_de`.
pub async fn conflictos(
    lectura: &mut ReadConn,
    quien: &Quien,
    catalogo: &Catalogo,
    despues_de: i64,
    limite: i64,
) -> Result<Vec<Conflicto>, StoreError> {
    const SELECT: [&str; 2] = select_columns!(
        columns!(),
        "JOIN conflictos k ON k.reporte_id = r.id
         WHERE k.resuelto IS NULL AND r.retirado_en IS NULL AND k.id > $1"
    );
    let mut conn = lectura.conn();
    let sql = format!(
        "{}{} ORDER BY k.id LIMIT $2",
        conn.pick(SELECT[0], SELECT[1]),
        visibility_clause(quien, "r.rut", &["r.area_id"])
    );
    let rows: Vec<ConflictoListRow> = with_conn!(conn, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(despues_de).bind(limite).fetch_all(&mut **c).await)?;
    rows.into_iter()
        .map(|f| f.conflicto.into_conflicto(f.reporte.decode()?, catalogo))
        .collect()
}

impl ConflictoRow {
    fn into_conflicto(
        self,
        actual: StoredReporte,
        catalogo: &Catalogo,
    ) -> Result<Conflicto, StoreError> {
        let (enviado, base) = self.sides(&actual.reporte.uuid_cliente)?;
        let decidido = catalogo.is_decided(actual.reporte.estado_id);
        let choques = match merge(&enviado, &actual.reporte.contenido, base.as_ref(), decidido) {
            MergeOutcome::Conflicto(choques) => choques,
            _ => vec![],
        };
        Ok(Conflicto {
            id: self.conflicto_id,
            version_base: enviado.version_base,
            device_id: self.conflicto_device,
            creado: Instante(self.conflicto_creado),
            choques,
            actual,
        })
    }
}

/// The conflict of this id, whoever asks.
pub(super) async fn find(conn: &mut Conn<'_>, id: i64) -> Result<Option<ConflictoRow>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        "k.id FROM conflictos k WHERE k.id = $1"
    );
    Ok(with_conn!(*conn, c => sqlx::query_as(SQL).bind(id).fetch_optional(&mut **c).await)?)
}
