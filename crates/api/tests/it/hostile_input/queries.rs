//! What comes in a query: the lists' parameters, and cursors that somebody made up.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{assert_problema, create_conflicto, reporte};
use sigra_testkit::{TestSite, both_databases};

const LISTS: [&str; 6] = [
    "/reportes",
    "/usuarios",
    "/admin/bitacora",
    "/admin/bitacora/ajustes",
    "/admin/dispositivos",
    "/sync/conflictos",
];

/// Fields with their codes.
type FieldCodes = &'static [(&'static str, &'static str)];

/// List, query, and the field that is wrong with its code; none when it is right.
const CASES: &[(&str, &str, FieldCodes)] = &[
    (
        "/reportes",
        "estado=Pendiente&estado=2&estado=aprobado",
        &[],
    ),
    ("/reportes", "estado=Nada", &[("estado", "no_existe")]),
    ("/reportes", "estado=%00", &[("estado", "no_existe")]),
    ("/reportes", "estado=%ff%fe", &[("estado", "no_existe")]),
    (
        "/reportes",
        "estado=99999999999999999999",
        &[("estado", "no_existe")],
    ),
    ("/reportes", "area_id=1&area_id=x", &[("area_id", "tipo")]),
    ("/reportes", "area_id=1.0", &[("area_id", "tipo")]),
    (
        "/reportes",
        "area_id=99999999999999999999",
        &[("area_id", "tipo")],
    ),
    ("/reportes", "area_id=-9223372036854775808", &[]),
    ("/reportes", "area_id=9223372036854775807", &[]),
    ("/reportes", "area_id=%00", &[("area_id", "tipo")]),
    (
        "/reportes",
        "severidad_id=true",
        &[("severidad_id", "tipo")],
    ),
    ("/reportes", "rut=12.345.678-5", &[]),
    (
        "/reportes",
        "rut=12345678-4",
        &[("rut", "digito_verificador")],
    ),
    ("/reportes", "rut=0", &[("rut", "formato")]),
    ("/reportes", "rut=%00", &[("rut", "formato")]),
    ("/reportes", "desde=2026-02-30", &[("desde", "formato")]),
    (
        "/reportes",
        "desde=2026-02-28T00:00:00Z",
        &[("desde", "formato")],
    ),
    (
        "/reportes",
        "desde=%00&hasta=ayer",
        &[("desde", "formato"), ("hasta", "formato")],
    ),
    ("/reportes", "desde=0000-01-01&hasta=9999-12-31", &[]),
    ("/reportes", "desde=2026-12-31&hasta=2026-01-01", &[]),
    (
        "/reportes",
        "sync_status=Completo",
        &[("sync_status", "no_existe")],
    ),
    ("/reportes", "q=%00", &[("q", "caracter_no_permitido")]),
    ("/reportes", "q=%25%5f%5c%27%22%3b--", &[]),
    ("/reportes", "q=%ff%f0%9f%92%a5", &[]),
    ("/reportes", "orden=titulo", &[("orden", "no_existe")]),
    ("/reportes", "orden=--id", &[("orden", "no_existe")]),
    (
        "/reportes",
        "orden=id;drop%20table%20reportes",
        &[("orden", "no_existe")],
    ),
    ("/reportes", "orden=%00", &[("orden", "no_existe")]),
    ("/reportes", "orden=id&orden=-id", &[("orden", "repetido")]),
    (
        "/reportes",
        "q=a&q=b&desde=x&desde=y",
        &[("desde", "repetido"), ("q", "repetido")],
    ),
    (
        "/reportes",
        "estado[]=1&estado[0]=2&=&&&x=1&=%00&%00=1",
        &[],
    ),
    ("/usuarios", "rol=jefe", &[("rol", "formato")]),
    ("/usuarios", "rol=%00", &[("rol", "formato")]),
    ("/usuarios", "activo=1", &[("activo", "formato")]),
    (
        "/usuarios",
        "activo=true&activo=false",
        &[("activo", "repetido")],
    ),
    ("/admin/bitacora", "accion=%00", &[("accion", "no_existe")]),
    (
        "/admin/bitacora",
        "desde=1969-12-31T23:59:59Z&hasta=9999-12-30T00:00:00Z",
        &[],
    ),
    (
        "/admin/bitacora",
        "hasta=99999-01-01T00:00:00Z",
        &[("hasta", "formato")],
    ),
    ("/admin/bitacora", "rut=1&rut=2", &[("rut", "repetido")]),
    (
        "/admin/bitacora/ajustes",
        "objeto=%00",
        &[("objeto", "no_existe")],
    ),
    ("/admin/bitacora/ajustes", "objeto=%f0%9f%92%a5%27", &[]),
];

/// For every list.
const FOR_EVERY_LIST: &[(&str, FieldCodes)] = &[
    ("limite=1", &[]),
    ("limite=200", &[]),
    ("limite=", &[]),
    ("limite=0", &[("limite", "rango")]),
    ("limite=-1", &[("limite", "rango")]),
    ("limite=201", &[("limite", "rango")]),
    ("limite=9223372036854775807", &[("limite", "rango")]),
    ("limite=99999999999999999999", &[("limite", "tipo")]),
    ("limite=1.5", &[("limite", "tipo")]),
    ("limite=%00", &[("limite", "tipo")]),
    ("limite=1&limite=2", &[("limite", "repetido")]),
    ("cursor=&limite=5", &[]),
    ("cursor=a&cursor=b", &[("cursor", "repetido")]),
];

/// A cursor with other members than the server wrote.
fn forge_cursor(cursor: &str, cambia: impl Fn(&mut Value)) -> String {
    let json = URL_SAFE_NO_PAD.decode(cursor).expect("base64");
    let mut json: Value = serde_json::from_slice(&json).expect("JSON");
    cambia(&mut json);
    URL_SAFE_NO_PAD.encode(json.to_string())
}

#[both_databases]
async fn each_parameter_has_its_error(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    reporte(sitio, &jefe).await;
    // These two may be empty: they have no cursor to try.
    let listas = LISTS.iter().chain(&["/notificaciones", "/admin/entregas"]);
    let todas = listas.flat_map(|l| FOR_EVERY_LIST.iter().map(move |(c, e)| (*l, *c, *e)));
    for (lista, consulta, errores) in CASES.iter().copied().chain(todas) {
        let r = sitio
            .request("GET", &format!("{lista}?{consulta}"))
            .by(&jefe)
            .send()
            .await;
        let que = format!("{lista}?{consulta}");
        if errores.is_empty() {
            assert_eq!(r.status, 200, "{que}: {}", r.texto);
        } else {
            assert_problema(&r, 422, "datos_invalidos", errores, &que);
        }
    }
    for (que, consulta, errores) in [
        (
            "51 estados",
            "estado=1&".repeat(51),
            &[("estado", "demasiados")][..],
        ),
        ("50 estados", "estado=1&".repeat(50), &[]),
        (
            "6.000 ruts",
            "rut=1&".repeat(6_000),
            &[("rut", "demasiados")],
        ),
        ("10.000 que nadie conoce", "a=1&".repeat(10_000), &[]),
        (
            "9.000 veces limite",
            "limite&".repeat(9_000),
            &[("limite", "repetido")],
        ),
        ("q de 200", format!("q={}", "ñ".repeat(200)), &[]),
        (
            "q de 201",
            format!("q={}", "ñ".repeat(201)),
            &[("q", "largo")],
        ),
        (
            "q de 10.000 palabras",
            format!("q={}", "a+".repeat(10_000)),
            &[("q", "largo")],
        ),
        (
            "objeto de 20.000",
            format!("objeto={}", "x".repeat(20_000)),
            &[],
        ),
    ] {
        let r = sitio
            .request("GET", &format!("/reportes?{consulta}"))
            .by(&jefe)
            .send()
            .await;
        if errores.is_empty() {
            assert_eq!(r.status, 200, "{que}: {}", r.texto);
        } else {
            assert_problema(&r, 422, "datos_invalidos", errores, que);
        }
    }
}

/// A cursor is opaque, but nothing stops a client from writing one.
#[both_databases]
async fn an_invented_cursor_is_refused(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    for _ in 0..3 {
        reporte(sitio, &jefe).await;
    }
    // Two of each: people, conflicts, phones.
    for quien in [&jefe, &sitio.trabajador().await] {
        create_conflicto(sitio, quien).await;
    }
    let listas = LISTS.iter().map(|l| (*l, "x"));
    let ordenes =
        ["-hora_creado", "fecha_reporte", "id", "hora_sincronizado"].map(|o| ("/reportes", o));
    for (lista, orden) in listas.chain(ordenes) {
        let base = if orden == "x" {
            format!("{lista}?limite=1")
        } else {
            format!("{lista}?limite=1&orden={orden}")
        };
        let primera = sitio.request("GET", &base).by(&jefe).send().await;
        let cursor = primera.json["siguiente"]
            .as_str()
            .expect("siguiente")
            .to_owned();
        let con = async |c: &str| {
            sitio
                .request("GET", &format!("{base}&cursor={c}"))
                .by(&jefe)
                .send()
                .await
        };
        assert_eq!(con(&cursor).await.status, 200);
        for p in [
            json!("\0"),
            json!("x"),
            json!(["\0", 1]),
            json!(["x", 1]),
            json!([1.5, 1]),
            json!([null, null]),
            json!([]),
            json!({}),
            json!(null),
            json!(1.5),
            json!([["x"], 1]),
            json!([1, "x"]),
            json!("2026-13-01"),
            json!([u64::MAX, u64::MAX]),
            json!(u64::MAX),
            json!(["2026-13-01", 1]),
            json!(["2026-01-01\0", 1]),
        ] {
            let r = con(&forge_cursor(&cursor, |c| c["p"] = p.clone())).await;
            // A phone may be called like that.
            let un_lugar = p == json!(["x", 1]) || p == json!(["2026-13-01", 1]);
            if lista == "/admin/dispositivos" && un_lugar {
                assert_eq!(r.status, 200, "{p}: {}", r.texto);
                continue;
            }
            assert_problema(&r, 422, "cursor_invalido", &[], &format!("{base} {p}"));
        }
        for c in [
            "x",
            "%00",
            "%ff",
            "e30",
            "bnVsbA",
            "!!!!",
            &cursor[..cursor.len() / 2],
            &cursor.repeat(50),
            &"A".repeat(20_000),
        ] {
            assert_problema(&con(c).await, 422, "cursor_invalido", &[], c);
        }
        // Made up, and still only a place in this list: nothing breaks, nobody sees more.
        for p in [
            json!([i64::MAX, i64::MIN]),
            json!(i64::MIN),
            json!(["9999-12-31", -1]),
            json!(i64::MAX),
        ] {
            let r = con(&forge_cursor(&cursor, |c| c["p"] = p.clone())).await;
            assert!([200, 422].contains(&r.status), "{base} {p}: {}", r.texto);
        }
    }
}
