//! The examples of the documents are run as they are printed, and give what is printed.

use std::process::Stdio;

use serde_json::Value;
use sigra_domain::Rol;
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::DOCS;
use crate::login::{PASSWORD, login_persona};
use sigra_testkit::{DbKind, TestSite, both_databases};

/// A fenced block: its language and where its text lies. After `sh`, what that gives: `json`, or `text`
/// as it is.
struct CodeBlock {
    lengua: &'static str,
    desde: usize,
    hasta: usize,
}

fn parse_blocks(texto: &str) -> Vec<CodeBlock> {
    let mut bloques = vec![];
    for lengua in ["sh", "json", "text"] {
        let abre = format!("```{lengua}\n");
        for (i, _) in texto.match_indices(&abre) {
            let desde = i + abre.len();
            let hasta = desde + texto[desde..].find("```").expect("bloque cerrado");
            bloques.push(CodeBlock {
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
fn mask_volatile(v: &mut Value) {
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
                        "expira",
                    ]
                    .contains(&&**campo);
                let firmado = valor.as_str().and_then(|t| t.split_once("?firma="));
                if let Some((ruta, _)) = firmado {
                    *valor = format!("{ruta}?firma=…").into();
                } else if cambia {
                    *valor = "…".into();
                } else {
                    mask_volatile(valor);
                }
            }
        }
        Value::Array(l) => l.iter_mut().for_each(mask_volatile),
        _ => {}
    }
}

/// Runs the blocks in one shell, in an empty directory; what each wrote.
async fn run_blocks(sitio: &TestSite, rut: &str, guiones: &[&str]) -> Vec<String> {
    const END_MARK: &str = "@@ fin @@";
    let mut guion = String::from("set -euo pipefail\n");
    for g in guiones {
        guion.push_str(g);
        guion.push_str(&format!("\nprintf '\\n{END_MARK}\\n'\n"));
    }
    let dir = tempfile::tempdir().expect("directorio");
    let mut bash = Command::new("bash")
        .current_dir(dir.path())
        .env("SIGRA", &sitio.url)
        .env("RUT", rut)
        .env("CLAVE", PASSWORD)
        .env("no_proxy", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("bash");
    let mut entrada = bash.stdin.take().expect("stdin");
    entrada.write_all(guion.as_bytes()).await.expect("guion");
    drop(entrada);
    let salida = bash.wait_with_output().await.expect("bash");
    let texto = String::from_utf8(salida.stdout).expect("UTF-8");
    assert!(salida.status.success(), "{texto}");
    let partes = texto.split(END_MARK);
    partes.map(|t| t.trim().to_owned()).collect()
}

/// What a block gave, or what the document says that it gives, without what is another one each time.
fn normalized_response(lengua: &str, texto: &str) -> String {
    if lengua == "text" {
        return format!("{}\n", texto.trim_end());
    }
    let mut json = serde_json::from_str(texto).unwrap_or_else(|e| panic!("{e}: {texto}"));
    mask_volatile(&mut json);
    let json = serde_json::to_string_pretty(&json).expect("JSON");
    format!("{json}\n")
}

/// A document has at least so many answers. `SIGRA_ACTUALIZAR=1` writes them anew.
async fn check_examples(sitio: &TestSite, documento: &str, minimo: usize) {
    let rut = login_persona(sitio, Rol::Trabajador).await.rut.to_string();
    let archivo = format!("{DOCS}/{documento}");
    let mut texto = std::fs::read_to_string(&archivo).expect(documento);
    let bloques = parse_blocks(&texto);
    let guiones = bloques.iter().filter(|b| b.lengua == "sh");
    let guiones: Vec<&str> = guiones.map(|b| &texto[b.desde..b.hasta]).collect();
    let salidas = run_blocks(sitio, &rut, &guiones).await;
    let (mut n, mut respuestas) = (0, vec![]);
    for b in &bloques {
        if b.lengua == "sh" {
            n += 1;
        } else {
            respuestas.push((b, normalized_response(b.lengua, &salidas[n - 1])));
        }
    }
    assert!(respuestas.len() >= minimo, "{}", respuestas.len());
    if std::env::var_os("SIGRA_ACTUALIZAR").is_some() {
        if sitio.bd.motor == DbKind::Sqlite {
            for (b, dada) in respuestas.iter().rev() {
                texto.replace_range(b.desde..b.hasta, dada);
            }
            std::fs::write(&archivo, texto).expect("escribe");
        }
        return;
    }
    for (b, dada) in respuestas {
        let escrita = normalized_response(b.lengua, &texto[b.desde..b.hasta]);
        assert_eq!(
            escrita, dada,
            "docs/{documento} no es lo que el servidor responde; actualícelo"
        );
    }
}

#[both_databases]
async fn the_sync_guide_says_what_is_answered(sitio: &TestSite) {
    check_examples(sitio, "sincronizacion.md", 8).await;
}

#[both_databases]
async fn multimedia(sitio: &TestSite) {
    // As `sigra serve` does: the copies of a photo are made beside the answers.
    let trabajo = tokio::spawn(sitio.app.files().clone().run());
    check_examples(sitio, "multimedia.md", 10).await;
    trabajo.abort();
}
