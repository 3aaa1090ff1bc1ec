//! People, their sessions, and the brake on wrong passwords.

mod login_throttle;
mod quien;
mod session_lookup;
mod sessions;
mod usuarios;

pub use login_throttle::{CountAttempt, ForgiveAttempt};
pub(crate) use quien::{QuienRow, quien_columns};
pub use session_lookup::Identity;
pub(crate) use session_lookup::SessionLookup;
pub use sessions::{
    ChangePassword, CloseSession, OpenSession, OpenSessionChecked, OpenedSession, RefreshOutcome,
    RefreshSession, Session, list_sessions,
};
pub use usuarios::{
    CreateUsuario, EditUsuario, ResetPassword, Usuario, UsuarioChange, UsuarioFilter,
    UsuarioRefusal, bcrypt_cost, has_administrador, list_usuarios, names_by_rut, usuario,
};
