//! People: how they are made and changed, and the last administrador.

use serde_json::{Value, json};
use sigra_domain::{Rol, Rut};
use sigra_store::identity::ResetPassword;

use super::{login_persona, me, text};
use sigra_testkit::{
    ApiResponse, DbKind, Persona, TestRequest, TestSite, both_databases, iterations,
    run_concurrently,
};

fn new_usuario(rut: &Value) -> Value {
    json!({"rut": rut, "nombre": "Ana", "apellido_1": "Soto", "rol": "supervisor", "areas": [4, 1, 4]})
}

fn create(sitio: &TestSite, admin: &Persona, cuerpo: &Value) -> TestRequest {
    sitio.request("POST", "/usuarios").by(admin).json(cuerpo)
}

fn update(sitio: &TestSite, quien: &Persona, rut: Rut, cambio: &Value) -> TestRequest {
    sitio
        .request("PATCH", &format!("/usuarios/{rut}"))
        .by(quien)
        .json(cambio)
}

/// The fields that a 422 complains of, with their codes.
fn field_errors(r: &ApiResponse) -> Vec<(String, String)> {
    let errores = r.json["errores"].as_array().cloned().unwrap_or_default();
    let par = |e: &Value| (text(e, "campo").to_owned(), text(e, "codigo").to_owned());
    errores.iter().map(par).collect()
}

/// These fields with these values.
#[track_caller]
fn assert_fields(r: &ApiResponse, campos: &Value) {
    for (campo, valor) in campos.as_object().expect("campos") {
        assert_eq!(r.json.get(campo), Some(valor), "{campo}: {}", r.texto);
    }
}

async fn administradores(sitio: &TestSite) -> i64 {
    let sql = "SELECT count(*) FROM usuarios WHERE rol = 'administrador' AND activo";
    sitio.bd.query_i64(sql).await
}

async fn count_settings_entradas(sitio: &TestSite) -> i64 {
    sitio
        .bd
        .query_i64("SELECT count(*) FROM bitacora_ajustes")
        .await
}

#[both_databases]
async fn the_last_administrador_stays(sitio: &TestSite) {
    let (admin, otro) = (sitio.administrador().await, sitio.administrador().await);
    update(sitio, &admin, otro.rut, &json!({"activo": false}))
        .send()
        .await
        .expect_status(200, "");
    // One who is inactive is not one.
    let antes = count_settings_entradas(sitio).await;
    for cambio in [
        json!({"activo": false}),
        json!({"rol": "trabajador"}),
        json!({"rol": "supervisor", "areas": [1]}),
        json!({"activo": false, "rol": "administrador", "nombre": "Otra"}),
    ] {
        let r = update(sitio, &admin, admin.rut, &cambio).send().await;
        r.expect_status(409, "ultimo_administrador");
    }
    assert_eq!(
        (
            count_settings_entradas(sitio).await,
            administradores(sitio).await
        ),
        (antes, 1)
    );
    let r = me(sitio, &admin.token).await.expect_status(200, "");
    assert_fields(
        &r,
        &json!({"rol": "administrador", "nombre": "Rosa", "areas": []}),
    );
    update(sitio, &admin, admin.rut, &json!({"nombre": "Otra"}))
        .send()
        .await
        .expect_status(200, "");
    // With another, they may go.
    update(sitio, &admin, otro.rut, &json!({"activo": true}))
        .send()
        .await
        .expect_status(200, "");
    update(sitio, &admin, admin.rut, &json!({"rol": "trabajador"}))
        .send()
        .await
        .expect_status(200, "");
    sitio
        .request("GET", "/usuarios")
        .by(&admin)
        .send()
        .await
        .expect_status(403, "sin_permiso");
}

#[both_databases]
async fn two_administradores_who_remove_each_other_at_once_leave_one(sitio: &TestSite) {
    let (a, b) = (sitio.administrador().await, sitio.administrador().await);
    for i in 0..iterations(400) {
        let cambio = [json!({"rol": "trabajador"}), json!({"activo": false})][i % 2].clone();
        // In turns: one another, themselves, both the same one.
        let (de_a, de_b) = [(b.rut, a.rut), (a.rut, b.rut), (b.rut, b.rut)][i % 3];
        let [ra, rb] = run_concurrently([
            update(sitio, &a, de_a, &cambio).send(),
            update(sitio, &b, de_b, &cambio).send(),
        ])
        .await
        .try_into()
        .unwrap();
        assert_eq!(administradores(sitio).await, 1, "ronda {i}: {ra:?} {rb:?}");
        for r in [&ra, &rb] {
            let bien = [
                "",
                "ultimo_administrador",
                "sin_permiso",
                "sesion_cerrada",
                "usuario_inactivo",
            ];
            assert!(bien.contains(&r.code()), "{r:?}");
        }
        let sql = "UPDATE usuarios SET rol = 'administrador', activo = (1 = 1);
                UPDATE sesiones SET cerrada_en = NULL";
        sitio.bd.sql(sql).await.unwrap();
    }
}

#[both_databases]
async fn a_usuario_is_created_with_a_rut_in_any_form(sitio: &TestSite) {
    let admin = sitio.administrador().await;
    for (rut, cuerpo, formateado) in [
        (json!(12_345_678), 12_345_678, "12.345.678-5"),
        (json!("7654321"), 7_654_321, "7.654.321-6"),
        (json!("11.111.111-1"), 11_111_111, "11.111.111-1"),
        (json!(" 1000005-k "), 1_000_005, "1.000.005-K"),
        (json!(1), 1, "1-9"),
        (json!(99_999_999), 99_999_999, "99.999.999-9"),
    ] {
        let r = create(sitio, &admin, &new_usuario(&rut))
            .send()
            .await
            .expect_status(201, "");
        assert_fields(&r, &json!({"rut": cuerpo, "rut_formateado": formateado}));
        assert_fields(&r, &json!({"areas": [1, 4], "cargo": 3, "activo": true}));
        let temporal = text(&r.json, "password_temporal").to_owned();
        assert!(
            temporal.len() >= 16 && !temporal.contains(&cuerpo.to_string()),
            "{temporal}"
        );
        // Shown this once.
        let mut sin_clave = r.json.clone();
        sin_clave
            .as_object_mut()
            .unwrap()
            .remove("password_temporal");
        for forma in [
            cuerpo.to_string(),
            formateado.to_owned(),
            formateado.to_lowercase(),
        ] {
            let r = sitio
                .request("GET", &format!("/usuarios/{forma}"))
                .by(&admin)
                .send()
                .await;
            assert_eq!(r.expect_status(200, "").json, sin_clave);
        }
        // Taken, in whatever form; and nothing of it changes.
        for forma in [json!(cuerpo), json!(formateado)] {
            let mut otro = new_usuario(&forma);
            otro["nombre"] = json!("Otra");
            create(sitio, &admin, &otro)
                .send()
                .await
                .expect_status(409, "rut_existe");
        }
        let r = sitio
            .request("GET", &format!("/usuarios/{cuerpo}"))
            .by(&admin)
            .send()
            .await;
        assert_eq!(r.json, sin_clave);
    }
    for malo in ["12345678-4", "0", "x", "123456789", "1%2F2"] {
        let r = sitio
            .request("GET", &format!("/usuarios/{malo}"))
            .by(&admin)
            .send()
            .await;
        r.expect_status(404, "no_encontrado");
    }
}

#[both_databases]
async fn what_is_not_a_usuario_is_refused_field_by_field(sitio: &TestSite) {
    let admin = sitio.administrador().await;
    let antes = sitio.bd.query_i64("SELECT count(*) FROM usuarios").await;
    let con = |campo: &str, valor: Value| {
        let mut cuerpo = new_usuario(&json!(12_345_678));
        cuerpo[campo] = valor;
        (cuerpo, campo.to_owned())
    };
    for ((cuerpo, campo), codigo) in [
        (con("rut", json!("12345678-4")), "digito_verificador"),
        (con("rut", json!("12.345.678-K")), "digito_verificador"),
        (con("rut", json!(null)), "requerido"),
        (con("rut", json!(0)), ""),
        (con("rut", json!(-12_345_678)), ""),
        (con("rut", json!(100_000_000)), ""),
        (con("rut", json!("12.34.5678")), ""),
        (con("rut", json!("")), ""),
        (con("rut", json!(1.5)), "tipo"),
        (con("rut", json!([1])), "tipo"),
        (con("nombre", json!("  ")), "largo"),
        (con("nombre", json!("ñ".repeat(81))), "largo"),
        (con("apellido_1", json!("a\nb")), "caracter_no_permitido"),
        (con("apellido_2", json!("\u{0}")), "caracter_no_permitido"),
        (con("apellido_1", json!(null)), "requerido"),
        (con("rol", json!("jefe")), "formato"),
        (con("rol", json!(3)), "tipo"),
        (con("email", json!("sin arroba")), "formato"),
        (con("areas", json!([1, 999])), "no_existe"),
        (con("areas", json!([i64::MAX])), "no_existe"),
        (con("areas", json!("1")), "tipo"),
        (con("areas", json!([1.5])), "tipo"),
        (
            con("areas", json!((1..=101).collect::<Vec<i64>>())),
            "demasiados",
        ),
    ] {
        let r = create(sitio, &admin, &cuerpo)
            .send()
            .await
            .expect_status(422, "datos_invalidos");
        let dichas = field_errors(&r);
        assert_eq!(dichas.len(), 1, "{cuerpo}: {dichas:?}");
        assert_eq!(dichas[0].0, campo, "{cuerpo}");
        assert!(
            codigo.is_empty() || dichas[0].1 == codigo,
            "{cuerpo}: {dichas:?}"
        );
    }
    // All of them at once; and at the limits, none.
    let r = create(sitio, &admin, &json!({}))
        .send()
        .await
        .expect_status(422, "datos_invalidos");
    assert_eq!(field_errors(&r).len(), 4, "{}", r.texto);
    assert_eq!(
        sitio.bd.query_i64("SELECT count(*) FROM usuarios").await,
        antes
    );
    let (mut cuerpo, _) = con("nombre", json!("ñ".repeat(80)));
    cuerpo["areas"] = json!([]);
    create(sitio, &admin, &cuerpo)
        .send()
        .await
        .expect_status(201, "");
}

#[both_databases]
async fn the_same_rut_at_once_is_created_once(sitio: &TestSite) {
    let admin = sitio.administrador().await;
    for i in 0..iterations(20) {
        let cuerpo = new_usuario(&json!(60_000_000 + i));
        let rs = run_concurrently((0..6).map(|_| create(sitio, &admin, &cuerpo).send())).await;
        let mut codigos: Vec<_> = rs.iter().map(|r| (r.status, r.code())).collect();
        codigos.sort_unstable();
        assert_eq!(codigos[0], (201, ""));
        assert!(
            codigos[1..].iter().all(|c| *c == (409, "rut_existe")),
            "{codigos:?}"
        );
    }
}

#[both_databases]
async fn concurrent_changes_of_one_persona_all_succeed(sitio: &TestSite) {
    let (admin, p) = (
        sitio.administrador().await,
        login_persona(sitio, Rol::Supervisor).await,
    );
    for ronda in 0..iterations(30) {
        let antes = count_settings_entradas(sitio).await;
        let edita = |i: usize| {
            let cambio = json!({"nombre": format!("Ana {ronda} {i}"), "areas": [i % 3 + 1]});
            update(sitio, &admin, p.rut, &cambio).send()
        };
        let restablece = || {
            let cambio = ResetPassword {
                rut: p.rut,
                hash: "$argon2id$x".into(),
                actor: None,
            };
            let store = sitio.store.clone();
            async move { store.write(cambio).await }
        };
        let renombra = |i: usize| {
            let pedido = sitio
                .request("PATCH", &format!("/catalogos/areas/{}", i % 3 + 1))
                .by(&admin);
            pedido
                .json(&json!({"nombre": format!("Área {ronda} {i}")}))
                .send()
        };
        let (editan, restablecen, renombran) = tokio::join!(
            run_concurrently((0..6).map(edita)),
            run_concurrently((0..6).map(|_| restablece())),
            run_concurrently((0..6).map(renombra)),
        );
        for r in editan.into_iter().chain(renombran) {
            r.expect_status(200, "");
        }
        assert!(restablecen.iter().all(Result::is_ok), "{restablecen:?}");
        assert_eq!(count_settings_entradas(sitio).await, antes + 18);
    }
    if sitio.bd.motor == DbKind::Postgres {
        // They wait for one another in one order: a deadlock would cost a second each.
        let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        assert_eq!(sitio.bd.query_i64(sql).await, 0, "abrazos mortales");
    }
}

#[both_databases]
async fn editing_changes_only_what_is_given_and_records_it(sitio: &TestSite) {
    let (admin, p) = (
        sitio.administrador().await,
        login_persona(sitio, Rol::Supervisor).await,
    );
    let campos = json!({"nombre": "Ana", "apellido_2": "Rojas", "email": "ana@faena.cl", "areas": [3, 2, 3]});
    let r = update(sitio, &admin, p.rut, &campos)
        .send()
        .await
        .expect_status(200, "");
    assert_fields(
        &r,
        &json!({"nombre": "Ana", "apellido_2": "Rojas", "areas": [2, 3]}),
    );
    assert_fields(&r, &json!({"rol": "supervisor", "activo": true}));
    let antes = count_settings_entradas(sitio).await;
    // The same again, or nothing, or a field that nobody knows, writes nothing.
    for nada in [
        campos,
        json!({}),
        json!({"rut": 5, "cargo": 1, "hash_password": "x"}),
    ] {
        let otra = update(sitio, &admin, p.rut, &nada)
            .send()
            .await
            .expect_status(200, "");
        assert_eq!(otra.json, r.json);
    }
    assert_eq!(count_settings_entradas(sitio).await, antes);
    let r = update(
        sitio,
        &admin,
        p.rut,
        &json!({"apellido_2": null, "email": null}),
    )
    .send()
    .await;
    assert_fields(&r, &json!({"apellido_2": null, "email": null}));
    let r = sitio
        .request("GET", "/admin/bitacora/ajustes?limite=1")
        .by(&admin)
        .send()
        .await
        .expect_status(200, "");
    let ultimo = &r.json["items"][0];
    assert_eq!(
        (&ultimo["objeto"], &ultimo["accion"], &ultimo["rut"]),
        (
            &json!(format!("usuario:{}", p.rut)),
            &json!("editar"),
            &json!(admin.rut)
        )
    );
    assert_eq!(
        ultimo["antes"],
        json!({"apellido_2": "Rojas", "email": "ana@faena.cl"})
    );
    assert_eq!(
        ultimo["despues"],
        json!({"apellido_2": null, "email": null})
    );
    // An area that does not exist changes nothing at all.
    let mal = json!({"nombre": "Otra", "areas": [999]});
    let r = update(sitio, &admin, p.rut, &mal)
        .send()
        .await
        .expect_status(422, "datos_invalidos");
    assert_eq!(
        field_errors(&r),
        [("areas".to_owned(), "no_existe".to_owned())]
    );
    let r = sitio
        .request("GET", &format!("/usuarios/{}", p.rut))
        .by(&admin)
        .send()
        .await;
    assert_fields(&r, &json!({"nombre": "Ana", "areas": [2, 3]}));
    let nadie = Rut::new(98_765_432).unwrap();
    update(sitio, &admin, nadie, &json!({"nombre": "X"}))
        .send()
        .await
        .expect_status(404, "no_encontrado");
}
