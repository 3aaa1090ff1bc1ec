//! People.

use serde_json::json;
use sigra_domain::{
    Rol, Rut,
    bitacora::{Valores, diferencia},
};
use sqlx::FromRow;

use super::sesiones::cierra_todas;
use crate::{
    DeFallo, Fallo, Lectura, Tx, Write,
    db::{Conn, con},
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
    fn valores(&self) -> Valores {
        let mut v = Valores::new();
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
struct Fila {
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
pub(super) fn areas_de_texto(texto: Option<&str>) -> Vec<i64> {
    let mut areas: Vec<i64> = texto
        .unwrap_or_default()
        .split(',')
        .filter_map(|a| a.parse().ok())
        .collect();
    areas.sort_unstable();
    areas
}

impl Fila {
    fn usuario(self) -> Result<Usuario, Fallo> {
        let ilegible = || Fallo::Dato(format!("usuario {}", self.rut));
        Ok(Usuario {
            rut: Rut::new(self.rut).map_err(|_| ilegible())?,
            rol: Rol::de_nombre(&self.rol).ok_or_else(ilegible)?,
            areas: areas_de_texto(self.areas.as_deref()),
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

macro_rules! seleccion {
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
            seleccion!("group_concat(area_id)", $resto),
            seleccion!("string_agg(CAST(area_id AS TEXT), ',')", $resto),
        ]
    };
}

/// One person by RUT.
pub async fn usuario(l: &mut Lectura, rut: Rut) -> Result<Option<Usuario>, Fallo> {
    busca(&mut l.conn(), rut, false).await
}

async fn busca(conn: &mut Conn<'_>, rut: Rut, bloquea: bool) -> Result<Option<Usuario>, Fallo> {
    const UNO: [&str; 2] = seleccion!("WHERE u.rut = $1");
    const BLOQUEA: [&str; 2] = seleccion!("WHERE u.rut = $1 FOR UPDATE OF u");
    let sql = conn.elige(UNO[0], if bloquea { BLOQUEA[1] } else { UNO[1] });
    let fila: Option<Fila> = con!(*conn, c => sqlx::query_as(sql).bind(rut.cuerpo())
        .fetch_optional(&mut **c).await)?;
    fila.map(Fila::usuario).transpose()
}

/// Which people; `None` means any.
#[derive(Clone, Debug, Default)]
pub struct FiltroUsuarios {
    pub rol: Option<Rol>,
    pub activo: Option<bool>,
    /// Only people after this RUT: the list is in its order.
    pub despues: Option<i64>,
}

/// A page of people in order of RUT.
pub async fn lista_usuarios(
    l: &mut Lectura,
    f: &FiltroUsuarios,
    limite: i64,
) -> Result<Vec<Usuario>, Fallo> {
    const LISTA: [&str; 2] = seleccion!(
        "WHERE u.rut > $1 AND ($2 IS NULL OR u.rol = $2) AND ($3 IS NULL OR u.activo = $3)
         ORDER BY u.rut LIMIT $4"
    );
    let mut conn = l.conn();
    let sql = conn.elige(LISTA[0], LISTA[1]);
    let filas: Vec<Fila> = con!(conn, c => sqlx::query_as(sql)
        .bind(f.despues.unwrap_or(0)).bind(f.rol.map(Rol::nombre)).bind(f.activo).bind(limite)
        .fetch_all(&mut **c).await)?;
    filas.into_iter().map(Fila::usuario).collect()
}

/// Whether somebody can administer this site.
pub async fn hay_administrador(l: &mut Lectura) -> Result<bool, Fallo> {
    let n: i64 = con!(l.conn(), c => sqlx::query_scalar(
        "SELECT count(*) FROM usuarios WHERE rol = 'administrador' AND activo")
        .fetch_one(&mut **c).await)?;
    Ok(n > 0)
}

/// The cost of the bcrypt hashes that are left of the earlier system; `None` when none are. One
/// system made them all, so one tells.
pub async fn costo_bcrypt(l: &mut Lectura) -> Result<Option<u32>, Fallo> {
    let uno: Option<String> = con!(l.conn(), c => sqlx::query_scalar(
        "SELECT hash_password FROM usuarios WHERE hash_password LIKE '$2%' LIMIT 1")
        .fetch_optional(&mut **c).await)?;
    // $2b$12$…
    Ok(uno.and_then(|h| h.split('$').nth(2)?.parse().ok()))
}

#[derive(Debug)]
pub enum RechazoUsuario {
    /// The RUT is taken.
    Existe,
    NoEncontrado,
    /// Nobody could administer the site any more.
    UltimoAdministrador,
    /// An area that does not exist.
    Area,
    Fallo(Fallo),
}

impl From<Fallo> for RechazoUsuario {
    fn from(f: Fallo) -> Self {
        Self::Fallo(f)
    }
}

impl From<sqlx::Error> for RechazoUsuario {
    fn from(e: sqlx::Error) -> Self {
        Self::Fallo(e.into())
    }
}

impl DeFallo for RechazoUsuario {
    fn fallo(&self) -> Option<&Fallo> {
        match self {
            Self::Fallo(f) => Some(f),
            _ => None,
        }
    }
}

/// Adds a person. `actor` is null when it is done from the server's console.
#[derive(Debug)]
pub struct CrearUsuario {
    pub usuario: Usuario,
    pub actor: Option<Rut>,
}

impl Write for CrearUsuario {
    type Out = Usuario;
    type Err = RechazoUsuario;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Usuario, RechazoUsuario> {
        tx.bloquea_ajustes().await?;
        let u = &self.usuario;
        let nuevas = con!(tx.conn, c => sqlx::query(
            "INSERT INTO usuarios (rut, nombre, apellido_1, apellido_2, rol, email, activo,
                hash_password, debe_cambiar_password, creado, actualizado)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT (rut) DO NOTHING")
            .bind(u.rut.cuerpo()).bind(u.nombre.as_str()).bind(u.apellido_1.as_str())
            .bind(u.apellido_2.as_deref()).bind(u.rol.nombre()).bind(u.email.as_deref())
            .bind(u.activo).bind(u.hash_password.as_str()).bind(u.debe_cambiar_password)
            .bind(tx.ahora.0)
            .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        if nuevas == 0 {
            return Err(RechazoUsuario::Existe);
        }
        pon_areas(tx, u.rut, &u.areas).await?;
        let cambios = diferencia(&Valores::new(), &u.valores());
        tx.anota_ajuste(format!("usuario:{}", u.rut), "crear", self.actor, cambios)
            .await?;
        Ok(Usuario {
            creado: tx.ahora,
            ..u.clone()
        })
    }
}

async fn pon_areas(tx: &mut Tx<'_>, rut: Rut, areas: &[i64]) -> Result<(), RechazoUsuario> {
    con!(tx.conn, c => sqlx::query("DELETE FROM usuario_areas WHERE rut = $1")
        .bind(rut.cuerpo()).execute(&mut **c).await.map(drop))?;
    for area_id in areas {
        let puesta = con!(tx.conn, c => sqlx::query(
            "INSERT INTO usuario_areas (rut, area_id) SELECT $1, id FROM areas WHERE id = $2")
            .bind(rut.cuerpo()).bind(*area_id)
            .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        if puesta == 0 {
            return Err(RechazoUsuario::Area);
        }
    }
    Ok(())
}

/// Changes a person; only what is `Some` changes.
#[derive(Debug)]
pub struct EditarUsuario {
    pub rut: Rut,
    pub cambio: CambioUsuario,
    pub actor: Rut,
}

#[derive(Clone, Debug, Default)]
pub struct CambioUsuario {
    pub nombre: Option<String>,
    pub apellido_1: Option<String>,
    pub apellido_2: Option<Option<String>>,
    pub rol: Option<Rol>,
    pub areas: Option<Vec<i64>>,
    pub email: Option<Option<String>>,
    pub activo: Option<bool>,
}

impl Write for EditarUsuario {
    type Out = Usuario;
    type Err = RechazoUsuario;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Usuario, RechazoUsuario> {
        // Two administradores who demote each other at once must not both succeed.
        tx.bloquea_ajustes().await?;
        let viejo = busca(&mut tx.conn, self.rut, true)
            .await?
            .ok_or(RechazoUsuario::NoEncontrado)?;
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
        let (antes, despues) = diferencia(&viejo.valores(), &u.valores());
        if despues.is_empty() {
            return Ok(viejo);
        }
        con!(tx.conn, c => sqlx::query(
            "UPDATE usuarios SET nombre = $2, apellido_1 = $3, apellido_2 = $4, rol = $5, email = $6,
                activo = $7, actualizado = $8 WHERE rut = $1")
            .bind(u.rut.cuerpo()).bind(u.nombre.as_str()).bind(u.apellido_1.as_str())
            .bind(u.apellido_2.as_deref()).bind(u.rol.nombre()).bind(u.email.as_deref())
            .bind(u.activo).bind(tx.ahora.0)
            .execute(&mut **c).await.map(drop))?;
        pon_areas(tx, u.rut, &u.areas).await?;
        let administradores: i64 = con!(tx.conn, c => sqlx::query_scalar(
            "SELECT count(*) FROM usuarios WHERE rol = 'administrador' AND activo")
            .fetch_one(&mut **c).await)?;
        if administradores == 0 {
            return Err(RechazoUsuario::UltimoAdministrador);
        }
        if !u.activo {
            cierra_todas(tx, u.rut, "usuario_inactivo").await?;
        }
        let objeto = format!("usuario:{}", u.rut);
        tx.anota_ajuste(objeto, "editar", Some(self.actor), (antes, despues))
            .await?;
        Ok(u)
    }
}

/// Gives a person a one-time password; their sessions end.
#[derive(Debug)]
pub struct RestablecerPassword {
    pub rut: Rut,
    pub hash: String,
    pub actor: Option<Rut>,
}

impl Write for RestablecerPassword {
    type Out = ();
    type Err = RechazoUsuario;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), RechazoUsuario> {
        tx.bloquea_ajustes().await?;
        let cambiadas = con!(tx.conn, c => sqlx::query(
            "UPDATE usuarios SET hash_password = $2, debe_cambiar_password = $3, actualizado = $4
             WHERE rut = $1")
            .bind(self.rut.cuerpo()).bind(self.hash.as_str()).bind(true).bind(tx.ahora.0)
            .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        if cambiadas == 0 {
            return Err(RechazoUsuario::NoEncontrado);
        }
        cierra_todas(tx, self.rut, "password_restablecido").await?;
        // Who was locked out for wrong passwords can use the new one at once.
        con!(tx.conn, c => sqlx::query("DELETE FROM intentos WHERE clave = $1")
            .bind(format!("rut:{}", self.rut)).execute(&mut **c).await.map(drop))?;
        let objeto = format!("usuario:{}", self.rut);
        let nada = (Valores::new(), Valores::new());
        tx.anota_ajuste(objeto, "restablecer_password", self.actor, nada)
            .await?;
        Ok(())
    }
}

/// Name and first surname of each.
pub async fn nombres(
    l: &mut Lectura,
    ruts: &std::collections::BTreeSet<Rut>,
) -> Result<std::collections::HashMap<Rut, String>, Fallo> {
    let conn = &mut l.conn();
    let sql = conn.elige(
        "SELECT rut, nombre || ' ' || apellido_1 FROM usuarios
         WHERE rut IN (SELECT value FROM json_each($1))",
        "SELECT rut, nombre || ' ' || apellido_1 FROM usuarios
         WHERE rut IN (SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT))",
    );
    let ruts: Vec<i64> = ruts.iter().map(|r| r.cuerpo()).collect();
    let filas: Vec<(i64, String)> = con!(*conn, c => sqlx::query_as(sql)
        .bind(crate::db::json(&ruts)?).fetch_all(&mut **c).await)?;
    let nombre = |(rut, nombre)| Some((Rut::new(rut).ok()?, nombre));
    Ok(filas.into_iter().filter_map(nombre).collect())
}
