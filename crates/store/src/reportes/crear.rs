//! A report comes in.

use sigra_domain::{
    Instante, Quien, Zona,
    bitacora::{Accion, Cabeza, GENESIS, Valores},
    busqueda, catalogo,
    reporte::{Reporte, ReporteNuevo, SyncStatus},
};

use super::{
    ArchivoLeido, Cual, Rechazo, ReporteLeido,
    leer::busca,
    registro::{Hecho, Registro, ata, con_registro},
};
use crate::{Fallo, Tx, Write, db::con, idempotencia::Autoriza};

/// Creates a report, once: the same uuid and content again answers with the first one.
#[derive(Debug)]
pub struct CrearReporte {
    pub quien: Quien,
    /// The author's name, for the answer.
    pub autor: String,
    pub nuevo: ReporteNuevo,
    pub zona: Zona,
}

/// What became of it.
#[derive(Debug)]
pub struct Creado {
    pub leido: ReporteLeido,
    /// False when it was there already.
    pub es_nuevo: bool,
}

impl Write for CrearReporte {
    type Out = Creado;
    type Err = Rechazo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Creado, Rechazo> {
        let en_desuso = &self.nuevo.en_desuso;
        if !en_desuso.is_empty() {
            let repetido = self.repetido(tx).await?;
            return repetido.ok_or_else(|| Rechazo::EnDesuso(en_desuso.clone()));
        }
        let mut reporte = self.reporte(tx.ahora);
        let despues = reporte.valores();
        let hecho = Hecho {
            accion: Accion::Crear,
            detalle: None,
            cambios: (Valores::new(), despues),
            area_antes: None,
            evento: "reporte.creado",
        };
        let registro = Registro::nuevo(&mut reporte, &self.quien, tx.ahora, hecho)?;
        let Some(id) = inserta(tx, &reporte, &registro, self.nuevo.version_base).await? else {
            let desaparecido = Fallo::Interno("un uuid repetido desapareció");
            return self.repetido(tx).await?.ok_or(desaparecido.into());
        };
        reporte.id = id;
        let archivos = inserta_archivos(tx, &reporte).await?;
        Ok(Creado {
            leido: ReporteLeido {
                reporte,
                autor: self.autor.clone(),
                archivos,
            },
            es_nuevo: true,
        })
    }
}

impl Autoriza for CrearReporte {
    /// Anybody signed in may report a danger.
    async fn autoriza(&self, _: &mut Tx<'_>) -> Result<(), Rechazo> {
        Ok(())
    }
}

impl CrearReporte {
    fn reporte(&self, ahora: Instante) -> Reporte {
        let n = &self.nuevo;
        let hora_creado = n.hora_creado.unwrap_or(ahora);
        let faltan = n
            .contenido
            .multimedia
            .as_ref()
            .is_some_and(|m| !m.is_empty());
        Reporte {
            id: 0,
            uuid_cliente: n.uuid_cliente.clone(),
            rut: self.quien.rut,
            contenido: n.contenido.clone(),
            estado_id: catalogo::PENDIENTE,
            device_id: n.device_id.clone(),
            fecha_reporte: n
                .fecha_reporte
                .unwrap_or_else(|| self.zona.fecha(hora_creado)),
            hora_creado,
            hora_sincronizado: ahora,
            hora_actualizado: ahora,
            last_sync_attempt: None,
            sync_status: if faltan {
                SyncStatus::MultimediaPendiente
            } else {
                SyncStatus::Completo
            },
            sha256_contenido: n.sha256_contenido.clone(),
            version: 1,
            retirado_en: None,
            cabeza: Cabeza {
                entradas: 0,
                hash: GENESIS.to_owned(),
            },
        }
    }

    /// Whether the uuid is taken: by this very report, or by another.
    async fn repetido(&self, tx: &mut Tx<'_>) -> Result<Option<Creado>, Rechazo> {
        let cual = Cual::Uuid(self.nuevo.uuid_cliente.clone());
        let Some(leido) = busca(&mut tx.conn, &cual, false).await? else {
            return Ok(None);
        };
        let actual = &leido.reporte;
        if actual.rut != self.quien.rut {
            return Err(Rechazo::UuidEnConflicto(None));
        }
        if actual.retirado_en.is_some() {
            return Err(Rechazo::Retirado);
        }
        let aceptado: Option<i64> = con!(tx.conn, c => sqlx::query_scalar(
            "SELECT min(version) FROM aceptados WHERE reporte_id = $1 AND sha256_contenido = $2")
            .bind(actual.id).bind(self.nuevo.sha256_contenido.as_str())
            .fetch_one(&mut **c).await)?;
        if aceptado.is_some() || actual.sha256_contenido == self.nuevo.sha256_contenido {
            Ok(Some(Creado {
                leido,
                es_nuevo: false,
            }))
        } else {
            Err(Rechazo::UuidEnConflicto(Some(Box::new(leido))))
        }
    }
}

const CREAR: [&str; 2] = con_registro!(
    "INSERT INTO reportes (uuid_cliente, rut, titulo, descripcion, area_id, severidad_id, estado_id,
        fecha_reporte, hora_creado, hora_sincronizado, hora_actualizado, device_id, sync_status,
        sha256_contenido, con_ubicacion, lat, lon, precision_m, referencia, con_manifiesto, version,
        busqueda, entradas, ultimo_hash)
     VALUES ($1, $9, $15, $16, $11, $17, $18, $19, $20, $6, $6, $21, $22, $23, $24, $25, $26, $27,
        $28, $29, $3, $30, $2, $8)
     ON CONFLICT (uuid_cliente) DO NOTHING",
    // The content is remembered as accepted, so that it is known when it is sent again.
    sqlite "INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version)
        SELECT (SELECT id FROM reportes WHERE uuid_cliente = $1), $23, $31, $3
        WHERE changes() = 1; ",
    postgres ", a AS (INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version)
        SELECT id, $23, $31, $3 FROM fila)"
);

/// The new row's id; `None` when the uuid is taken. On PostgreSQL this waits for a concurrent
/// creation of the same uuid.
async fn inserta(
    tx: &mut Tx<'_>,
    r: &Reporte,
    registro: &Registro,
    version_base: Option<i64>,
) -> Result<Option<i64>, Fallo> {
    let k = &r.contenido;
    let u = k.ubicacion.as_ref();
    let sql = tx.conn.elige(CREAR[0], CREAR[1]);
    let marca = tx.entorno.azar_i64();
    Ok(
        con!(tx.conn, c => ata!(sqlx::query_scalar(sql), r, registro, marca)
        .bind(k.titulo.clone()).bind(k.descripcion.clone()).bind(k.severidad_id).bind(r.estado_id)
        .bind(r.fecha_reporte.to_string()).bind(r.hora_creado.0).bind(r.device_id.clone())
        .bind(r.sync_status.nombre()).bind(r.sha256_contenido.clone()).bind(u.is_some())
        .bind(u.map(|u| u.lat)).bind(u.map(|u| u.lon)).bind(u.and_then(|u| u.precision_m))
        .bind(u.and_then(|u| u.referencia.clone())).bind(k.multimedia.is_some())
        .bind(busqueda::texto_de(&k.titulo, k.descripcion.as_deref()))
        .bind(version_base.unwrap_or(0))
        .fetch_optional(&mut **c).await)?,
    )
}

async fn inserta_archivos(tx: &mut Tx<'_>, r: &Reporte) -> Result<Vec<ArchivoLeido>, Fallo> {
    let mut archivos = Vec::new();
    for a in r.contenido.multimedia.iter().flatten() {
        let id = con!(tx.conn, c => sqlx::query_scalar(
            "INSERT INTO multimedia (reporte_id, uuid_cliente, nombre, tipo, bytes, sha256)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id")
            .bind(r.id).bind(a.uuid_cliente.as_str()).bind(a.nombre.as_str()).bind(a.tipo.as_str())
            .bind(a.bytes).bind(a.sha256.as_str())
            .fetch_one(&mut **c).await)?;
        archivos.push(ArchivoLeido {
            id,
            archivo: a.clone(),
            subido: false,
        });
    }
    Ok(archivos)
}
