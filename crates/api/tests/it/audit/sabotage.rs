//! Every way to alter a report's history, and the entry that the verification must name.

mod row;

use serde_json::{Value, json};
use sigra_domain::{
    bitacora::{BreakReason, GENESIS},
    hex,
};
use sigra_store::{StoredEntrada, read_bitacora};

use super::{ChainRef, ExpectedBreak, Intruder, expected, findings, hash, history, text};
use sigra_testkit::{DbKind, Rng, TestSite, both_databases, iterations};

/// Whose history is altered, and where.
struct TamperTarget {
    id: i64,
    entradas: Vec<StoredEntrada>,
    /// The entry that is altered, from 1.
    n: usize,
    /// Another report, the number of its last entry, and that entry's hash.
    otro: (i64, i64, String),
    motor: DbKind,
}

/// What is done, and what must be found.
type Tampering = (String, Vec<ExpectedBreak>);

impl TamperTarget {
    async fn random(sitio: &TestSite, azar: &mut Rng, ids: &[i64]) -> Self {
        let id = *azar.pick(ids);
        let otro = *azar.pick(&ids.iter().copied().filter(|o| *o != id).collect::<Vec<_>>());
        let mut lectura = sitio.store.read().await.unwrap();
        let entradas = read_bitacora(&mut lectura, id).await.unwrap();
        let ultima = read_bitacora(&mut lectura, otro)
            .await
            .unwrap()
            .pop()
            .unwrap();
        let n = 1 + azar.below(entradas.len());
        let otro = (otro, ultima.entrada.n, ultima.hash);
        Self {
            id,
            entradas,
            n,
            otro,
            motor: sitio.bd.motor,
        }
    }

    fn entry_count(&self) -> i64 {
        i64::try_from(self.entradas.len()).unwrap()
    }

    fn position(&self) -> i64 {
        i64::try_from(self.n).unwrap()
    }

    fn entrada(&self) -> &StoredEntrada {
        &self.entradas[self.n - 1]
    }

    /// The hash before entry `n`.
    fn previous_hash(&self, n: usize) -> &str {
        if n == 1 {
            GENESIS
        } else {
            &self.entradas[n - 2].hash
        }
    }

    fn expected_at(&self, n: i64, motivo: BreakReason) -> Vec<ExpectedBreak> {
        vec![expected(ChainRef::Reporte(self.id), n, motivo)]
    }

    /// Sets columns of the chosen entry.
    fn update_sql(&self, columnas: &str) -> String {
        format!(
            "UPDATE bitacora SET {columnas} WHERE id = {}",
            self.entrada().id
        )
    }

    /// Sets columns of the report's row.
    fn row(&self, columnas: &str, n: i64, motivo: BreakReason) -> Tampering {
        let sql = format!("UPDATE reportes SET {columnas} WHERE id = {}", self.id);
        (sql, self.expected_at(n, motivo))
    }

    fn set_columns(&self, columnas: &str) -> Tampering {
        self.row(columnas, self.entry_count(), BreakReason::Fila)
    }

    /// Writes another text into the chosen entry, with the right hash, and the hashes of as many
    /// entries after it as asked.
    fn rewrite(&self, canonica: &str, siguientes: usize) -> (String, String) {
        let mut ultimo = hash(self.previous_hash(self.n), canonica);
        let mut sql = self.update_sql(&format!("canonica = {}, hash = '{ultimo}'", text(canonica)));
        for e in self.entradas[self.n..].iter().take(siguientes) {
            ultimo = hash(&ultimo, &e.canonica);
            let siguiente = format!("UPDATE bitacora SET hash = '{ultimo}' WHERE id = {}", e.id);
            sql = format!("{sql}; {siguiente}");
        }
        (sql, ultimo)
    }

    /// The chosen entry's text with one of its members changed.
    fn with(&self, miembro: &str, valor: Value) -> String {
        let mut json: Value = serde_json::from_str(&self.entrada().canonica).unwrap();
        json[miembro] = valor;
        json.to_string()
    }
}

/// One more entry than there are, chained as it should be; the same for any report.
fn extra_entrada_sql(reporte_id: i64, n: i64, e: &StoredEntrada, anterior: &str) -> String {
    let mut json: Value = serde_json::from_str(&e.canonica).unwrap();
    json["n"] = json!(n);
    let canonica = json.to_string();
    let (nuevo, accion) = (
        hash(anterior, &canonica),
        json["accion"].as_str().unwrap().to_owned(),
    );
    format!(
        "INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash)
         VALUES ({reporte_id}, {n}, {}, '{accion}', {}, {}, {}, '{nuevo}')",
        json["version"],
        json["rut"],
        e.entrada.en.0,
        text(&canonica),
    )
}

fn column(v: &TamperTarget, azar: &mut Rng) -> Tampering {
    let otra = if v.entrada().entrada.accion.name() == "editar" {
        "crear"
    } else {
        "editar"
    };
    let (columnas, motivo) = match azar.below(6) {
        0 => ("version = version + 1".to_owned(), BreakReason::Columnas),
        1 => (format!("accion = '{otra}'"), BreakReason::Columnas),
        2 => ("rut = rut + 1".to_owned(), BreakReason::Columnas),
        3 => (
            format!("en = en {} 1", azar.pick(&["+", "-"])),
            BreakReason::Columnas,
        ),
        4 => ("n = n + 1000".to_owned(), BreakReason::Falta),
        _ => {
            let letra = azar.below(64);
            let mut otro = v.entrada().hash.clone();
            let nueva = if &otro[letra..=letra] == "0" {
                "1"
            } else {
                "0"
            };
            otro.replace_range(letra..=letra, nueva);
            (format!("hash = '{otro}'"), BreakReason::Hash)
        }
    };
    (v.update_sql(&columnas), v.expected_at(v.position(), motivo))
}

/// A byte of the text, as a failing disk or a hand would change it.
fn flip_bit(v: &TamperTarget, azar: &mut Rng) -> Tampering {
    let mut bytes = v.entrada().canonica.clone().into_bytes();
    let donde = azar.below(bytes.len());
    let hallado = v.expected_at(v.position(), BreakReason::Hash);
    bytes[donde] ^= 1 << azar.below(8);
    let canonica = match (String::from_utf8(bytes.clone()), v.motor) {
        (Ok(t), _) if !t.contains('\0') => text(&t),
        // SQLite keeps whatever bytes it is given as text.
        (_, DbKind::Sqlite) => {
            let hex = hex(&bytes);
            format!("CAST(x'{hex}' AS TEXT)")
        }
        (_, DbKind::Postgres) => text(&format!("{} ", v.entrada().canonica)),
    };
    (v.update_sql(&format!("canonica = {canonica}")), hallado)
}

fn delete_entradas(v: &TamperTarget, azar: &mut Rng) -> Tampering {
    let (cuales, n) = match azar.below(4) {
        0 => ("n >= 1".to_owned(), 1),
        1 => (format!("n = {}", v.entry_count()), v.entry_count()),
        2 => (format!("n >= {}", v.position()), v.position()),
        _ => (format!("n = {}", v.position()), v.position()),
    };
    let sql = format!(
        "DELETE FROM bitacora WHERE reporte_id = {} AND {cuales}",
        v.id
    );
    (sql, v.expected_at(n, BreakReason::Falta))
}

/// Two entries change places, by their numbers or by all that they say.
fn swap_entradas(v: &TamperTarget, azar: &mut Rng) -> Tampering {
    let otra = &v.entradas[azar.below(v.entradas.len())];
    if otra.id == v.entrada().id {
        return delete_entradas(v, azar);
    }
    let (a, b) = (v.position(), otra.entrada.n);
    let n = |id, n| format!("UPDATE bitacora SET n = {n} WHERE id = {id}");
    let ida = [n(otra.id, -1), n(v.entrada().id, b), n(otra.id, a)];
    (ida.join("; "), v.expected_at(a.min(b), BreakReason::Hash))
}

fn moved(v: &TamperTarget, azar: &mut Rng) -> Tampering {
    let (otro, largo, ultimo) = &v.otro;
    let n = largo + 1;
    let mut columnas = format!("reporte_id = {otro}, n = {n}");
    let mut motivo = BreakReason::Hash;
    if azar.one_in(2) {
        // With a hash that fits its new place; but its text names the report that it is of.
        let mut canonica = v.entrada().canonica.clone();
        if azar.one_in(2) {
            canonica = v.with("n", json!(n));
        }
        let hash = hash(ultimo, &canonica);
        let canonica = text(&canonica);
        columnas = format!("{columnas}, canonica = {canonica}, hash = '{hash}'");
        motivo = BreakReason::Columnas;
    }
    let mut hallado = v.expected_at(v.position(), BreakReason::Falta);
    hallado.push(expected(ChainRef::Reporte(*otro), n, motivo));
    (v.update_sql(&columnas), hallado)
}

fn surplus(v: &TamperTarget, azar: &mut Rng) -> Tampering {
    let ultimo = v.entradas.last().unwrap();
    let (n, (otro, largo, _)) = (v.entry_count() + 1, &v.otro);
    if azar.one_in(2) {
        return (
            extra_entrada_sql(v.id, n, v.entrada(), &ultimo.hash),
            v.expected_at(n, BreakReason::Sobra),
        );
    }
    // Another report's entry that is not chained to this one's.
    let hallado = vec![expected(
        ChainRef::Reporte(*otro),
        largo + 1,
        BreakReason::Hash,
    )];
    (
        extra_entrada_sql(*otro, largo + 1, v.entrada(), GENESIS),
        hallado,
    )
}

/// The text is altered and its own hash made to fit: what follows gives it away.
fn rewritten(v: &TamperTarget, azar: &mut Rng) -> Tampering {
    let quedan = v.entradas.len() - v.n;
    match azar.below(4) {
        0 => {
            let (sql, _) = v.rewrite(&v.with("detalle", json!("otro")), 0);
            let falta = if quedan > 0 {
                (v.position() + 1, BreakReason::Hash)
            } else {
                (v.entry_count(), BreakReason::Cabeza)
            };
            (sql, v.expected_at(falta.0, falta.1))
        }
        1 => {
            let (sql, _) = v.rewrite(&v.with("detalle", json!("otro")), quedan);
            (sql, v.expected_at(v.entry_count(), BreakReason::Cabeza))
        }
        2 => {
            let basura = *azar.pick(&["", "{}", "[1]", "nada"]);
            let (sql, _) = v.rewrite(basura, quedan);
            (sql, v.expected_at(v.position(), BreakReason::Columnas))
        }
        _ => {
            // Everything is made to fit, the report's memory of it included, but not its row.
            let mut despues = Value::Object(v.entrada().entrada.despues.clone());
            despues["fecha_reporte"] = json!("1999-12-31");
            let (sql, ultimo) = v.rewrite(&v.with("despues", despues), quedan);
            let fila = format!(
                "UPDATE reportes SET ultimo_hash = '{ultimo}' WHERE id = {}",
                v.id
            );
            (
                format!("{sql}; {fila}"),
                v.expected_at(v.entry_count(), BreakReason::Fila),
            )
        }
    }
}

const TAMPERINGS: [fn(&TamperTarget, &mut Rng) -> Tampering; 9] = [
    column,
    flip_bit,
    delete_entradas,
    swap_entradas,
    moved,
    surplus,
    rewritten,
    row::row,
    row::manifest,
];

#[both_databases]
async fn tampering_is_named_with_its_reporte_and_entrada(sitio: &TestSite) {
    let mut azar = Rng::new();
    let ids = history::reportes(sitio, &mut azar, 30).await;
    let intruso = Intruder::break_in(sitio).await;
    assert_eq!(findings(&sitio.store).await, []);
    for vuelta in 0..iterations(600) {
        let victima = TamperTarget::random(sitio, &mut azar, &ids).await;
        let (sql, mut esperados) = TAMPERINGS[vuelta % TAMPERINGS.len()](&victima, &mut azar);
        esperados.sort_unstable();
        intruso.sql(&sql).await;
        assert_eq!(findings(&sitio.store).await, esperados, "{sql}");
        intruso.restore().await;
    }
    assert_eq!(findings(&sitio.store).await, []);
}
