//! The limits of every field of every operation with a body.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    archivo, assert_problema, create_conflicto,
    operations::{ALL, Operation},
    reporte, snapshot,
    values::{self, Expectation},
};
use sigra_testkit::{Persona, TestSite, both_databases, openapi, reporte_in, uuid};

/// An operation on something that is there to be changed by it.
struct Case {
    op: &'static Operation,
    ruta: String,
    cuerpo: Value,
}

impl Case {
    /// What the one before may have left behind must be out of the way.
    async fn new(sitio: &TestSite, jefe: &Persona, op: &'static Operation) -> Self {
        let mut cuerpo: Value = serde_json::from_str(op.cuerpo).expect(op.cuerpo);
        let mut ruta = op.ruta.to_owned();
        if ruta.contains("/reportes/{id}") {
            ruta = ruta.replace("{id}", &reporte(sitio, jefe).await.to_string());
        }
        if ruta.contains("{rut}") {
            ruta = ruta.replace("{rut}", &sitio.supervisor(&[1]).await.rut.to_string());
        }
        if ruta == "/usuarios" {
            let libre = sitio.trabajador().await.rut.body() + 20_000_000;
            cuerpo["rut"] = json!(libre);
        }
        if ruta.contains("/conflictos/{id}") {
            ruta = ruta.replace("{id}", &create_conflicto(sitio, jefe).await.to_string());
        }
        if ruta.contains("/multimedia/{id}") {
            ruta = ruta.replace("{id}", &archivo(sitio, jefe).await.to_string());
        }
        ruta = ruta.replace("{id}", "3");
        ruta = ruta.replace("{desde}", "1").replace("{hacia}", "2");
        ruta = ruta.replace("{n}", "1");
        Self { op, ruta, cuerpo }
    }

    /// The body with one field written as `valor`.
    fn with(&self, campo: &str, valor: &str) -> String {
        let mut cuerpo = self.cuerpo.clone();
        if cuerpo.get("uuid_cliente").is_some() {
            cuerpo["uuid_cliente"] = json!(uuid());
        }
        cuerpo[campo] = json!("@aquí@");
        cuerpo.to_string().replace("\"@aquí@\"", valor)
    }

    fn without(&self, campo: &str) -> String {
        let mut cuerpo: Value = serde_json::from_str(&self.with(campo, "0")).expect("JSON");
        cuerpo.as_object_mut().expect("objeto").remove(campo);
        cuerpo.to_string()
    }

    async fn send(
        &self,
        sitio: &TestSite,
        jefe: &Persona,
        cuerpo: String,
        dicho: &ExpectedError<'_>,
    ) {
        let ExpectedError {
            campo,
            valor,
            dicho,
        } = dicho;
        let corto: String = valor.chars().take(150).collect();
        let que = format!("{} {} {campo} = {corto}", self.op.metodo, self.ruta);
        let pedido = sitio.request(self.op.metodo, &self.ruta).by(jefe);
        let r = pedido.raw(cuerpo).send().await;
        match dicho {
            Expectation::Bien => assert!(self.op.bien.contains(&r.status), "{que}: {}", r.texto),
            Expectation::NoJson => assert_problema(&r, 400, "json_invalido", &[], &que),
            Expectation::Otro(status, codigo) => assert_problema(&r, *status, codigo, &[], &que),
            Expectation::Mal(donde, codigo) => {
                let campo = format!("{campo}{donde}");
                assert_problema(&r, 422, "datos_invalidos", &[(&campo, codigo)], &que);
            }
        }
    }
}

struct ExpectedError<'a> {
    campo: &'a str,
    valor: &'a str,
    dicho: &'a Expectation,
}

/// A new field or operation fails here until its limits are in the table.
#[test]
fn the_table_has_all_the_fields_of_the_description() {
    let texto = std::fs::read_to_string(openapi::OPENAPI_PATH).expect("docs/openapi.json");
    let api: Value = serde_json::from_str(&texto).expect("JSON");
    for op in openapi::operations() {
        let cuerpo = &op.json["requestBody"]["content"]["application/json"]["schema"];
        let Some(esquema) = cuerpo["$ref"].as_str() else {
            assert!(cuerpo.is_null(), "{} {}: {cuerpo}", op.metodo, op.ruta);
            continue;
        };
        let propiedades = &api.pointer(&esquema[1..]).expect(esquema)["properties"];
        let dichas: BTreeSet<&str> = propiedades
            .as_object()
            .expect("propiedades")
            .keys()
            .map(String::as_str)
            .collect();
        let nuestra = ALL
            .iter()
            .find(|t| (t.metodo, t.ruta) == (&*op.metodo, &*op.ruta));
        let nuestra = nuestra.unwrap_or_else(|| panic!("{} {}: falta", op.metodo, op.ruta));
        let probadas: BTreeSet<&str> = nuestra.campos.iter().map(|c| c.0).collect();
        assert_eq!(probadas, dichas, "{} {}", op.metodo, op.ruta);
    }
}

#[both_databases]
async fn each_field_has_a_limit_and_says_so(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    let (mut buenos, mut malos) = (0, 0);
    for op in ALL {
        let mut caso = Case::new(sitio, &jefe, op).await;
        for (campo, clase, requerido) in op.campos {
            let (bien, mut mal): (Vec<_>, Vec<_>) = values::cases_of(*clase)
                .into_iter()
                .partition(|(_, d)| *d == Expectation::Bien);
            let antes = snapshot(sitio).await;
            if *requerido {
                let dicho = Expectation::Mal(String::new(), "requerido");
                mal.push(("null".to_owned(), dicho.clone()));
                let falta = ExpectedError {
                    campo,
                    valor: "(ausente)",
                    dicho: &dicho,
                };
                caso.send(sitio, &jefe, caso.without(campo), &falta).await;
            }
            for (valor, dicho) in &mal {
                let esperado = ExpectedError {
                    campo,
                    valor,
                    dicho,
                };
                caso.send(sitio, &jefe, caso.with(campo, valor), &esperado)
                    .await;
            }
            assert_eq!(
                snapshot(sitio).await,
                antes,
                "{} {} {campo}",
                op.metodo,
                op.ruta
            );
            for (valor, dicho) in &bien {
                let esperado = ExpectedError {
                    campo,
                    valor,
                    dicho,
                };
                caso.send(sitio, &jefe, caso.with(campo, valor), &esperado)
                    .await;
                caso = Case::new(sitio, &jefe, op).await;
            }
            (buenos, malos) = (buenos + bien.len(), malos + mal.len());
        }
    }
    println!("valores aceptados: {buenos}, rechazados: {malos}");
    assert!(buenos > 150 && malos > 1_000, "{buenos} {malos}");
}

/// All that is wrong is told at once, and a hopeless body does not fill the answer.
#[both_databases]
async fn all_errors_are_told_at_once(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    let malo = json!({
        "titulo": "", "descripcion": 1, "area_id": "1", "severidad_id": 77, "uuid_cliente": "x",
        "fecha_reporte": "2026-02-30", "hora_creado": "9999-01-01T00:00:00Z", "device_id": "a b",
        "ubicacion": {"lat": 91, "precision_m": -1}, "multimedia": [{"bytes": 0}], "version_base": -1, "sha256_base": "x",
    });
    let r = sitio.create(&jefe, &malo).await;
    assert_problema(
        &r,
        422,
        "datos_invalidos",
        &[
            ("titulo", "largo"),
            ("descripcion", "tipo"),
            ("area_id", "tipo"),
            ("severidad_id", "no_existe"),
            ("uuid_cliente", "formato"),
            ("fecha_reporte", "formato"),
            ("hora_creado", "rango"),
            ("device_id", "caracter_no_permitido"),
            ("version_base", "rango"),
            ("sha256_base", "formato"),
            ("ubicacion.lat", "rango"),
            ("ubicacion.lon", "requerido"),
            ("ubicacion.precision_m", "rango"),
            ("multimedia[0].uuid_cliente", "requerido"),
            ("multimedia[0].nombre", "requerido"),
            ("multimedia[0].tipo", "requerido"),
            ("multimedia[0].bytes", "rango"),
            ("multimedia[0].sha256", "requerido"),
        ],
        "todo mal",
    );
    let mut muchos = reporte_in(1);
    muchos["multimedia"] = (0..20).map(|_| json!({})).collect();
    let r = sitio
        .create(&jefe, &muchos)
        .await
        .expect_status(422, "datos_invalidos");
    assert_eq!(r.json["errores"].as_array().unwrap().len(), 50);
}
