//! The command line. Its doc comments are the help that users read, so they are Spanish.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use sigra_domain::{Rol, Rut};

use crate::{commands, config};

/// The options of every command come after its own.
const LAST: usize = 1_000;

/// SIGRA: reportes de peligros en faenas mineras, también sin señal.
#[derive(Debug, Parser)]
#[command(name = "sigra", version, disable_help_subcommand = true)]
#[command(disable_help_flag = true, disable_version_flag = true)]
pub(crate) struct Cli {
    /// Archivo de configuración [por omisión: ./sigra.toml, o el de la carpeta de datos]
    #[arg(long, global = true, value_name = "ARCHIVO", display_order = LAST)]
    pub(crate) config: Option<PathBuf>,

    /// Muestra esta ayuda
    #[arg(short = 'h', long = "help", visible_alias = "ayuda", global = true)]
    #[arg(display_order = LAST, action = ArgAction::Help)]
    ayuda: Option<bool>,

    /// Muestra la versión
    #[arg(short = 'V', long = "version", display_order = LAST, action = ArgAction::Version)]
    version: Option<bool>,

    #[command(subcommand)]
    pub(crate) orden: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Inicia el servidor
    Serve,
    /// Crea la base de datos o la lleva a la versión de este programa
    Migrate,
    /// Crea y muestra usuarios, y restablece contraseñas
    #[command(subcommand)]
    User(UserCommand),
    /// Revisa que nadie haya alterado la bitácora ni las cifras del tablero
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Revisa los archivos de los reportes y quita lo que nadie necesita
    #[command(subcommand)]
    Media(MediaCommand),
    /// Administra las claves que firman las sesiones
    #[command(subcommand)]
    Claves(KeysCommand),
    /// Revisa y muestra la configuración
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Abre una demostración con accidentes reales y anónimos
    #[cfg(feature = "demo")]
    Demo(sigra_demo::Args),
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Crea un usuario y muestra su contraseña temporal
    Create(NewUsuario),
    /// Da una contraseña temporal a un usuario y cierra sus sesiones
    ResetPassword {
        /// RUT, como 12345678-5
        #[arg(value_name = "RUT", value_parser = config::rut)]
        rut: Rut,
    },
    /// Muestra todos los usuarios
    List,
}

#[derive(Debug, Args)]
pub(crate) struct NewUsuario {
    /// RUT, como 12345678-5
    #[arg(long, value_name = "RUT", value_parser = config::rut)]
    pub(crate) rut: Rut,
    /// Nombre
    #[arg(long, value_name = "NOMBRE", value_parser = commands::user::name)]
    pub(crate) nombre: String,
    /// Primer apellido
    #[arg(long = "apellido-1", value_name = "APELLIDO", value_parser = commands::user::name)]
    pub(crate) apellido_1: String,
    /// Segundo apellido
    #[arg(long = "apellido-2", value_name = "APELLIDO", value_parser = commands::user::name)]
    pub(crate) apellido_2: Option<String>,
    /// administrador, supervisor o trabajador
    #[arg(long, value_name = "ROL", value_parser = commands::user::parse_rol)]
    pub(crate) rol: Rol,
    /// Número de un área a cargo de un supervisor; se puede repetir
    #[arg(long = "area", value_name = "ID", value_delimiter = ',', value_parser = commands::user::area)]
    pub(crate) areas: Vec<i64>,
    /// Correo electrónico
    #[arg(long, value_name = "CORREO", value_parser = commands::user::email)]
    pub(crate) email: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Recalcula todas las cadenas de la bitácora y nombra cada entrada rota
    Verify,
    /// Cuenta de nuevo todos los reportes y compara con las cifras del tablero
    Recount {
        /// Deja las cifras como deben ser; con SQLite, detenga antes el servidor
        #[arg(long)]
        corregir: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum MediaCommand {
    /// Lee todos los archivos, dice cuáles faltan o están alterados y qué quitaría el barrido
    Check,
    /// Quita subidas abandonadas y archivos que ningún reporte tiene hace un día; el servidor lo hace cada hora
    Sweep {
        /// Solo dice qué quitaría
        #[arg(long)]
        simulacro: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Agrega una clave nueva, que firma desde el próximo inicio; las anteriores siguen valiendo
    Rotar,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Dice si la configuración es válida, o todo lo que hay que corregir
    Check,
    /// Muestra la configuración completa y de dónde viene cada valor
    Print,
}
