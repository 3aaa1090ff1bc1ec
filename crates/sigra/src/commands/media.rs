//! `sigra media`: whether the files are all there, and what nothing needs any more.

use std::fmt::Write as _;

use sigra_files::{Damage, DamagedFile, IntegrityReport, SweepReport};

use crate::{config::Config, db, error::CommandError, output};

/// Findings that are named one by one; the rest are counted.
const MAX_LINES: usize = 200;

pub(crate) async fn check(config: Config) -> Result<(), CommandError> {
    let store = db::open_existing(&config).await?;
    let files = config.files().open(store.clone())?;
    let plantilla = "Revisando {wide_bar} {binary_bytes}/{binary_total_bytes} ({eta})";
    let bar = output::progress_bar(plantilla, store.total_blob_bytes().await?);
    let revision = files.check(|bytes| bar.inc(bytes)).await;
    bar.finish_and_clear();
    let simulacro = files.sweep(true).await;
    store.close().await;
    let no_termina = |e| CommandError::failed("la revisión no pudo terminar", e);
    let (revision, simulacro) = (
        revision.map_err(no_termina)?,
        simulacro.map_err(no_termina)?,
    );
    output::write(&render_summary(&revision, simulacro))?;
    match revision.danados.len() {
        0 => Ok(()),
        n => Err(CommandError::failure(format!(
            "hay archivos que faltan o están dañados ({n}); no borre nada y recupérelos del último respaldo \
             de la carpeta de archivos (archivos_dir) o de S3"
        ))),
    }
}

pub(crate) async fn sweep(config: Config, simulacro: bool) -> Result<(), CommandError> {
    let store = db::open_existing(&config).await?;
    let files = config.files().open(store.clone())?;
    let hecho = files.sweep(simulacro).await;
    store.close().await;
    let hecho = hecho.map_err(|e| CommandError::failed("el barrido no pudo terminar", e))?;
    output::write(&sweep_summary(hecho, simulacro))?;
    Ok(())
}

fn render_summary(r: &IntegrityReport, simulacro: SweepReport) -> String {
    let mut text = format!(
        "Archivos revisados:  {}\nMiB leídos:          {}\n",
        r.objetos,
        r.bytes / (1024 * 1024)
    );
    for danado in r.danados.iter().take(MAX_LINES) {
        text.push_str(&line(danado));
    }
    match r.danados.len().saturating_sub(MAX_LINES) {
        0 if r.danados.is_empty() => text.push_str("Todos los archivos están, y enteros.\n"),
        0 => {}
        n => writeln!(text, "… y {n} más.").unwrap_or_default(),
    }
    text + &sweep_summary(simulacro, true)
}

fn line(d: &DamagedFile) -> String {
    let que = match d.dano {
        Damage::SinObjeto => "un reporte lo tiene, pero no se sabe dónde está",
        Damage::Falta => "no está",
        Damage::Distinto => "está alterado: sus bytes no dan su hash",
        Damage::SinCopia => "está, pero falta su miniatura o su vista",
        Damage::Ilegible => "el almacén no lo entrega; revise que esté encendido y sus permisos",
    };
    format!("Archivo {}: {que}.\n", d.sha256)
}

fn sweep_summary(b: SweepReport, simulacro: bool) -> String {
    let titulo = if simulacro {
        "El barrido quitaría"
    } else {
        "El barrido quitó"
    };
    format!(
        "{titulo}: {} subidas abandonadas, {} archivos que ningún reporte tiene y {} restos.\n",
        b.subidas, b.objetos, b.restos
    )
}

#[cfg(test)]
mod tests {
    use sigra_files::{Damage, DamagedFile, IntegrityReport, SweepReport};

    use super::render_summary;

    #[test]
    fn each_finding_is_one_line_that_names_it() {
        let mut r = IntegrityReport {
            objetos: 3,
            bytes: 5 * 1024 * 1024,
            danados: vec![],
        };
        let nada = SweepReport::default();
        assert!(render_summary(&r, nada).contains("Todos los archivos están"));
        let todos = [
            Damage::SinObjeto,
            Damage::Falta,
            Damage::Distinto,
            Damage::SinCopia,
            Damage::Ilegible,
        ];
        r.danados = todos
            .iter()
            .cycle()
            .take(203)
            .map(|d| DamagedFile {
                sha256: "ab".into(),
                dano: *d,
            })
            .collect();
        let text = render_summary(&r, nada);
        assert_eq!(
            text.lines()
                .filter(|l| l.starts_with("Archivo ab: "))
                .count(),
            200
        );
        assert!(text.contains("… y 3 más."), "{text}");
    }
}
