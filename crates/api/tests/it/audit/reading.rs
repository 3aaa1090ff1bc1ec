//! The bitácoras over the API: whoever reads them can check them with nothing else.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sigra_domain::bitacora::GENESIS;

use super::{hash, history};
use sigra_testkit::{Persona, Rng, TestSite, both_databases, iterations};

/// All items of a list, by following `Link` from page to page; `entre` runs after each page.
async fn walk_pages(
    sitio: &TestSite,
    quien: &Persona,
    ruta: &str,
    mut entre: impl AsyncFnMut(),
) -> Vec<Value> {
    let mut todos = Vec::new();
    let mut ruta = ruta.to_owned();
    loop {
        let r = sitio.request("GET", &ruta).by(quien).send().await;
        assert_eq!(r.status, 200, "{ruta}: {}", r.texto);
        todos.extend(r.json["items"].as_array().unwrap().iter().cloned());
        let siguiente = r
            .header("link")
            .strip_prefix('<')
            .and_then(|l| l.split_once('>'));
        assert_eq!(siguiente.is_some(), r.json["siguiente"].is_string());
        let Some((link, "; rel=\"next\"")) = siguiente else {
            return todos;
        };
        link.clone_into(&mut ruta);
        entre().await;
    }
}

fn integers(items: &[Value], campo: &str) -> Vec<i64> {
    items.iter().map(|i| i[campo].as_i64().unwrap()).collect()
}

fn is_decreasing(n: &[i64]) -> bool {
    n.windows(2).all(|w| w[0] > w[1])
}

/// Re-computes every chain from what the API shows.
fn check(items: &[Value]) {
    let mut cadenas: BTreeMap<i64, BTreeMap<i64, &Value>> = BTreeMap::new();
    for e in items {
        let (reporte, n) = (e["reporte_id"].as_i64().unwrap(), e["n"].as_i64().unwrap());
        assert!(
            cadenas.entry(reporte).or_default().insert(n, e).is_none(),
            "repetida: {e}"
        );
    }
    for cadena in cadenas.values() {
        let mut anterior = GENESIS.to_owned();
        for (i, (n, e)) in cadena.iter().enumerate() {
            assert_eq!(*n, i64::try_from(i).unwrap() + 1);
            let canonica = e["canonica"].as_str().unwrap();
            anterior = hash(&anterior, canonica);
            assert_eq!(e["hash"], anterior.as_str(), "{e}");
            // What is shown beside it is what it says.
            let dicho: Value = serde_json::from_str(canonica).unwrap();
            for (campo, valor) in dicho.as_object().unwrap() {
                assert_eq!(&e[campo], valor, "{campo}");
            }
        }
    }
}

/// Whether a filter shows an entry.
type FilterMatch<'a> = &'a dyn Fn(&Value) -> bool;

#[both_databases]
async fn the_hashes_can_be_verified_with_the_api_alone(sitio: &TestSite) {
    let mut azar = Rng::new();
    let ids = history::reportes(sitio, &mut azar, 12).await;
    let jefe = sitio.administrador().await;
    let todas = walk_pages(sitio, &jefe, "/admin/bitacora?limite=7", async || ()).await;
    let filas = sitio.bd.query_i64("SELECT count(*) FROM bitacora").await;
    assert_eq!(i64::try_from(todas.len()).unwrap(), filas);
    assert!(is_decreasing(&integers(&todas, "id")));
    check(&todas);
    for id in ids {
        let r = sitio
            .request("GET", &format!("/reportes/{id}/bitacora"))
            .by(&jefe)
            .send()
            .await;
        let suyas = r.json["items"].as_array().unwrap();
        let de_todas = todas.iter().rev().filter(|e| e["reporte_id"] == id);
        assert!(suyas.iter().eq(de_todas));
    }
}

#[both_databases]
async fn each_filter_shows_what_matches_it(sitio: &TestSite) {
    let mut azar = Rng::new();
    history::reportes(sitio, &mut azar, 8).await;
    let jefe = sitio.administrador().await;
    let todas = walk_pages(sitio, &jefe, "/admin/bitacora", async || ()).await;
    let una = azar.pick(&todas).clone();
    let otra = azar.pick(&todas).clone();
    let (en, hasta) = (una["en"].as_str().unwrap(), otra["en"].as_str().unwrap());
    let rut = sigra_domain::Rut::new(una["rut"].as_i64().unwrap()).unwrap();
    let accion = una["accion"].as_str().unwrap();
    let reporte = una["reporte_id"].clone();
    // With an offset and nine decimals it is the same moment.
    let con_desfase = en.replace('Z', "000000+00:00").replace('+', "%2B");
    let casos: [(String, FilterMatch); 9] = [
        (format!("reporte_id={reporte}"), &|e| {
            e["reporte_id"] == reporte
        }),
        (format!("rut={rut}"), &|e| e["rut"] == rut.body()),
        (format!("rut={}", rut.formatted()), &|e| {
            e["rut"] == rut.body()
        }),
        (format!("accion={accion}"), &|e| e["accion"] == accion),
        (format!("desde={en}"), &|e| e["en"].as_str().unwrap() >= en),
        (format!("desde={con_desfase}"), &|e| {
            e["en"].as_str().unwrap() >= en
        }),
        (format!("hasta={en}"), &|e| e["en"].as_str().unwrap() < en),
        (format!("desde={en}&hasta={hasta}&accion={accion}"), &|e| {
            let t = e["en"].as_str().unwrap();
            t >= en && t < hasta && e["accion"] == accion
        }),
        (format!("reporte_id={reporte}&rut={rut}"), &|e| {
            e["reporte_id"] == reporte && e["rut"] == rut.body()
        }),
    ];
    for (filtro, calza) in casos {
        let ruta = format!("/admin/bitacora?{filtro}&limite=3");
        let vistas = walk_pages(sitio, &jefe, &ruta, async || ()).await;
        assert!(
            vistas.iter().eq(todas.iter().filter(|e| calza(e))),
            "{filtro}"
        );
    }
    for (filtro, campo) in [
        ("reporte_id=uno", "reporte_id"),
        ("rut=12345678-9", "rut"),
        ("rut=x", "rut"),
        ("accion=borrar", "accion"),
        ("desde=ayer", "desde"),
        ("hasta=2026-03-01", "hasta"),
        ("limite=0", "limite"),
        ("limite=201", "limite"),
        ("limite=-1", "limite"),
    ] {
        let ruta = format!("/admin/bitacora?{filtro}");
        let r = sitio
            .request("GET", &ruta)
            .by(&jefe)
            .send()
            .await
            .expect_status(422, "datos_invalidos");
        assert_eq!(r.json["errores"][0]["campo"], campo, "{filtro}");
    }
}

#[both_databases]
async fn pages_neither_repeat_nor_skip_while_others_write(sitio: &TestSite) {
    let mut azar = Rng::new();
    history::reportes(sitio, &mut azar, iterations(100)).await;
    let (jefe, autor) = (sitio.administrador().await, sitio.trabajador().await);
    for (ruta, clave) in [("/admin/bitacora", "id"), ("/admin/bitacora/ajustes", "n")] {
        let antes = integers(&walk_pages(sitio, &jefe, ruta, async || ()).await, clave);
        let vistas = walk_pages(sitio, &jefe, &format!("{ruta}?limite=2"), async || {
            sitio.reporte(&autor, 1).await;
            sitio.trabajador().await;
        })
        .await;
        let vistas = integers(&vistas, clave);
        assert!(antes.len() > 4 && is_decreasing(&vistas), "{vistas:?}");
        assert!(
            antes.iter().all(|a| vistas.contains(a)),
            "{antes:?} {vistas:?}"
        );
        // A cursor belongs to its list.
        let r = sitio
            .request("GET", &format!("{ruta}?limite=1"))
            .by(&jefe)
            .send()
            .await;
        let cursor = r.json["siguiente"].as_str().unwrap();
        let otra = if clave == "id" {
            "accion=crear"
        } else {
            "objeto=area:1"
        };
        for mala in [
            format!("{otra}&cursor={cursor}"),
            format!("cursor={}", &cursor[1..]),
        ] {
            let r = sitio
                .request("GET", &format!("{ruta}?{mala}"))
                .by(&jefe)
                .send()
                .await;
            r.expect_status(422, "cursor_invalido");
        }
    }
}

#[both_databases]
async fn settings_changes_can_be_read_filtered_and_verified(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    let area = sitio.request("POST", "/catalogos/areas").by(&jefe);
    let area = area
        .json(&json!({"nombre": "Ñandú \"1\"\n💥".replace('\n', "")}))
        .send()
        .await
        .id();
    for activa in [false, true] {
        let cambio = json!({"activa": activa});
        let ruta = format!("/catalogos/areas/{area}");
        sitio
            .request("PATCH", &ruta)
            .by(&jefe)
            .json(&cambio)
            .send()
            .await;
    }
    let otro = sitio.supervisor(&[1]).await;
    let ruta = format!("/usuarios/{}", otro.rut);
    let cambio = json!({"rol": "trabajador", "email": "a@b.cl"});
    sitio
        .request("PATCH", &ruta)
        .by(&jefe)
        .json(&cambio)
        .send()
        .await;

    let todos = walk_pages(
        sitio,
        &jefe,
        "/admin/bitacora/ajustes?limite=1",
        async || (),
    )
    .await;
    let mut anterior = GENESIS.to_owned();
    for (i, a) in todos.iter().rev().enumerate() {
        assert_eq!(a["n"], i + 1);
        // Texts and integers only: sorted and tight, this is RFC 8785.
        let mut canonica = a.clone();
        canonica.as_object_mut().unwrap().remove("hash");
        anterior = hash(&anterior, &canonica.to_string());
        assert_eq!(a["hash"], anterior.as_str(), "{a}");
    }
    let del_area = walk_pages(
        sitio,
        &jefe,
        &format!("/admin/bitacora/ajustes?objeto=area:{area}"),
        async || (),
    )
    .await;
    let cambios: Vec<_> = del_area
        .iter()
        .rev()
        .map(|a| (&a["accion"], &a["antes"], &a["despues"], &a["rut"]))
        .collect();
    let (yo, no, si) = (
        json!(jefe.rut),
        json!({"activa": false}),
        json!({"activa": true}),
    );
    assert_eq!(cambios.len(), 3);
    assert_eq!(cambios[0].0, "crear");
    assert_eq!(cambios[1], (&json!("editar"), &si, &no, &yo));
    assert_eq!(cambios[2], (&json!("editar"), &no, &si, &yo));
    let de_otro = format!("/admin/bitacora/ajustes?objeto=usuario:{}", otro.rut);
    let de_otro = walk_pages(sitio, &jefe, &de_otro, async || ()).await;
    assert_eq!(
        de_otro[0]["antes"],
        json!({"rol": "supervisor", "email": null})
    );
    assert_eq!(
        de_otro[0]["despues"],
        json!({"rol": "trabajador", "email": "a@b.cl"})
    );
    // Made from the server's console: nobody signed in.
    assert_eq!(de_otro[1]["rut"], Value::Null);
}
