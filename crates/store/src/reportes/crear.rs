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
    registro::{Hecho, Registro},
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
        let Some(id) = inserta(tx, &reporte).await? else {
            let desaparecido = Fallo::Interno("un uuid repetido desapareció");
            return self.repetido(tx).await?.ok_or(desaparecido.into());
        };
        reporte.id = id;
        tx.registra(&reporte, &registro).await?;
        let base = self.nuevo.version_base.unwrap_or(0);
        acepta(tx, &reporte, &self.nuevo.sha256_contenido, base).await?;
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

/// The new row's id; `None` when the uuid is taken. On PostgreSQL this waits for a concurrent
/// creation of the same uuid.
async fn inserta(tx: &mut Tx<'_>, r: &Reporte) -> Result<Option<i64>, Fallo> {
    let k = &r.contenido;
    let u = k.ubicacion.as_ref();
    let busqueda = busqueda::texto_de(&k.titulo, k.descripcion.as_deref());
    Ok(con!(tx.conn, c => sqlx::query_scalar(
        "INSERT INTO reportes (uuid_cliente, rut, titulo, descripcion, area_id, severidad_id, estado_id,
            fecha_reporte, hora_creado, hora_sincronizado, hora_actualizado, device_id, sync_status,
            sha256_contenido, con_ubicacion, lat, lon, precision_m, referencia, con_manifiesto, version,
            busqueda, entradas, ultimo_hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
            $20, $21, $22, $23, $24)
         ON CONFLICT (uuid_cliente) DO NOTHING RETURNING id")
        .bind(r.uuid_cliente.as_str()).bind(r.rut.cuerpo()).bind(k.titulo.as_str())
        .bind(k.descripcion.as_deref()).bind(k.area_id).bind(k.severidad_id).bind(r.estado_id)
        .bind(r.fecha_reporte.to_string()).bind(r.hora_creado.0).bind(r.hora_sincronizado.0)
        .bind(r.hora_actualizado.0).bind(r.device_id.as_deref()).bind(r.sync_status.nombre())
        .bind(r.sha256_contenido.as_str()).bind(u.is_some()).bind(u.map(|u| u.lat))
        .bind(u.map(|u| u.lon)).bind(u.and_then(|u| u.precision_m))
        .bind(u.and_then(|u| u.referencia.as_deref())).bind(k.multimedia.is_some())
        .bind(r.version).bind(busqueda.as_str()).bind(r.cabeza.entradas)
        .bind(r.cabeza.hash.as_str())
        .fetch_optional(&mut **c).await)?)
}

/// Remembers a content as accepted, so that it is known when it is sent again.
async fn acepta(
    tx: &mut Tx<'_>,
    r: &Reporte,
    sha256: &str,
    version_base: i64,
) -> Result<(), Fallo> {
    con!(tx.conn, c => sqlx::query(
        "INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version)
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
        .bind(r.id).bind(sha256).bind(version_base).bind(r.version)
        .execute(&mut **c).await.map(drop))?;
    Ok(())
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
