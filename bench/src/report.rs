//! The results: a table for each database, a picture of it, and JSON with every round.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::Path,
    process::Command,
};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;
use serde_json::json;
use sigra_store::Env;

use crate::{
    Error, chart,
    database::{Durability, Engine},
    disk,
    measure::{Bench, Measurement},
};

/// A round's figures with their places in the table and their decimals.
const COLUMNS: [(&str, &str, usize); 11] = [
    ("cpu_sigra_us", "CPU µs\nSIGRA", 0),
    ("cpu_postgres_us", "CPU µs\nPostgreSQL", 0),
    ("log_bytes", "Log\nbytes", 0),
    ("red_bytes", "Red\nbytes", 0),
    ("por_segundo", "SIGRA\npor segundo", 0),
    ("base_1", "Base sola\n1 por tx", 0),
    ("base_100", "Base sola\n100 por tx", 0),
    ("base_1000", "Base sola\n1000 por tx", 0),
    ("disco", "Disco\nsolo", 0),
    ("p50_ms", "p50\nms", 1),
    ("p99_ms", "p99\nms", 1),
];
/// Those that are shown with their extremes.
const SPREAD: [&str; 5] = ["por_segundo", "base_1", "base_100", "base_1000", "disco"];

const NOTES: &str = "  · CPU, log y red: por reporte (crear, lotes), petición (ver, lista, cambios) o foto con su reporte.
    CPU es la del proceso sigra serve con todos sus trabajos (también las vistas de las fotos) y la de todos
    los procesos de PostgreSQL. Log son los bytes del WAL; red, los dos sentidos con cabeceras.
  · Mediana de las rondas, entre paréntesis la menor y la mayor; × es el número de conexiones, que esperan su
    respuesta antes de pedir otra. Las fotos van en MiB por segundo.
  · Base sola: las mismas filas en una conexión, sin HTTP ni reglas (en SQLite, sin claves foráneas ni
    disparadores). Disco solo: fdatasync de 4 KiB; con fotos, los mismos archivos escritos con fsync, o leídos.
  · Verificado: cada reporte confirmado está con su bitácora, que está íntegra.";

/// Where and on what it was measured, and what.
#[derive(Serialize)]
pub struct Results {
    pub fecha: String,
    commit: Option<String>,
    pub filas: u32,
    pub rondas: u32,
    milisegundos: u64,
    maquina: Machine,
    #[serde(rename = "mediciones")]
    pub measurements: Vec<Measurement>,
}

#[derive(Serialize)]
struct Machine {
    procesador: Option<String>,
    nucleos: usize,
    sistema: &'static str,
    sistema_de_archivos: Option<String>,
    sqlite: &'static str,
    postgres: Option<Durability>,
    compilacion: &'static str,
}

/// Median with extremes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub mediana: f64,
    pub min: f64,
    pub max: f64,
}

impl Results {
    /// Without measurements yet. Refuses a PostgreSQL that is not durable.
    pub async fn new(bench: &Bench<'_>, postgres: bool) -> Result<Self, Error> {
        let postgres = if postgres {
            Some(bench.databases.durability().await?)
        } else {
            None
        };
        let maquina = Machine {
            procesador: processor(),
            nucleos: std::thread::available_parallelism().map_or(1, usize::from),
            sistema: std::env::consts::OS,
            sistema_de_archivos: disk::file_system(&bench.output),
            sqlite: rusqlite::version(),
            postgres,
            compilacion: if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
        };
        Ok(Self {
            fecha: Env::default().now().to_string(),
            commit: commit(),
            filas: bench.cli.filas,
            rondas: bench.cli.rondas,
            milisegundos: bench.cli.milisegundos,
            maquina,
            measurements: vec![],
        })
    }

    pub fn of(&self, engine: Engine) -> Vec<&Measurement> {
        let all = self.measurements.iter();
        all.filter(|m| m.operation.engine == engine).collect()
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
}

impl Summary {
    /// `None` of nothing.
    pub fn new(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (min, max, middle) = (*values.first()?, *values.last()?, values.len() / 2);
        let mediana = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { mediana, min, max })
    }
}

/// Shows the tables, and leaves `resultados.json` and the pictures in `dir`.
pub fn publish(results: &Results, dir: &Path) -> Result<(), Error> {
    let mut text = String::new();
    let file = dir.join("resultados.json");
    let mut files = vec![file.display().to_string()];
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let measurements = results.of(engine);
        if measurements.is_empty() {
            continue;
        }
        let title = format!(
            "{}, desde {} reportes guardados",
            engine.name(),
            results.filas
        );
        writeln!(text, "\n{title}\n{}", table(&measurements))?;
        let file = dir.join(format!("{}.svg", engine.name().to_lowercase()));
        chart::draw(&file, results, engine)?;
        files.push(file.display().to_string());
    }
    let m = &results.maquina;
    writeln!(
        text,
        "{NOTES}\n  · {}, {} núcleos para servidor, carga y base; disco {}; {} rondas de {} ms; compilación {}.",
        m.procesador.as_deref().unwrap_or("Procesador desconocido"),
        m.nucleos,
        m.sistema_de_archivos.as_deref().unwrap_or("desconocido"),
        results.rondas,
        results.milisegundos,
        m.compilacion
    )?;
    let mut all = serde_json::to_value(results)?;
    for (i, measurement) in results.measurements.iter().enumerate() {
        let figures = COLUMNS
            .iter()
            .filter_map(|(name, ..)| Some((*name, measurement.summary(name)?)));
        let figures: std::collections::BTreeMap<_, _> = figures.collect();
        all["mediciones"][i]["resumen"] = json!(figures);
    }
    fs::write(&file, serde_json::to_string_pretty(&all)? + "\n")?;
    writeln!(io::stdout(), "{text}  · {}", files.join(", ")).ok();
    Ok(())
}

/// Columns that nothing fills are left out.
fn table(measurements: &[&Measurement]) -> Table {
    let filled =
        |(name, ..): &&(&str, &str, usize)| measurements.iter().any(|m| m.summary(name).is_some());
    let columns: Vec<_> = COLUMNS.iter().filter(filled).collect();
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(
        std::iter::once("Operación").chain(columns.iter().map(|(_, header, _)| *header)),
    );
    for measurement in measurements {
        let cells = columns.iter().map(|(name, _, decimals)| {
            let text = measurement
                .summary(name)
                .map(|s| cell(s, *decimals, SPREAD.contains(name)));
            Cell::new(text.unwrap_or_default()).set_alignment(CellAlignment::Right)
        });
        table.add_row(std::iter::once(Cell::new(&measurement.operation.name)).chain(cells));
    }
    table
}

fn cell(summary: Summary, decimals: usize, spread: bool) -> String {
    let Summary { mediana, min, max } = summary;
    let mut text = format!("{mediana:.decimals$}");
    if spread {
        text += &format!(" ({min:.decimals$}–{max:.decimals$})");
    }
    text
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// What was measured, when git knows.
fn commit() -> Option<String> {
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=40"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Summary, cell};

    #[test]
    fn medians_with_extremes() {
        let text = |values: &[f64]| Summary::new(values.iter().copied()).map(|s| cell(s, 1, true));
        assert_eq!(text(&[]), None);
        assert_eq!(text(&[3.0, 1.0, 9.0]).unwrap(), "3.0 (1.0–9.0)");
        assert_eq!(text(&[4.0, 1.0, 2.0, 9.0]).unwrap(), "3.0 (1.0–9.0)");
    }
}
