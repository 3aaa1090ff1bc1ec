//! Reports whose manifests name files that have not come: what a phone sends before its photos.

use serde_json::{Value, json};
use sigra_store::Env;

use super::molde::{Archivo, Molde};
use crate::{
    carga::Esperado,
    datos::{Caso, uuid_nuevo},
    error::Error,
    http::Conexion,
    proceso::Servidor,
};

/// Files of a report.
const POR_REPORTE: usize = 3;
const BIEN: u16 = 200;

pub struct Anunciados {
    pub archivos: Vec<Archivo>,
    pub reportes: u64,
}

/// So many files of the worker with that `Authorization`, in one batch.
pub async fn anuncia(
    servidor: &Servidor,
    portador: &str,
    casos: &[Caso],
    molde: &Molde,
    cuantos: usize,
) -> Result<Anunciados, Error> {
    let entorno = Env::default();
    let hora = entorno.now();
    let mut archivos = Vec::with_capacity(cuantos);
    let mut reportes: Vec<Value> = Vec::new();
    for caso in casos.iter().cycle() {
        let faltan = cuantos - archivos.len();
        if faltan == 0 {
            break;
        }
        let uuid = uuid_nuevo(entorno.random());
        let suyos = (0..faltan.min(POR_REPORTE)).map(|_| molde.archivo(&uuid));
        let suyos: Vec<Archivo> = suyos.collect();
        let mut reporte = caso.con(&uuid, hora);
        reporte["multimedia"] = suyos.iter().map(Archivo::en_manifiesto).collect();
        reportes.push(reporte);
        archivos.extend(suyos);
    }
    let creados = reportes.len();
    let lote = json!({
        "device_id": "moto-archivos",
        "timestamp": hora.to_string(),
        "pendientes": 0,
        "reportes": reportes,
    });
    let lote = lote.to_string();
    let peticion = format!(
        "POST /sync/batch HTTP/1.1\r\nHost: sigra\r\nAuthorization: {portador}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{lote}",
        lote.len()
    );
    let esperado = Esperado {
        status: BIEN,
        contiene: format!("\"resumen\":{{\"creado\":{creados}}}"),
    };
    let mut conexion = Conexion::abre(servidor.direccion).await?;
    let cuerpo = conexion.pide(peticion.as_bytes(), esperado.status).await?;
    esperado.comprueba(cuerpo)?;
    Ok(Anunciados {
        archivos,
        reportes: u64::try_from(creados).unwrap_or(u64::MAX),
    })
}
