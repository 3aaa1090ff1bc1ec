//! `sigra demo`: a mine's shift on real data. Phones without signal write reports, come back over bad
//! links, edit and hear of decisions; in the end it proves that nothing was lost and nothing is there
//! twice.

mod args;
mod client;
mod dashboard;
mod decision;
mod dir;
mod error;
mod links;
mod mails;
mod pages;
mod personas;
mod phones;
mod photos;
mod plan;
mod records;
mod rng;
mod screen;
mod server;
mod signals;
mod summary;
mod team;
mod turno;
mod verify;

pub use args::Args;
pub use error::DemoError;
use screen::show;
use server::DemoServer;
use sigra_store::Env;

pub async fn run(args: Args) -> Result<(), DemoError> {
    let mut senal = signals::InterruptSignal::new()?;
    // Declared first, dropped last: the directory stays locked until the database is closed.
    let directorio = dir::RunDir::new(&args.datos)?;
    let listener = server::listen(args.listen)?;
    // Six digits are enough to differ and short enough to type again.
    let semilla = args
        .semilla
        .unwrap_or_else(|| Env::default().random_i64().unsigned_abs() % 1_000_000);
    let mut servidor = DemoServer::start(&directorio.ruta, listener).await?;
    show(&format!(
        "SIGRA demostración en {} · datos en {} · semilla {semilla}",
        servidor.base,
        args.datos.display()
    ));
    let resultado = tokio::select! {
        turno = turno::run_turno(&servidor, &directorio.ruta, &args, semilla) => match turno {
            Ok(turno) => show_result(turno, &servidor, &args),
            Err(e) => Err(e),
        },
        () = senal.recv() => Err(DemoError::Interrumpida),
    };
    let resultado = match resultado {
        Ok(AfterRun::Sigue) => tokio::select! {
            e = servidor.wait_until_down() => Err(e),
            () = senal.recv() => Ok(()),
        },
        Ok(AfterRun::Termina) => Ok(()),
        Err(e) => Err(e),
    };
    servidor.stop().await;
    resultado
}

/// Whether the server stays up.
enum AfterRun {
    Sigue,
    Termina,
}

fn show_result(
    turno: turno::Turno,
    servidor: &DemoServer,
    args: &Args,
) -> Result<AfterRun, DemoError> {
    show(&format!("\n{}\n", summary::render_result(&turno.resultado)));
    show(&format!("{}\n", dashboard::render(&turno.tablero)));
    show(&format!("{}\n", turno.correos));
    if !turno.hallazgos.is_empty() {
        return Err(DemoError::Fracaso(turno.hallazgos));
    }
    if args.salir || std::env::var_os("CI").is_some_and(|v| v == "true") {
        return Ok(AfterRun::Termina);
    }
    show(&summary::access_info(&servidor.base, &turno.equipo));
    show("\nEl servidor sigue abierto. Para detenerlo: Ctrl-C");
    Ok(AfterRun::Sigue)
}
