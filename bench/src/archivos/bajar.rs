//! Downloads by `GET /multimedia/{id}`: each worker gets the files of their own reports.

use sigra_store::Env;

use super::{
    LIMITE, Taller, directo,
    molde::{Archivo, LARGO},
    verifica::Guardado,
};
use crate::{
    carga::{Hecho, Labor, labora},
    error::Error,
    http::Conexion,
    leer::con_cpu,
    medida::Medicion,
};

pub const OPERACION: &str = "bajar";
const BIEN: u16 = 200;

/// `guardados` are the files of each worker, one for each connection.
pub async fn mide(taller: &Taller<'_>, guardados: &[Vec<Guardado>]) -> Result<Medicion, Error> {
    let conexiones = u16::try_from(guardados.len()).unwrap_or(u16::MAX);
    let por_persona = LIMITE.div_ceil(guardados.len().max(1));
    let gente = &taller.sitio.gente;
    let mut desde = 0;
    taller
        .mide(OPERACION, conexiones, async |servidor, duracion| {
            let mut labores = Vec::new();
            for (suyos, autor) in guardados.iter().zip(&gente.trabajadores) {
                let turno = suyos.iter().cycle().skip(desde % suyos.len().max(1));
                labores.push(Bajada {
                    portador: gente.portador(autor)?,
                    por_bajar: turno.take(por_persona.min(suyos.len())).cloned().collect(),
                    bajados: Vec::new(),
                });
            }
            desde += por_persona;
            let todos = labores.iter().flat_map(|l| &l.por_bajar);
            directo::olvida(todos.map(|g| &g.ruta))?;
            let mut bajados = Vec::new();
            let todas = async {
                let (ronda, hechas) = labora(servidor.direccion, labores, duracion).await?;
                bajados.extend(hechas.into_iter().flat_map(|h| h.bajados));
                Ok(ronda)
            };
            let ronda = con_cpu(servidor, todas).await?;
            directo::olvida(bajados.iter().map(|g| &g.ruta))?;
            let rutas = bajados.into_iter().map(|g| g.ruta).collect();
            Ok((ronda, directo::lee(rutas, conexiones).await?))
        })
        .await
}

/// One worker's files.
struct Bajada {
    portador: String,
    /// Each once, so that none comes from memory.
    por_bajar: Vec<Guardado>,
    bajados: Vec<Guardado>,
}

impl Labor for Bajada {
    async fn hace(&mut self, conexion: &mut Conexion) -> Result<Option<Hecho>, Error> {
        let Some(guardado) = self.por_bajar.pop() else {
            return Ok(None);
        };
        let peticion = format!(
            "GET /multimedia/{} HTTP/1.1\r\nHost: sigra\r\nAuthorization: {}\r\n\r\n",
            guardado.id, self.portador
        );
        let inicio = Env::monotonic_now();
        let cuerpo = conexion.pide(peticion.as_bytes(), BIEN).await?;
        let latencia = inicio.elapsed();
        if !es(cuerpo, &guardado.archivo) {
            return Err(Error::Deshonesto("un archivo bajó distinto".into()));
        }
        let bytes = peticion.len() + conexion.recibidos();
        self.bajados.push(guardado);
        Ok(Some(Hecho { latencia, bytes }))
    }
}

/// By its length and the bytes that are its own.
fn es(cuerpo: &[u8], archivo: &Archivo) -> bool {
    cuerpo.len() == LARGO && cuerpo.ends_with(&archivo.cola)
}
