//! People, their sessions, and the brake on wrong passwords.

mod intentos;
mod porteria;
mod sesiones;
mod usuarios;

pub use intentos::{Intento, PerdonaIntento};
pub use porteria::Identificado;
pub(crate) use porteria::Porteria;
pub use sesiones::{
    AbrirSesion, CambiarPassword, CerrarSesion, Entrar, Refrescada, Refrescar, Sesion,
    SesionAbierta, sesiones_de,
};
pub use usuarios::{
    CambioUsuario, CrearUsuario, EditarUsuario, FiltroUsuarios, RechazoUsuario,
    RestablecerPassword, Usuario, costo_bcrypt, hay_administrador, lista_usuarios, nombres,
    usuario,
};
