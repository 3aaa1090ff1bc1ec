//! `POST /sync/batch` beside the bare database at many reports per transaction.

use std::{io::Write as _, sync::Arc};

use sigra_store::Env;

use crate::{
    base::Motor,
    carga::{Esperado, Pedidos},
    datos::{Caso, escribe_uuid},
    error::Error,
    par::Escritura,
    sitio::Sitio,
};

pub const OPERACION: &str = "lotes";
/// Reports in a batch, and phones that send at once.
pub const TAMANOS: [u32; 4] = [1, 10, 100, 500];
pub const TELEFONOS: [u32; 3] = [1, 16, 64];
const BIEN: u16 = 200;

/// Reports of one transaction of the bare database.
pub fn por_transaccion(motor: Motor) -> u16 {
    match motor {
        Motor::Sqlite => 1_000,
        Motor::Postgres => 100,
    }
}

pub fn escritura(
    motor: Motor,
    (tamano, telefonos): (u32, u32),
    pedidos: &dyn Fn() -> Result<Vec<Pedidos>, Error>,
) -> Escritura<'_> {
    Escritura {
        operacion: OPERACION,
        conexiones: telefonos,
        por_lote: tamano,
        esperado: Esperado {
            status: BIEN,
            contiene: format!("\"resumen\":{{\"creado\":{tamano}}}"),
        },
        por_transaccion: por_transaccion(motor).into(),
        pedidos,
    }
}

/// Each connection is a phone of another worker.
pub fn pedidos(sitio: &Sitio, (tamano, telefonos): (u32, u32)) -> Result<Vec<Pedidos>, Error> {
    let trabajadores = sitio.gente.trabajadores.iter().cycle();
    (0..telefonos)
        .zip(trabajadores)
        .map(|(i, autor)| {
            let portador = sitio.gente.portador(autor)?;
            Ok(de_un_telefono(
                portador,
                Arc::clone(&sitio.casos),
                i,
                tamano,
            ))
        })
        .collect()
}

/// Batches in turn, each report with a new uuid.
fn de_un_telefono(portador: String, casos: Arc<Vec<Caso>>, telefono: u32, tamano: u32) -> Pedidos {
    let entorno = Env::default();
    let mut i = usize::try_from(telefono).unwrap_or(0) * 7;
    let mut cuerpo = Vec::new();
    Box::new(move |buf| {
        cuerpo.clear();
        // Writing to memory does not fail.
        write!(
            cuerpo,
            r#"{{"device_id":"moto-{telefono}","timestamp":"{}","pendientes":0,"reportes":["#,
            entorno.now()
        )
        .ok();
        for n in 0..tamano {
            if n > 0 {
                cuerpo.push(b',');
            }
            let caso = &casos[i % casos.len()];
            i += 1;
            let en = cuerpo.len();
            cuerpo.extend_from_slice(&caso.json);
            escribe_uuid(entorno.random(), &mut cuerpo[en + caso.uuid_en..]);
        }
        cuerpo.extend_from_slice(b"]}");
        write!(
            buf,
            "POST /sync/batch HTTP/1.1\r\nHost: sigra\r\nAuthorization: {portador}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            cuerpo.len()
        )
        .ok();
        buf.extend_from_slice(&cuerpo);
    })
}
