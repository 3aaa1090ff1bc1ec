//! What a reader of the feed sees when reports and people move.

use serde_json::{Value, json};
use sigra_domain::Rol;

use super::batch::{send_one, with};
use sigra_testkit::{ApiResponse, Persona, TestSite, both_databases, reporte_in};

/// Somebody who follows the feed.
pub struct FeedReader<'a> {
    sitio: &'a TestSite,
    pub quien: Persona,
    pub cursor: String,
}

impl<'a> FeedReader<'a> {
    pub fn new(sitio: &'a TestSite, quien: &Persona) -> Self {
        Self {
            sitio,
            quien: quien.clone(),
            cursor: String::new(),
        }
    }

    pub async fn request(&self, consulta: &str) -> ApiResponse {
        let ruta = format!("/sync/changes?cursor={}{consulta}", self.cursor);
        self.sitio
            .request("GET", &ruta)
            .by(&self.quien)
            .send()
            .await
    }

    /// Titles and versions of what came, then what left.
    pub async fn read(&mut self) -> (Vec<String>, Vec<String>) {
        let mut todo = (vec![], vec![]);
        loop {
            let r = self.request("&limite=2").await.expect_status(200, "").json;
            let texto = |v: &Value, campo: &str| v[campo].as_str().unwrap().to_owned();
            for v in r["reportes"].as_array().unwrap() {
                todo.0
                    .push(format!("{} {}", texto(v, "titulo"), v["version"]));
            }
            for v in r["retirados"].as_array().unwrap() {
                todo.1.push(texto(v, "motivo"));
            }
            self.cursor = texto(&r, "cursor");
            if r["hay_mas"] == false {
                return todo;
            }
        }
    }
}

fn strings(v: &[&str]) -> Vec<String> {
    v.iter().map(|t| (*t).to_owned()).collect()
}

/// What each was told of and what left, since it last asked.
async fn assert_each_reads<const N: usize>(
    lectores: &mut [FeedReader<'_>],
    esperado: [(&[&str], &[&str]); N],
) {
    assert_eq!(lectores.len(), N);
    for (lector, (vistos, idos)) in lectores.iter_mut().zip(esperado) {
        assert_eq!(
            lector.read().await,
            (strings(vistos), strings(idos)),
            "{:?}",
            lector.quien.quien.areas
        );
    }
}

/// Its phone moves a report of this version to one area after the other.
async fn move_through(
    sitio: &TestSite,
    autor: &Persona,
    nuevo: &Value,
    version: i64,
    areas: [i64; 2],
) {
    for (base, area) in (version..).zip(areas) {
        let mudado = with(nuevo, &json!({"area_id": area, "version_base": base}));
        send_one(sitio, autor, &mudado).await;
    }
}

#[both_databases]
async fn moving_from_a_to_b_and_c_everyone_learns_what_concerns_them(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let mut jefas = vec![];
    for areas in [&[1][..], &[2], &[3], &[1, 2], &[4]] {
        let jefa = sitio.supervisor(areas).await;
        jefas.push(FeedReader::new(sitio, &jefa));
    }
    let mut propio = FeedReader::new(sitio, &autor);
    let mut admin = FeedReader::new(sitio, &sitio.administrador().await);
    let nuevo = with(&reporte_in(1), &json!({"titulo": "R"}));
    send_one(sitio, &autor, &nuevo).await;
    let nada: (&[&str], &[&str]) = (&[], &[]);
    let fuera: (&[&str], &[&str]) = (&[], &["fuera_de_alcance"]);
    let viene: (&[&str], &[&str]) = (&["R 1"], &[]);
    assert_each_reads(&mut jefas, [viene, nada, nada, viene, nada]).await;
    // Two moves between two reads.
    move_through(sitio, &autor, &nuevo, 1, [2, 3]).await;
    let viene: (&[&str], &[&str]) = (&["R 3"], &[]);
    assert_each_reads(&mut jefas, [fuera, fuera, viene, fuera, nada]).await;
    assert_eq!(propio.read().await, (strings(&["R 3"]), vec![]));
    assert_eq!(admin.read().await, (strings(&["R 3"]), vec![]));
    // And back, by way of another area.
    move_through(sitio, &autor, &nuevo, 3, [4, 1]).await;
    let viene: (&[&str], &[&str]) = (&["R 5"], &[]);
    assert_each_reads(&mut jefas, [viene, nada, fuera, viene, fuera]).await;
    let id = send_one(sitio, &autor, &nuevo).await["id"].clone();
    let retira = json!({"detalle": "de prueba", "version": 5});
    let ruta = format!("/reportes/{id}");
    sitio
        .request("DELETE", &ruta)
        .by(&admin.quien)
        .json(&retira)
        .send()
        .await
        .expect_status(204, "");
    for lector in [&mut propio, &mut admin].into_iter().chain(&mut jefas[..1]) {
        assert_eq!(lector.read().await, (vec![], strings(&["retirado"])));
        assert_eq!(lector.read().await, (vec![], vec![]));
    }
}

#[both_databases]
async fn when_the_persona_changes_it_starts_over(sitio: &TestSite) {
    let (admin, autor) = (sitio.administrador().await, sitio.trabajador().await);
    let jefa = sitio.supervisor(&[2, 1]).await;
    send_one(
        sitio,
        &autor,
        &with(&reporte_in(1), &json!({"titulo": "R"})),
    )
    .await;
    let mut lector = FeedReader::new(sitio, &jefa);
    assert_eq!(lector.read().await, (strings(&["R 1"]), vec![]));
    let usuario = format!("/usuarios/{}", jefa.rut);
    let cambia = async |cambio: Value| {
        sitio
            .request("PATCH", &usuario)
            .by(&admin)
            .json(&cambio)
            .send()
            .await
            .expect_status(200, "");
    };
    // Said in another order they are the same areas; a name is not what she may see.
    cambia(json!({"areas": [1, 2], "nombre": "Ana"})).await;
    assert_eq!(lector.read().await, (vec![], vec![]));
    for cambio in [
        json!({"areas": [2]}),
        json!({"areas": [1, 2, 3]}),
        json!({"rol": "administrador", "areas": []}),
        json!({"rol": "trabajador"}),
    ] {
        cambia(cambio.clone()).await;
        let r = lector
            .request("")
            .await
            .expect_status(410, "alcance_cambiado");
        assert_eq!(r.json["permanente"], true, "{cambio}");
        lector.cursor.clear();
        let ve = cambio["rol"] == "administrador" || cambio["areas"] == json!([1, 2, 3]);
        let visto = lector.read().await.0;
        assert_eq!(
            visto,
            if ve { strings(&["R 1"]) } else { vec![] },
            "{cambio}"
        );
    }
}

#[both_databases]
async fn the_catalogos_come_when_they_change(sitio: &TestSite) {
    let (admin, autor) = (sitio.administrador().await, sitio.trabajador().await);
    let mut lector = FeedReader::new(sitio, &autor);
    let primero = lector.request("").await.json;
    assert_eq!(primero["catalogos"]["areas"].as_array().unwrap().len(), 10);
    lector.read().await;
    assert!(lector.request("").await.json.get("catalogos").is_none());
    let area = json!({"nombre": "Relaves"});
    sitio
        .request("POST", "/catalogos/areas")
        .by(&admin)
        .json(&area)
        .send()
        .await
        .expect_status(201, "");
    let r = lector.request("").await.json;
    assert_eq!(r["catalogos"]["areas"][10]["nombre"], "Relaves");
    assert_ne!(r["cursor"], *lector.cursor);
    lector.read().await;
    assert!(lector.request("").await.json.get("catalogos").is_none());
}

#[both_databases]
async fn a_cursor_belongs_to_its_reader_and_nobody_else(sitio: &TestSite) {
    let (autor, otro) = (sitio.trabajador().await, sitio.trabajador().await);
    send_one(sitio, &autor, &reporte_in(1)).await;
    let mut lector = FeedReader::new(sitio, &autor);
    lector.read().await;
    lector.quien = otro;
    lector
        .request("")
        .await
        .expect_status(422, "cursor_invalido");
    for malo in ["x", "e30", "bm8", "%00", &"A".repeat(5_000), "eyJwIjotMX0"] {
        lector.cursor = malo.to_owned();
        lector
            .request("")
            .await
            .expect_status(422, "cursor_invalido");
    }
    lector.cursor.clear();
    for (limite, bien) in [
        ("0", false),
        ("1001", false),
        ("-1", false),
        ("x", false),
        ("1", true),
        ("1000", true),
    ] {
        let r = lector.request(&format!("&limite={limite}")).await;
        assert_eq!(r.status == 200, bien, "{limite}: {}", r.texto);
    }
}

/// Whoever sees little of much gets small or empty pages, and in the end all that is theirs.
#[both_databases]
async fn who_sees_little_also_reaches_the_end(sitio: &TestSite) {
    let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[7]).await);
    let mut lote: Vec<Value> = (0..450)
        .map(|_| with(&reporte_in(1), &json!({"titulo": "R"})))
        .collect();
    lote[10]["area_id"] = 7.into();
    lote[440]["area_id"] = 7.into();
    sitio.push_batch(&autor, &lote).await;
    // As if there were far more of them: the sequence of positions is what is walked.
    let mut lector = FeedReader::new(sitio, &jefa);
    assert_eq!(lector.read().await, (strings(&["R 1", "R 1"]), vec![]));
    let mut propio = FeedReader::new(sitio, &autor);
    assert_eq!(propio.read().await.0.len(), 450);
    assert_eq!(
        sitio.persona(Rol::Supervisor, &[]).await.quien.areas,
        Vec::<i64>::new()
    );
}
