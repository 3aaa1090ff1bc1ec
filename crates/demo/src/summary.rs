//! The results as tables.

use std::{fmt::Display, time::Duration};

use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_BORDERS_ONLY};
use reqwest::Url;

use crate::{
    decision::DecisionCounts,
    phones::{PhoneCounts, StageCounts},
    team::{Team, TeamMember},
    verify::DatabaseCheck,
};

/// All that was counted.
pub(super) struct DemoResult {
    pub(super) escritos: usize,
    /// Delivering the reports, and later the edits.
    pub(super) ida: StageCounts,
    pub(super) vuelta: StageCounts,
    pub(super) decididos: DecisionCounts,
    pub(super) propios: PhoneCounts,
    pub(super) revisados: DatabaseCheck,
    /// Of the phone whose clock is three hours ahead.
    pub(super) adelanto_ms: i64,
    pub(super) tiempo_total: Duration,
}

pub(super) fn render_result(r: &DemoResult) -> String {
    let mut tabla = Table::new();
    tabla.load_style(UTF8_BORDERS_ONLY);
    let mut tabla = FigureTable(tabla);
    reportes(&mut tabla, r);
    decisiones(&mut tabla, r);
    photos(&mut tabla, r);
    links(&mut tabla, r);
    tabla.0.to_string()
}

/// A name, a figure and what it is of.
struct FigureTable(Table);

impl FigureTable {
    fn push_row(&mut self, nombre: &str, valor: &dyn Display, nota: &str) {
        let valor = Cell::new(valor).set_alignment(CellAlignment::Right);
        self.0.add_row([Cell::new(nombre), valor, Cell::new(nota)]);
    }
}

fn reportes(t: &mut FigureTable, r: &DemoResult) {
    let (hechos, ida, vuelta) = (&r.revisados.hechos, &r.ida, &r.vuelta);
    t.push_row(
        "Reportes escritos",
        &r.escritos,
        "sin señal, en 30 teléfonos o los que se pidan",
    );
    t.push_row(
        "Enviados",
        &(ida.enviados + vuelta.enviados),
        "con los que se enviaron otra vez",
    );
    t.push_row("Creados", &hechos.creados, "una fila por uuid");
    t.push_row(
        "Duplicados",
        &(ida.duplicados + vuelta.duplicados),
        "se perdió la respuesta: el mismo id otra vez",
    );
    t.push_row(
        "Actualizados",
        &hechos.actualizados,
        "nadie más los había cambiado",
    );
    t.push_row(
        "Fusionados",
        &hechos.fusionados,
        "dos personas, distintos campos",
    );
    t.push_row(
        "Conflictos",
        &hechos.conflictos,
        "ya estaban decididos; quedó lo del servidor",
    );
    t.push_row(
        "Rechazados",
        &r.propios.rechazados,
        "inválidos; sus dueños los ven",
    );
    t.push_row(
        "Perdidos",
        &r.revisados.perdidos,
        "escritos o confirmados, y no están",
    );
    t.push_row("Dobles", &r.revisados.dobles, "filas de más");
    t.push_row(
        "Probados por su teléfono",
        &r.propios.iguales,
        "contenido por contenido",
    );
}

fn decisiones(t: &mut FigureTable, r: &DemoResult) {
    let d = &r.decididos;
    t.push_row("Aprobados", &d.aprobados, "");
    t.push_row("Rechazados por supervisores", &d.rechazados, "");
    t.push_row("Pendientes", &r.revisados.pendientes, "");
    t.push_row(
        "Decididos tarde",
        &(d.repetidas + d.tarde),
        "otra vez o por otro: nada cambia",
    );
    t.push_row(
        "Atrasados",
        &r.propios.atrasados,
        "decisiones que no llegaron a su teléfono",
    );
    t.push_row(
        "Entradas de bitácora",
        &r.revisados.entradas,
        &bitacora(r.revisados.rotas),
    );
    t.push_row(
        "Reloj de un teléfono, s",
        &(r.adelanto_ms / 1000),
        "adelantado tres horas; medido",
    );
}

fn photos(t: &mut FigureTable, r: &DemoResult) {
    let (ida, vuelta) = (&r.ida, &r.vuelta);
    t.push_row(
        "Fotos enviadas",
        &(ida.fotos + vuelta.fotos),
        "comprobadas por su hash",
    );
    t.push_row(
        "KiB de fotos",
        &kib(ida.bytes_de_fotos + vuelta.bytes_de_fotos),
        "",
    );
    t.push_row(
        "Fotos reanudadas",
        &(ida.reanudadas + vuelta.reanudadas),
        "siguieron donde se cortó el enlace",
    );
    t.push_row(
        "Fotos perdidas",
        &r.propios.fotos_perdidas,
        "no llegaron, o no enteras",
    );
}

fn links(t: &mut FigureTable, r: &DemoResult) {
    let (ida, vuelta) = (&r.ida, &r.vuelta);
    let (de_ida, de_vuelta) = (ida.trafico, vuelta.trafico);
    let conexiones = de_ida.conexiones + de_vuelta.conexiones;
    let cortadas = de_ida.cortadas + de_vuelta.cortadas;
    t.push_row(
        "Conexiones",
        &conexiones,
        &format!("{cortadas} se cortaron en medio"),
    );
    t.push_row(
        "Peticiones de teléfonos",
        &(ida.peticiones + vuelta.peticiones),
        "",
    );
    t.push_row(
        "KiB subidos",
        &kib(de_ida.subidos + de_vuelta.subidos),
        "con cabeceras",
    );
    t.push_row(
        "KiB bajados",
        &kib(de_ida.bajados + de_vuelta.bajados),
        "con cabeceras",
    );
    t.push_row(
        "Segundos",
        &format!("{:.1}", r.tiempo_total.as_secs_f64()),
        "con la creación de usuarios",
    );
}

fn bitacora(rotas: u64) -> String {
    match rotas {
        0 => "verificadas, todas las cadenas intactas".into(),
        n => format!("{n} cadenas ROTAS"),
    }
}

fn kib(bytes: u64) -> u64 {
    bytes.div_ceil(1024)
}

/// Where to look and who may.
pub(super) fn access_info(base: &Url, equipo: &Team) -> String {
    let mut tabla = Table::new();
    tabla.load_style(UTF8_BORDERS_ONLY);
    tabla.set_header(["Rol", "Nombre", "RUT", "Contraseña", "Áreas"]);
    let primero = std::iter::once(&equipo.administrador);
    for m in primero
        .chain(&equipo.supervisores)
        .chain(&equipo.trabajadores)
    {
        tabla.add_row([
            m.persona.rol.name().to_owned(),
            m.persona.full_name(),
            m.persona.rut.formatted(),
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
fn areas(equipo: &Team, m: &TeamMember) -> String {
    let nombres = m.persona.areas.iter().filter_map(|id| equipo.areas.get(id));
    nombres.map(String::as_str).collect::<Vec<_>>().join("\n")
}
