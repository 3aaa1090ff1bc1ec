//! `sigra audit recount`: whether the dashboard's figures are what the reports say.

use std::sync::Arc;

use sigra_store::counters::{CountMismatch, Recount};

use crate::{config::Config, db, error::CommandError, output};

pub(crate) async fn recount(config: Config, corregir: bool) -> Result<(), CommandError> {
    let store = db::open_existing(&config).await?;
    let plantilla = "Contando {wide_bar} {pos}/{len} reportes";
    let barra = output::progress_bar(plantilla, store.count_reportes().await?);
    let avance = {
        let barra = barra.clone();
        Arc::new(move |n| barra.set_position(u64::try_from(n).unwrap_or_default()))
    };
    let recuento = if corregir {
        store.repair_counts(avance).await
    } else {
        store.recount(avance).await
    };
    barra.finish_and_clear();
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
    let mut texto = format!(
        "Reportes contados:   {}\nCifras comparadas:   {}\nCifras distintas:    {}\n",
        r.reportes, r.celdas, r.distintas
    );
    for d in &r.primeras {
        texto.push_str(&line(d));
    }
    if r.distintas > r.primeras.len() {
        texto.push_str("(solo las primeras)\n");
    }
    texto.push_str(match (r.distintas, corregir) {
        (0, _) => "Las cifras del tablero son las de los reportes.\n",
        (_, true) => "Las cifras quedaron corregidas.\n",
        (_, false) => "",
    });
    texto
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
        let texto = render_summary(&r, true);
        let lineas: Vec<&str> = texto.lines().skip(3).collect();
        assert_eq!(
            lineas,
            [
                "2026-03, área 1, severidad 3, estado 2: dice 5 y es 4.",
                "(solo las primeras)",
                "Las cifras quedaron corregidas.",
            ]
        );
    }
}
