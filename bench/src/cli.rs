//! The command line. Its doc comments are the help that users read, so they are Spanish.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::{base::Motor, error::Error, lotes};

/// Mide SIGRA por HTTP, contra la base de datos sola en la misma corrida.
#[derive(Debug, Parser)]
#[command(name = "sigra-bench", version, disable_help_subcommand = true)]
#[command(disable_help_flag = true, disable_version_flag = true)]
pub struct Cli {
    #[command(flatten)]
    pub medir: Argumentos,

    #[command(subcommand)]
    pub orden: Option<Orden>,

    /// Muestra esta ayuda
    #[arg(short = 'h', long = "help", visible_alias = "ayuda", action = ArgAction::Help)]
    ayuda: Option<bool>,

    /// Muestra la versión
    #[arg(short = 'V', long = "version", action = ArgAction::Version)]
    version: Option<bool>,
}

#[derive(Debug, Args)]
pub struct Argumentos {
    /// Corrida corta: menos rondas, más breves y con menos filas; sirve para probar, no para citar
    #[arg(long)]
    rapido: bool,

    /// Solo una base de datos
    #[arg(long, value_enum, value_name = "MOTOR")]
    solo: Option<Motor>,

    /// Solo una clase de operación
    #[arg(long, value_enum, value_name = "CLASE")]
    operacion: Option<Clase>,

    /// Reportes guardados antes de medir (100.000; con --rapido 5.000)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(5_000..))]
    filas: Option<u32>,

    /// Segundos de cada ronda (3; con --rapido 1)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=600))]
    segundos: Option<u64>,

    /// Rondas de cada medición (5; con --rapido 3)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rondas: Option<u32>,

    /// Solo lotes de tantos reportes (1, 10, 100 y 500)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=500))]
    lote: Option<u32>,

    /// Solo lotes de tantos teléfonos a la vez (1, 16 y 64)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    telefonos: Option<u32>,

    /// Carpeta de los resultados y, mientras mide, de la base SQLite (target/bench)
    #[arg(long, value_name = "CARPETA")]
    salida: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Clase {
    Leer,
    Crear,
    /// Lotes de sincronización
    Lotes,
    /// Páginas de cambios
    Cambios,
    /// Archivos que suben y bajan, y las vistas de las fotos
    Archivos,
}

#[derive(Debug, Subcommand)]
pub enum Orden {
    /// The server under test, in a process of its own so that its memory is its own.
    #[command(hide = true)]
    Servidor,
}

/// What will be measured.
#[derive(Clone, Debug)]
pub struct Plan {
    pub rapido: bool,
    pub motores: Vec<Motor>,
    clase: Option<Clase>,
    lote: Option<u32>,
    telefonos: Option<u32>,
    /// Somebody asked for this database alone, so its absence is an error.
    pub exigido: bool,
    pub filas: u32,
    pub duracion: Duration,
    pub rondas: u32,
    pub salida: PathBuf,
}

impl Argumentos {
    pub fn plan(self) -> Result<Plan, Error> {
        let (filas, segundos, rondas) = if self.rapido {
            (5_000, 1, 3)
        } else {
            (100_000, 3, 5)
        };
        Ok(Plan {
            rapido: self.rapido,
            motores: self
                .solo
                .map_or_else(|| vec![Motor::Sqlite, Motor::Postgres], |m| vec![m]),
            exigido: self.solo.is_some(),
            clase: self.operacion,
            lote: self.lote,
            telefonos: self.telefonos,
            filas: self.filas.unwrap_or(filas),
            duracion: Duration::from_secs(self.segundos.unwrap_or(segundos)),
            rondas: self.rondas.unwrap_or(rondas),
            salida: match self.salida {
                Some(dir) => dir,
                None => junto_al_programa()?,
            },
        })
    }
}

impl Plan {
    pub fn mide(&self, clase: Clase) -> bool {
        self.clase.is_none_or(|c| c == clase)
    }

    /// Reports in a batch.
    pub fn lotes(&self) -> Vec<u32> {
        self.lote.map_or(lotes::TAMANOS.to_vec(), |n| vec![n])
    }

    /// Phones that send batches at once.
    pub fn telefonos(&self) -> Vec<u32> {
        self.telefonos
            .map_or(lotes::TELEFONOS.to_vec(), |n| vec![n])
    }
}

/// `target/bench` for a program in `target/release`: on the disk of the build, which is a real one
/// where `/tmp` may be memory.
fn junto_al_programa() -> Result<PathBuf, Error> {
    let programa = std::env::current_exe()?;
    let target = programa
        .ancestors()
        .nth(2)
        .ok_or(Error::Interno("el programa no tiene carpeta"))?;
    Ok(target.join("bench"))
}
