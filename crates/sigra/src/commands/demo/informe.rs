//! The results as tables.

use std::{fmt::Display, time::Duration};

use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_BORDERS_ONLY};
use reqwest::Url;

use super::{
    decision::Decididos,
    envio::Enviados,
    equipo::{Equipo, Miembro},
    revision::Revisados,
};

/// All that was counted.
pub(super) struct Resultado {
    pub(super) enviados: usize,
    pub(super) envio: Enviados,
    pub(super) decision: Decididos,
    pub(super) revision: Revisados,
    pub(super) peticiones: u64,
    pub(super) esperas: u64,
    /// Of sending the reports alone.
    pub(super) tiempo_envio: Duration,
    pub(super) tiempo_total: Duration,
}

pub(super) fn resultado(r: &Resultado) -> String {
    let mut tabla = Table::new();
    tabla.load_style(UTF8_BORDERS_ONLY);
    let mut fila = |nombre: &str, valor: &dyn Display, nota: &str| {
        let valor = Cell::new(valor).set_alignment(CellAlignment::Right);
        tabla.add_row([Cell::new(nombre), valor, Cell::new(nota)]);
    };
    fila(
        "Reportes enviados",
        &r.enviados,
        "por HTTP, cada uno con su uuid",
    );
    fila("Creados", &r.envio.creados, "201");
    fila(
        "Repetidos",
        &r.envio.repetidos,
        "respuesta perdida: 200 con el mismo id",
    );
    fila("Aprobados", &r.decision.aprobados, "");
    fila("Rechazados", &r.decision.rechazados, "");
    fila("Pendientes", &r.revision.pendientes, "");
    fila(
        "Decididos dos veces",
        &r.decision.repetidas,
        "la misma persona: 200 y nada cambia",
    );
    fila(
        "Conflictos",
        &r.decision.conflictos,
        "otra persona llegó tarde: 409",
    );
    fila(
        "Entradas de bitácora",
        &r.revision.entradas,
        &bitacora(r.revision.rotas),
    );
    fila(
        "Perdidos",
        &r.revision.perdidos,
        "uuid que no están en la base",
    );
    fila("Dobles", &r.revision.dobles, "filas de más");
    fila("Peticiones HTTP", &r.peticiones, &esperas(r.esperas));
    fila(
        "Segundos",
        &format!("{:.1}", r.tiempo_total.as_secs_f64()),
        "con la creación de usuarios",
    );
    fila(
        "Reportes por segundo",
        &por_segundo(r),
        "mientras se enviaban",
    );
    tabla.to_string()
}

fn bitacora(rotas: u64) -> String {
    match rotas {
        0 => "verificadas, todas las cadenas intactas".into(),
        n => format!("{n} cadenas ROTAS"),
    }
}

fn esperas(esperas: u64) -> String {
    match esperas {
        0 => String::new(),
        n => format!("{n} encontraron el servidor ocupado y se repitieron"),
    }
}

fn por_segundo(r: &Resultado) -> String {
    let segundos = r.tiempo_envio.as_secs_f64();
    if segundos <= 0.0 {
        return "–".into();
    }
    let todos = u32::try_from(r.envio.creados + r.envio.repetidos).unwrap_or(u32::MAX);
    format!("{:.0}", f64::from(todos) / segundos)
}

/// Where to look and who may.
pub(super) fn acceso(base: &Url, equipo: &Equipo) -> String {
    let mut tabla = Table::new();
    tabla.load_style(UTF8_BORDERS_ONLY);
    tabla.set_header(["Rol", "Nombre", "RUT", "Contraseña", "Áreas"]);
    let primero = std::iter::once(&equipo.administrador);
    for m in primero
        .chain(&equipo.supervisores)
        .chain(&equipo.trabajadores)
    {
        tabla.add_row([
            m.persona.rol.nombre().to_owned(),
            m.persona.nombre_completo(),
            m.persona.rut.formateado(),
            m.password.clone(),
            areas(equipo, m),
        ]);
    }
    format!(
        "Usuarios de la demostración (inventados):\n{tabla}\n\n\
         Documentación de la API:  {base}docs\n\
         Descripción OpenAPI:      {base}openapi.json\n\
         Estado del servidor:      {base}healthz"
    )
}

/// One a line: names of areas are long.
fn areas(equipo: &Equipo, m: &Miembro) -> String {
    let nombres = m.persona.areas.iter().filter_map(|id| equipo.areas.get(id));
    nombres.map(String::as_str).collect::<Vec<_>>().join("\n")
}
