//! The command line. Its doc comments are the help that users read, so they are Spanish.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Parser, ValueEnum};

use crate::{Error, database::Engine};

/// Mide SIGRA por HTTP, al lado de la base de datos sola y del disco solo en la misma corrida.
#[derive(Debug, Parser)]
#[command(
    name = "sigra-bench",
    version,
    disable_help_flag = true,
    disable_version_flag = true
)]
pub struct Cli {
    /// Rondas de cada medición (3)
    #[arg(long, value_name = "N", default_value_t = 3, hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rondas: u32,

    /// Milisegundos de cada ronda de SIGRA; lo que va al lado toma otro tanto (1000)
    #[arg(long, value_name = "N", default_value_t = 1_000, hide_default_value = true, value_parser = clap::value_parser!(u64).range(50..=600_000))]
    pub milisegundos: u64,

    /// Reportes guardados antes de medir (20000)
    #[arg(long, value_name = "N", default_value_t = 20_000, hide_default_value = true, value_parser = clap::value_parser!(u32).range(2_000..))]
    pub filas: u32,

    /// Solo una clase de operación
    #[arg(long, value_enum, value_name = "CLASE")]
    solo: Option<Class>,

    /// Solo una base de datos
    #[arg(long, value_enum, value_name = "MOTOR")]
    pub motor: Option<Engine>,

    /// Carpeta de los resultados y, mientras mide, de los datos [por omisión: target/bench]
    #[arg(long, value_name = "CARPETA")]
    salida: Option<PathBuf>,

    /// Muestra esta ayuda
    #[arg(short = 'h', long = "help", visible_alias = "ayuda", action = ArgAction::Help)]
    ayuda: Option<bool>,

    /// Muestra la versión
    #[arg(short = 'V', long = "version", action = ArgAction::Version)]
    version: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Class {
    /// Reportes de a uno
    Crear,
    /// Lotes de 100
    Lotes,
    /// Un reporte, y una lista
    Leer,
    /// Páginas de cambios
    Cambios,
    /// Fotos que suben y bajan
    Archivos,
}

impl Cli {
    pub fn classes(&self) -> impl Iterator<Item = Class> + Clone {
        let only = self.solo;
        let all = Class::value_variants().iter().copied();
        all.filter(move |class| only.is_none_or(|only| only == *class))
    }

    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.milisegundos)
    }

    /// `target/bench` for a program in `target/release`: on the disk of the build, which is a real one
    /// where `/tmp` may be memory.
    pub fn output(&self) -> Result<PathBuf, Error> {
        if let Some(dir) = &self.salida {
            return Ok(std::path::absolute(dir)?);
        }
        let program = std::env::current_exe()?;
        let target = program.ancestors().nth(2);
        Ok(target
            .ok_or("el programa no está en una carpeta")?
            .join("bench"))
    }
}
