//! Who calls: each way a token can be wrong, and each person a right one can belong to.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sigra_api::AUD_BROWSER;
use sigra_domain::Rol;

use super::table::{OperationRow, PathTarget};
use crate::login::login_persona_with;
use sigra_testkit::{Persona, SECRET, TestSite};

/// A caller. The wrong tokens are all an administrador's: nothing but the token refuses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    SinToken,
    /// The cookie of a sign-in, without the header.
    SoloCookie,
    Vencido,
    /// The cookie's token, in the header.
    OtraAudiencia,
    OtroEmisor,
    /// `alg: none` with and without the signature that belonged to it.
    AlgNone,
    AlgNoneFirmado,
    /// Our secret, but HMAC-SHA-512.
    OtroAlgoritmo,
    /// Our kid, another secret.
    OtraClave,
    KidDesconocido,
    SinKid,
    /// Somebody else's claims under one's own signature.
    CargaAjena,
    SinVencimiento,
    /// A session of somebody else.
    SesionAjena,
    SesionCerrada,
    Inactivo,
    DebeCambiar,
    /// A trabajador, on their own report.
    Autor,
    /// A trabajador, on another's.
    Ajeno,
    /// A trabajador who was supervisor of the area: areas left over give nothing.
    AjenoConArea,
    /// A supervisor of another area.
    SupervisorAjeno,
    /// A supervisor of another area, on their own report.
    SupervisorAutor,
    Supervisor,
    Administrador,
}
use Caller as L;

/// Somebody, and the header they send.
pub type CallerHeader = (Persona, Option<(&'static str, String)>);

pub const ALL: [Caller; 24] = [
    L::SinToken,
    L::SoloCookie,
    L::Vencido,
    L::OtraAudiencia,
    L::OtroEmisor,
    L::AlgNone,
    L::AlgNoneFirmado,
    L::OtroAlgoritmo,
    L::OtraClave,
    L::KidDesconocido,
    L::SinKid,
    L::CargaAjena,
    L::SinVencimiento,
    L::SesionAjena,
    L::SesionCerrada,
    L::Inactivo,
    L::DebeCambiar,
    L::Autor,
    L::Ajeno,
    L::AjenoConArea,
    L::SupervisorAjeno,
    L::SupervisorAutor,
    L::Supervisor,
    L::Administrador,
];

const INVALID_TOKEN: (u16, &str) = (401, "token_invalido");
const FORBIDDEN: (u16, &str) = (403, "sin_permiso");

impl Caller {
    /// What this caller must get from the operation.
    pub fn expected(self, fila: &OperationRow) -> (u16, &'static str) {
        let codigo = if fila.ok == 501 {
            "informe_no_incluido"
        } else {
            ""
        };
        let bien = (fila.ok, codigo);
        if fila.permiso == "publico" {
            return bien;
        }
        match self {
            L::SoloCookie if fila.permiso.ends_with("navegador") => {}
            L::SinToken | L::SoloCookie => return (401, "no_autenticado"),
            L::Vencido => return (401, "token_vencido"),
            L::SesionCerrada | L::SesionAjena => return (401, "sesion_cerrada"),
            L::Inactivo => return (403, "usuario_inactivo"),
            L::DebeCambiar if fila.permiso == "cambio_de_password" => return bien,
            L::DebeCambiar => return (403, "debe_cambiar_password"),
            _ if self.has_invalid_token() => return INVALID_TOKEN,
            _ => {}
        }
        let admite = match fila.permiso {
            "autenticado" | "navegador" | "cambio_de_password" => true,
            "supervision" | "supervision_navegador" => self.rol() != Rol::Trabajador,
            "administrador" => self.rol() == Rol::Administrador,
            otro => panic!("permiso desconocido: {otro}"),
        };
        match (fila.sobre, self) {
            _ if !admite => FORBIDDEN,
            (PathTarget::Subida, _) if !self.is_author() => (404, "no_encontrado"),
            (PathTarget::Nada | PathTarget::Subida, _) => bien,
            (_, L::Ajeno | L::AjenoConArea | L::SupervisorAjeno) => (404, "no_encontrado"),
            (PathTarget::Seguimiento, _) if self.is_author() => FORBIDDEN,
            (PathTarget::Decision, L::SupervisorAutor) | (PathTarget::Falta, L::Supervisor) => {
                FORBIDDEN
            }
            _ => bien,
        }
    }

    /// The token itself can't be believed.
    fn has_invalid_token(self) -> bool {
        matches!(
            self,
            L::OtraAudiencia
                | L::OtroEmisor
                | L::AlgNone
                | L::AlgNoneFirmado
                | L::OtroAlgoritmo
                | L::OtraClave
                | L::KidDesconocido
                | L::SinKid
                | L::CargaAjena
                | L::SinVencimiento
        )
    }

    /// Whether the report in question is the caller's own.
    pub fn is_author(self) -> bool {
        matches!(self, L::Autor | L::SupervisorAutor)
    }

    fn rol(self) -> Rol {
        match self {
            L::Autor | L::Ajeno | L::AjenoConArea => Rol::Trabajador,
            L::SupervisorAjeno | L::SupervisorAutor | L::Supervisor => Rol::Supervisor,
            _ => Rol::Administrador,
        }
    }

    /// A new person of this kind and the header that says so.
    pub async fn sign_in(self, sitio: &TestSite) -> CallerHeader {
        let areas: &[i64] = match self {
            L::SupervisorAjeno | L::SupervisorAutor => &[2, 3],
            L::Supervisor | L::AjenoConArea => &[1, 2],
            _ => &[],
        };
        let persona = login_persona_with(sitio, self.rol(), areas, self == L::DebeCambiar).await;
        if self == L::SesionCerrada {
            let salida = sitio.request("POST", "/auth/logout").by(&persona);
            salida.send().await.expect_status(204, "");
        }
        if self == L::Inactivo {
            // Behind the server's back: through it, the session would end as well.
            let sql = format!(
                "UPDATE usuarios SET activo = NOT activo WHERE rut = {}",
                persona.rut
            );
            sitio.bd.sql(&sql).await.expect("desactiva");
        }
        let header = match self {
            L::SinToken => None,
            L::SoloCookie => Some((
                "cookie",
                format!("sigra_sesion={}", self.token(sitio, &persona).await),
            )),
            _ => Some((
                "authorization",
                format!("Bearer {}", self.token(sitio, &persona).await),
            )),
        };
        (persona, header)
    }

    async fn token(self, sitio: &TestSite, persona: &Persona) -> String {
        let bueno = persona.token.as_str();
        let (cabeza, resto) = bueno.split_once('.').expect("JWT");
        let (carga, firma) = resto.split_once('.').expect("JWT");
        // {"alg":"none","typ":"JWT","kid":"prueba"}
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIiwia2lkIjoicHJ1ZWJhIn0";
        let ahora = sitio.store.env().now().0 / 1_000;
        let mut claims = json!({
            "sub": persona.rut.to_string(), "rut": persona.rut, "cargo": persona.quien.rol.cargo(),
            "exp": ahora + 600, "iat": ahora, "jti": "prueba", "iss": "sigra", "aud": "sigra-api",
            "sid": persona.sesion_id,
        });
        let (mut kid, mut secreto, mut alg) = (Some("prueba"), SECRET, Algorithm::HS256);
        match self {
            L::Vencido => claims["exp"] = json!(ahora - 1),
            L::SoloCookie | L::OtraAudiencia => claims["aud"] = json!(AUD_BROWSER),
            L::OtroEmisor => claims["iss"] = json!("otro"),
            L::AlgNone => return format!("{none}.{carga}."),
            L::AlgNoneFirmado => return format!("{none}.{carga}.{firma}"),
            L::OtroAlgoritmo => alg = Algorithm::HS512,
            L::OtraClave => secreto = [8; 32],
            L::KidDesconocido => kid = Some("otra"),
            L::SinKid => kid = None,
            L::CargaAjena => {
                let otra = sitio.administrador().await.token;
                let ajena = otra.split('.').nth(1).expect("JWT");
                return format!("{cabeza}.{ajena}.{firma}");
            }
            L::SinVencimiento => {
                claims.as_object_mut().expect("claims").remove("exp");
            }
            L::SesionAjena => claims["sid"] = json!(sitio.administrador().await.sesion_id),
            _ => return bueno.to_owned(),
        }
        sign_token(&claims, kid, secreto, alg)
    }
}

fn sign_token(claims: &Value, kid: Option<&str>, secreto: [u8; 32], alg: Algorithm) -> String {
    let header = Header {
        kid: kid.map(str::to_owned),
        ..Header::new(alg)
    };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&secreto)).expect("JWT")
}
