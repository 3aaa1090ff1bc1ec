//! People: how they are made and changed, and the last administrador.

use serde_json::{Value, json};
use sigra_domain::{Rol, Rut};
use sigra_store::identidad::RestablecerPassword;

use super::{con_clave, texto, yo};
use crate::{
    arnes::{Motor, Pedido, Persona, Respuesta, Sitio, a_la_vez, cuenta},
    en_ambas,
};

fn nuevo(rut: &Value) -> Value {
    json!({"rut": rut, "nombre": "Ana", "apellido_1": "Soto", "rol": "supervisor", "areas": [4, 1, 4]})
}

fn crea(sitio: &Sitio, admin: &Persona, cuerpo: &Value) -> Pedido {
    sitio.pide("POST", "/usuarios").como(admin).json(cuerpo)
}

fn cambia(sitio: &Sitio, quien: &Persona, rut: Rut, cambio: &Value) -> Pedido {
    sitio
        .pide("PATCH", &format!("/usuarios/{rut}"))
        .como(quien)
        .json(cambio)
}

/// The fields that a 422 complains of, with their codes.
fn fallas(r: &Respuesta) -> Vec<(String, String)> {
    let errores = r.json["errores"].as_array().cloned().unwrap_or_default();
    let par = |e: &Value| (texto(e, "campo").to_owned(), texto(e, "codigo").to_owned());
    errores.iter().map(par).collect()
}

/// These fields with these values.
#[track_caller]
fn dice(r: &Respuesta, campos: &Value) {
    for (campo, valor) in campos.as_object().expect("campos") {
        assert_eq!(r.json.get(campo), Some(valor), "{campo}: {}", r.texto);
    }
}

async fn administradores(sitio: &Sitio) -> i64 {
    let sql = "SELECT count(*) FROM usuarios WHERE rol = 'administrador' AND activo";
    sitio.bd.entero(sql).await
}

async fn ajustes(sitio: &Sitio) -> i64 {
    sitio
        .bd
        .entero("SELECT count(*) FROM bitacora_ajustes")
        .await
}

en_ambas! {
    async fn el_ultimo_administrador_se_queda(sitio: &Sitio) {
        let (admin, otro) = (sitio.administrador().await, sitio.administrador().await);
        cambia(sitio, &admin, otro.rut, &json!({"activo": false})).envia().await.espera(200, "");
        // One who is inactive is not one.
        let antes = ajustes(sitio).await;
        for cambio in [
            json!({"activo": false}),
            json!({"rol": "trabajador"}),
            json!({"rol": "supervisor", "areas": [1]}),
            json!({"activo": false, "rol": "administrador", "nombre": "Otra"}),
        ] {
            let r = cambia(sitio, &admin, admin.rut, &cambio).envia().await;
            r.espera(409, "ultimo_administrador");
        }
        assert_eq!((ajustes(sitio).await, administradores(sitio).await), (antes, 1));
        let r = yo(sitio, &admin.token).await.espera(200, "");
        dice(&r, &json!({"rol": "administrador", "nombre": "Rosa", "areas": []}));
        cambia(sitio, &admin, admin.rut, &json!({"nombre": "Otra"})).envia().await.espera(200, "");
        // With another, they may go.
        cambia(sitio, &admin, otro.rut, &json!({"activo": true})).envia().await.espera(200, "");
        cambia(sitio, &admin, admin.rut, &json!({"rol": "trabajador"})).envia().await.espera(200, "");
        sitio.pide("GET", "/usuarios").como(&admin).envia().await.espera(403, "sin_permiso");
    }

    async fn dos_administradores_que_se_quitan_a_la_vez_dejan_a_uno(sitio: &Sitio) {
        let (a, b) = (sitio.administrador().await, sitio.administrador().await);
        for i in 0..cuenta(400) {
            let cambio = [json!({"rol": "trabajador"}), json!({"activo": false})][i % 2].clone();
            // In turns: one another, themselves, both the same one.
            let (de_a, de_b) = [(b.rut, a.rut), (a.rut, b.rut), (b.rut, b.rut)][i % 3];
            let [ra, rb] = a_la_vez([
                cambia(sitio, &a, de_a, &cambio).envia(),
                cambia(sitio, &b, de_b, &cambio).envia(),
            ]).await.try_into().unwrap();
            assert_eq!(administradores(sitio).await, 1, "ronda {i}: {ra:?} {rb:?}");
            for r in [&ra, &rb] {
                let bien = ["", "ultimo_administrador", "sin_permiso", "sesion_cerrada", "usuario_inactivo"];
                assert!(bien.contains(&r.codigo()), "{r:?}");
            }
            let sql = "UPDATE usuarios SET rol = 'administrador', activo = (1 = 1);
                UPDATE sesiones SET cerrada_en = NULL";
            sitio.bd.sql(sql).await.unwrap();
        }
    }

    async fn un_usuario_se_crea_con_su_rut_en_cualquier_forma(sitio: &Sitio) {
        let admin = sitio.administrador().await;
        for (rut, cuerpo, formateado) in [
            (json!(12_345_678), 12_345_678, "12.345.678-5"),
            (json!("7654321"), 7_654_321, "7.654.321-6"),
            (json!("11.111.111-1"), 11_111_111, "11.111.111-1"),
            (json!(" 1000005-k "), 1_000_005, "1.000.005-K"),
            (json!(1), 1, "1-9"),
            (json!(99_999_999), 99_999_999, "99.999.999-9"),
        ] {
            let r = crea(sitio, &admin, &nuevo(&rut)).envia().await.espera(201, "");
            dice(&r, &json!({"rut": cuerpo, "rut_formateado": formateado}));
            dice(&r, &json!({"areas": [1, 4], "cargo": 3, "activo": true}));
            let temporal = texto(&r.json, "password_temporal").to_owned();
            assert!(temporal.len() >= 16 && !temporal.contains(&cuerpo.to_string()), "{temporal}");
            // Shown this once.
            let mut sin_clave = r.json.clone();
            sin_clave.as_object_mut().unwrap().remove("password_temporal");
            for forma in [cuerpo.to_string(), formateado.to_owned(), formateado.to_lowercase()] {
                let r = sitio.pide("GET", &format!("/usuarios/{forma}")).como(&admin).envia().await;
                assert_eq!(r.espera(200, "").json, sin_clave);
            }
            // Taken, in whatever form; and nothing of it changes.
            for forma in [json!(cuerpo), json!(formateado)] {
                let mut otro = nuevo(&forma);
                otro["nombre"] = json!("Otra");
                crea(sitio, &admin, &otro).envia().await.espera(409, "rut_existe");
            }
            let r = sitio.pide("GET", &format!("/usuarios/{cuerpo}")).como(&admin).envia().await;
            assert_eq!(r.json, sin_clave);
        }
        for malo in ["12345678-4", "0", "x", "123456789", "1%2F2"] {
            let r = sitio.pide("GET", &format!("/usuarios/{malo}")).como(&admin).envia().await;
            r.espera(404, "no_encontrado");
        }
    }

    async fn lo_que_no_es_un_usuario_se_rechaza_campo_por_campo(sitio: &Sitio) {
        let admin = sitio.administrador().await;
        let antes = sitio.bd.entero("SELECT count(*) FROM usuarios").await;
        let con = |campo: &str, valor: Value| {
            let mut cuerpo = nuevo(&json!(12_345_678));
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
            (con("areas", json!((1..=101).collect::<Vec<i64>>())), "demasiados"),
        ] {
            let r = crea(sitio, &admin, &cuerpo).envia().await.espera(422, "datos_invalidos");
            let dichas = fallas(&r);
            assert_eq!(dichas.len(), 1, "{cuerpo}: {dichas:?}");
            assert_eq!(dichas[0].0, campo, "{cuerpo}");
            assert!(codigo.is_empty() || dichas[0].1 == codigo, "{cuerpo}: {dichas:?}");
        }
        // All of them at once; and at the limits, none.
        let r = crea(sitio, &admin, &json!({})).envia().await.espera(422, "datos_invalidos");
        assert_eq!(fallas(&r).len(), 4, "{}", r.texto);
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM usuarios").await, antes);
        let (mut cuerpo, _) = con("nombre", json!("ñ".repeat(80)));
        cuerpo["areas"] = json!([]);
        crea(sitio, &admin, &cuerpo).envia().await.espera(201, "");
    }

    async fn el_mismo_rut_a_la_vez_se_crea_una_vez(sitio: &Sitio) {
        let admin = sitio.administrador().await;
        for i in 0..cuenta(20) {
            let cuerpo = nuevo(&json!(60_000_000 + i));
            let rs = a_la_vez((0..6).map(|_| crea(sitio, &admin, &cuerpo).envia())).await;
            let mut codigos: Vec<_> = rs.iter().map(|r| (r.status, r.codigo())).collect();
            codigos.sort_unstable();
            assert_eq!(codigos[0], (201, ""));
            assert!(codigos[1..].iter().all(|c| *c == (409, "rut_existe")), "{codigos:?}");
        }
    }

    async fn cambios_a_la_vez_de_una_persona_salen_todos(sitio: &Sitio) {
        let (admin, p) = (sitio.administrador().await, con_clave(sitio, Rol::Supervisor).await);
        for ronda in 0..cuenta(30) {
            let antes = ajustes(sitio).await;
            let edita = |i: usize| {
                let cambio = json!({"nombre": format!("Ana {ronda} {i}"), "areas": [i % 3 + 1]});
                cambia(sitio, &admin, p.rut, &cambio).envia()
            };
            let restablece = || {
                let cambio = RestablecerPassword { rut: p.rut, hash: "$argon2id$x".into(), actor: None };
                let store = sitio.store.clone();
                async move { store.escribir(cambio).await }
            };
            let renombra = |i: usize| {
                let pedido = sitio.pide("PATCH", &format!("/catalogos/areas/{}", i % 3 + 1)).como(&admin);
                pedido.json(&json!({"nombre": format!("Área {ronda} {i}")})).envia()
            };
            let (editan, restablecen, renombran) = tokio::join!(
                a_la_vez((0..6).map(edita)),
                a_la_vez((0..6).map(|_| restablece())),
                a_la_vez((0..6).map(renombra)),
            );
            for r in editan.into_iter().chain(renombran) {
                r.espera(200, "");
            }
            assert!(restablecen.iter().all(Result::is_ok), "{restablecen:?}");
            assert_eq!(ajustes(sitio).await, antes + 18);
        }
        if sitio.bd.motor == Motor::Postgres {
            // They wait for one another in one order: a deadlock would cost a second each.
            let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
            assert_eq!(sitio.bd.entero(sql).await, 0, "abrazos mortales");
        }
    }

    async fn editar_cambia_solo_lo_dicho_y_lo_anota(sitio: &Sitio) {
        let (admin, p) = (sitio.administrador().await, con_clave(sitio, Rol::Supervisor).await);
        let campos = json!({"nombre": "Ana", "apellido_2": "Rojas", "email": "ana@faena.cl", "areas": [3, 2, 3]});
        let r = cambia(sitio, &admin, p.rut, &campos).envia().await.espera(200, "");
        dice(&r, &json!({"nombre": "Ana", "apellido_2": "Rojas", "areas": [2, 3]}));
        dice(&r, &json!({"rol": "supervisor", "activo": true}));
        let antes = ajustes(sitio).await;
        // The same again, or nothing, or a field that nobody knows, writes nothing.
        for nada in [campos, json!({}), json!({"rut": 5, "cargo": 1, "hash_password": "x"})] {
            let otra = cambia(sitio, &admin, p.rut, &nada).envia().await.espera(200, "");
            assert_eq!(otra.json, r.json);
        }
        assert_eq!(ajustes(sitio).await, antes);
        let r = cambia(sitio, &admin, p.rut, &json!({"apellido_2": null, "email": null})).envia().await;
        dice(&r, &json!({"apellido_2": null, "email": null}));
        let r = sitio.pide("GET", "/admin/bitacora/ajustes?limite=1").como(&admin).envia().await.espera(200, "");
        let ultimo = &r.json["items"][0];
        assert_eq!((&ultimo["objeto"], &ultimo["accion"], &ultimo["rut"]),
            (&json!(format!("usuario:{}", p.rut)), &json!("editar"), &json!(admin.rut)));
        assert_eq!(ultimo["antes"], json!({"apellido_2": "Rojas", "email": "ana@faena.cl"}));
        assert_eq!(ultimo["despues"], json!({"apellido_2": null, "email": null}));
        // An area that does not exist changes nothing at all.
        let mal = json!({"nombre": "Otra", "areas": [999]});
        let r = cambia(sitio, &admin, p.rut, &mal).envia().await.espera(422, "datos_invalidos");
        assert_eq!(fallas(&r), [("areas".to_owned(), "no_existe".to_owned())]);
        let r = sitio.pide("GET", &format!("/usuarios/{}", p.rut)).como(&admin).envia().await;
        dice(&r, &json!({"nombre": "Ana", "areas": [2, 3]}));
        let nadie = Rut::new(98_765_432).unwrap();
        cambia(sitio, &admin, nadie, &json!({"nombre": "X"})).envia().await.espera(404, "no_encontrado");
    }
}
