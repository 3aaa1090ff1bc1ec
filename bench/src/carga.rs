//! The load: connections that each wait for an answer before they ask again.

use std::{
    future::Future,
    net::SocketAddr,
    time::{Duration, Instant},
};

use sigra_store::Env;
use tokio::task::JoinSet;

use crate::{error::Error, http::Conexion, medida::Ronda};

/// Puts a connection's next request into the buffer.
pub type Pedidos = Box<dyn FnMut(&mut Vec<u8>) + Send>;

/// What every answer must be: a fast wrong one is no figure.
#[derive(Clone, Debug)]
pub struct Esperado {
    pub status: u16,
    /// Text that stands in the body.
    pub contiene: String,
}

impl From<u16> for Esperado {
    fn from(status: u16) -> Self {
        Self {
            status,
            contiene: String::new(),
        }
    }
}

/// What a connection does, again and again.
pub trait Labor: Send + 'static {
    /// One thing: a request, or the few that make one. `None` when nothing is left to do.
    fn hace(
        &mut self,
        conexion: &mut Conexion,
    ) -> impl Future<Output = Result<Option<Hecho>, Error>> + Send;
}

/// What one thing took.
pub struct Hecho {
    /// From the first byte sent to the last one received.
    pub latencia: Duration,
    /// Both ways, headers included.
    pub bytes: usize,
}

/// Asks for that long from as many connections as there are `pedidos`. Each answer must be as
/// `esperado`; what is under way when time is up is waited for and counts.
pub async fn ronda(
    direccion: SocketAddr,
    pedidos: Vec<Pedidos>,
    esperado: impl Into<Esperado>,
    duracion: Duration,
) -> Result<Ronda, Error> {
    let esperado = esperado.into();
    let pregunta = |pedidos| Pregunta {
        pedidos,
        peticion: Vec::with_capacity(4_096),
        esperado: esperado.clone(),
    };
    let preguntas = pedidos.into_iter().map(pregunta).collect();
    Ok(labora(direccion, preguntas, duracion).await?.0)
}

/// The same for labours of any kind, which it gives back.
pub async fn labora<L: Labor>(
    direccion: SocketAddr,
    labores: Vec<L>,
    duracion: Duration,
) -> Result<(Ronda, Vec<L>), Error> {
    let mut conexiones = Vec::with_capacity(labores.len());
    for labor in labores {
        conexiones.push((Conexion::abre(direccion).await?, labor));
    }
    let inicio = Env::monotonic_now();
    let mut tareas: JoinSet<_> = conexiones
        .into_iter()
        .map(|(c, labor)| repite(c, labor, inicio, duracion))
        .collect();
    let (mut latencias, mut bytes, mut labores) = (Vec::new(), 0, Vec::new());
    while let Some(suyas) = tareas.join_next().await {
        let (mut suyas, suyos, labor) = suyas??;
        latencias.append(&mut suyas);
        bytes += suyos;
        labores.push(labor);
    }
    let segundos = inicio.elapsed().as_secs_f64();
    Ok((Ronda::de(latencias, segundos, bytes), labores))
}

async fn repite<L: Labor>(
    mut conexion: Conexion,
    mut labor: L,
    inicio: Instant,
    duracion: Duration,
) -> Result<(Vec<Duration>, usize, L), Error> {
    let (mut latencias, mut bytes) = (Vec::with_capacity(4_096), 0);
    while inicio.elapsed() < duracion {
        let Some(hecho) = labor.hace(&mut conexion).await? else {
            break;
        };
        latencias.push(hecho.latencia);
        bytes += hecho.bytes;
    }
    Ok((latencias, bytes, labor))
}

/// One request after another.
struct Pregunta {
    pedidos: Pedidos,
    peticion: Vec<u8>,
    esperado: Esperado,
}

impl Labor for Pregunta {
    async fn hace(&mut self, conexion: &mut Conexion) -> Result<Option<Hecho>, Error> {
        self.peticion.clear();
        (self.pedidos)(&mut self.peticion);
        let enviada = Env::monotonic_now();
        let cuerpo = conexion.pide(&self.peticion, self.esperado.status).await?;
        let latencia = enviada.elapsed();
        self.esperado.comprueba(cuerpo)?;
        let bytes = self.peticion.len() + conexion.recibidos();
        Ok(Some(Hecho { latencia, bytes }))
    }
}

impl Esperado {
    pub fn comprueba(&self, cuerpo: &[u8]) -> Result<(), Error> {
        if contiene(cuerpo, self.contiene.as_bytes()) {
            return Ok(());
        }
        Err(Error::Http("la respuesta dice otra cosa que lo esperado"))
    }
}

/// What is looked for stands near the end of what SIGRA answers.
fn contiene(cuerpo: &[u8], texto: &[u8]) -> bool {
    let cerca = &cuerpo[cuerpo.len().saturating_sub(256)..];
    texto.is_empty() || cerca.windows(texto.len()).any(|v| v == texto)
}
