//! Two equal databases, one behind SIGRA and one bare: a round of one, a round of the other, and so
//! on, so that whatever else the machine does meets both.

use std::time::Duration;

use crate::{
    base::Bases,
    carga::{Esperado, Pedidos, ronda},
    cli::Plan,
    directa::Directa,
    error::Error,
    leer::con_cpu,
    medida::{Medicion, RondaDirecta, real},
    numero,
    pantalla::Etapa,
    proceso::Servidor,
    sitio::{Sitio, asienta},
    verifica,
};

/// Not counted in any figure, but its reports are.
const CALENTAMIENTO: Duration = Duration::from_millis(500);

/// What is sent to SIGRA, and how the bare database does the same.
pub struct Escritura<'a> {
    pub operacion: &'static str,
    pub conexiones: u32,
    /// Reports in a request that carries several; 0 when it is one report's.
    pub por_lote: u32,
    pub esperado: Esperado,
    /// Reports in one transaction of the bare database.
    pub por_transaccion: usize,
    pub pedidos: &'a dyn Fn() -> Result<Vec<Pedidos>, Error>,
}

pub struct Par {
    sitio: Sitio,
    url_directa: String,
    directa: Directa,
    /// Reports that each acknowledged.
    de_sigra: u64,
    directos: u64,
}

impl Par {
    /// Two fresh copies of a seeded database, which nobody may have open: neither side begins with
    /// more rows than the other.
    pub async fn nuevo(bases: &Bases, semilla: &Sitio) -> Result<Self, Error> {
        let motor = semilla.motor;
        let sitio = semilla.con_url(bases.copia(motor, &semilla.url).await?);
        let url_directa = bases.copia(motor, &semilla.url).await?;
        for url in [&sitio.url, &url_directa] {
            asienta(motor, url).await?;
        }
        let directa = Directa::abre(motor, &url_directa, &sitio.casos).await?;
        Ok(Self {
            sitio,
            url_directa,
            directa,
            de_sigra: 0,
            directos: 0,
        })
    }

    pub async fn mide(
        mut self,
        plan: &Plan,
        escritura: Escritura<'_>,
    ) -> Result<(Self, Medicion), Error> {
        let etapa = Etapa::nueva(self.titulo(&escritura), plan.rondas.into());
        let servidor = Servidor::arranca(&self.sitio.encargo).await?;
        let por_peticion = escritura.por_lote.max(1);
        let (mut rondas, mut directas) = (Vec::new(), Vec::new());
        for n in 0..=plan.rondas {
            let cuenta = n > 0;
            let duracion = if cuenta { plan.duracion } else { CALENTAMIENTO };
            let pedidos = (escritura.pedidos)()?;
            let suya = ronda(
                servidor.direccion,
                pedidos,
                escritura.esperado.clone(),
                duracion,
            );
            let mut suya = con_cpu(&servidor, suya).await?;
            suya.por_segundo = real(suya.peticiones) * f64::from(por_peticion) / suya.segundos;
            self.de_sigra += suya.peticiones * u64::from(por_peticion);
            let directa;
            (self, directa) = self.directa(duracion, escritura.por_transaccion).await?;
            if cuenta {
                rondas.push(suya);
                directas.push(directa);
                etapa.avanza();
            }
        }
        let memoria_kib = servidor.memoria_kib();
        servidor.para().await?;
        etapa.termina();
        let medicion = Medicion {
            motor: self.sitio.motor,
            operacion: escritura.operacion,
            conexiones: escritura.conexiones,
            por_lote: escritura.por_lote,
            rondas,
            directa: directas,
            memoria_kib,
        };
        Ok((self, medicion))
    }

    async fn directa(
        mut self,
        duracion: Duration,
        por_transaccion: usize,
    ) -> Result<(Self, RondaDirecta), Error> {
        let ronda;
        (self.directa, ronda) = self.directa.ronda(duracion, por_transaccion).await?;
        self.directos += ronda.hechos;
        Ok((self, ronda))
    }

    fn titulo(&self, e: &Escritura<'_>) -> String {
        let motor = self.sitio.motor.nombre();
        let conexiones = numero::conexiones(e.conexiones);
        if e.por_lote == 0 {
            format!("{motor}: {}, {conexiones}", e.operacion)
        } else {
            format!("{motor}: {} de {}, {conexiones}", e.operacion, e.por_lote)
        }
    }

    /// Both are held to their word, and go.
    pub async fn verifica(self, bases: &Bases, filas: u32) -> Result<(), Error> {
        drop(self.directa);
        verifica::sigra(&self.sitio, filas, self.de_sigra).await?;
        verifica::directa(self.sitio.motor, &self.url_directa, filas, self.directos).await?;
        for url in [&self.sitio.url, &self.url_directa] {
            bases.quita(self.sitio.motor, url).await?;
        }
        Ok(())
    }
}
