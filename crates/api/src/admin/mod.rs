//! What supervisores and administradores do.

pub mod ajustes;
pub mod bitacora;
pub mod dashboard;
pub mod decidir;
pub mod dispositivos;
pub mod entregas;
pub mod export;
pub mod webhooks;
