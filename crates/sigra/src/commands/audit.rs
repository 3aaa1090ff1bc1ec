//! `sigra audit verify`: whether anybody altered the bitácora.

use sigra_store::{ChainFinding, VerifySummary};

use crate::{config::Config, db, error::CommandError, output};

pub(crate) async fn verify(config: Config) -> Result<(), CommandError> {
    let store = db::open_existing(&config).await?;
    let plantilla = "Verificando {wide_bar} {pos}/{len} reportes";
    let bar = output::progress_bar(plantilla, store.count_reportes().await?);
    let resumen = store
        .verify_bitacora(|hechos| bar.set_position(u64::try_from(hechos).unwrap_or_default()))
        .await;
    bar.finish_and_clear();
    store.close().await;
    let resumen =
        resumen.map_err(|e| CommandError::failed("la verificación no pudo terminar", e))?;
    output::write(&render_summary(&resumen))?;
    match resumen.hallazgos.len() {
        0 => Ok(()),
        n => Err(CommandError::failure(format!(
            "la bitácora no está íntegra ({n} {}); no modifique la base de datos, guarde una copia de ella \
             y compárela con el último respaldo bueno",
            if n == 1 { "hallazgo" } else { "hallazgos" }
        ))),
    }
}

fn render_summary(resumen: &VerifySummary) -> String {
    let mut text = format!(
        "Reportes verificados:              {}\n\
         Entradas de bitácora verificadas:  {}\n\
         Ajustes verificados:               {}\n",
        resumen.reportes, resumen.entradas, resumen.ajustes
    );
    for hallazgo in &resumen.hallazgos {
        text.push_str(&line(hallazgo));
        text.push('\n');
    }
    if resumen.hallazgos.is_empty() {
        text.push_str("La bitácora está íntegra.\n");
    }
    text
}

fn line(hallazgo: &ChainFinding) -> String {
    match hallazgo {
        ChainFinding::Reporte {
            id,
            uuid_cliente,
            rotura,
        } => {
            format!(
                "Reporte {id} ({uuid_cliente}), entrada {}: {}.",
                rotura.n,
                rotura.motivo.text()
            )
        }
        ChainFinding::SinReporte { reporte_id, n } => {
            format!("Reporte {reporte_id}, entrada {n}: hay bitácora, pero el reporte ya no está.")
        }
        ChainFinding::Ajustes(rotura) => {
            format!(
                "Bitácora de ajustes, entrada {}: {}.",
                rotura.n,
                rotura.motivo.text()
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use sigra_domain::bitacora::{BreakReason, ChainBreak};
    use sigra_store::{ChainFinding, VerifySummary};

    use super::render_summary;

    #[test]
    fn each_finding_is_one_line_that_names_it() {
        let rotura = |n, motivo| ChainBreak { n, motivo };
        let mut resumen = VerifySummary {
            reportes: 3,
            entradas: 9,
            ajustes: 2,
            hallazgos: vec![],
        };
        assert!(render_summary(&resumen).ends_with("La bitácora está íntegra.\n"));
        resumen.hallazgos = vec![
            ChainFinding::Reporte {
                id: 7,
                uuid_cliente: "u-7".into(),
                rotura: rotura(2, BreakReason::Hash),
            },
            ChainFinding::SinReporte {
                reporte_id: 8,
                n: 1,
            },
            ChainFinding::Ajustes(rotura(5, BreakReason::Falta)),
        ];
        let text = render_summary(&resumen);
        let lines: Vec<&str> = text.lines().skip(3).collect();
        assert_eq!(
            lines,
            [
                "Reporte 7 (u-7), entrada 2: el hash no corresponde al texto de la entrada.",
                "Reporte 8, entrada 1: hay bitácora, pero el reporte ya no está.",
                "Bitácora de ajustes, entrada 5: falta esta entrada.",
            ]
        );
    }
}
