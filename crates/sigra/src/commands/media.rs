//! `sigra media`: whether the files are all there, and what nothing needs any more.

use std::fmt::Write as _;

use sigra_evidencia::{Barrido, Danado, Dano, Revision};

use crate::{archivos, base, config::Config, error::ErrorComando, salida};

/// Findings that are named one by one; the rest are counted.
const MAX_LINEAS: usize = 200;

pub(crate) async fn check(config: Config) -> Result<(), ErrorComando> {
    let store = base::abre_existente(&config).await?;
    let evidencia = archivos::abre(&config, store.clone())?;
    let plantilla = "Revisando {wide_bar} {binary_bytes}/{binary_total_bytes} ({eta})";
    let barra = salida::barra(plantilla, store.bytes_de_objetos().await?);
    let revision = evidencia.revisa(|bytes| barra.inc(bytes)).await;
    barra.finish_and_clear();
    let simulacro = evidencia.barre(true).await;
    store.cerrar().await;
    let no_termina = |e| ErrorComando::al("la revisión no pudo terminar", e);
    let (revision, simulacro) = (
        revision.map_err(no_termina)?,
        simulacro.map_err(no_termina)?,
    );
    salida::escribe(&informe(&revision, simulacro))?;
    match revision.danados.len() {
        0 => Ok(()),
        n => Err(ErrorComando::falla(format!(
            "hay archivos que faltan o están dañados ({n}); no borre nada y recupérelos del último respaldo \
             de la carpeta de archivos (archivos_dir) o de S3"
        ))),
    }
}

pub(crate) async fn sweep(config: Config, simulacro: bool) -> Result<(), ErrorComando> {
    let store = base::abre_existente(&config).await?;
    let evidencia = archivos::abre(&config, store.clone())?;
    let hecho = evidencia.barre(simulacro).await;
    store.cerrar().await;
    let hecho = hecho.map_err(|e| ErrorComando::al("el barrido no pudo terminar", e))?;
    salida::escribe(&barrido(hecho, simulacro))?;
    Ok(())
}

fn informe(r: &Revision, simulacro: Barrido) -> String {
    let mut texto = format!(
        "Archivos revisados:  {}\nMiB leídos:          {}\n",
        r.objetos,
        r.bytes / (1024 * 1024)
    );
    for danado in r.danados.iter().take(MAX_LINEAS) {
        texto.push_str(&linea(danado));
    }
    match r.danados.len().saturating_sub(MAX_LINEAS) {
        0 if r.danados.is_empty() => texto.push_str("Todos los archivos están, y enteros.\n"),
        0 => {}
        n => writeln!(texto, "… y {n} más.").unwrap_or_default(),
    }
    texto + &barrido(simulacro, true)
}

fn linea(d: &Danado) -> String {
    let que = match d.dano {
        Dano::SinObjeto => "un reporte lo tiene, pero no se sabe dónde está",
        Dano::Falta => "no está",
        Dano::Distinto => "está alterado: sus bytes no dan su hash",
        Dano::SinCopia => "está, pero falta su miniatura o su vista",
        Dano::Ilegible => "el almacén no lo entrega; revise que esté encendido y sus permisos",
    };
    format!("Archivo {}: {que}.\n", d.sha256)
}

fn barrido(b: Barrido, simulacro: bool) -> String {
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
    use sigra_evidencia::{Barrido, Danado, Dano, Revision};

    use super::informe;

    #[test]
    fn each_finding_is_one_line_that_names_it() {
        let mut r = Revision {
            objetos: 3,
            bytes: 5 * 1024 * 1024,
            danados: vec![],
        };
        let nada = Barrido::default();
        assert!(informe(&r, nada).contains("Todos los archivos están"));
        let todos = [
            Dano::SinObjeto,
            Dano::Falta,
            Dano::Distinto,
            Dano::SinCopia,
            Dano::Ilegible,
        ];
        r.danados = todos
            .iter()
            .cycle()
            .take(203)
            .map(|d| Danado {
                sha256: "ab".into(),
                dano: *d,
            })
            .collect();
        let texto = informe(&r, nada);
        assert_eq!(
            texto
                .lines()
                .filter(|l| l.starts_with("Archivo ab: "))
                .count(),
            200
        );
        assert!(texto.contains("… y 3 más."), "{texto}");
    }
}
