//! A schema as a database itself tells it, in words that both share.

use std::collections::{BTreeMap, BTreeSet};

use sigra_testkit::TestDb;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Entero,
    Real,
    Texto,
    /// `BOOLEAN`, or an `INTEGER` that may be 0 or 1.
    Logico,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub clase: ColumnKind,
    pub obligatoria: bool,
    pub defecto: Option<String>,
    /// The database gives its number.
    pub numerada: bool,
}

#[derive(Debug, Default)]
pub struct Table {
    pub orden: Vec<String>,
    pub columnas: BTreeMap<String, Column>,
    pub key: Vec<String>,
    /// Columns of each UNIQUE constraint.
    pub unicas: BTreeSet<Vec<String>>,
    /// Column, table and column it names, what happens on deletion.
    pub foraneas: BTreeSet<[String; 4]>,
    /// Columns of each index, and the condition of a partial one.
    pub indices: BTreeMap<String, (Vec<String>, Option<String>)>,
    /// The texts that CHECKs name.
    pub valores_permitidos: Vec<String>,
    /// Triggers, but for those that only one of the two needs.
    pub guardas: BTreeSet<String>,
}

/// Rows whose columns are separated by tabs.
async fn rows<const N: usize>(bd: &TestDb, sql: &str) -> Vec<[String; N]> {
    let partes = |f: String| -> [String; N] {
        let v: Vec<String> = f.split('\t').map(str::to_owned).collect();
        v.try_into().expect(sql)
    };
    bd.texts(sql).await.into_iter().map(partes).collect()
}

fn split_columns(t: &str) -> Vec<String> {
    t.split(',')
        .filter(|c| !c.is_empty())
        .map(str::to_owned)
        .collect()
}

fn is_true(t: &str) -> bool {
    matches!(t, "1" | "t" | "true")
}

/// The texts in quotes, in order.
fn quoted_texts(t: &str) -> Vec<String> {
    let mut v: Vec<String> = t
        .split('\'')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    v.sort();
    v
}

/// SQLite's guard against replacement and PostgreSQL's against TRUNCATE have no twin.
fn has_twin(guarda: &str) -> bool {
    !guarda.ends_with("_no_reemplazar") && !guarda.ends_with("_no_truncar")
}

pub async fn sqlite(bd: &TestDb) -> BTreeMap<String, Table> {
    let mut esquema = BTreeMap::new();
    let tablas = "SELECT name || char(9) || sql FROM sqlite_master WHERE type = 'table'
        AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'";
    for [nombre, sql] in rows(bd, tablas).await {
        let mut t = Table::default();
        let checks: String = sql.lines().filter(|l| l.contains("CHECK (")).collect();
        assert!(sql.contains("STRICT"), "{nombre}: no es STRICT");
        let columnas = format!(
            "SELECT name || char(9) || type || char(9) || \"notnull\" || char(9) || pk || char(9)
                || COALESCE(dflt_value, '') FROM pragma_table_info('{nombre}') ORDER BY cid"
        );
        let mut key = Vec::new();
        for [columna, tipo, obligatoria, pk, defecto] in rows(bd, &columnas).await {
            let clase = match tipo.as_str() {
                "INTEGER" if checks.contains(&format!("CHECK ({columna} IN (0, 1))")) => {
                    ColumnKind::Logico
                }
                "INTEGER" => ColumnKind::Entero,
                "REAL" => ColumnKind::Real,
                "TEXT" => ColumnKind::Texto,
                otro => panic!("{nombre}.{columna}: {otro}"),
            };
            let es_key = pk != "0";
            if es_key {
                key.push((pk, columna.clone()));
            }
            t.orden.push(columna.clone());
            let columna_nueva = Column {
                clase,
                // A key of a STRICT table is never null, whatever the pragma says.
                obligatoria: is_true(&obligatoria) || es_key,
                defecto: Some(defecto).filter(|d| !d.is_empty()),
                numerada: sql.contains(&format!("{columna} INTEGER PRIMARY KEY AUTOINCREMENT")),
            };
            t.columnas.insert(columna, columna_nueva);
        }
        key.sort();
        t.key = key.into_iter().map(|(_, c)| c).collect();
        let indices = format!(
            "SELECT l.name || char(9) || l.origin || char(9) || (SELECT group_concat(i.name)
                FROM pragma_index_info(l.name) i) || char(9) || COALESCE((SELECT m.sql FROM sqlite_master m
                WHERE m.name = l.name), '') FROM pragma_index_list('{nombre}') l"
        );
        for [indice, origen, columnas, sql] in rows(bd, &indices).await {
            match origen.as_str() {
                "u" => drop(t.unicas.insert(split_columns(&columnas))),
                "c" => {
                    let donde = sql.split_once(" WHERE ").map(|(_, d)| d.to_owned());
                    t.indices.insert(indice, (split_columns(&columnas), donde));
                }
                _ => {}
            }
        }
        let foraneas = format!(
            "SELECT \"from\" || char(9) || \"table\" || char(9) || \"to\" || char(9) || on_delete
                FROM pragma_foreign_key_list('{nombre}')"
        );
        t.foraneas = rows(bd, &foraneas).await.into_iter().collect();
        t.valores_permitidos = quoted_texts(&checks);
        let guardas = format!(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{nombre}'"
        );
        t.guardas = bd
            .texts(&guardas)
            .await
            .into_iter()
            .filter(|g| has_twin(g))
            .collect();
        esquema.insert(nombre, t);
    }
    esquema
}

/// As SQLite writes the same condition or default.
fn to_sqlite(t: &str) -> String {
    let t = t
        .replace("::text", "")
        .replace("~~", "LIKE")
        .replace(['(', ')'], "");
    match t.as_str() {
        "true" => "1".to_owned(),
        "false" => "0".to_owned(),
        _ => t,
    }
}

pub async fn postgres(bd: &TestDb) -> BTreeMap<String, Table> {
    let mut esquema: BTreeMap<String, Table> = BTreeMap::new();
    let columnas = "SELECT concat_ws(chr(9), table_name, column_name, data_type, is_nullable, is_identity,
            COALESCE(column_default, '')) FROM information_schema.columns WHERE table_schema = 'public'
            AND table_name <> '_sqlx_migrations' ORDER BY table_name, ordinal_position";
    for [tabla, columna, tipo, nula, identidad, defecto] in rows(bd, columnas).await {
        let clase = match tipo.as_str() {
            "bigint" => ColumnKind::Entero,
            "boolean" => ColumnKind::Logico,
            "double precision" => ColumnKind::Real,
            "text" => ColumnKind::Texto,
            otro => panic!("{tabla}.{columna}: {otro}"),
        };
        let t = esquema.entry(tabla).or_default();
        t.orden.push(columna.clone());
        let columna_nueva = Column {
            clase,
            obligatoria: nula == "NO",
            defecto: Some(to_sqlite(&defecto)).filter(|d| !d.is_empty()),
            numerada: identidad == "YES",
        };
        t.columnas.insert(columna, columna_nueva);
    }
    let nombres = "(SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(c.conkey)
        WITH ORDINALITY k(num, n) JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num)";
    let restricciones = format!(
        "SELECT concat_ws(chr(9), c.conrelid::regclass::text, c.contype, COALESCE({nombres}, ''),
            CASE WHEN c.contype = 'f' THEN c.confrelid::regclass::text ELSE '' END,
            COALESCE((SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.confrelid
                AND a.attnum = c.confkey[1]), ''), c.confdeltype, pg_get_constraintdef(c.oid))
        FROM pg_constraint c WHERE c.connamespace = 'public'::regnamespace
            AND c.conrelid::regclass::text <> '_sqlx_migrations' AND c.contype IN ('p', 'u', 'f', 'c')"
    );
    for [tabla, tipo, columnas, a_tabla, a_columna, al_borrar, texto] in
        rows(bd, &restricciones).await
    {
        let t = esquema.get_mut(&tabla).expect("tabla");
        match tipo.as_str() {
            "p" => t.key = split_columns(&columnas),
            "u" => drop(t.unicas.insert(split_columns(&columnas))),
            "f" => {
                let al_borrar = if al_borrar == "c" {
                    "CASCADE"
                } else {
                    "NO ACTION"
                };
                t.foraneas
                    .insert([columnas, a_tabla, a_columna, al_borrar.to_owned()]);
            }
            _ => t.valores_permitidos.extend(quoted_texts(&texto)),
        }
    }
    let indices =
        "SELECT concat_ws(chr(9), i.indrelid::regclass::text, i.indexrelid::regclass::text,
            (SELECT string_agg(pg_get_indexdef(i.indexrelid, k, true), ',' ORDER BY k)
                FROM generate_series(1, i.indnatts::int) k),
            COALESCE(pg_get_expr(i.indpred, i.indrelid), ''))
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> '_sqlx_migrations'
            AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid
                AND k.contype IN ('p', 'u'))";
    for [tabla, indice, columnas, donde] in rows(bd, indices).await {
        let donde = Some(to_sqlite(&donde)).filter(|d| !d.is_empty());
        esquema
            .get_mut(&tabla)
            .expect("tabla")
            .indices
            .insert(indice, (split_columns(&columnas), donde));
    }
    let guardas = "SELECT concat_ws(chr(9), tgrelid::regclass::text, tgname) FROM pg_trigger
        WHERE NOT tgisinternal";
    for [tabla, guarda] in rows(bd, guardas).await {
        if has_twin(&guarda) {
            esquema
                .get_mut(&tabla)
                .expect("tabla")
                .guardas
                .insert(guarda);
        }
    }
    for t in esquema.values_mut() {
        t.valores_permitidos.sort();
    }
    esquema
}
