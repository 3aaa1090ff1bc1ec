//! `POST /reportes/` beside the bare database: a round of one, a round of the other, and so on, so
//! that whatever else the machine does meets both.

use std::{io::Write as _, sync::Arc, time::Duration};

use sigra_store::Entorno;

use crate::{
    carga::{Pedidos, ronda},
    cli::Plan,
    datos::{Caso, escribe_uuid},
    directa::Directa,
    error::Error,
    leer::con_cpu,
    medida::Medicion,
    numero,
    pantalla::Etapa,
    proceso::Servidor,
    sitio::Sitio,
};

pub const OPERACION: &str = "crear";
pub const CONEXIONES: [u32; 3] = [1, 32, 64];
/// Not counted in any figure, but its reports are.
const CALENTAMIENTO: Duration = Duration::from_millis(500);
const CREADO: u16 = 201;

/// What was measured, and how many reports SIGRA and the bare database acknowledged doing so.
pub struct Creados {
    pub medicion: Medicion,
    pub de_sigra: u64,
    pub directos: u64,
}

pub async fn mide(
    sitio: &Sitio,
    plan: &Plan,
    conexiones: u32,
    mut directa: Directa,
) -> Result<(Directa, Creados), Error> {
    let texto = format!(
        "{}: crear, {}",
        sitio.motor.nombre(),
        numero::conexiones(conexiones)
    );
    let etapa = Etapa::nueva(texto, plan.rondas.into());
    let servidor = Servidor::arranca(&sitio.encargo).await?;
    let en_frio = ronda(
        servidor.direccion,
        pedidos(sitio, conexiones)?,
        CREADO,
        CALENTAMIENTO,
    )
    .await?;
    let directa_en_frio;
    (directa, directa_en_frio) = directa.ronda(CALENTAMIENTO, 1).await?;
    let (mut rondas, mut directas) = (Vec::new(), Vec::new());
    for _ in 0..plan.rondas {
        let pedidos = pedidos(sitio, conexiones)?;
        rondas.push(
            con_cpu(
                &servidor,
                ronda(servidor.direccion, pedidos, CREADO, plan.duracion),
            )
            .await?,
        );
        let r;
        (directa, r) = directa.ronda(plan.duracion, 1).await?;
        directas.push(r);
        etapa.avanza();
    }
    let memoria_kib = servidor.memoria_kib();
    servidor.para().await?;
    etapa.termina();
    let de_sigra = en_frio.peticiones + rondas.iter().map(|r| r.peticiones).sum::<u64>();
    let directos = directa_en_frio.reportes + directas.iter().map(|r| r.reportes).sum::<u64>();
    let medicion = Medicion {
        motor: sitio.motor,
        operacion: OPERACION,
        conexiones,
        por_lote: 0,
        rondas,
        directa: directas,
        memoria_kib,
    };
    Ok((
        directa,
        Creados {
            medicion,
            de_sigra,
            directos,
        },
    ))
}

/// Each connection is a worker of its own.
fn pedidos(sitio: &Sitio, conexiones: u32) -> Result<Vec<Pedidos>, Error> {
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
    let entorno = Entorno::default();
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
        escribe_uuid(entorno.azar(), &mut buf[cuerpo_en + caso.uuid_en..]);
    })
}
