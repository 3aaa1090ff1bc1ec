//! `GET /reportes` against a plain vector in memory: filters, search, orders, pages.

mod cursors;
mod plans;
mod reference;
mod search;
mod writers;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use sigra_domain::Rol;

use reference::{ORDERS, ReporteFilter, Rng, WORDS, sees, sort};
use sigra_testkit::{ApiResponse, Persona, TestSite, both_databases, iterations, uuid};

const DAYS: [&str; 6] = [
    "2025-12-31",
    "2026-01-01",
    "2026-02-28",
    "2026-03-01",
    "2026-03-02",
    "2026-11-30",
];

/// People of every role and what they wrote, decided, edited and withdrew.
struct SeededSite {
    personas: Vec<Persona>,
    admin: Persona,
    /// Each report that is not withdrawn, as `GET /reportes/{id}` shows it.
    filas: Vec<Value>,
}

impl SeededSite {
    async fn new(sitio: &TestSite, reportes: usize, d: &mut Rng) -> Self {
        let admin = sitio.administrador().await;
        let mut personas = vec![
            admin.clone(),
            sitio.supervisor(&[1, 2]).await,
            sitio.supervisor(&[4]).await,
            sitio.supervisor(&[]).await,
            // Areas of an earlier role show a worker nothing.
            sitio.persona(Rol::Trabajador, &[1, 2, 3]).await,
        ];
        for _ in 0..4 {
            personas.push(sitio.trabajador().await);
        }
        let nuevos: Vec<_> = (0..reportes)
            .map(|_| (d.choose(&personas), random_reporte(d)))
            .collect();
        let ids: Vec<(i64, Persona)> = stream::iter(nuevos)
            .map(async |(autor, cuerpo)| {
                let r = sitio.create(&autor, &cuerpo).await;
                assert_eq!(r.status, 201, "{cuerpo}: {}", r.texto);
                (r.id(), autor)
            })
            .buffer_unordered(8)
            .collect()
            .await;
        let mut filas = Vec::new();
        for (id, autor) in ids {
            if run_random_history(sitio, &admin, &autor, id, d).await {
                filas.push(get_reporte(sitio, &admin, id).await.json);
            }
        }
        Self {
            personas,
            admin,
            filas,
        }
    }

    fn ruts(&self) -> Vec<i64> {
        self.personas.iter().map(|p| p.rut.body()).collect()
    }
}

/// Few hours and days for many reports, so that ties abound.
fn random_reporte(d: &mut Rng) -> Value {
    let palabras = |d: &mut Rng, n: usize| -> String {
        (0..=d.below(n))
            .map(|_| d.choose(&WORDS))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut r = json!({
        "titulo": palabras(d, 3),
        "descripcion": if d.one_in(4) { String::new() } else { palabras(d, 6) },
        "area_id": 1 + d.below(4),
        "severidad_id": 1 + d.below(3),
        "uuid_cliente": uuid(),
    });
    if !d.one_in(4) {
        let (h, zona) = (d.below(24), d.choose(&["Z", "-03:00", "+05:45"]));
        r["hora_creado"] = format!("2026-03-0{}T{h:02}:00:00{zona}", 1 + d.below(3)).into();
    }
    if !d.one_in(3) {
        r["fecha_reporte"] = d.choose(&DAYS).into();
    }
    if d.one_in(4) {
        let archivo = |uuid: String| {
            json!({"uuid_cliente": uuid, "nombre": "roca.jpg", "tipo": "image/jpeg", "bytes": 5,
                "sha256": "9".repeat(64)})
        };
        r["multimedia"] = (0..=d.below(3)).map(|_| archivo(uuid())).collect();
    }
    r
}

/// What becomes of a report; false when it was withdrawn.
async fn run_random_history(
    sitio: &TestSite,
    admin: &Persona,
    autor: &Persona,
    id: i64,
    d: &mut Rng,
) -> bool {
    if d.one_in(5) {
        let cambio = json!({"area_id": 9, "titulo": "Movido a otra área", "version": 1});
        let r = sitio
            .request("PUT", &format!("/reportes/{id}"))
            .by(admin)
            .json(&cambio);
        assert_eq!(r.send().await.status, 200);
    }
    if d.one_in(3) {
        let decision = d.choose(&["aprobar", "rechazar"]);
        let r = sitio
            .request("POST", &format!("/admin/reportes/{id}/{decision}"))
            .by(admin);
        assert_eq!(
            r.json(&json!({"detalle": "visto"})).send().await.status,
            200
        );
    }
    if d.one_in(8) {
        // A phone of its author sends it again with another title, and can't say what it had before.
        let mut otro = get_reporte(sitio, admin, id).await.json;
        otro["titulo"] = "Otro título".into();
        let r = sitio.push_batch(autor, &[otro]).await;
        assert_eq!(r["resultados"][0]["resultado"], "conflicto", "{r}");
    }
    if d.one_in(12) {
        let version = get_reporte(sitio, admin, id).await.version();
        let r = sitio
            .request("DELETE", &format!("/reportes/{id}/"))
            .by(admin)
            .if_match(version);
        assert_eq!(
            r.json(&json!({"detalle": "de prueba"})).send().await.status,
            204
        );
        return false;
    }
    true
}

async fn get_reporte(sitio: &TestSite, quien: &Persona, id: i64) -> ApiResponse {
    let r = sitio
        .request("GET", &format!("/reportes/{id}"))
        .by(quien)
        .send()
        .await;
    assert_eq!(r.status, 200, "{}", r.texto);
    r
}

/// One page after another, by the cursor or by the `Link` header.
struct Pager<'a> {
    sitio: &'a TestSite,
    quien: &'a Persona,
    pares: Vec<(&'static str, String)>,
    por_link: bool,
    siguiente: Option<(String, String)>,
    empezo: bool,
}

impl<'a> Pager<'a> {
    fn new(
        sitio: &'a TestSite,
        quien: &'a Persona,
        pares: Vec<(&'static str, String)>,
        por_link: bool,
    ) -> Self {
        Self {
            sitio,
            quien,
            pares,
            por_link,
            siguiente: None,
            empezo: false,
        }
    }

    /// `None` after the last one.
    async fn page(&mut self) -> Option<Vec<Value>> {
        let pares: Vec<_> = self.pares.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let pedido = match &self.siguiente {
            None if self.empezo => return None,
            None => self.sitio.request("GET", "/reportes/").query(&pares),
            Some((_, link)) if self.por_link => self.sitio.request("GET", link),
            Some((cursor, _)) => {
                let todo = [&pares[..], &[("cursor", cursor)]].concat();
                self.sitio.request("GET", "/reportes").query(&todo)
            }
        };
        self.empezo = true;
        let r = pedido.by(self.quien).send().await;
        assert_eq!(r.status, 200, "{:?}: {}", self.pares, r.texto);
        let link = r.header("link");
        self.siguiente = r.json["siguiente"].as_str().map(|cursor| {
            let resto = link
                .strip_prefix('<')
                .and_then(|l| l.strip_suffix(">; rel=\"next\""));
            let url = resto.unwrap_or_else(|| panic!("Link: {link}")).to_owned();
            assert!(
                url.ends_with(&format!("cursor={cursor}")) && url.starts_with("/reportes?"),
                "{url}"
            );
            assert_eq!(url.matches("cursor=").count(), 1, "{url}");
            (cursor.to_owned(), url)
        });
        assert!(self.siguiente.is_some() || link.is_empty(), "{link}");
        Some(r.json["items"].as_array().unwrap().clone())
    }
}

/// At most this many pages of one query: the rest of a long list says nothing new.
const MAX_PAGES: usize = 25;

#[both_databases]
async fn without_writers_the_list_equals_the_reference(sitio: &TestSite) {
    let semilla = u64::from_le_bytes(sitio.store.env().random());
    let mut d = Rng::new(semilla);
    let faena = SeededSite::new(sitio, 240, &mut d).await;
    let mut halladas = 0;
    for _ in 0..iterations(1_000) {
        let quien = d.choose(&faena.personas);
        let filtro = ReporteFilter::random(&mut d, &faena.ruts(), &DAYS);
        let orden = d.choose(&ORDERS);
        let limite = d.choose(&[1, 2, 3, 7, 20, 49, 50, 51, 199, 200]);
        let mut esperadas: Vec<&Value> = faena
            .filas
            .iter()
            .filter(|f| sees(&quien.quien, f) && filtro.matches(f))
            .collect();
        sort(&mut esperadas, orden);
        halladas += usize::from(!esperadas.is_empty());
        let mut pares = filtro.query_pairs(&mut d);
        // The defaults are an order and a size like any other.
        if orden != "-hora_creado" || d.one_in(2) {
            pares.push(("orden", orden.to_owned()));
        }
        if limite != 50 || d.one_in(2) {
            pares.push(("limite", limite.to_string()));
        }
        let que = format!("semilla {semilla}: {:?} {pares:?}", quien.quien);
        let mut pager = Pager::new(sitio, &quien, pares, d.one_in(2));
        let mut resto = &esperadas[..];
        for n in 0..MAX_PAGES {
            let Some(pagina) = pager.page().await else {
                assert!(resto.is_empty() && n > 0, "{que}: faltan {}", resto.len());
                break;
            };
            let (esta, despues) = resto.split_at(limite.min(resto.len()));
            assert!(
                pagina.iter().eq(esta.iter().copied()),
                "{que}: página {n}\n{pagina:?}\n{esta:?}"
            );
            assert_eq!(
                pager.siguiente.is_some(),
                !despues.is_empty(),
                "{que}: página {n}"
            );
            resto = despues;
        }
    }
    assert!(
        halladas > iterations(1_000) / 4,
        "casi ninguna consulta halló algo: {halladas}"
    );
}

#[both_databases]
async fn invalid_limits_and_filters_are_named(sitio: &TestSite) {
    let jefe = sitio.supervisor(&[1]).await;
    let largo = "x".repeat(201);
    for (campo, valor) in [
        ("limite", "0"),
        ("limite", "201"),
        ("limite", "abc"),
        ("limite", "-1"),
        ("limite", "1.5"),
        ("limite", "99999999999999999999"),
        ("orden", "titulo"),
        ("orden", "--id"),
        ("orden", "hora_actualizado"),
        ("estado", "Perdido"),
        ("estado", "9"),
        ("area_id", "uno"),
        ("severidad_id", "1;2"),
        ("rut", "12.345.678-0"),
        ("rut", "yo"),
        ("desde", "2026-02-30"),
        ("hasta", "ayer"),
        ("sync_status", "listo"),
        ("q", &largo),
        ("q", "nul\0nul"),
    ] {
        let r = sitio
            .request("GET", "/reportes/")
            .query(&[(campo, valor)])
            .by(&jefe)
            .send()
            .await;
        let r = r.expect_status(422, "datos_invalidos");
        assert_eq!(r.json["errores"][0]["campo"], campo, "{valor}");
    }
    for (campo, valor) in [
        ("limite", "1"),
        ("limite", "200"),
        ("limite", ""),
        ("estado", ""),
        ("q", ""),
        ("cursor", ""),
        ("area_id", "9223372036854775807"),
        ("area_id", "-1"),
        ("desde", "9999-12-31"),
        ("otro", "x"),
    ] {
        let r = sitio
            .request("GET", "/reportes/")
            .query(&[(campo, valor)])
            .by(&jefe)
            .send()
            .await;
        assert_eq!(
            (r.status, &r.json["items"]),
            (200, &json!([])),
            "{campo}={valor}"
        );
    }
    let muchas: Vec<_> = (0..51).map(|_| ("area_id", "1")).collect();
    let r = sitio
        .request("GET", "/reportes")
        .query(&muchas)
        .by(&jefe)
        .send()
        .await;
    r.expect_status(422, "datos_invalidos");
}
