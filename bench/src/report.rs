//! The results: a table for each database, a picture of it, and JSON with every round.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    process::Command,
};

use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{Error, bench::Results, chart, cli::Cli, disk, run::Measurement};

/// A round's figures with their places in the table and their decimals.
const COLUMNS: [(&str, &str, usize); 11] = [
    ("cpu_sigra_us", "CPU µs\nSIGRA", 0),
    ("cpu_postgres_us", "CPU µs\nPostgreSQL", 0),
    ("log_bytes", "Log\nbytes", 0),
    ("red_bytes", "Red\nbytes", 0),
    ("por_segundo", "SIGRA\npor segundo", 0),
    ("base_1", "Base\n1 por tx", 0),
    ("base_100", "Base\n100 por tx", 0),
    ("base_1000", "Base\n1000 por tx", 0),
    ("disco", "Disco", 0),
    ("p50_ms", "p50\nms", 1),
    ("p99_ms", "p99\nms", 1),
];
/// It is shown with its extremes; JSON has those of all.
const SPREAD: &str = "por_segundo";

const NOTES: &str = "  · Mediana de las rondas, entre paréntesis la menor y la mayor. × es el número de conexiones; cada una
    espera su respuesta antes de pedir otra.
  · CPU, log y red: por reporte (crear, lotes), petición (ver, lista, cambios) o foto con su reporte. CPU es
    la del proceso sigra serve con todos sus trabajos (también las vistas de las fotos) y la de todos los
    procesos de PostgreSQL; log, los bytes del WAL; red, los dos sentidos con cabeceras.
  · Base: las mismas filas por segundo en una conexión, sin HTTP ni reglas (en SQLite, sin claves foráneas ni
    disparadores). Disco: fdatasync de 4 KiB por segundo.
  · Fotos en MiB por segundo; disco es entonces un hilo que escribe archivos iguales con fsync, o los lee.
  · Verificado: cada reporte confirmado está con su bitácora, que está íntegra.";

/// Median with extremes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub mediana: f64,
    pub min: f64,
    pub max: f64,
}

impl Summary {
    /// `None` of nothing.
    pub fn new(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (min, max, middle) = (*values.first()?, *values.last()?, values.len() / 2);
        let mediana = f64::midpoint(values[middle], values[(values.len() - 1) / 2]);
        Some(Self { mediana, min, max })
    }

    fn text(self, decimals: usize, spread: bool) -> String {
        let Self { mediana, min, max } = self;
        if spread {
            format!("{mediana:.decimals$} ({min:.decimals$}–{max:.decimals$})")
        } else {
            format!("{mediana:.decimals$}")
        }
    }
}

impl Measurement {
    /// `None` of what was not measured.
    pub fn summary(&self, figure: &str) -> Option<Summary> {
        Summary::new(
            self.rounds
                .iter()
                .filter_map(|round| round.get(figure).copied()),
        )
    }

    fn to_json(&self) -> Value {
        let figures = COLUMNS
            .iter()
            .filter_map(|(name, ..)| Some((*name, self.summary(name)?)));
        json!({
            "motor": self.engine,
            "operacion": self.name,
            "resumen": figures.collect::<BTreeMap<_, _>>(),
            "rondas": self.rounds,
        })
    }
}

/// Shows the tables, and leaves the pictures and all figures as JSON.
pub fn publish(results: &Results, cli: &Cli) -> Result<(), Error> {
    let dir = cli.output()?;
    let all = &results.measurements;
    let machine = json!({
        "procesador": processor(),
        "nucleos": std::thread::available_parallelism().map_or(1, usize::from),
        "sistema": std::env::consts::OS,
        "sistema_de_archivos": disk::file_system(&dir),
        "sqlite": rusqlite::version(),
        "postgres": results.postgres,
        "compilacion": if cfg!(debug_assertions) { "debug" } else { "release" },
    });
    let json = json!({
        "fecha": results.started,
        "commit": results.commit,
        "filas": cli.filas,
        "milisegundos": cli.milisegundos,
        "maquina": machine,
        "mediciones": all.iter().map(Measurement::to_json).collect::<Vec<_>>(),
    });
    let mut files = vec![dir.join("resultados.json")];
    fs::write(&files[0], serde_json::to_string_pretty(&json)? + "\n")?;
    let mut text = String::new();
    for of_one in all.chunk_by(|a, b| a.engine == b.engine) {
        let engine = of_one[0].engine.name();
        writeln!(
            text,
            "\n{engine}, desde {} reportes guardados\n{}",
            cli.filas,
            table(of_one)
        )?;
        let file = dir.join(format!("{}.svg", engine.to_lowercase()));
        if chart::draw(&file, of_one)? {
            files.push(file);
        }
    }
    let text_of = |name: &str| machine[name].to_string().replace('"', "");
    let [procesador, nucleos, disco, compilacion] = [
        "procesador",
        "nucleos",
        "sistema_de_archivos",
        "compilacion",
    ]
    .map(text_of);
    writeln!(
        text,
        "{NOTES}\n  · {} rondas de {} ms; {procesador} con {nucleos} núcleos para servidor, carga y base; \
         disco {disco}; compilación {compilacion}.",
        cli.rondas, cli.milisegundos
    )?;
    for file in files {
        writeln!(text, "  · {}", file.display())?;
    }
    // Nobody left to read it is no failure.
    write!(io::stdout(), "{text}").ok();
    Ok(())
}

/// Columns that nothing fills are left out.
fn table(measurements: &[Measurement]) -> Table {
    let mut columns = COLUMNS.to_vec();
    columns.retain(|(name, ..)| measurements.iter().any(|m| m.summary(name).is_some()));
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(
        std::iter::once("Operación").chain(columns.iter().map(|(_, header, _)| *header)),
    );
    for measurement in measurements {
        let cells = columns.iter().map(|(name, _, decimals)| {
            let summary = measurement.summary(name);
            let text = summary.map(|summary| summary.text(*decimals, *name == SPREAD));
            Cell::new(text.unwrap_or_default()).set_alignment(CellAlignment::Right)
        });
        table.add_row(std::iter::once(Cell::new(&measurement.name)).chain(cells));
    }
    table
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// What was measured, when git knows.
pub fn commit() -> Option<String> {
    let args = ["describe", "--always", "--dirty", "--abbrev=40"];
    let output = Command::new("git").args(args).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn medians_with_extremes() {
        let text = |values: &[f64]| Some(Summary::new(values.iter().copied())?.text(1, true));
        assert_eq!(text(&[]), None);
        assert_eq!(text(&[3.0, 1.0, 9.0]).unwrap(), "3.0 (1.0–9.0)");
        assert_eq!(text(&[4.0, 1.0, 2.0, 9.0]).unwrap(), "3.0 (1.0–9.0)");
    }
}
