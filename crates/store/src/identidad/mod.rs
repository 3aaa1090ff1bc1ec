//! People, their sessions, and the brake on wrong passwords.

mod intentos;
mod sesiones;
mod usuarios;

pub use intentos::{Intento, PerdonaIntento};
pub use sesiones::{
    AbrirSesion, CambiarPassword, CerrarSesion, Identificado, Refrescada, Refrescar, Sesion,
    SesionAbierta, identifica, sesiones_de,
};
pub use usuarios::{
    CambioUsuario, CrearUsuario, EditarUsuario, FiltroUsuarios, RechazoUsuario,
    RestablecerPassword, Usuario, hay_administrador, hay_bcrypt, lista_usuarios, usuario,
};
