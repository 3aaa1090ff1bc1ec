//! One report by its id, and pages of 50 with two filters.

use std::{future::Future, io::Write as _, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use sigra_domain::{Instante, Zona};
use sigra_store::Env;

use crate::{
    carga::{Pedidos, ronda},
    cli::Plan,
    error::Error,
    gente::Persona,
    http::Conexion,
    medida::{Medicion, Ronda, real},
    numero,
    pantalla::Etapa,
    proceso::Servidor,
    semilla::PERIODO,
    servidor::ZONA,
    sitio::Sitio,
};

pub const CONEXIONES: [u32; 2] = [1, 32];
const CALENTAMIENTO: Duration = Duration::from_millis(500);
const BIEN: u16 = 200;
/// Different questions, so that no answer is just kept.
const PREGUNTAS: usize = 512;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lectura {
    PorId,
    EstadoYArea,
    SeveridadYDesde,
}

impl Lectura {
    const TODAS: [Self; 3] = [Self::PorId, Self::EstadoYArea, Self::SeveridadYDesde];

    fn nombre(self) -> &'static str {
        match self {
            Self::PorId => "ver por id",
            Self::EstadoYArea => "lista: estado + area_id",
            Self::SeveridadYDesde => "lista: severidad_id + desde",
        }
    }

    /// The second list is a supervisor's, whose areas limit it too.
    fn quien(self, sitio: &Sitio) -> &Persona {
        match self {
            Self::SeveridadYDesde => &sitio.gente.supervisor,
            _ => &sitio.gente.administrador,
        }
    }

    fn ruta(self, sitio: &Sitio, dia: &dyn Fn(i64) -> String, azar: usize) -> String {
        match self {
            Self::PorId => format!("/reportes/{}", sitio.ids[azar % sitio.ids.len()]),
            Self::EstadoYArea => {
                let estado = ["Pendiente", "Aprobado", "Rechazado"][azar % 3];
                format!(
                    "/reportes/?estado={estado}&area_id={}",
                    sitio.areas[azar / 3 % sitio.areas.len()]
                )
            }
            Self::SeveridadYDesde => {
                let dia = dia(i64::try_from(azar / 3 % 540).unwrap_or(0) + 180);
                format!("/reportes/?severidad_id={}&desde={dia}", 1 + azar % 3)
            }
        }
    }
}

pub async fn mide(sitio: &Sitio, plan: &Plan) -> Result<Vec<Medicion>, Error> {
    let mut mediciones = Vec::new();
    for lectura in Lectura::TODAS {
        for conexiones in CONEXIONES {
            mediciones.push(una(sitio, plan, lectura, conexiones).await?);
        }
    }
    Ok(mediciones)
}

async fn una(
    sitio: &Sitio,
    plan: &Plan,
    lectura: Lectura,
    conexiones: u32,
) -> Result<Medicion, Error> {
    let texto = format!(
        "{}: {}, {}",
        sitio.motor.nombre(),
        lectura.nombre(),
        numero::conexiones(conexiones)
    );
    let etapa = Etapa::nueva(texto, plan.rondas.into());
    let servidor = Servidor::arranca(&sitio.encargo).await?;
    let preguntas = Arc::new(preguntas(sitio, lectura)?);
    comprueba(&servidor, lectura, &preguntas).await?;
    let pedidos = || -> Vec<Pedidos> {
        let cuantas = usize::try_from(conexiones).unwrap_or(1);
        (0..cuantas)
            .map(|c| en_turno(Arc::clone(&preguntas), c * PREGUNTAS / cuantas))
            .collect()
    };
    ronda(servidor.direccion, pedidos(), BIEN, CALENTAMIENTO).await?;
    let mut rondas = Vec::new();
    for _ in 0..plan.rondas {
        rondas.push(
            con_cpu(
                &servidor,
                ronda(servidor.direccion, pedidos(), BIEN, plan.duracion),
            )
            .await?,
        );
        etapa.avanza();
    }
    let memoria_kib = servidor.memoria_kib();
    servidor.para().await?;
    etapa.termina();
    Ok(Medicion {
        motor: sitio.motor,
        operacion: lectura.nombre(),
        conexiones,
        por_lote: 0,
        rondas,
        directa: vec![],
        memoria_kib,
    })
}

/// Whole requests, made beforehand.
fn preguntas(sitio: &Sitio, lectura: Lectura) -> Result<Vec<Vec<u8>>, Error> {
    let entorno = Env::default();
    let zona = Zona::new(ZONA).ok_or(Error::Interno("zona"))?;
    let ahora = entorno.now();
    let dia = |atras: i64| {
        zona.fecha(ahora.plus(-(atras * Instante::DAY).min(PERIODO)))
            .to_string()
    };
    let portador = sitio.gente.portador(lectura.quien(sitio))?;
    (0..PREGUNTAS)
        .map(|_| {
            let azar = usize::from_le_bytes(entorno.random());
            let ruta = lectura.ruta(sitio, &dia, azar);
            let mut p = Vec::new();
            write!(
                p,
                "GET {ruta} HTTP/1.1\r\nHost: sigra\r\nAuthorization: {portador}\r\n\r\n"
            )?;
            Ok(p)
        })
        .collect()
}

fn en_turno(preguntas: Arc<Vec<Vec<u8>>>, primera: usize) -> Pedidos {
    let mut i = primera;
    Box::new(move |buf| {
        buf.extend_from_slice(&preguntas[i % preguntas.len()]);
        i += 1;
    })
}

/// A page that is not full, or a report that is another one, would be measured in vain.
async fn comprueba(
    servidor: &Servidor,
    lectura: Lectura,
    preguntas: &[Vec<u8>],
) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Pagina {
        items: Vec<Value>,
    }
    let mut conexion = Conexion::abre(servidor.direccion).await?;
    for pregunta in preguntas.iter().take(16) {
        let cuerpo = conexion.pide(pregunta, BIEN).await?;
        if lectura == Lectura::PorId {
            let reporte: Value = serde_json::from_slice(cuerpo)?;
            if !reporte["id"].is_i64() {
                return Err(Error::Http("no es un reporte"));
            }
        } else {
            let pagina: Pagina = serde_json::from_slice(cuerpo)?;
            if pagina.items.len() != 50 {
                let n = pagina.items.len();
                return Err(Error::Negado(format!(
                    "una página tiene {n} reportes y no 50: mida con más --filas"
                )));
            }
        }
    }
    Ok(())
}

/// A round with what it cost the server's process.
pub async fn con_cpu(
    servidor: &Servidor,
    ronda: impl Future<Output = Result<Ronda, Error>>,
) -> Result<Ronda, Error> {
    let antes = servidor.cpu_s();
    let ronda = ronda.await?;
    let despues = servidor.cpu_s();
    let cpu_us = antes
        .zip(despues)
        .map(|(a, d)| (d - a) * 1_000_000.0 / real(ronda.peticiones.max(1)));
    Ok(Ronda { cpu_us, ..ronda })
}
