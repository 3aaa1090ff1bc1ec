//! `sigra audit recount`: whether the dashboard's figures are what the reports say.

use std::sync::Arc;

use sigra_store::counters::{CountMismatch, Recount};

use crate::{config::Config, db, error::CommandError, output};

pub(crate) async fn recount(config: Config, corregir: bool) -> Result<(), CommandError> {
    let store = db::open_existing(&config).await?;
    let plantilla = "Contando {wide_bar} {pos}/{len} reportes";
    let bar = output::progress_bar(plantilla, store.count_reportes().await?);
    let avance = {
        let bar = bar.clone();
        Arc::new(move |n| bar.set_position(u64::try_from(n).unwrap_or_default()))
    };
    let recuento = if corregir {
        store.repair_counts(avance).await
    } else {
        store.recount(avance).await
    };
    bar.finish_and_clear();
    store.close().await;
    let recuento = recuento.map_err(|e| CommandError::failed("no se pudo contar", e))?;
    output::write(&render_summary(&recuento, corregir))?;
    if recuento.distintas == 0 || corregir {
        return Ok(());
    }
    Err(CommandError::failure(
        "las cifras del tablero no son las de los reportes; corríjalas con \
         `sigra audit recount --corregir` y guarde lo que dice arriba: alguien escribió en la base sin \
         pasar por SIGRA"
            .to_owned(),
    ))
}

fn render_summary(r: &Recount, corregir: bool) -> String {
    let mut text = format!(
        "Reportes contados:   {}\nCifras comparadas:   {}\nCifras distintas:    {}\n",
        r.reportes, r.celdas, r.distintas
    );
    for d in &r.primeras {
        text.push_str(&line(d));
    }
    if r.distintas > r.primeras.len() {
        text.push_str("(solo las primeras)\n");
    }
    text.push_str(match (r.distintas, corregir) {
        (0, _) => "Las cifras del tablero son las de los reportes.\n",
        (_, true) => "Las cifras quedaron corregidas.\n",
        (_, false) => "",
    });
    text
}

fn line(d: &CountMismatch) -> String {
    format!(
        "{}, área {}, severidad {}, {} {}: dice {} y es {}.\n",
        d.periodo, d.area_id, d.severidad_id, d.que, d.valor, d.guardada, d.correcta
    )
}

#[cfg(test)]
mod tests {
    use sigra_store::counters::{CountMismatch, Recount};

    use super::render_summary;

    #[test]
    fn each_difference_is_one_line() {
        let mut r = Recount {
            reportes: 7,
            celdas: 40,
            ..Recount::default()
        };
        assert!(render_summary(&r, false).ends_with("son las de los reportes.\n"));
        r.distintas = 2;
        r.primeras = vec![CountMismatch {
            periodo: "2026-03".into(),
            que: "estado".into(),
            area_id: 1,
            severidad_id: 3,
            valor: 2,
            guardada: 5,
            correcta: 4,
        }];
        let text = render_summary(&r, true);
        let lines: Vec<&str> = text.lines().skip(3).collect();
        assert_eq!(
            lines,
            [
                "2026-03, área 1, severidad 3, estado 2: dice 5 y es 4.",
                "(solo las primeras)",
                "Las cifras quedaron corregidas.",
            ]
        );
    }
}
