//! What people are told of changes, who, and in what words.

use serde::{Deserialize, Serialize};

use crate::{
    Evento, Language, Rut,
    bitacora::Accion,
    reporte::{AccionCorrectiva, EstadoDeAccion},
};

/// What somebody is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aviso {
    /// There is a new report to decide.
    Creado,
    /// A report came into an area from another.
    Trasladado,
    /// A report came into a final state.
    Decidido,
    /// A report came into a state that is not final.
    CambioDeEstado,
    /// What a phone sent waits for its author's choice.
    Conflicto,
    /// Somebody said something of a report.
    Comentario,
    /// Nobody who may decide it has opened an urgent report.
    SinAbrir,
    /// Files that a report announced have not come.
    SinArchivos,
    /// A phone has not been heard of.
    Silencioso,
    /// They are to do something against a danger, or to do it again.
    AccionPedida,
    /// What they asked for was done: somebody must verify it.
    AccionHecha,
    AccionVerificada,
    /// Its last day is over, and it is not done.
    AccionVencida,
}

impl Aviso {
    pub const ALL: [Self; 13] = [
        Self::Creado,
        Self::Trasladado,
        Self::Decidido,
        Self::CambioDeEstado,
        Self::Conflicto,
        Self::Comentario,
        Self::SinAbrir,
        Self::SinArchivos,
        Self::Silencioso,
        Self::AccionPedida,
        Self::AccionHecha,
        Self::AccionVerificada,
        Self::AccionVencida,
    ];

    /// As clients know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Creado => Evento::ReporteCreado.name(),
            Self::Trasladado => "reporte.trasladado",
            Self::Decidido => Evento::ReporteDecidido.name(),
            Self::CambioDeEstado => Evento::ReporteCambiado.name(),
            Self::Conflicto => Evento::ConflictoCreado.name(),
            Self::Comentario => "reporte.comentado",
            Self::SinAbrir => "reporte.sin_abrir",
            Self::SinArchivos => "reporte.sin_archivos",
            Self::Silencioso => Evento::DispositivoSilencioso.name(),
            Self::AccionPedida => "accion.pedida",
            Self::AccionHecha => "accion.hecha",
            Self::AccionVerificada => "accion.verificada",
            Self::AccionVencida => "accion.vencida",
        }
    }

    pub fn from_name(nombre: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == nombre)
    }
}

/// A change of a report, as far as somebody may have to be told of it.
#[derive(Clone, Copy, Debug)]
pub struct ReporteEvent<'a> {
    pub accion: Accion,
    /// Of a change of state: whether the new one is final.
    pub decidido: bool,
    pub cambio_de_area: bool,
    /// Whether it still waits for a decision in the area that it was in then.
    pub espera: bool,
    pub autor: Rut,
    /// Who did it.
    pub actor: Rut,
    /// The corrective action that it is about, as it is now.
    pub medida: Option<&'a AccionCorrectiva>,
}

/// Who is told what of it. Those who decide are told of what is new to their area and waits for them: its
/// supervisores, or the administradores where it has no other; the author is told of what others did with the report. Nobody
/// is told of what they did themselves.
pub fn avisos(
    s: &ReporteEvent<'_>,
    supervisores: &[Rut],
    administradores: &[Rut],
) -> Vec<(Rut, Aviso)> {
    let es_nuevo = s.accion == Accion::Crear;
    // One who reports in their own area alone is not the only one who should know.
    let nadie_mas = supervisores.iter().all(|rut| es_nuevo && *rut == s.actor);
    let deciden = if nadie_mas {
        administradores
    } else {
        supervisores
    };
    let mut todos: Vec<(Rut, Aviso)> = vec![];
    if s.espera && (es_nuevo || s.cambio_de_area) {
        let aviso = if es_nuevo {
            Aviso::Creado
        } else {
            Aviso::Trasladado
        };
        todos.extend(deciden.iter().map(|rut| (*rut, aviso)));
    }
    match s.accion {
        Accion::CambiarEstado if s.decidido => todos.push((s.autor, Aviso::Decidido)),
        Accion::CambiarEstado => todos.push((s.autor, Aviso::CambioDeEstado)),
        // What the author says is for those who decide.
        Accion::Comentar if s.actor == s.autor => {
            todos.extend(deciden.iter().map(|rut| (*rut, Aviso::Comentario)));
        }
        Accion::Comentar => todos.push((s.autor, Aviso::Comentario)),
        _ => {}
    }
    if let Some(m) = s.medida {
        todos.push(match m.estado {
            EstadoDeAccion::Abierta => (m.responsable, Aviso::AccionPedida),
            EstadoDeAccion::Hecha => (m.creada_por, Aviso::AccionHecha),
            EstadoDeAccion::Verificada => (m.responsable, Aviso::AccionVerificada),
        });
    }
    todos.retain(|(rut, _)| *rut != s.actor);
    // It is the author's own phone that sent what clashes.
    if s.accion == Accion::Conflicto {
        todos.push((s.autor, Aviso::Conflicto));
    }
    todos
}

/// What the text is made of, as it was when somebody was told. Of a phone `titulo` is its name, `autor` who uses it,
/// `actor` how many reports it said to have still, and `detalle` when it was heard of last. Of a corrective action
/// `detalle` is what is to be done and `estado` its last day; of one that is overdue `actor` is who must do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvisoData {
    pub titulo: String,
    pub area: String,
    pub severidad: String,
    pub estado: String,
    pub autor: String,
    /// Who did it.
    pub actor: String,
    pub detalle: Option<String>,
}

/// A message to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvisoText {
    /// One line.
    pub asunto: String,
    /// What happened, where, by whom, and what is expected of the reader.
    pub cuerpo: String,
}

impl Aviso {
    pub fn text(self, d: &AvisoData, idioma: Language) -> AvisoText {
        match idioma {
            Language::Es => self.in_spanish(d),
            Language::En => self.in_english(d),
        }
    }

    fn in_spanish(self, d: &AvisoData) -> AvisoText {
        let AvisoData {
            titulo,
            area,
            severidad,
            estado,
            autor,
            actor,
            ..
        } = d;
        let dijo = d.detalle.as_ref().map(|t| format!(" Dijo: «{t}»."));
        let dijo = dijo.unwrap_or_default();
        let dice = d.detalle.as_ref().map(|t| format!(" Es esta: «{t}»."));
        let dice = dice.unwrap_or_default();
        let (desde, debe) = phone_texts(d, |n| format!(" Dijo tener {n} reportes sin enviar."));
        let (asunto, cuerpo) = match self {
            Self::Creado => (
                format!("Nuevo reporte en {area}, severidad {severidad}: {titulo}"),
                format!(
                    "{autor} reportó un peligro en {area}, de severidad {severidad}: «{titulo}». Léalo y decídalo."
                ),
            ),
            Self::Trasladado => (
                format!("Un reporte llegó a {area}, severidad {severidad}: {titulo}"),
                format!(
                    "{actor} trasladó a {area} el reporte de {autor}, de severidad {severidad}: «{titulo}». Léalo y decídalo."
                ),
            ),
            Self::Decidido => (
                format!("Su reporte quedó en {estado}: {titulo}"),
                format!(
                    "{actor} decidió su reporte de {area}, «{titulo}»: quedó en {estado}.{dijo} Si el peligro sigue, envíe un reporte nuevo."
                ),
            ),
            Self::CambioDeEstado => (
                format!("Su reporte pasó a {estado}: {titulo}"),
                format!(
                    "{actor} dejó su reporte de {area}, «{titulo}», en {estado}.{dijo} Todavía no está decidido; no necesita hacer nada."
                ),
            ),
            Self::Conflicto => (
                format!("Su reporte espera que usted elija: {titulo}"),
                format!(
                    "Lo que su teléfono envió del reporte de {area}, «{titulo}», choca con lo que tiene el servidor. Nada se perdió: abra el reporte y elija qué vale."
                ),
            ),
            Self::Comentario => (
                format!("{actor} comentó un reporte: {titulo}"),
                format!(
                    "{actor} comentó el reporte de {area}, «{titulo}».{dijo} Ábralo para responder."
                ),
            ),
            Self::SinAbrir => (
                format!("Nadie ha abierto un reporte urgente de {area}: {titulo}"),
                format!(
                    "{autor} reportó un peligro en {area}, de severidad {severidad}: «{titulo}». Nadie que pueda decidirlo lo ha abierto. Léalo y decídalo, o avise a quien corresponda."
                ),
            ),
            Self::SinArchivos => (
                format!("Faltan archivos de su reporte: {titulo}"),
                format!(
                    "El reporte de {autor} en {area}, «{titulo}», llegó, pero no todas sus fotos o archivos. Abra la aplicación donde haya señal para que se envíen; si se perdieron, dígalo en el reporte."
                ),
            ),
            Self::Silencioso => (
                format!("Un teléfono no da señales: {autor}"),
                format!(
                    "El teléfono {titulo}, de {autor}, no se comunica desde {desde}.{debe} Confirme que la persona está bien y que el teléfono funciona."
                ),
            ),
            Self::AccionPedida => (
                format!("Tiene una acción que hacer: {titulo}"),
                format!(
                    "{actor} le pide una acción por el reporte de {area}, «{titulo}», a más tardar el {estado}.{dice} Cuando esté hecha, márquela en el reporte."
                ),
            ),
            Self::AccionHecha => (
                format!("Una acción está hecha, falta verificarla: {titulo}"),
                format!(
                    "{actor} dio por hecha una acción del reporte de {area}, «{titulo}».{dice} Verifíquela usted u otra persona que no sea quien la hizo."
                ),
            ),
            Self::AccionVerificada => (
                format!("Una acción suya quedó verificada: {titulo}"),
                format!(
                    "{actor} verificó la acción del reporte de {area}, «{titulo}».{dice} No necesita hacer nada más."
                ),
            ),
            Self::AccionVencida => (
                format!("Una acción está vencida: {titulo}"),
                format!(
                    "La acción del reporte de {area}, «{titulo}», a cargo de {actor}, debía estar hecha el {estado}.{dice} Hágala o acuerde qué hacer con quien la pidió."
                ),
            ),
        };
        AvisoText { asunto, cuerpo }
    }

    fn in_english(self, d: &AvisoData) -> AvisoText {
        let AvisoData {
            titulo,
            area,
            severidad,
            estado,
            autor,
            actor,
            ..
        } = d;
        let dijo = d.detalle.as_ref().map(|t| format!(" They said: “{t}”."));
        let dijo = dijo.unwrap_or_default();
        let dice = d.detalle.as_ref().map(|t| format!(" It is: “{t}”."));
        let dice = dice.unwrap_or_default();
        let (desde, debe) = phone_texts(d, |n| format!(" It said to have {n} reports to send."));
        let (asunto, cuerpo) = match self {
            Self::Creado => (
                format!("New report in {area}, severity {severidad}: {titulo}"),
                format!(
                    "{autor} reported a danger in {area}, of severity {severidad}: “{titulo}”. Read it and decide."
                ),
            ),
            Self::Trasladado => (
                format!("A report came to {area}, severity {severidad}: {titulo}"),
                format!(
                    "{actor} moved to {area} the report of {autor}, of severity {severidad}: “{titulo}”. Read it and decide."
                ),
            ),
            Self::Decidido => (
                format!("Your report is now {estado}: {titulo}"),
                format!(
                    "{actor} decided your report in {area}, “{titulo}”: it is now {estado}.{dijo} If the danger is still there, send a new report."
                ),
            ),
            Self::CambioDeEstado => (
                format!("Your report went to {estado}: {titulo}"),
                format!(
                    "{actor} moved your report in {area}, “{titulo}”, to {estado}.{dijo} It is not decided yet; you need do nothing."
                ),
            ),
            Self::Conflicto => (
                format!("Your report waits for your choice: {titulo}"),
                format!(
                    "What your phone sent of the report in {area}, “{titulo}”, clashes with what the server has. Nothing is lost: open the report and choose what holds."
                ),
            ),
            Self::Comentario => (
                format!("{actor} commented on a report: {titulo}"),
                format!(
                    "{actor} commented on the report in {area}, “{titulo}”.{dijo} Open it to answer."
                ),
            ),
            Self::SinAbrir => (
                format!("Nobody has opened an urgent report in {area}: {titulo}"),
                format!(
                    "{autor} reported a danger in {area}, of severity {severidad}: “{titulo}”. Nobody who may decide it has opened it. Read it and decide, or tell whoever should."
                ),
            ),
            Self::SinArchivos => (
                format!("Files of your report are missing: {titulo}"),
                format!(
                    "The report of {autor} in {area}, “{titulo}”, is here, but not all its photos or files. Open the app where there is signal so that they are sent; if they are lost, say so in the report."
                ),
            ),
            Self::Silencioso => (
                format!("A phone gives no sign: {autor}"),
                format!(
                    "The phone {titulo}, of {autor}, has not been heard of since {desde}.{debe} Make sure that the person is well and that the phone works."
                ),
            ),
            Self::AccionPedida => (
                format!("You have an action to do: {titulo}"),
                format!(
                    "{actor} asks you for an action for the report in {area}, “{titulo}”, by {estado}.{dice} When it is done, say so in the report."
                ),
            ),
            Self::AccionHecha => (
                format!("An action is done and must be verified: {titulo}"),
                format!(
                    "{actor} says that an action of the report in {area}, “{titulo}”, is done.{dice} Verify it, you or another person than the one who did it."
                ),
            ),
            Self::AccionVerificada => (
                format!("An action of yours was verified: {titulo}"),
                format!(
                    "{actor} verified the action of the report in {area}, “{titulo}”.{dice} You need do nothing more."
                ),
            ),
            Self::AccionVencida => (
                format!("An action is overdue: {titulo}"),
                format!(
                    "The action of the report in {area}, “{titulo}”, which {actor} must do, was due on {estado}.{dice} Do it, or agree on what to do with whoever asked for it."
                ),
            ),
        };
        AvisoText { asunto, cuerpo }
    }
}

/// Of a phone: since when, and what is said of the reports that it owes.
fn phone_texts(d: &AvisoData, debe: impl Fn(&str) -> String) -> (String, String) {
    // As far as minutes.
    let desde: String = d.detalle.iter().flat_map(|t| t.chars()).take(16).collect();
    let desde = format!("{} UTC", desde.replace('T', " "));
    let debe = match d.actor.as_str() {
        "" | "0" => String::new(),
        n => debe(n),
    };
    (desde, debe)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rut(n: i64) -> Rut {
        Rut::new(n).unwrap()
    }

    #[test]
    fn who_is_told_what() {
        use Accion::{CambiarEstado, Comentar, Conflicto, Crear, Editar, RecibirArchivo};
        let (autor, jefe, otro, admin) = (rut(1), rut(2), rut(3), rut(4));
        // action, final, to another area, who did it, supervisores → who is told
        #[rustfmt::skip] // One case a line.
        let table = [
            (Crear, false, false, autor, vec![jefe, otro], vec![(jefe, Aviso::Creado), (otro, Aviso::Creado)]),
            (Crear, false, false, autor, vec![], vec![(admin, Aviso::Creado)]),
            (Crear, false, false, jefe, vec![jefe, otro], vec![(otro, Aviso::Creado)]),
            (Editar, false, false, jefe, vec![jefe], vec![]),
            (Editar, false, true, jefe, vec![jefe, otro], vec![(otro, Aviso::Trasladado)]),
            (CambiarEstado, true, false, jefe, vec![jefe, otro], vec![(autor, Aviso::Decidido)]),
            (CambiarEstado, false, false, jefe, vec![jefe], vec![(autor, Aviso::CambioDeEstado)]),
            (CambiarEstado, true, false, autor, vec![jefe], vec![]),
            (CambiarEstado, true, true, jefe, vec![otro], vec![(autor, Aviso::Decidido)]),
            (Crear, false, false, jefe, vec![jefe], vec![(admin, Aviso::Creado)]),
            (Editar, false, true, jefe, vec![jefe], vec![]),
            (Editar, false, true, jefe, vec![], vec![(admin, Aviso::Trasladado)]),
            (Conflicto, false, false, autor, vec![jefe], vec![(autor, Aviso::Conflicto)]),
            (RecibirArchivo, false, false, autor, vec![jefe], vec![]),
            (Comentar, false, false, autor, vec![jefe, otro], vec![(jefe, Aviso::Comentario), (otro, Aviso::Comentario)]),
            (Comentar, false, false, jefe, vec![jefe, otro], vec![(autor, Aviso::Comentario)]),
            (Comentar, false, false, admin, vec![jefe], vec![(autor, Aviso::Comentario)]),
        ];
        for (accion, decidido, cambio_de_area, actor, supervisores, esperado) in table {
            // A supervisor's own report is for the others.
            let autor = if accion == Crear { actor } else { autor };
            let s = ReporteEvent {
                accion,
                decidido,
                cambio_de_area,
                espera: !decidido,
                autor,
                actor,
                medida: None,
            };
            assert_eq!(avisos(&s, &supervisores, &[admin]), esperado, "{s:?}");
        }
    }

    #[test]
    fn each_text_says_what_where_by_whom_and_what_next() {
        let d = AvisoData {
            titulo: "Roca suelta".into(),
            area: "Chancado".into(),
            severidad: "Alta".into(),
            estado: "Aprobado".into(),
            autor: "Rosa Díaz".into(),
            actor: "Ana Soto".into(),
            detalle: Some("Cierren el paso".into()),
        };
        for aviso in Aviso::ALL {
            assert_eq!(Aviso::from_name(aviso.name()), Some(aviso));
            let (es, en) = (aviso.text(&d, Language::Es), aviso.text(&d, Language::En));
            assert_ne!(es, en);
            for t in [es, en] {
                let en_asunto = aviso == Aviso::Silencioso || t.asunto.contains("Roca suelta");
                assert!(en_asunto && t.cuerpo.contains("Roca suelta"), "{t:?}");
                assert!(
                    aviso == Aviso::Silencioso || t.cuerpo.contains("Chancado"),
                    "{t:?}"
                );
                let quien = ["Rosa Díaz", "Ana Soto", "teléfono", "phone"];
                assert!(quien.iter().any(|q| t.cuerpo.contains(q)), "{t:?}");
            }
        }
        let t = Aviso::Decidido.text(&d, Language::Es).cuerpo;
        assert!(t.contains("Dijo: «Cierren el paso»."), "{t}");
    }
}
