//! What the person who starts the demo may choose. The doc comments are the help they read.

use std::{net::SocketAddr, path::PathBuf};

use crate::records::TOTAL;

/// More workers would only wait for each other to get their passwords.
const MAX_TRABAJADORES: u16 = 200;

/// Muestra un turno con 425 accidentes reales: teléfonos sin señal que vuelven por un mal enlace,
/// decisiones que llegan a ellos, y la comprobación de que nada se perdió
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Termina después de la tabla (también con CI=true) en vez de dejar el servidor abierto
    #[arg(long)]
    pub(super) salir: bool,
    /// Directorio de la demostración; se crea de nuevo cada vez
    #[arg(long, value_name = "DIR", default_value = "./data-demo")]
    pub(super) datos: PathBuf,
    /// Dirección y puerto; si el puerto está ocupado se usa otro
    #[arg(long, value_name = "DIRECCIÓN", default_value = "127.0.0.1:8000", value_parser = parse_address)]
    pub(super) listen: SocketAddr,
    /// Cuántos reportes se escriben
    #[arg(long, value_name = "N", default_value_t = TOTAL, value_parser = up_to::<TOTAL>)]
    pub(super) reportes: u16,
    /// Cuántos trabajadores hay, cada uno con su teléfono
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = up_to::<MAX_TRABAJADORES>)]
    pub(super) trabajadores: u16,
    /// Repite las decisiones del azar de otra demostración [por omisión: una nueva]
    #[arg(long, value_name = "N", value_parser = parse_seed)]
    pub(super) semilla: Option<u64>,
}

// The parsers of the standard library explain themselves in English.

fn up_to<const MAX: u16>(texto: &str) -> Result<u16, String> {
    let n = texto.parse().ok().filter(|n| (1..=MAX).contains(n));
    n.ok_or_else(|| format!("debe ser un número de 1 a {MAX}"))
}

fn parse_address(texto: &str) -> Result<SocketAddr, &'static str> {
    texto
        .parse()
        .map_err(|_| "debe ser una dirección IP y un puerto, como 127.0.0.1:8000")
}

fn parse_seed(texto: &str) -> Result<u64, &'static str> {
    texto
        .parse()
        .map_err(|_| "debe ser un número entero, como 7")
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::{Args, parse_address, parse_seed, up_to};

    #[test]
    fn the_command_line_is_sound() {
        Args::augment_args(clap::Command::new("demo")).debug_assert();
    }

    #[test]
    fn what_may_be_chosen() {
        assert_eq!((up_to::<425>("1"), up_to::<425>("425")), (Ok(1), Ok(425)));
        for malo in ["0", "426", "-1", "70000", "veinte", ""] {
            assert!(up_to::<425>(malo).is_err(), "{malo}");
        }
        assert!(parse_address("[::1]:80").is_ok());
        assert!(parse_address("localhost").is_err());
        assert!(parse_seed("-7").is_err());
    }
}
