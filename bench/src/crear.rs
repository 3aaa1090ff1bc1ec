//! `POST /reportes/` beside the bare database at one report per transaction.

use std::{io::Write as _, sync::Arc};

use sigra_store::Env;

use crate::{
    carga::Pedidos,
    datos::{Caso, escribe_uuid},
    error::Error,
    par::Escritura,
    sitio::Sitio,
};

pub const OPERACION: &str = "crear";
pub const CONEXIONES: [u32; 3] = [1, 32, 64];
const CREADO: u16 = 201;

pub fn escritura(
    conexiones: u32,
    pedidos: &dyn Fn() -> Result<Vec<Pedidos>, Error>,
) -> Escritura<'_> {
    Escritura {
        operacion: OPERACION,
        conexiones,
        por_lote: 0,
        esperado: CREADO.into(),
        por_transaccion: 1,
        pedidos,
    }
}

/// Each connection is a worker of its own.
pub fn pedidos(sitio: &Sitio, conexiones: u32) -> Result<Vec<Pedidos>, Error> {
    let trabajadores = sitio.gente.trabajadores.iter().cycle();
    (0..)
        .zip(trabajadores)
        .take(usize::try_from(conexiones).unwrap_or(1))
        .map(|(i, autor)| {
            let portador = sitio.gente.portador(autor)?;
            Ok(de_un_trabajador(portador, Arc::clone(&sitio.casos), i))
        })
        .collect()
}

/// Bodies in turn, each with a new uuid.
fn de_un_trabajador(portador: String, casos: Arc<Vec<Caso>>, primero: usize) -> Pedidos {
    let entorno = Env::default();
    // A step that shares no factor with the number of records visits all of them.
    let mut i = primero * 7;
    Box::new(move |buf| {
        let caso = &casos[i % casos.len()];
        i += 1;
        // Writing to memory does not fail.
        write!(
            buf,
            "POST /reportes/ HTTP/1.1\r\nHost: sigra\r\nAuthorization: {portador}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            caso.json.len()
        )
        .ok();
        let cuerpo_en = buf.len();
        buf.extend_from_slice(&caso.json);
        escribe_uuid(entorno.random(), &mut buf[cuerpo_en + caso.uuid_en..]);
    })
}
