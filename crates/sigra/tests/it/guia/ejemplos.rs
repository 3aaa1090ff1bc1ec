//! The examples of `docs/sincronizacion.md` are run as they are printed, and give what is printed.

use std::process::Stdio;

use serde_json::Value;
use sigra_domain::Rol;
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::DOCS;
use crate::{
    arnes::Sitio,
    en_ambas,
    login::{CLAVE, con_clave},
};

/// A fenced block: its language and where its text lies.
struct Bloque {
    lengua: &'static str,
    desde: usize,
    hasta: usize,
}

fn bloques(texto: &str) -> Vec<Bloque> {
    let mut bloques = vec![];
    for lengua in ["sh", "json"] {
        let abre = format!("```{lengua}\n");
        for (i, _) in texto.match_indices(&abre) {
            let desde = i + abre.len();
            let hasta = desde + texto[desde..].find("```").expect("bloque cerrado");
            bloques.push(Bloque {
                lengua,
                desde,
                hasta,
            });
        }
    }
    bloques.sort_by_key(|b| b.desde);
    bloques
}

/// Without what is another one each time.
fn sin_azar(v: &mut Value) {
    match v {
        Value::Object(o) => {
            for (campo, valor) in o {
                let cambia = campo.starts_with("hora_") && campo != "hora_creado"
                    || [
                        "cursor",
                        "last_sync",
                        "last_sync_attempt",
                        "desfase_reloj_ms",
                        "rut",
                        "autor",
                    ]
                    .contains(&&**campo);
                if cambia {
                    *valor = "…".into();
                } else {
                    sin_azar(valor);
                }
            }
        }
        Value::Array(l) => l.iter_mut().for_each(sin_azar),
        _ => {}
    }
}

/// Runs the blocks in one shell; what each wrote.
async fn ejecuta(sitio: &Sitio, rut: &str, guiones: &[&str]) -> Vec<String> {
    const FIN: &str = "@@ fin @@";
    let mut guion = String::from("set -euo pipefail\n");
    for g in guiones {
        guion.push_str(g);
        guion.push_str(&format!("\nprintf '\\n{FIN}\\n'\n"));
    }
    let mut bash = Command::new("bash")
        .env("SIGRA", &sitio.url)
        .env("RUT", rut)
        .env("CLAVE", CLAVE)
        .env("no_proxy", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash");
    let mut entrada = bash.stdin.take().expect("stdin");
    entrada.write_all(guion.as_bytes()).await.expect("guion");
    drop(entrada);
    let salida = bash.wait_with_output().await.expect("bash");
    let texto = String::from_utf8(salida.stdout).expect("UTF-8");
    assert!(salida.status.success(), "{texto}");
    let partes = texto.split(FIN);
    partes.map(|t| t.trim().to_owned()).collect()
}

en_ambas! {
    /// `SIGRA_ACTUALIZAR=1` writes the answers anew.
    async fn los_ejemplos_dan_lo_que_dicen(sitio: &Sitio) {
        let rut = con_clave(sitio, Rol::Trabajador).await.rut.to_string();
        let archivo = format!("{DOCS}/sincronizacion.md");
        let mut texto = std::fs::read_to_string(&archivo).expect("sincronizacion.md");
        let bloques = bloques(&texto);
        let guiones: Vec<&str> = bloques.iter().filter(|b| b.lengua == "sh").map(|b| &texto[b.desde..b.hasta]).collect();
        assert!(guiones.len() >= 10, "{}", guiones.len());
        let salidas = ejecuta(sitio, &rut, &guiones).await;
        let (mut n, mut respuestas) = (0, vec![]);
        for b in &bloques {
            if b.lengua == "sh" {
                n += 1;
            } else {
                let dicha: Value = serde_json::from_str(&salidas[n - 1]).unwrap_or_else(|e| panic!("{e}: {}", salidas[n - 1]));
                respuestas.push((b, dicha));
            }
        }
        assert_eq!(respuestas.len(), 8);
        if std::env::var_os("SIGRA_ACTUALIZAR").is_some() {
            if sitio.bd.motor == crate::arnes::Motor::Sqlite {
                for (b, dicha) in respuestas.iter_mut().rev() {
                    sin_azar(dicha);
                    let json = serde_json::to_string_pretty(dicha).expect("JSON");
                    texto.replace_range(b.desde..b.hasta, &format!("{json}\n"));
                }
                std::fs::write(&archivo, texto).expect("escribe");
            }
            return;
        }
        for (b, mut dicha) in respuestas {
            let mut escrita: Value = serde_json::from_str(&texto[b.desde..b.hasta]).expect("JSON");
            sin_azar(&mut escrita);
            sin_azar(&mut dicha);
            assert_eq!(escrita, dicha, "docs/sincronizacion.md no es lo que el servidor responde; actualícelo");
        }
    }
}
