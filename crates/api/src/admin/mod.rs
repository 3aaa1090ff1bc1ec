//! What supervisores and administradores do.

pub mod ajustes;
pub mod bitacora;
pub mod decidir;
pub mod dispositivos;
pub mod entregas;
pub mod exportar;
pub mod tablero;
pub mod webhooks;
