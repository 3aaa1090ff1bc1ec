use crate::{
    pdf::Pdf,
    support::{complete, hash, minimal},
};

#[test]
fn everything_is_told() {
    let informe = complete();
    let pdf = Pdf::render(&informe);
    for texto in [
        "Mina El Peñón",
        "Reporte N.º 4217",
        "Roca suelta sobre la galería 4",
        "Severidad: Alta",
        "Estado: Aprobado",
        "Perforación y Tronadura",
        "Nivel 1200, galería 4, frente al refugio",
        "−33,1512; −70,2871 (± 12,5 m)",
        "0192d1a0-5b7e-7c1f-9a55-3f1f0c9b2e11",
        "14-10-2026 16:20 (hora de Chile, UTC−3), por Jorge Muñoz",
        "Se cierra el acceso y se programa la acuñadura para el turno B.",
        "¡Ojo!: el ventilador tapa el ruido.",
        "IMG_20260002.jpg",
        "audio del turno.m4a",
        "Luis Cañas",
        "Hay que revisar el gálibo.",
        "Acuñar el techo y reponer la malla entre las marcas 40 y 46.",
        "María Peña Ñancucheo (supervisora)",
        "Severidad: Media → Alta",
        "Lugar: Galería 4 → vacío",
        "La malla está cortada: es más grave de lo que se vio.",
        "La bitácora cuadra",
        "la cadena de 4 entradas",
        "sigra audit verify",
    ] {
        pdf.assert_says(texto);
    }
    let hashes = informe.bitacora.iter().map(|e| &e.hash);
    let hashes = hashes.chain(informe.fotos.iter().map(|f| &f.sha256));
    for hash in hashes.chain(informe.otros.iter().map(|o| &o.sha256)) {
        pdf.assert_says(hash);
    }
    assert_eq!(pdf.count_images(), 3);
}

#[test]
fn what_is_not_there_has_no_section() {
    let pdf = Pdf::render(&minimal());
    assert_eq!(pdf.paginas, 1);
    for titulo in [
        "Descripción",
        "Fotos",
        "Otros archivos",
        "Comentarios",
        "Acciones",
        "N.º Cuándo",
        "Motivo",
    ] {
        pdf.assert_lacks(titulo);
    }
    pdf.assert_says("la cadena de 1 entrada y coincide");
}

#[test]
fn a_chain_that_was_altered_is_told_in_words() {
    let mut informe = complete();
    informe.verificacion.rotura = Some("entrada 3: falta esta entrada".into());
    let pdf = Pdf::render(&informe);
    pdf.assert_says("La bitácora NO cuadra");
    pdf.assert_says("(entrada 3: falta esta entrada)");
    pdf.assert_lacks("La bitácora cuadra");
}

#[test]
fn what_people_write_is_never_markup() {
    let hostil = [
        r#"#read("/etc/passwd")"#,
        r#"#image("/etc/passwd") #import "@preview/cetz:0.3.4""#,
        "*no* _es_ `código` $x^2$ = título <etiqueta> @ref",
        "*_$[ ]#{ \\ \\u{41} ~ -- --- ... // no es comentario /* ni esto */",
        "\"comillas\" 'simples' https://ejemplo.cl/?a=1&b=2#c",
        "- uno + dos / tres: cuatro",
        "<script>alert(1)</script> ${jndi:ldap://x} {{7*7}} %n%s",
    ];
    let todo = hostil.join("\n");
    let mut informe = complete();
    informe.sitio.clone_from(&todo);
    informe.emitido.clone_from(&todo);
    informe.emitido_por.clone_from(&todo);
    let r = &mut informe.reporte;
    for campo in [
        &mut r.titulo,
        &mut r.area,
        &mut r.severidad,
        &mut r.estado,
        &mut r.autor,
    ] {
        campo.clone_from(&todo);
    }
    for campo in [
        &mut r.descripcion,
        &mut r.ubicacion,
        &mut r.coordenadas,
        &mut r.motivo,
    ] {
        *campo = Some(todo.clone());
    }
    informe.fotos[0].nombre.clone_from(&todo);
    informe.fotos[0].sha256.clone_from(&todo);
    informe.fotos[0].detalle = Some(todo.clone());
    informe.otros[0].nombre.clone_from(&todo);
    informe.comentarios[0].texto.clone_from(&todo);
    informe.comentarios[0].quien.clone_from(&todo);
    informe.acciones[0].descripcion.clone_from(&todo);
    informe.bitacora[0].hash.clone_from(&todo);
    informe.bitacora[0].accion.clone_from(&todo);
    informe.bitacora[0].cambios[0].campo.clone_from(&todo);
    informe.bitacora[0].cambios[0].despues = Some(todo.clone());
    informe.verificacion.ultimo_hash.clone_from(&todo);
    let pdf = Pdf::render(&informe);
    for texto in hostil {
        pdf.assert_says(texto);
    }
    assert!(pdf.texto.matches("#read(\"/etc/passwd\")").count() >= 20);
    pdf.assert_lacks("root:");
}

#[test]
fn strange_signs_break_nothing() {
    for raro in [
        "\0 \u{1} \u{7f} \u{feff} \u{fffd} \u{ffff} \u{10ffff}",
        "👷🏽‍♀️ ⚠ 💥 中文 العربية עברית \u{301}\u{301}\u{301}",
        "a\r\nb\rc\u{2028}d\u{2029}e\u{85}f\u{b}g\u{c}h\ti",
        "",
        " ",
        "\n\n\n",
    ] {
        let mut informe = complete();
        informe.sitio = raro.into();
        informe.reporte.titulo = raro.into();
        informe.reporte.severidad = raro.into();
        informe.reporte.descripcion = Some(raro.into());
        informe.comentarios[0].texto = raro.into();
        informe.fotos[0].nombre = raro.into();
        informe.bitacora[0].hash = raro.into();
        informe.bitacora[0].cambios[0].despues = Some(raro.into());
        informe.verificacion.ultimo_hash = raro.into();
        Pdf::render(&informe).assert_says("sigra audit verify");
    }
}

#[test]
fn nothing_is_turned_around() {
    let mut informe = minimal();
    informe.reporte.motivo = Some("no se \u{202e}abeurpa\u{202c} \u{2067}nada".into());
    Pdf::render(&informe).assert_says("no se abeurpa nada");
}

#[test]
fn the_same_data_give_the_same_bytes() {
    let informe = complete();
    let bytes = sigra_pdf::pdf(&informe).unwrap();
    Pdf::render(&minimal());
    assert!(bytes == sigra_pdf::pdf(&informe).unwrap());
    let mut otro = informe.clone();
    otro.bitacora[3].hash = hash(5);
    assert!(bytes != sigra_pdf::pdf(&otro).unwrap());
}

#[test]
fn the_metadata_tell_whose_and_when() {
    let pdf = Pdf::render(&complete());
    assert_eq!(
        pdf.metadata("Title"),
        "Reporte 4217: Roca suelta sobre la galería 4"
    );
    assert_eq!(pdf.metadata("Author"), "Jorge Muñoz");
    assert_eq!(pdf.metadata("Creator"), "SIGRA");
    assert_eq!(pdf.metadata("CreationDate"), "D:20261014192000Z");
}
