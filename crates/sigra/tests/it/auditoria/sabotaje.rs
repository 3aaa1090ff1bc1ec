//! Every way to alter a report's history, and the entry that the verification must name.

mod fila;

use serde_json::{Value, json};
use sigra_domain::{
    bitacora::{GENESIS, Motivo},
    hex,
};
use sigra_store::{EntradaLeida, bitacora_de};

use super::{Donde, Esperado, Intruso, esperado, hallazgos, hash, historia, texto};
use crate::{
    arnes::{Azar, Motor, Sitio, cuenta},
    en_ambas,
};

/// Whose history is altered, and where.
struct Victima {
    id: i64,
    entradas: Vec<EntradaLeida>,
    /// The entry that is altered, from 1.
    n: usize,
    /// Another report, the number of its last entry, and that entry's hash.
    otro: (i64, i64, String),
    motor: Motor,
}

/// What is done, and what must be found.
type Golpe = (String, Vec<Esperado>);

impl Victima {
    async fn al_azar(sitio: &Sitio, azar: &mut Azar, ids: &[i64]) -> Self {
        let id = *azar.elige(ids);
        let otro = *azar.elige(&ids.iter().copied().filter(|o| *o != id).collect::<Vec<_>>());
        let mut lectura = sitio.store.leer().await.unwrap();
        let entradas = bitacora_de(&mut lectura, id).await.unwrap();
        let ultima = bitacora_de(&mut lectura, otro)
            .await
            .unwrap()
            .pop()
            .unwrap();
        let n = 1 + azar.menor(entradas.len());
        let otro = (otro, ultima.entrada.n, ultima.hash);
        Self {
            id,
            entradas,
            n,
            otro,
            motor: sitio.bd.motor,
        }
    }

    fn largo(&self) -> i64 {
        i64::try_from(self.entradas.len()).unwrap()
    }

    fn en(&self) -> i64 {
        i64::try_from(self.n).unwrap()
    }

    fn entrada(&self) -> &EntradaLeida {
        &self.entradas[self.n - 1]
    }

    /// The hash before entry `n`.
    fn anterior(&self, n: usize) -> &str {
        if n == 1 {
            GENESIS
        } else {
            &self.entradas[n - 2].hash
        }
    }

    fn aqui(&self, n: i64, motivo: Motivo) -> Vec<Esperado> {
        vec![esperado(Donde::Reporte(self.id), n, motivo)]
    }

    /// Sets columns of the chosen entry.
    fn pon(&self, columnas: &str) -> String {
        format!(
            "UPDATE bitacora SET {columnas} WHERE id = {}",
            self.entrada().id
        )
    }

    /// Sets columns of the report's row.
    fn fila(&self, columnas: &str, n: i64, motivo: Motivo) -> Golpe {
        let sql = format!("UPDATE reportes SET {columnas} WHERE id = {}", self.id);
        (sql, self.aqui(n, motivo))
    }

    fn valor(&self, columnas: &str) -> Golpe {
        self.fila(columnas, self.largo(), Motivo::Fila)
    }

    /// Writes another text into the chosen entry, with the right hash, and the hashes of as many
    /// entries after it as asked.
    fn reescribe(&self, canonica: &str, siguientes: usize) -> (String, String) {
        let mut ultimo = hash(self.anterior(self.n), canonica);
        let mut sql = self.pon(&format!(
            "canonica = {}, hash = '{ultimo}'",
            texto(canonica)
        ));
        for e in self.entradas[self.n..].iter().take(siguientes) {
            ultimo = hash(&ultimo, &e.canonica);
            let siguiente = format!("UPDATE bitacora SET hash = '{ultimo}' WHERE id = {}", e.id);
            sql = format!("{sql}; {siguiente}");
        }
        (sql, ultimo)
    }

    /// The chosen entry's text with one of its members changed.
    fn con(&self, miembro: &str, valor: Value) -> String {
        let mut json: Value = serde_json::from_str(&self.entrada().canonica).unwrap();
        json[miembro] = valor;
        json.to_string()
    }
}

/// One more entry than there are, chained as it should be; the same for any report.
fn de_mas(reporte_id: i64, n: i64, e: &EntradaLeida, anterior: &str) -> String {
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
        texto(&canonica),
    )
}

fn columna(v: &Victima, azar: &mut Azar) -> Golpe {
    let otra = if v.entrada().entrada.accion.nombre() == "editar" {
        "crear"
    } else {
        "editar"
    };
    let (columnas, motivo) = match azar.menor(6) {
        0 => ("version = version + 1".to_owned(), Motivo::Columnas),
        1 => (format!("accion = '{otra}'"), Motivo::Columnas),
        2 => ("rut = rut + 1".to_owned(), Motivo::Columnas),
        3 => (
            format!("en = en {} 1", azar.elige(&["+", "-"])),
            Motivo::Columnas,
        ),
        4 => ("n = n + 1000".to_owned(), Motivo::Falta),
        _ => {
            let letra = azar.menor(64);
            let mut otro = v.entrada().hash.clone();
            let nueva = if &otro[letra..=letra] == "0" {
                "1"
            } else {
                "0"
            };
            otro.replace_range(letra..=letra, nueva);
            (format!("hash = '{otro}'"), Motivo::Hash)
        }
    };
    (v.pon(&columnas), v.aqui(v.en(), motivo))
}

/// A byte of the text, as a failing disk or a hand would change it.
fn byte(v: &Victima, azar: &mut Azar) -> Golpe {
    let mut bytes = v.entrada().canonica.clone().into_bytes();
    let donde = azar.menor(bytes.len());
    let hallado = v.aqui(v.en(), Motivo::Hash);
    bytes[donde] ^= 1 << azar.menor(8);
    let canonica = match (String::from_utf8(bytes.clone()), v.motor) {
        (Ok(t), _) if !t.contains('\0') => texto(&t),
        // SQLite keeps whatever bytes it is given as text.
        (_, Motor::Sqlite) => {
            let hex = hex(&bytes);
            format!("CAST(x'{hex}' AS TEXT)")
        }
        (_, Motor::Postgres) => texto(&format!("{} ", v.entrada().canonica)),
    };
    (v.pon(&format!("canonica = {canonica}")), hallado)
}

fn borrada(v: &Victima, azar: &mut Azar) -> Golpe {
    let (cuales, n) = match azar.menor(4) {
        0 => ("n >= 1".to_owned(), 1),
        1 => (format!("n = {}", v.largo()), v.largo()),
        2 => (format!("n >= {}", v.en()), v.en()),
        _ => (format!("n = {}", v.en()), v.en()),
    };
    let sql = format!(
        "DELETE FROM bitacora WHERE reporte_id = {} AND {cuales}",
        v.id
    );
    (sql, v.aqui(n, Motivo::Falta))
}

/// Two entries change places, by their numbers or by all that they say.
fn cambiadas(v: &Victima, azar: &mut Azar) -> Golpe {
    let otra = &v.entradas[azar.menor(v.entradas.len())];
    if otra.id == v.entrada().id {
        return borrada(v, azar);
    }
    let (a, b) = (v.en(), otra.entrada.n);
    let n = |id, n| format!("UPDATE bitacora SET n = {n} WHERE id = {id}");
    let ida = [n(otra.id, -1), n(v.entrada().id, b), n(otra.id, a)];
    (ida.join("; "), v.aqui(a.min(b), Motivo::Hash))
}

fn movida(v: &Victima, azar: &mut Azar) -> Golpe {
    let (otro, largo, ultimo) = &v.otro;
    let n = largo + 1;
    let mut columnas = format!("reporte_id = {otro}, n = {n}");
    let mut motivo = Motivo::Hash;
    if azar.una_de(2) {
        // With a hash that fits its new place; but its text names the report that it is of.
        let mut canonica = v.entrada().canonica.clone();
        if azar.una_de(2) {
            canonica = v.con("n", json!(n));
        }
        let hash = hash(ultimo, &canonica);
        let canonica = texto(&canonica);
        columnas = format!("{columnas}, canonica = {canonica}, hash = '{hash}'");
        motivo = Motivo::Columnas;
    }
    let mut hallado = v.aqui(v.en(), Motivo::Falta);
    hallado.push(esperado(Donde::Reporte(*otro), n, motivo));
    (v.pon(&columnas), hallado)
}

fn sobrante(v: &Victima, azar: &mut Azar) -> Golpe {
    let ultimo = v.entradas.last().unwrap();
    let (n, (otro, largo, _)) = (v.largo() + 1, &v.otro);
    if azar.una_de(2) {
        return (
            de_mas(v.id, n, v.entrada(), &ultimo.hash),
            v.aqui(n, Motivo::Sobra),
        );
    }
    // Another report's entry that is not chained to this one's.
    let hallado = vec![esperado(Donde::Reporte(*otro), largo + 1, Motivo::Hash)];
    (de_mas(*otro, largo + 1, v.entrada(), GENESIS), hallado)
}

/// The text is altered and its own hash made to fit: what follows gives it away.
fn reescrita(v: &Victima, azar: &mut Azar) -> Golpe {
    let quedan = v.entradas.len() - v.n;
    match azar.menor(4) {
        0 => {
            let (sql, _) = v.reescribe(&v.con("detalle", json!("otro")), 0);
            let falta = if quedan > 0 {
                (v.en() + 1, Motivo::Hash)
            } else {
                (v.largo(), Motivo::Cabeza)
            };
            (sql, v.aqui(falta.0, falta.1))
        }
        1 => {
            let (sql, _) = v.reescribe(&v.con("detalle", json!("otro")), quedan);
            (sql, v.aqui(v.largo(), Motivo::Cabeza))
        }
        2 => {
            let basura = *azar.elige(&["", "{}", "[1]", "nada"]);
            let (sql, _) = v.reescribe(basura, quedan);
            (sql, v.aqui(v.en(), Motivo::Columnas))
        }
        _ => {
            // Everything is made to fit, the report's memory of it included, but not its row.
            let mut despues = Value::Object(v.entrada().entrada.despues.clone());
            despues["fecha_reporte"] = json!("1999-12-31");
            let (sql, ultimo) = v.reescribe(&v.con("despues", despues), quedan);
            let fila = format!(
                "UPDATE reportes SET ultimo_hash = '{ultimo}' WHERE id = {}",
                v.id
            );
            (format!("{sql}; {fila}"), v.aqui(v.largo(), Motivo::Fila))
        }
    }
}

const GOLPES: [fn(&Victima, &mut Azar) -> Golpe; 9] = [
    columna,
    byte,
    borrada,
    cambiadas,
    movida,
    sobrante,
    reescrita,
    fila::fila,
    fila::manifiesto,
];

en_ambas! {
    async fn lo_alterado_se_nombra_con_su_reporte_y_su_entrada(sitio: &Sitio) {
        let mut azar = Azar::nuevo();
        let ids = historia::reportes(sitio, &mut azar, 30).await;
        let intruso = Intruso::entra(sitio).await;
        assert_eq!(hallazgos(&sitio.store).await, []);
        for vuelta in 0..cuenta(600) {
            let victima = Victima::al_azar(sitio, &mut azar, &ids).await;
            let (sql, mut esperados) = GOLPES[vuelta % GOLPES.len()](&victima, &mut azar);
            esperados.sort_unstable();
            intruso.sql(&sql).await;
            assert_eq!(hallazgos(&sitio.store).await, esperados, "{sql}");
            intruso.repara().await;
        }
        assert_eq!(hallazgos(&sitio.store).await, []);
    }
}
