//! `sigra demo`: a mine's shift on real data, over real HTTP, that ends by proving that nothing was
//! lost and nothing counted twice.

mod cliente;
mod dado;
mod datos;
mod decision;
mod directorio;
mod envio;
mod equipo;
mod error;
mod informe;
mod paginas;
mod pantalla;
mod personas;
mod plan;
mod revision;
mod senal;
mod servidor;
mod turno;

use std::{net::SocketAddr, path::PathBuf};

pub(crate) use error::ErrorDemo;
use pantalla::muestra;
use servidor::Servidor;

/// Muestra SIGRA con 425 accidentes reales: crea usuarios, envía y decide reportes, y comprueba que
/// nada se perdió
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Termina después de la tabla (también con CI=true) en vez de dejar el servidor abierto
    #[arg(long)]
    salir: bool,
    /// Directorio de la demostración; se crea de nuevo cada vez
    #[arg(long, value_name = "DIR", default_value = "./data-demo")]
    datos: PathBuf,
    /// Dirección y puerto; si el puerto está ocupado se usa otro
    #[arg(long, value_name = "DIRECCIÓN", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Cuántos reportes se envían
    #[arg(long, value_name = "N", default_value_t = datos::TOTAL,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(datos::TOTAL)))]
    reportes: u16,
    /// Cuántos trabajadores envían a la vez
    #[arg(long, value_name = "N", default_value_t = 20,
        value_parser = clap::value_parser!(u16).range(1..=200))]
    trabajadores: u16,
    /// Repite las decisiones del azar de otra demostración [por omisión: una nueva]
    #[arg(long, value_name = "N")]
    semilla: Option<u64>,
}

pub(crate) async fn ejecutar(args: Args) -> Result<(), ErrorDemo> {
    let mut senal = senal::Senal::nueva()?;
    // Declared first, dropped last: the directory stays locked until the database is closed.
    let directorio = directorio::Directorio::nuevo(&args.datos)?;
    let listener = servidor::escuchar(args.listen)?;
    let store = servidor::base_nueva(&directorio).await?;
    // Six digits are enough to differ and short enough to type again.
    let semilla = args
        .semilla
        .unwrap_or_else(|| store.entorno().azar_i64().unsigned_abs() % 1_000_000);
    let mut servidor = Servidor::iniciar(store, listener)?;
    muestra(&format!(
        "SIGRA demostración en {} · datos en {} · semilla {semilla}",
        servidor.base,
        args.datos.display()
    ));
    let resultado = tokio::select! {
        turno = turno::trabajar(&servidor, &args, semilla) => match turno {
            Ok(turno) => mostrar(turno, &servidor, &args),
            Err(e) => Err(e),
        },
        () = senal.llega() => Err(ErrorDemo::Interrumpida),
    };
    let resultado = match resultado {
        Ok(Despues::Sigue) => tokio::select! {
            e = servidor.hasta_que_caiga() => Err(e),
            () = senal.llega() => Ok(()),
        },
        Ok(Despues::Termina) => Ok(()),
        Err(e) => Err(e),
    };
    servidor.detener().await;
    resultado
}

/// Whether the server stays up.
enum Despues {
    Sigue,
    Termina,
}

fn mostrar(turno: turno::Turno, servidor: &Servidor, args: &Args) -> Result<Despues, ErrorDemo> {
    muestra(&format!("\n{}\n", informe::resultado(&turno.resultado)));
    if !turno.hallazgos.is_empty() {
        return Err(ErrorDemo::Fracaso(turno.hallazgos));
    }
    if args.salir || std::env::var_os("CI").is_some_and(|v| v == "true") {
        return Ok(Despues::Termina);
    }
    muestra(&informe::acceso(&servidor.base, &turno.equipo));
    muestra("\nEl servidor sigue abierto. Para detenerlo: Ctrl-C");
    Ok(Despues::Sigue)
}
