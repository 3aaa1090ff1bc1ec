//! Help and mistakes of the command line in Spanish: clap's own words are English and can only be
//! replaced from outside.

use clap::{
    Arg, Command, CommandFactory as _, FromArgMatches as _,
    error::{ContextKind, ErrorKind},
};

use crate::{cli::Cli, error::CommandError, output};

/// Why there is no command to run.
#[derive(Debug)]
pub(crate) enum NoCommand {
    /// Help or version was asked for and has been printed.
    Mostrado,
    Error(CommandError),
}

/// The process's command line.
pub(crate) fn parse_args() -> Result<Cli, NoCommand> {
    command()
        .try_get_matches()
        .and_then(|m| Cli::from_arg_matches(&m))
        .map_err(|e| match e.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                match output::write(&e.render().to_string()) {
                    Ok(()) => NoCommand::Mostrado,
                    Err(e) => NoCommand::Error(e.into()),
                }
            }
            _ => NoCommand::Error(CommandError::config(vec![message(&e)])),
        })
}

fn command() -> Command {
    let mut comando = Cli::command();
    // Gives every subcommand its full name, which the usage line needs.
    comando.build();
    translate(comando)
}

/// The help page in Spanish, for this command and those below it.
fn translate(comando: Command) -> Command {
    let mut plantilla = "{about}\n\nUso: {usage}\n".to_owned();
    if comando.has_subcommands() {
        plantilla.push_str("\nÓrdenes:\n{subcommands}\n");
    }
    if comando.get_positionals().next().is_some() {
        plantilla.push_str("\nArgumentos:\n{positionals}\n");
    }
    plantilla.push_str("\nOpciones:\n{options}\n");
    let uso = comando.clone().render_usage().to_string();
    let uso = uso
        .trim_start_matches("Usage:")
        .trim()
        .replace("[OPTIONS]", "[OPCIONES]")
        .replace("<COMMAND>", "<ORDEN>");
    comando
        .override_usage(uso)
        .help_template(plantilla)
        .mut_args(translate_default)
        .mut_subcommands(translate)
}

/// clap would write `[default: …]` after the help of an option.
fn translate_default(opcion: Arg) -> Arg {
    // A flag's default is that it was not given.
    if !opcion.get_action().takes_values() {
        return opcion;
    }
    let values: Vec<_> = opcion
        .get_default_values()
        .iter()
        .map(|v| v.to_string_lossy())
        .collect();
    // A flag has a default too, which says nothing.
    let con_valor = !values.is_empty() && opcion.get_action().takes_values();
    let (true, Some(ayuda)) = (con_valor, opcion.get_help()) else {
        return opcion;
    };
    let ayuda = format!("{ayuda} [por omisión: {}]", values.join(", "));
    opcion.hide_default_value(true).help(ayuda)
}

/// One sentence about what is wrong with the command line.
fn message(e: &clap::Error) -> String {
    let dato = |k| e.get(k).map(ToString::to_string).unwrap_or_default();
    let argumento = dato(ContextKind::InvalidArg);
    let que = match e.kind() {
        ErrorKind::UnknownArgument => format!("no existe la opción {argumento}"),
        ErrorKind::InvalidSubcommand => {
            format!(
                "no existe la orden {}",
                dato(ContextKind::InvalidSubcommand)
            )
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "falta decir qué hacer".to_owned()
        }
        ErrorKind::MissingRequiredArgument => format!("falta {argumento}"),
        ErrorKind::ArgumentConflict => {
            format!(
                "{argumento} no va junto con {}",
                dato(ContextKind::PriorArg)
            )
        }
        // Our own parsers give the reason; clap gives none when the value is missing altogether.
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            match std::error::Error::source(e) {
                Some(razon) => return format!("{argumento}: {razon}"),
                None => format!("falta el valor de {argumento}"),
            }
        }
        _ => "hay un argumento de más o mal escrito".to_owned(),
    };
    format!("{que}; vea las órdenes y opciones con --help")
}

#[cfg(test)]
mod tests {
    use super::{command, message};

    #[test]
    fn help_is_spanish_all_the_way_down() {
        fn check(mut comando: clap::Command) {
            let ayuda = comando.render_long_help().to_string();
            for ingles in [
                "Usage", "Options", "Commands", "Print", "OPTIONS", "COMMAND", "aliases", "default",
            ] {
                assert!(!ayuda.contains(ingles), "{ingles}: {ayuda}");
            }
            assert!(ayuda.contains("Uso: sigra"), "{ayuda}");
            comando.get_subcommands().cloned().for_each(check);
        }
        check(command());
    }

    #[test]
    fn mistakes_are_told_in_spanish() {
        let base = [
            "user",
            "create",
            "--rut",
            "12345678-5",
            "--nombre",
            "A",
            "--apellido-1",
            "B",
        ];
        let con = |rest: &[&'static str]| [&base[..], rest].concat();
        for (args, esperado) in [
            (vec![], "falta decir qué hacer"),
            (vec!["server"], "no existe la orden server"),
            (vec!["user"], "falta decir qué hacer"),
            (
                vec!["serve", "--puerto", "1"],
                "no existe la opción --puerto",
            ),
            (vec!["serve", "1"], "no existe la opción 1"),
            (
                vec!["serve", "--config"],
                "falta el valor de --config <ARCHIVO>",
            ),
            (vec!["user", "reset-password"], "falta <RUT>"),
            (
                vec!["user", "reset-password", "12345678-4"],
                "<RUT>: el dígito verificador",
            ),
            (con(&[]), "falta --rol <ROL>"),
            (con(&["--rol", "jefe"]), "--rol <ROL>: «jefe» no es un rol"),
            (
                con(&["--rol", "supervisor", "--area", "norte"]),
                "--area <ID>: «norte» no es",
            ),
            (
                con(&["--rol", "trabajador", "--email", "rosa.cl"]),
                "--email <CORREO>: Escríbalo así: nombre@faena.cl.",
            ),
            (
                con(&["--rol", "trabajador", "--apellido-2", ""]),
                "--apellido-2 <APELLIDO>: ",
            ),
        ] {
            let args = ["sigra"].into_iter().chain(args);
            let text = message(&command().try_get_matches_from(args).unwrap_err());
            assert!(text.starts_with(esperado), "{text}");
        }
    }
}
