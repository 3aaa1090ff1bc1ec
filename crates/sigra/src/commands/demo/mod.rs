//! `sigra demo`: a mine's shift on real data. Phones without signal write reports, come back over bad
//! links, edit and hear of decisions; in the end it proves that nothing was lost and nothing is there
//! twice.

mod args;
mod cliente;
mod correos;
mod dado;
mod datos;
mod decision;
mod directorio;
mod enlaces;
mod equipo;
mod error;
mod fotos;
mod informe;
mod paginas;
mod pantalla;
mod personas;
mod plan;
mod revision;
mod senal;
mod servidor;
mod tablero;
mod telefonos;
mod turno;

pub(crate) use args::Args;
pub(crate) use error::ErrorDemo;
use pantalla::muestra;
use servidor::Servidor;

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
    let mut servidor = Servidor::iniciar(store, &args.datos, listener).await?;
    muestra(&format!(
        "SIGRA demostración en {} · datos en {} · semilla {semilla}",
        servidor.base,
        args.datos.display()
    ));
    let resultado = tokio::select! {
        turno = turno::trabajar(&servidor, &directorio.ruta, &args, semilla) => match turno {
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
    muestra(&format!("{}\n", tablero::tabla(&turno.tablero)));
    muestra(&format!("{}\n", turno.correos));
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
