//! `q`, one case after another: what chance may leave out.

use serde_json::json;

use sigra_testkit::{Persona, TestSite, both_databases, reporte_in};

const TEXTS: [(&str, &str); 14] = [
    ("Caída de ROCA", "en el frente norte"),
    ("Ñandú en galería 4", ""),
    ("100% de humo", "Ventilación detenida"),
    ("1000 litros", "derrame\nde petróleo"),
    ("a_b cable", ""),
    ("acb cable", ""),
    (r"ruta C:\temp", ""),
    ("ruta C:/temp", ""),
    ("dijo \"ojo\"", ""),
    ("d'aguas", ""),
    ("polvo 💥", ""),
    ("e\u{301}xito ﬁnal", "İzaje"),
    ("(a*b)+[c]", "x y"),
    // Letters that no decomposition brings to ASCII.
    ("Ørsted ЖУК", ""),
];

async fn search(sitio: &TestSite, quien: &Persona, q: &str) -> Vec<String> {
    let pares = [("q", q), ("orden", "id")];
    let r = sitio
        .request("GET", "/reportes")
        .query(&pares)
        .by(quien)
        .send()
        .await;
    assert_eq!(r.status, 200, "{q}: {}", r.texto);
    let items = r.json["items"].as_array().unwrap().iter();
    items
        .map(|r| r["titulo"].as_str().unwrap().to_owned())
        .collect()
}

#[both_databases]
async fn search_ignores_case_and_accents_and_takes_each_sign_literally(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    for (titulo, descripcion) in TEXTS {
        let mut c = reporte_in(1);
        c["titulo"] = titulo.into();
        c["descripcion"] = descripcion.into();
        assert_eq!(sitio.create(&autor, &c).await.status, 201);
    }
    let todos: Vec<usize> = (0..TEXTS.len()).collect();
    for (q, esperados) in [
        ("caida", &[0][..]),
        ("CAÍDA", &[0]),
        ("cai\u{301}da", &[0]),
        ("roca caída", &[0]),
        ("Roca NORTE", &[0]),
        ("norte caida frente", &[0]),
        ("roca sur", &[]),
        ("aída", &[0]),
        ("nandu", &[1]),
        ("ÑANDÚ GALERIA", &[1]),
        ("ñandu", &[1]),
        ("and", &[1]),
        ("100%", &[2]),
        ("100", &[2, 3]),
        ("%", &[2]),
        ("ventilacion", &[2]),
        ("10%o", &[]),
        ("PETRÓLEO derrame", &[3]),
        ("a_b", &[4]),
        ("_", &[4]),
        ("a_b acb", &[]),
        ("cable", &[4, 5]),
        ("\\", &[6]),
        (r"C:\TEMP", &[6]),
        (r"\t", &[6]),
        ("c:/", &[7]),
        ("\"", &[8]),
        ("\"OJO\"", &[8]),
        ("'", &[9]),
        ("D'Aguas", &[9]),
        ("' OR '1'='1", &[]),
        ("💥", &[10]),
        ("POLVO 💥", &[10]),
        ("exito", &[11]),
        ("ÉXITO", &[11]),
        ("final", &[11]),
        ("ﬁnal", &[11]),
        ("izaje", &[11]),
        ("İZAJE", &[11]),
        ("(a*b)", &[12]),
        ("[c]", &[12]),
        ("*", &[12]),
        ("øRSTED жук", &[13]),
        ("zzz", &[]),
        ("", &todos),
        ("  \t ", &todos),
    ] {
        let esperados: Vec<&str> = esperados.iter().map(|i| TEXTS[*i].0).collect();
        assert_eq!(search(sitio, &autor, q).await, esperados, "{q:?}");
    }
}

#[both_databases]
async fn edited_reportes_are_found_by_what_they_say_now(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let r = sitio.reporte(&autor, 1).await;
    let ruta = format!("/reportes/{}", r["id"]);
    let cambio = json!({"titulo": "Fuga de AGUA", "descripcion": null, "version": 1});
    assert_eq!(
        sitio
            .request("PUT", &ruta)
            .by(&autor)
            .json(&cambio)
            .send()
            .await
            .status,
        200
    );
    for (q, cuantos) in [("agua", 1), ("roca", 0), ("planchón", 0), ("fuga agua", 1)] {
        assert_eq!(search(sitio, &autor, q).await.len(), cuantos, "{q}");
    }
}
