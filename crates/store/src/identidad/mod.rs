//! People, their sessions, and the brake on wrong passwords.

mod intentos;
mod sesiones;
mod usuarios;

pub use intentos::{Intento, PerdonaIntento};
pub use sesiones::{
    AbrirSesion, CambiarPassword, CerrarSesion, Entrar, Identificado, Refrescada, Refrescar,
    Sesion, SesionAbierta, identifica, sesiones_de,
};
pub use usuarios::{
    CambioUsuario, CrearUsuario, EditarUsuario, FiltroUsuarios, RechazoUsuario,
    RestablecerPassword, Usuario, costo_bcrypt, hay_administrador, lista_usuarios, usuario,
};
