//! `sigra audit verify`: whether anybody altered the bitácora.

use sigra_store::{Hallazgo, Resumen};

use crate::{base, config::Config, error::ErrorComando, salida};

pub(crate) async fn verify(config: Config) -> Result<(), ErrorComando> {
    let store = base::abre_existente(&config).await?;
    let plantilla = "Verificando {wide_bar} {pos}/{len} reportes";
    let barra = salida::barra(plantilla, store.cuenta_reportes().await?);
    let resumen = store
        .verifica_bitacora(|hechos| barra.set_position(u64::try_from(hechos).unwrap_or_default()))
        .await;
    barra.finish_and_clear();
    store.cerrar().await;
    let resumen = resumen.map_err(|e| ErrorComando::al("la verificación no pudo terminar", e))?;
    salida::escribe(&informe(&resumen))?;
    match resumen.hallazgos.len() {
        0 => Ok(()),
        n => Err(ErrorComando::falla(format!(
            "la bitácora no está íntegra ({n} {}); no modifique la base de datos, guarde una copia de ella \
             y compárela con el último respaldo bueno",
            if n == 1 { "hallazgo" } else { "hallazgos" }
        ))),
    }
}

fn informe(resumen: &Resumen) -> String {
    let mut texto = format!(
        "Reportes verificados:              {}\n\
         Entradas de bitácora verificadas:  {}\n\
         Ajustes verificados:               {}\n",
        resumen.reportes, resumen.entradas, resumen.ajustes
    );
    for hallazgo in &resumen.hallazgos {
        texto.push_str(&linea(hallazgo));
        texto.push('\n');
    }
    if resumen.hallazgos.is_empty() {
        texto.push_str("La bitácora está íntegra.\n");
    }
    texto
}

fn linea(hallazgo: &Hallazgo) -> String {
    match hallazgo {
        Hallazgo::Reporte {
            id,
            uuid_cliente,
            rotura,
        } => {
            format!(
                "Reporte {id} ({uuid_cliente}), entrada {}: {}.",
                rotura.n,
                rotura.motivo.texto()
            )
        }
        Hallazgo::SinReporte { reporte_id, n } => {
            format!("Reporte {reporte_id}, entrada {n}: hay bitácora, pero el reporte ya no está.")
        }
        Hallazgo::Ajustes(rotura) => {
            format!(
                "Bitácora de ajustes, entrada {}: {}.",
                rotura.n,
                rotura.motivo.texto()
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use sigra_domain::bitacora::{Motivo, Rotura};
    use sigra_store::{Hallazgo, Resumen};

    use super::informe;

    #[test]
    fn each_finding_is_one_line_that_names_it() {
        let rotura = |n, motivo| Rotura { n, motivo };
        let mut resumen = Resumen {
            reportes: 3,
            entradas: 9,
            ajustes: 2,
            hallazgos: vec![],
        };
        assert!(informe(&resumen).ends_with("La bitácora está íntegra.\n"));
        resumen.hallazgos = vec![
            Hallazgo::Reporte {
                id: 7,
                uuid_cliente: "u-7".into(),
                rotura: rotura(2, Motivo::Hash),
            },
            Hallazgo::SinReporte {
                reporte_id: 8,
                n: 1,
            },
            Hallazgo::Ajustes(rotura(5, Motivo::Falta)),
        ];
        let texto = informe(&resumen);
        let lineas: Vec<&str> = texto.lines().skip(3).collect();
        assert_eq!(
            lineas,
            [
                "Reporte 7 (u-7), entrada 2: el hash no corresponde al texto de la entrada.",
                "Reporte 8, entrada 1: hay bitácora, pero el reporte ya no está.",
                "Bitácora de ajustes, entrada 5: falta esta entrada.",
            ]
        );
    }
}
