//! Signing in and staying signed in.

pub mod cambiar_password;
pub mod guard;
pub mod login;
pub mod logout;
pub mod me;
pub mod refresh;
pub mod sesiones;

mod client_address;
mod session_response;
