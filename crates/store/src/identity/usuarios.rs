//! People.

use serde_json::json;
use sigra_domain::{
    Rol, Rut,
    bitacora::{FieldValues, diff},
};
use sigra_store_macros::FromRow;

use super::sessions::close_all;
use crate::{
    ReadConn, Reason, Refused, StoreError, Tx, Write,
    db::{Conn, with_conn},
};

/// A person as stored; the hash of the password never leaves the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Usuario {
    pub rut: Rut,
    pub nombre: String,
    pub apellido_1: String,
    pub apellido_2: Option<String>,
    pub rol: Rol,
    pub areas: Vec<i64>,
    pub email: Option<String>,
    pub activo: bool,
    pub debe_cambiar_password: bool,
    pub creado: sigra_domain::Instante,
    pub hash_password: String,
}

impl Usuario {
    /// What the bitácora of settings keeps of a person.
    fn values(&self) -> FieldValues {
        let mut v = FieldValues::new();
        v.insert("nombre".into(), json!(self.nombre));
        v.insert("apellido_1".into(), json!(self.apellido_1));
        v.insert("apellido_2".into(), json!(self.apellido_2));
        v.insert("rol".into(), json!(self.rol));
        v.insert("areas".into(), json!(self.areas));
        v.insert("email".into(), json!(self.email));
        v.insert("activo".into(), json!(self.activo));
        v
    }
}

#[derive(FromRow)]
struct Row {
    rut: i64,
    nombre: String,
    apellido_1: String,
    apellido_2: Option<String>,
    rol: String,
    areas: Option<String>,
    email: Option<String>,
    activo: bool,
    debe_cambiar_password: bool,
    creado: i64,
    hash_password: String,
}

/// The ids of a list like `1,2`, in order.
pub(super) fn parse_areas(texto: Option<&str>) -> Vec<i64> {
    let mut areas: Vec<i64> = texto
        .unwrap_or_default()
        .split(',')
        .filter_map(|a| a.parse().ok())
        .collect();
    areas.sort_unstable();
    areas
}

impl Row {
    fn usuario(self) -> Result<Usuario, StoreError> {
        let ilegible = || StoreError::Dato(format!("usuario {}", self.rut));
        Ok(Usuario {
            rut: Rut::new(self.rut).map_err(|_| ilegible())?,
            rol: Rol::from_name(&self.rol).ok_or_else(ilegible)?,
            areas: parse_areas(self.areas.as_deref()),
            nombre: self.nombre,
            apellido_1: self.apellido_1,
            apellido_2: self.apellido_2,
            email: self.email,
            activo: self.activo,
            debe_cambiar_password: self.debe_cambiar_password,
            creado: sigra_domain::Instante(self.creado),
            hash_password: self.hash_password,
        })
    }
}

macro_rules! select_columns {
    ($areas:literal, $resto:literal) => {
        concat!(
            "SELECT u.rut, u.nombre, u.apellido_1, u.apellido_2, u.rol, u.email, u.activo, ",
            "u.debe_cambiar_password, u.creado, u.hash_password, (SELECT ",
            $areas,
            " FROM usuario_areas a WHERE a.rut = u.rut) AS areas FROM usuarios u ",
            $resto
        )
    };
    ($resto:literal) => {
        [
            select_columns!("group_concat(area_id)", $resto),
            select_columns!("string_agg(CAST(area_id AS TEXT), ',')", $resto),
        ]
    };
}

/// One person by RUT.
pub async fn usuario(l: &mut ReadConn, rut: Rut) -> Result<Option<Usuario>, StoreError> {
    find(&mut l.conn(), rut, false).await
}

async fn find(conn: &mut Conn<'_>, rut: Rut, bloquea: bool) -> Result<Option<Usuario>, StoreError> {
    const BY_RUT: [&str; 2] = select_columns!("WHERE u.rut = $1");
    const BY_RUT_FOR_UPDATE: [&str; 2] = select_columns!("WHERE u.rut = $1 FOR UPDATE OF u");
    let sql = conn.pick(
        BY_RUT[0],
        if bloquea {
            BY_RUT_FOR_UPDATE[1]
        } else {
            BY_RUT[1]
        },
    );
    let row: Option<Row> = with_conn!(*conn, c => sqlx::query_as(sql).bind(rut.body())
        .fetch_optional(&mut **c).await)?;
    row.map(Row::usuario).transpose()
}

/// Which people; `None` means any.
#[derive(Clone, Debug, Default)]
pub struct UsuarioFilter {
    pub rol: Option<Rol>,
    pub activo: Option<bool>,
    /// Only people after this RUT: the list is in its order.
    pub despues: Option<i64>,
}

/// A page of people in order of RUT.
pub async fn list_usuarios(
    l: &mut ReadConn,
    f: &UsuarioFilter,
    limite: i64,
) -> Result<Vec<Usuario>, StoreError> {
    const LIST: [&str; 2] = select_columns!(
        "WHERE u.rut > $1 AND ($2 IS NULL OR u.rol = $2) AND ($3 IS NULL OR u.activo = $3)
         ORDER BY u.rut LIMIT $4"
    );
    let mut conn = l.conn();
    let sql = conn.pick(LIST[0], LIST[1]);
    let rows: Vec<Row> = with_conn!(conn, c => sqlx::query_as(sql)
        .bind(f.despues.unwrap_or(0)).bind(f.rol.map(Rol::name)).bind(f.activo).bind(limite)
        .fetch_all(&mut **c).await)?;
    rows.into_iter().map(Row::usuario).collect()
}

/// Whether somebody can administer this site.
pub async fn has_administrador(l: &mut ReadConn) -> Result<bool, StoreError> {
    let n: i64 = with_conn!(l.conn(), c => sqlx::query_scalar(
        "SELECT count(*) FROM usuarios WHERE rol = 'administrador' AND activo")
        .fetch_one(&mut **c).await)?;
    Ok(n > 0)
}

/// The cost of the bcrypt hashes that are left of the earlier system; `None` when none are. One
/// system made them all, so one tells.
pub async fn bcrypt_cost(l: &mut ReadConn) -> Result<Option<u32>, StoreError> {
    let uno: Option<String> = with_conn!(l.conn(), c => sqlx::query_scalar(
        "SELECT hash_password FROM usuarios WHERE hash_password LIKE '$2%' LIMIT 1")
        .fetch_optional(&mut **c).await)?;
    // $2b$12$…
    Ok(uno.and_then(|h| h.split('$').nth(2)?.parse().ok()))
}

#[derive(Debug)]
pub enum UsuarioRefusal {
    /// The RUT is taken.
    Existe,
    NoEncontrado,
    /// Nobody could administer the site any more.
    UltimoAdministrador,
    /// An area that does not exist.
    Area,
}

impl Reason for UsuarioRefusal {}

/// Adds a person. `actor` is null when it is done from the server's console.
#[derive(Debug)]
pub struct CreateUsuario {
    pub usuario: Usuario,
    pub actor: Option<Rut>,
}

impl Write for CreateUsuario {
    type Out = Usuario;
    type Err = Refused<UsuarioRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Usuario, Refused<UsuarioRefusal>> {
        tx.lock_settings().await?;
        let u = &self.usuario;
        let nuevas = with_conn!(tx.conn, c => sqlx::query(
            "INSERT INTO usuarios (rut, nombre, apellido_1, apellido_2, rol, email, activo,
                hash_password, debe_cambiar_password, creado, actualizado)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT (rut) DO NOTHING")
            .bind(u.rut.body()).bind(u.nombre.as_str()).bind(u.apellido_1.as_str())
            .bind(u.apellido_2.as_deref()).bind(u.rol.name()).bind(u.email.as_deref())
            .bind(u.activo).bind(u.hash_password.as_str()).bind(u.debe_cambiar_password)
            .bind(tx.ahora.0)
            .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        if nuevas == 0 {
            return Err(UsuarioRefusal::Existe.into());
        }
        set_areas(tx, u.rut, &u.areas).await?;
        let cambios = diff(&FieldValues::new(), &u.values());
        tx.record_setting_change(format!("usuario:{}", u.rut), "crear", self.actor, cambios)
            .await?;
        Ok(Usuario {
            creado: tx.ahora,
            ..u.clone()
        })
    }
}

async fn set_areas(
    tx: &mut Tx<'_>,
    rut: Rut,
    areas: &[i64],
) -> Result<(), Refused<UsuarioRefusal>> {
    with_conn!(tx.conn, c => sqlx::query("DELETE FROM usuario_areas WHERE rut = $1")
        .bind(rut.body()).execute(&mut **c).await.map(drop))?;
    for area_id in areas {
        let puesta = with_conn!(tx.conn, c => sqlx::query(
            "INSERT INTO usuario_areas (rut, area_id) SELECT $1, id FROM areas WHERE id = $2")
            .bind(rut.body()).bind(*area_id)
            .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        if puesta == 0 {
            return Err(UsuarioRefusal::Area.into());
        }
    }
    Ok(())
}

/// Changes a person; only what is `Some` changes.
#[derive(Debug)]
pub struct EditUsuario {
    pub rut: Rut,
    pub cambio: UsuarioChange,
    pub actor: Rut,
}

#[derive(Clone, Debug, Default)]
pub struct UsuarioChange {
    pub nombre: Option<String>,
    pub apellido_1: Option<String>,
    pub apellido_2: Option<Option<String>>,
    pub rol: Option<Rol>,
    pub areas: Option<Vec<i64>>,
    pub email: Option<Option<String>>,
    pub activo: Option<bool>,
}

impl Write for EditUsuario {
    type Out = Usuario;
    type Err = Refused<UsuarioRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Usuario, Refused<UsuarioRefusal>> {
        // Two administradores who demote each other at once must not both succeed.
        tx.lock_settings().await?;
        let viejo = find(&mut tx.conn, self.rut, true)
            .await?
            .ok_or(UsuarioRefusal::NoEncontrado)?;
        let k = &self.cambio;
        let mut u = viejo.clone();
        u.nombre = k.nombre.clone().unwrap_or(u.nombre);
        u.apellido_1 = k.apellido_1.clone().unwrap_or(u.apellido_1);
        u.apellido_2 = k.apellido_2.clone().unwrap_or(u.apellido_2);
        u.rol = k.rol.unwrap_or(u.rol);
        u.areas = k.areas.clone().unwrap_or(u.areas);
        u.areas.sort_unstable();
        u.areas.dedup();
        u.email = k.email.clone().unwrap_or(u.email);
        u.activo = k.activo.unwrap_or(u.activo);
        let (antes, despues) = diff(&viejo.values(), &u.values());
        if despues.is_empty() {
            return Ok(viejo);
        }
        with_conn!(tx.conn, c => sqlx::query(
            "UPDATE usuarios SET nombre = $2, apellido_1 = $3, apellido_2 = $4, rol = $5, email = $6,
                activo = $7, actualizado = $8 WHERE rut = $1")
            .bind(u.rut.body()).bind(u.nombre.as_str()).bind(u.apellido_1.as_str())
            .bind(u.apellido_2.as_deref()).bind(u.rol.name()).bind(u.email.as_deref())
            .bind(u.activo).bind(tx.ahora.0)
            .execute(&mut **c).await.map(drop))?;
        set_areas(tx, u.rut, &u.areas).await?;
        let administradores: i64 = with_conn!(tx.conn, c => sqlx::query_scalar(
            "SELECT count(*) FROM usuarios WHERE rol = 'administrador' AND activo")
            .fetch_one(&mut **c).await)?;
        if administradores == 0 {
            return Err(UsuarioRefusal::UltimoAdministrador.into());
        }
        if !u.activo {
            close_all(tx, u.rut, "usuario_inactivo").await?;
        }
        let objeto = format!("usuario:{}", u.rut);
        tx.record_setting_change(objeto, "editar", Some(self.actor), (antes, despues))
            .await?;
        Ok(u)
    }
}

/// Gives a person a one-time password; their sessions end.
#[derive(Debug)]
pub struct ResetPassword {
    pub rut: Rut,
    pub hash: String,
    pub actor: Option<Rut>,
}

impl Write for ResetPassword {
    type Out = ();
    type Err = Refused<UsuarioRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Refused<UsuarioRefusal>> {
        tx.lock_settings().await?;
        let cambiadas = with_conn!(tx.conn, c => sqlx::query(
            "UPDATE usuarios SET hash_password = $2, debe_cambiar_password = $3, actualizado = $4
             WHERE rut = $1")
            .bind(self.rut.body()).bind(self.hash.as_str()).bind(true).bind(tx.ahora.0)
            .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        if cambiadas == 0 {
            return Err(UsuarioRefusal::NoEncontrado.into());
        }
        close_all(tx, self.rut, "password_restablecido").await?;
        // Who was locked out for wrong passwords can use the new one at once.
        with_conn!(tx.conn, c => sqlx::query("DELETE FROM intentos WHERE clave = $1")
            .bind(format!("rut:{}", self.rut)).execute(&mut **c).await.map(drop))?;
        let objeto = format!("usuario:{}", self.rut);
        let nada = (FieldValues::new(), FieldValues::new());
        tx.record_setting_change(objeto, "restablecer_password", self.actor, nada)
            .await?;
        Ok(())
    }
}

/// Name and first surname of each.
pub async fn names_by_rut(
    l: &mut ReadConn,
    ruts: &std::collections::BTreeSet<Rut>,
) -> Result<std::collections::HashMap<Rut, String>, StoreError> {
    let conn = &mut l.conn();
    let sql = conn.pick(
        "SELECT rut, nombre || ' ' || apellido_1 FROM usuarios
         WHERE rut IN (SELECT value FROM json_each($1))",
        "SELECT rut, nombre || ' ' || apellido_1 FROM usuarios
         WHERE rut IN (SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT))",
    );
    let ruts: Vec<i64> = ruts.iter().map(|r| r.body()).collect();
    let rows: Vec<(i64, String)> = with_conn!(*conn, c => sqlx::query_as(sql)
        .bind(crate::db::json(&ruts)?).fetch_all(&mut **c).await)?;
    let nombre = |(rut, nombre)| Some((Rut::new(rut).ok()?, nombre));
    Ok(rows.into_iter().filter_map(nombre).collect())
}
