//! The picture: a bar per median, a whisker from the slowest round to the fastest. Drawn by hand,
//! because a few rectangles are no reason for a plotting library.

use std::fmt::Write as _;

use crate::{
    archivos::{bajar, subir, vistas},
    base::Motor,
    crear, lotes,
    medida::{Medicion, Resumen},
    medir::Resultados,
    numero::{conexiones, numero},
};

const ANCHO: f64 = 920.0;
const ETIQUETAS: f64 = 250.0;
/// The longest bar; to its right stands its figure.
const BARRAS: f64 = 500.0;
const FILA: f64 = 24.0;
const SIGRA: &str = "#b45309";
const DIRECTO: &str = "#94a3b8";

struct Barra {
    etiqueta: String,
    color: &'static str,
    valor: Resumen,
    nota: String,
}

pub fn svg(r: &Resultados) -> String {
    let mut l = Lienzo {
        cuerpo: String::new(),
        y: 30.0,
    };
    l.texto(16.0, 18, "600", "SIGRA: peticiones por segundo");
    l.y += 20.0;
    let detalle = format!(
        "{} · {} reportes guardados · mediana de {} rondas, con la menor y la mayor{}",
        r.fecha.get(..10).unwrap_or_default(),
        numero(r.filas.into(), 0),
        r.rondas,
        if r.rapido { " · corrida rápida" } else { "" }
    );
    l.texto(16.0, 12, "400", &detalle);
    for motor in [Motor::Sqlite, Motor::Postgres] {
        let aparte = [
            crear::OPERACION,
            lotes::OPERACION,
            subir::OPERACION,
            bajar::OPERACION,
            vistas::OPERACION,
        ];
        let de = |operacion: &'static str| {
            let suyas = move |m: &&Medicion| m.motor == motor && m.operacion == operacion;
            r.mediciones.iter().filter(suyas)
        };
        let nombre = motor.nombre();
        let crear: Vec<Barra> = de(crear::OPERACION).flat_map(par).collect();
        l.seccion(&format!("{nombre}: crear reportes"), &crear);
        let lotes: Vec<Barra> = de(lotes::OPERACION).flat_map(par).collect();
        l.seccion(&format!("{nombre}: reportes en lotes"), &lotes);
        let leidas = r.mediciones.iter().filter(|m| m.motor == motor);
        let leidas = leidas.filter(|m| !aparte.contains(&m.operacion));
        let leer: Vec<Barra> = leidas.filter_map(sola).collect();
        l.seccion(&format!("{nombre}: leer"), &leer);
        for operacion in [subir::OPERACION, bajar::OPERACION] {
            let archivos: Vec<Barra> = de(operacion).flat_map(par).collect();
            l.seccion(
                &format!("{nombre}: {operacion} archivos, MiB por segundo"),
                &archivos,
            );
        }
        let fotos: Vec<Barra> = de(vistas::OPERACION).filter_map(sola).collect();
        l.seccion(
            &format!("{nombre}: vistas de fotos de 12 megapíxeles por segundo"),
            &fotos,
        );
    }
    let alto = l.y + 16.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {ANCHO} {alto}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\">\n<title>SIGRA: peticiones por segundo</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
        l.cuerpo
    )
}

/// SIGRA and the bare database, or the bare disk.
fn par(m: &Medicion) -> Vec<Barra> {
    let contra = match m.operacion {
        subir::OPERACION | bajar::OPERACION => "disco",
        _ => "directo",
    };
    let nota = m
        .razon()
        .map(|r| format!("{} × {contra}", numero(r.mediana, 2)))
        .unwrap_or_default();
    let quien = if m.por_lote > 0 {
        format!("SIGRA, lotes de {} × {}", m.por_lote, m.conexiones)
    } else {
        format!("SIGRA, {}", conexiones(m.conexiones))
    };
    let sigra = m.por_segundo().map(|valor| Barra {
        etiqueta: quien,
        color: SIGRA,
        valor,
        nota,
    });
    let directo = m.directa_por_segundo().map(|valor| Barra {
        etiqueta: contra.into(),
        color: DIRECTO,
        valor,
        nota: String::new(),
    });
    sigra.into_iter().chain(directo).collect()
}

fn sola(m: &Medicion) -> Option<Barra> {
    let etiqueta = match m.conexiones {
        0 => m.operacion.to_owned(),
        n => format!("{}, {}", m.operacion, conexiones(n)),
    };
    Some(Barra {
        etiqueta,
        color: SIGRA,
        valor: m.por_segundo()?,
        nota: String::new(),
    })
}

struct Lienzo {
    cuerpo: String,
    /// Where the next line goes.
    y: f64,
}

impl Lienzo {
    fn seccion(&mut self, titulo: &str, barras: &[Barra]) {
        let Some(maximo) = barras.iter().map(|b| b.valor.max).max_by(f64::total_cmp) else {
            return;
        };
        self.y += 34.0;
        self.texto(16.0, 14, "600", titulo);
        self.y += 10.0;
        for barra in barras {
            self.barra(barra, BARRAS / maximo.max(1.0));
        }
    }

    fn barra(&mut self, b: &Barra, por_unidad: f64) {
        let Resumen { mediana, min, max } = b.valor;
        let [ancho, desde, hasta] = [mediana, min, max].map(|v| v * por_unidad);
        let [desde, hasta] = [desde, hasta].map(|x| ETIQUETAS + x);
        let (arriba, medio) = (self.y + 3.0, self.y + FILA / 2.0);
        // Writing to memory does not fail.
        writeln!(
            self.cuerpo,
            "<rect x=\"{ETIQUETAS}\" y=\"{arriba:.1}\" width=\"{ancho:.1}\" height=\"{:.1}\" fill=\"{}\"/>\n\
             <path d=\"M{desde:.1} {medio:.1}H{hasta:.1}M{desde:.1} {:.1}v8M{hasta:.1} {:.1}v8\" \
             stroke=\"#1e293b\" fill=\"none\"/>",
            FILA - 6.0,
            b.color,
            medio - 4.0,
            medio - 4.0
        )
        .ok();
        self.y = medio + 4.0;
        self.texto(16.0, 12, "400", &b.etiqueta);
        let mut cifra = numero(mediana, u8::from(mediana < 10.0).into());
        if !b.nota.is_empty() {
            write!(cifra, " ({})", b.nota).ok();
        }
        self.texto(hasta + 8.0, 12, "400", &cifra);
        self.y = medio + FILA / 2.0;
    }

    fn texto(&mut self, x: f64, tamano: u8, peso: &str, texto: &str) {
        let texto = texto.replace('&', "&amp;").replace('<', "&lt;");
        writeln!(
            self.cuerpo,
            "<text x=\"{x:.1}\" y=\"{:.1}\" font-size=\"{tamano}\" font-weight=\"{peso}\" \
             fill=\"#1e293b\">{texto}</text>",
            self.y
        )
        .ok();
    }
}
