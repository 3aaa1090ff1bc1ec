//! Uploads by tus: a creation and a PATCH with the whole file, after which its report has it.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sigra_store::Env;

use super::{
    LIMITE, Taller,
    anuncio::anuncia,
    directo,
    molde::{Archivo, LARGO, Molde},
};
use crate::{
    carga::{Hecho, Labor, labora},
    error::Error,
    http::Conexion,
    leer::con_cpu,
    medida::{Medicion, Ronda},
    proceso::Servidor,
};

pub const OPERACION: &str = "subir";
const CREADO: u16 = 201;
const SIN_CUERPO: u16 = 204;

/// What was acknowledged.
#[derive(Default)]
pub struct Subidos {
    /// The files of each worker.
    pub archivos: Vec<Vec<Archivo>>,
    /// Reports that name them, or files that were not sent for want of time.
    pub reportes: u64,
}

pub async fn mide(taller: &Taller<'_>, conexiones: u16) -> Result<(Medicion, Subidos), Error> {
    let mut subidos = Subidos::default();
    let medicion = taller
        .mide(OPERACION, conexiones, async |servidor, duracion| {
            let por_persona = LIMITE.div_ceil(conexiones.into());
            let ronda = sube(
                taller,
                servidor,
                (conexiones, por_persona),
                duracion,
                &mut subidos,
            );
            let ronda = ronda.await?;
            let (dir, molde) = (taller.carpeta()?, Arc::clone(&taller.molde));
            let directa = directo::escribe(dir, molde, ronda.peticiones, conexiones);
            Ok((ronda, directa.await?))
        })
        .await?;
    Ok((medicion, subidos))
}

/// As many workers send as many files each, or fewer if their time is over. They announce them
/// before that time begins.
pub async fn sube(
    taller: &Taller<'_>,
    servidor: &Servidor,
    (personas, por_persona): (u16, usize),
    duracion: Duration,
    subidos: &mut Subidos,
) -> Result<Ronda, Error> {
    let sitio = &taller.sitio;
    let mut labores = Vec::new();
    for (de, autor) in (0..usize::from(personas)).zip(&sitio.gente.trabajadores) {
        let portador = sitio.gente.portador(autor)?;
        let anunciados = anuncia(
            servidor,
            &portador,
            &sitio.casos,
            &taller.molde,
            por_persona,
        )
        .await?;
        subidos.reportes += anunciados.reportes;
        labores.push(Subida {
            de,
            portador,
            molde: Arc::clone(&taller.molde),
            por_subir: anunciados.archivos,
            subidos: Vec::new(),
        });
    }
    let todas = async {
        let (ronda, hechas) = labora(servidor.direccion, labores, duracion).await?;
        for mut hecha in hechas {
            if subidos.archivos.len() <= hecha.de {
                subidos.archivos.resize(hecha.de + 1, Vec::new());
            }
            subidos.archivos[hecha.de].append(&mut hecha.subidos);
        }
        Ok(ronda)
    };
    con_cpu(servidor, todas).await
}

/// One worker's files.
struct Subida {
    de: usize,
    portador: String,
    molde: Arc<Molde>,
    por_subir: Vec<Archivo>,
    subidos: Vec<Archivo>,
}

impl Labor for Subida {
    async fn hace(&mut self, conexion: &mut Conexion) -> Result<Option<Hecho>, Error> {
        let Some(archivo) = self.por_subir.pop() else {
            return Ok(None);
        };
        let creacion = self.creacion(&archivo);
        let inicio = Env::monotonic_now();
        conexion.pide(creacion.as_bytes(), CREADO).await?;
        let mut bytes = creacion.len() + conexion.recibidos();
        let lugar = conexion.cabecera("location");
        let lugar = lugar.ok_or(Error::Http("una subida no tiene dirección"))?;
        let cabeza = format!(
            "PATCH {lugar} HTTP/1.1\r\nHost: sigra\r\nAuthorization: {}\r\nTus-Resumable: 1.0.0\r\n\
             Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n\
             Content-Length: {LARGO}\r\n\r\n",
            self.portador
        );
        let [cuerpo, cola] = self.molde.partes(&archivo);
        let partes = [cabeza.as_bytes(), cuerpo, cola];
        conexion.pide_en_partes(partes, SIN_CUERPO).await?;
        let latencia = inicio.elapsed();
        bytes += cabeza.len() + LARGO + conexion.recibidos();
        // An upload that waits for its report says until when.
        let llego = conexion.cabecera("upload-offset") == Some(&LARGO.to_string());
        if !llego || conexion.cabecera("upload-expires").is_some() {
            return Err(Error::Deshonesto(
                "un archivo llegó y su reporte no lo tiene".into(),
            ));
        }
        self.subidos.push(archivo);
        Ok(Some(Hecho { latencia, bytes }))
    }
}

impl Subida {
    fn creacion(&self, archivo: &Archivo) -> String {
        let par = |(clave, valor)| format!("{clave} {}", STANDARD.encode::<&str>(valor));
        let metadatos = archivo.metadatos().map(par).join(",");
        format!(
            "POST /multimedia/tus HTTP/1.1\r\nHost: sigra\r\nAuthorization: {}\r\n\
             Tus-Resumable: 1.0.0\r\nUpload-Length: {LARGO}\r\nUpload-Metadata: {metadatos}\r\n\
             Content-Length: 0\r\n\r\n",
            self.portador
        )
    }
}
