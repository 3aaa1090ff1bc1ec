//! `sigra audit recount`: whether the dashboard's figures are what the reports say.

use std::sync::Arc;

use sigra_store::conteos::{Distinta, Recuento};

use crate::{base, config::Config, error::ErrorComando, salida};

pub(crate) async fn recount(config: Config, corregir: bool) -> Result<(), ErrorComando> {
    let store = base::abre_existente(&config).await?;
    let plantilla = "Contando {wide_bar} {pos}/{len} reportes";
    let barra = salida::barra(plantilla, store.cuenta_reportes().await?);
    let avance = {
        let barra = barra.clone();
        Arc::new(move |n| barra.set_position(u64::try_from(n).unwrap_or_default()))
    };
    let recuento = if corregir {
        store.corrige_conteos(avance).await
    } else {
        store.recuenta(avance).await
    };
    barra.finish_and_clear();
    store.cerrar().await;
    let recuento = recuento.map_err(|e| ErrorComando::al("no se pudo contar", e))?;
    salida::escribe(&informe(&recuento, corregir))?;
    if recuento.distintas == 0 || corregir {
        return Ok(());
    }
    Err(ErrorComando::falla(
        "las cifras del tablero no son las de los reportes; corríjalas con \
         `sigra audit recount --corregir` y guarde lo que dice arriba: alguien escribió en la base sin \
         pasar por SIGRA"
            .to_owned(),
    ))
}

fn informe(r: &Recuento, corregir: bool) -> String {
    let mut texto = format!(
        "Reportes contados:   {}\nCifras comparadas:   {}\nCifras distintas:    {}\n",
        r.reportes, r.celdas, r.distintas
    );
    for d in &r.primeras {
        texto.push_str(&linea(d));
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

fn linea(d: &Distinta) -> String {
    format!(
        "{}, área {}, severidad {}, {} {}: dice {} y es {}.\n",
        d.periodo, d.area_id, d.severidad_id, d.que, d.valor, d.guardada, d.correcta
    )
}

#[cfg(test)]
mod tests {
    use sigra_store::conteos::{Distinta, Recuento};

    use super::informe;

    #[test]
    fn each_difference_is_one_line() {
        let mut r = Recuento {
            reportes: 7,
            celdas: 40,
            ..Recuento::default()
        };
        assert!(informe(&r, false).ends_with("son las de los reportes.\n"));
        r.distintas = 2;
        r.primeras = vec![Distinta {
            periodo: "2026-03".into(),
            que: "estado".into(),
            area_id: 1,
            severidad_id: 3,
            valor: 2,
            guardada: 5,
            correcta: 4,
        }];
        let texto = informe(&r, true);
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
