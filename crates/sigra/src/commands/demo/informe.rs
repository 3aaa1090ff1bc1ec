//! The results as tables.

use std::{fmt::Display, time::Duration};

use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_BORDERS_ONLY};
use reqwest::Url;

use super::{
    decision::Decididos,
    equipo::{Equipo, Miembro},
    revision::Revisados,
    telefonos::{Labor, Propios},
};

/// All that was counted.
pub(super) struct Resultado {
    pub(super) escritos: usize,
    /// Delivering the reports, and later the edits.
    pub(super) ida: Labor,
    pub(super) vuelta: Labor,
    pub(super) decididos: Decididos,
    pub(super) propios: Propios,
    pub(super) revisados: Revisados,
    /// Of the phone whose clock is three hours ahead.
    pub(super) adelanto_ms: i64,
    pub(super) tiempo_total: Duration,
}

pub(super) fn resultado(r: &Resultado) -> String {
    let mut tabla = Table::new();
    tabla.load_style(UTF8_BORDERS_ONLY);
    let mut tabla = Filas(tabla);
    reportes(&mut tabla, r);
    decisiones(&mut tabla, r);
    fotos(&mut tabla, r);
    enlaces(&mut tabla, r);
    tabla.0.to_string()
}

/// A name, a figure and what it is of.
struct Filas(Table);

impl Filas {
    fn fila(&mut self, nombre: &str, valor: &dyn Display, nota: &str) {
        let valor = Cell::new(valor).set_alignment(CellAlignment::Right);
        self.0.add_row([Cell::new(nombre), valor, Cell::new(nota)]);
    }
}

fn reportes(t: &mut Filas, r: &Resultado) {
    let (hechos, ida, vuelta) = (&r.revisados.hechos, &r.ida, &r.vuelta);
    t.fila(
        "Reportes escritos",
        &r.escritos,
        "sin señal, en 30 teléfonos o los que se pidan",
    );
    t.fila(
        "Enviados",
        &(ida.enviados + vuelta.enviados),
        "con los que se enviaron otra vez",
    );
    t.fila("Creados", &hechos.creados, "una fila por uuid");
    t.fila(
        "Duplicados",
        &(ida.duplicados + vuelta.duplicados),
        "se perdió la respuesta: el mismo id otra vez",
    );
    t.fila(
        "Actualizados",
        &hechos.actualizados,
        "nadie más los había cambiado",
    );
    t.fila(
        "Fusionados",
        &hechos.fusionados,
        "dos personas, distintos campos",
    );
    t.fila(
        "Conflictos",
        &hechos.conflictos,
        "ya estaban decididos; quedó lo del servidor",
    );
    t.fila(
        "Rechazados",
        &r.propios.rechazados,
        "inválidos; sus dueños los ven",
    );
    t.fila(
        "Perdidos",
        &r.revisados.perdidos,
        "escritos o confirmados, y no están",
    );
    t.fila("Dobles", &r.revisados.dobles, "filas de más");
    t.fila(
        "Probados por su teléfono",
        &r.propios.iguales,
        "contenido por contenido",
    );
}

fn decisiones(t: &mut Filas, r: &Resultado) {
    let d = &r.decididos;
    t.fila("Aprobados", &d.aprobados, "");
    t.fila("Rechazados por supervisores", &d.rechazados, "");
    t.fila("Pendientes", &r.revisados.pendientes, "");
    t.fila(
        "Decididos tarde",
        &(d.repetidas + d.tarde),
        "otra vez o por otro: nada cambia",
    );
    t.fila(
        "Atrasados",
        &r.propios.atrasados,
        "decisiones que no llegaron a su teléfono",
    );
    t.fila(
        "Entradas de bitácora",
        &r.revisados.entradas,
        &bitacora(r.revisados.rotas),
    );
    t.fila(
        "Reloj de un teléfono, s",
        &(r.adelanto_ms / 1000),
        "adelantado tres horas; medido",
    );
}

fn fotos(t: &mut Filas, r: &Resultado) {
    let (ida, vuelta) = (&r.ida, &r.vuelta);
    t.fila(
        "Fotos enviadas",
        &(ida.fotos + vuelta.fotos),
        "comprobadas por su hash",
    );
    t.fila(
        "KiB de fotos",
        &kib(ida.bytes_de_fotos + vuelta.bytes_de_fotos),
        "",
    );
    t.fila(
        "Fotos reanudadas",
        &(ida.reanudadas + vuelta.reanudadas),
        "siguieron donde se cortó el enlace",
    );
    t.fila(
        "Fotos perdidas",
        &r.propios.fotos_perdidas,
        "no llegaron, o no enteras",
    );
}

fn enlaces(t: &mut Filas, r: &Resultado) {
    let (ida, vuelta) = (&r.ida, &r.vuelta);
    let (de_ida, de_vuelta) = (ida.trafico, vuelta.trafico);
    let conexiones = de_ida.conexiones + de_vuelta.conexiones;
    let cortadas = de_ida.cortadas + de_vuelta.cortadas;
    t.fila(
        "Conexiones",
        &conexiones,
        &format!("{cortadas} se cortaron en medio"),
    );
    t.fila(
        "Peticiones de teléfonos",
        &(ida.peticiones + vuelta.peticiones),
        "",
    );
    t.fila(
        "KiB subidos",
        &kib(de_ida.subidos + de_vuelta.subidos),
        "con cabeceras",
    );
    t.fila(
        "KiB bajados",
        &kib(de_ida.bajados + de_vuelta.bajados),
        "con cabeceras",
    );
    t.fila(
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
