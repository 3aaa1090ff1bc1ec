//! `POST /sync/batch` beside the bare database at many reports per transaction.

use std::{io::Write as _, sync::Arc, time::Duration};

use sigra_store::Entorno;

use crate::{
    base::Motor,
    carga::{Esperado, Pedidos, ronda},
    cli::Plan,
    datos::{Caso, escribe_uuid},
    directa::Directa,
    error::Error,
    leer::con_cpu,
    medida::{Medicion, real},
    numero,
    pantalla::Etapa,
    proceso::Servidor,
    sitio::Sitio,
};

pub const OPERACION: &str = "lotes";
/// Reports in a batch, and phones that send at once.
pub const TAMANOS: [u32; 4] = [1, 10, 100, 500];
pub const TELEFONOS: [u32; 3] = [1, 16, 64];
/// What the aim is about.
pub const DE_LA_META: (u32, u32) = (100, 16);
/// Not counted in any figure, but its reports are.
const CALENTAMIENTO: Duration = Duration::from_millis(500);
const BIEN: u16 = 200;

/// Reports of one transaction of the bare database.
pub fn por_transaccion(motor: Motor) -> usize {
    match motor {
        Motor::Sqlite => 1_000,
        Motor::Postgres => 100,
    }
}

/// What was measured, and how many reports SIGRA and the bare database acknowledged doing so.
pub struct Enviados {
    pub medicion: Medicion,
    pub de_sigra: u64,
    pub directos: u64,
}

pub async fn mide(
    sitio: &Sitio,
    plan: &Plan,
    (tamano, telefonos): (u32, u32),
    mut directa: Directa,
) -> Result<(Directa, Enviados), Error> {
    let texto = format!(
        "{}: lotes de {tamano}, {}",
        sitio.motor.nombre(),
        numero::conexiones(telefonos)
    );
    let etapa = Etapa::nueva(texto, plan.rondas.into());
    let servidor = Servidor::arranca(&sitio.encargo).await?;
    let esperado = Esperado {
        status: BIEN,
        contiene: format!("\"resumen\":{{\"creado\":{tamano}}}"),
    };
    let una = async |duracion| {
        let pedidos = pedidos(sitio, tamano, telefonos)?;
        ronda(servidor.direccion, pedidos, esperado.clone(), duracion).await
    };
    let mut peticiones = una(CALENTAMIENTO).await?.peticiones;
    let por_transaccion = por_transaccion(sitio.motor);
    let en_frio;
    (directa, en_frio) = directa.ronda(CALENTAMIENTO, por_transaccion).await?;
    let mut directos = en_frio.reportes;
    let (mut rondas, mut directas) = (Vec::new(), Vec::new());
    for _ in 0..plan.rondas {
        let mut r = con_cpu(&servidor, una(plan.duracion)).await?;
        peticiones += r.peticiones;
        r.por_segundo = real(r.peticiones) * f64::from(tamano) / r.segundos;
        rondas.push(r);
        let d;
        (directa, d) = directa.ronda(plan.duracion, por_transaccion).await?;
        directos += d.reportes;
        directas.push(d);
        etapa.avanza();
    }
    let memoria_kib = servidor.memoria_kib();
    servidor.para().await?;
    etapa.termina();
    let medicion = Medicion {
        motor: sitio.motor,
        operacion: OPERACION,
        conexiones: telefonos,
        por_lote: tamano,
        rondas,
        directa: directas,
        memoria_kib,
    };
    let de_sigra = peticiones * u64::from(tamano);
    Ok((
        directa,
        Enviados {
            medicion,
            de_sigra,
            directos,
        },
    ))
}

/// Each connection is a phone of another worker.
fn pedidos(sitio: &Sitio, tamano: u32, telefonos: u32) -> Result<Vec<Pedidos>, Error> {
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
    let entorno = Entorno::default();
    let mut i = usize::try_from(telefono).unwrap_or(0) * 7;
    let mut cuerpo = Vec::new();
    Box::new(move |buf| {
        cuerpo.clear();
        // Writing to memory does not fail.
        write!(
            cuerpo,
            r#"{{"device_id":"moto-{telefono}","timestamp":"{}","pendientes":0,"reportes":["#,
            entorno.ahora()
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
            escribe_uuid(entorno.azar(), &mut cuerpo[en + caso.uuid_en..]);
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
