//! Every `codigo` that a problem can carry: its status and its words, once.

use axum::http::StatusCode;
use sigra_domain::Idioma;

macro_rules! codigos {
    ($( $variante:ident $codigo:literal $status:ident $permanente:literal
        ($titulo_es:literal, $titulo_en:literal)
        ($detalle_es:literal, $detalle_en:literal); )*) => {
        /// Stable and machine-readable; the guide lists them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Codigo { $( $variante, )* }

        impl Codigo {
            pub const TODOS: &[Self] = &[ $( Self::$variante, )* ];

            pub fn codigo(self) -> &'static str {
                match self { $( Self::$variante => $codigo, )* }
            }

            pub fn status(self) -> StatusCode {
                match self { $( Self::$variante => StatusCode::$status, )* }
            }

            /// Whether sending the same again can't succeed.
            pub fn permanente(self) -> bool {
                match self { $( Self::$variante => $permanente, )* }
            }

            pub fn titulo(self, idioma: Idioma) -> &'static str {
                match self { $( Self::$variante => idioma.elige($titulo_es, $titulo_en), )* }
            }

            /// What happened and what to do next, for the person who holds the phone.
            pub fn detalle(self, idioma: Idioma) -> &'static str {
                match self { $( Self::$variante => idioma.elige($detalle_es, $detalle_en), )* }
            }
        }
    };
}

codigos! {
    CuerpoIlegible "cuerpo_ilegible" BAD_REQUEST false
        ("Cuerpo ilegible", "Unreadable body")
        ("El cuerpo no se pudo leer: llegó cortado o mal comprimido. Envíelo de nuevo.",
         "The body could not be read: it was cut short or badly compressed. Send it again.");
    JsonInvalido "json_invalido" BAD_REQUEST true
        ("JSON inválido", "Invalid JSON")
        ("El cuerpo no es JSON válido. Corrija el cuerpo antes de enviarlo de nuevo.",
         "The body is not valid JSON. Correct it before sending it again.");
    IdempotenciaInvalida "idempotencia_invalida" BAD_REQUEST true
        ("Clave de idempotencia inválida", "Invalid idempotency key")
        ("La cabecera Idempotency-Key debe tener entre 1 y 255 caracteres ASCII.",
         "The Idempotency-Key header must have between 1 and 255 ASCII characters.");
    NoAutenticado "no_autenticado" UNAUTHORIZED false
        ("Falta identificarse", "Not signed in")
        ("Inicie sesión y envíe el token en la cabecera Authorization.",
         "Sign in and send the token in the Authorization header.");
    TokenInvalido "token_invalido" UNAUTHORIZED false
        ("Token inválido", "Invalid token")
        ("El token no es válido. Inicie sesión de nuevo; sus reportes guardados no se pierden.",
         "The token is not valid. Sign in again; your stored reports are not lost.");
    TokenVencido "token_vencido" UNAUTHORIZED false
        ("Token vencido", "Expired token")
        ("El token venció. Renuévelo en /auth/refresh y envíe lo mismo de nuevo.",
         "The token has expired. Renew it at /auth/refresh and send the same again.");
    SesionCerrada "sesion_cerrada" UNAUTHORIZED false
        ("Sesión cerrada", "Session closed")
        ("Esta sesión terminó. Inicie sesión de nuevo; sus reportes guardados no se pierden.",
         "This session has ended. Sign in again; your stored reports are not lost.");
    CredencialesInvalidas "credenciales_invalidas" UNAUTHORIZED false
        ("RUT o contraseña incorrectos", "Wrong RUT or password")
        ("El RUT o la contraseña no son correctos. Revíselos e intente de nuevo.",
         "The RUT or the password is not right. Check them and try again.");
    UsuarioInactivo "usuario_inactivo" FORBIDDEN true
        ("Usuario inactivo", "Inactive user")
        ("Su usuario está desactivado. Hable con el administrador de su faena.",
         "Your user is deactivated. Talk to your site's administrator.");
    DebeCambiarPassword "debe_cambiar_password" FORBIDDEN true
        ("Debe cambiar la contraseña", "Password change required")
        ("Antes de seguir, cambie su contraseña temporal por una propia.",
         "Before going on, replace your temporary password by one of your own.");
    SinPermiso "sin_permiso" FORBIDDEN true
        ("Sin permiso", "Not allowed")
        ("Su rol no permite hacer esto. Si le corresponde, pida al administrador que lo habilite.",
         "Your role does not allow this. If it should, ask the administrator to enable it.");
    NoEncontrado "no_encontrado" NOT_FOUND true
        ("No encontrado", "Not found")
        ("No existe o no está entre lo que usted puede ver.",
         "It does not exist or is not among what you may see.");
    RutaNoExiste "ruta_no_existe" NOT_FOUND true
        ("Dirección desconocida", "Unknown address")
        ("Esta dirección no existe en SIGRA. La descripción de la API está en /docs.",
         "This address does not exist in SIGRA. The API is described at /docs.");
    MetodoNoPermitido "metodo_no_permitido" METHOD_NOT_ALLOWED true
        ("Método no permitido", "Method not allowed")
        ("Esta dirección no acepta ese método. La descripción de la API está en /docs.",
         "This address does not take that method. The API is described at /docs.");
    CuerpoLento "cuerpo_lento" REQUEST_TIMEOUT false
        ("Envío demasiado lento", "Upload too slow")
        ("El cuerpo no terminó de llegar a tiempo. Envíelo de nuevo cuando tenga mejor señal.",
         "The body did not arrive in time. Send it again with a better signal.");
    UuidEnConflicto "uuid_en_conflicto" CONFLICT true
        ("Reporte ya existe", "Report exists already")
        ("Ya hay un reporte con este uuid_cliente y otro contenido. Para cambiarlo, edítelo.",
         "There is a report with this uuid_cliente and other content already. To change it, edit it.");
    ReporteDecidido "reporte_decidido" CONFLICT true
        ("Reporte ya decidido", "Report decided already")
        ("El reporte ya fue decidido y su contenido no se puede cambiar.",
         "The report has been decided and its content can't be changed.");
    TransicionNoPermitida "transicion_no_permitida" CONFLICT true
        ("Cambio de estado no permitido", "Change of state not allowed")
        ("El reporte no puede pasar de su estado actual a ese. Véalo de nuevo: quizás otra persona ya decidió.",
         "The report can't go from its present state to that one. Look at it again: somebody may have decided.");
    DemasiadosConflictos "demasiados_conflictos" CONFLICT false
        ("Demasiados conflictos sin resolver", "Too many open conflicts")
        ("Este reporte tiene muchos conflictos sin resolver. Resuélvalos y envíe el cambio de nuevo.",
         "This report has many open conflicts. Resolve them and send the change again.");
    RespuestaLlena "respuesta_llena" SERVICE_UNAVAILABLE false
        ("Respuesta llena", "Answer full")
        ("La respuesta a este lote no tuvo lugar para este reporte. Envíelo de nuevo en otro lote.",
         "The answer to this batch had no room for this report. Send it again in another batch.");
    ConflictoResuelto "conflicto_resuelto" CONFLICT true
        ("Conflicto ya resuelto", "Conflict resolved already")
        ("Este conflicto ya se resolvió de otra manera. Vea el reporte como quedó.",
         "This conflict was resolved in another way already. Look at the report as it is now.");
    RutExiste "rut_existe" CONFLICT true
        ("El RUT ya existe", "The RUT exists already")
        ("Ya hay un usuario con este RUT. Búsquelo y edítelo.",
         "There is a user with this RUT already. Look it up and edit it.");
    UltimoAdministrador "ultimo_administrador" CONFLICT true
        ("Último administrador", "Last administrator")
        ("Es el último administrador activo. Nombre a otro antes de quitarlo.",
         "This is the last active administrator. Appoint another before removing this one.");
    NombreRepetido "nombre_repetido" CONFLICT true
        ("Nombre repetido", "Name taken")
        ("Ya hay otro con este nombre. Elija un nombre distinto.",
         "There is another one of this name already. Choose a different name.");
    ReporteRetirado "reporte_retirado" GONE true
        ("Reporte retirado", "Report withdrawn")
        ("Un administrador retiró este reporte; su bitácora se conserva.",
         "An administrator withdrew this report; its bitácora is kept.");
    CursorVencido "cursor_vencido" GONE true
        ("Cursor vencido", "Cursor expired")
        ("La base de datos del servidor ya no es la que dio este cursor. Comience de nuevo sin cursor; lo que falta enviar sigue en el teléfono.",
         "The server's database is no longer the one that gave this cursor. Begin again without a cursor; what is unsent stays on the phone.");
    AlcanceCambiado "alcance_cambiado" GONE true
        ("Cambió lo que puede ver", "What you may see has changed")
        ("Su rol o sus áreas cambiaron. Comience de nuevo sin cursor; lo que falta enviar sigue en el teléfono.",
         "Your role or your areas have changed. Begin again without a cursor; what is unsent stays on the phone.");
    VersionDesfasada "version_desfasada" PRECONDITION_FAILED true
        ("El reporte cambió", "The report has changed")
        ("Alguien cambió el reporte después de la versión que usted vio. Revise el actual y decida de nuevo.",
         "Somebody changed the report after the version you saw. Look at the current one and decide again.");
    CuerpoMuyGrande "cuerpo_muy_grande" PAYLOAD_TOO_LARGE true
        ("Cuerpo demasiado grande", "Body too large")
        ("El cuerpo pasa de 1 MiB descomprimido, el máximo de esta operación.",
         "The body exceeds 1 MiB uncompressed, the most this operation takes.");
    LoteMuyGrande "lote_muy_grande" PAYLOAD_TOO_LARGE true
        ("Lote demasiado grande", "Batch too large")
        ("Un lote lleva a lo más 500 reportes y 8 MiB descomprimidos. Divídalo y envíe las partes.",
         "A batch holds at most 500 reports and 8 MiB uncompressed. Divide it and send the parts.");
    ReconciliacionMuyGrande "reconciliacion_muy_grande" PAYLOAD_TOO_LARGE true
        ("Demasiados reportes a la vez", "Too many reports at once")
        ("Se comparan a lo más 10.000 reportes y 8 MiB descomprimidos a la vez. Divida la lista y envíe las partes.",
         "At most 10,000 reports and 8 MiB uncompressed are compared at once. Divide the list and send the parts.");
    TipoDeContenido "tipo_de_contenido" UNSUPPORTED_MEDIA_TYPE true
        ("Tipo de contenido no soportado", "Unsupported media type")
        ("Envíe JSON (Content-Type: application/json), comprimido a lo más con gzip.",
         "Send JSON (Content-Type: application/json), compressed with gzip at most.");
    DatosInvalidos "datos_invalidos" UNPROCESSABLE_ENTITY true
        ("Datos inválidos", "Invalid data")
        ("Hay datos que corregir; vea cada uno en errores.",
         "Some values need correction; see each of them in errores.");
    CursorInvalido "cursor_invalido" UNPROCESSABLE_ENTITY true
        ("Cursor inválido", "Invalid cursor")
        ("El cursor no es de esta lista con estos filtros. Comience de nuevo sin cursor.",
         "The cursor is not of this list with these filters. Begin again without a cursor.");
    IdempotenciaDistinta "idempotencia_distinta" UNPROCESSABLE_ENTITY true
        ("Clave de idempotencia ya usada", "Idempotency key used already")
        ("Esta Idempotency-Key ya se usó con otro cuerpo. Use una clave nueva para cada cambio.",
         "This Idempotency-Key was used with another body. Use a new key for each change.");
    FaltaVersion "falta_version" PRECONDITION_REQUIRED true
        ("Falta la versión", "Version required")
        ("Diga qué versión vio, en If-Match o en version, para no pisar el cambio de otra persona.",
         "Say which version you saw, in If-Match or version, so as not to overwrite somebody's change.");
    DemasiadosIntentos "demasiados_intentos" TOO_MANY_REQUESTS false
        ("Demasiados intentos", "Too many attempts")
        ("Hubo muchos intentos con contraseña incorrecta. Espere un momento e intente de nuevo.",
         "There were many attempts with a wrong password. Wait a moment and try again.");
    DemasiadasSincronizaciones "demasiadas_sincronizaciones" TOO_MANY_REQUESTS false
        ("Demasiadas sincronizaciones", "Too many sync calls")
        ("El teléfono sincronizó muchas veces seguidas. Espere lo que dice Retry-After; no se perdió nada.",
         "The phone has synced many times in a row. Wait as long as Retry-After says; nothing was lost.");
    ErrorInterno "error_interno" INTERNAL_SERVER_ERROR false
        ("Error interno", "Internal error")
        ("Algo falló en el servidor. Intente de nuevo; si sigue, entregue el id al encargado.",
         "Something failed in the server. Try again; if it goes on, give the id to whoever runs it.");
    NoDisponible "no_disponible" SERVICE_UNAVAILABLE false
        ("Servicio no disponible", "Service unavailable")
        ("El servidor no puede atender ahora. Su reporte sigue en el teléfono; se enviará en un momento.",
         "The server can't answer now. Your report is still on the phone; it will be sent in a moment.");
    ServidorOcupado "servidor_ocupado" SERVICE_UNAVAILABLE false
        ("Servidor ocupado", "Server busy")
        ("Hay muchas personas usando el servidor a la vez. Intente de nuevo en unos segundos.",
         "Many people are using the server at once. Try again in a few seconds.");
    SinEspacio "sin_espacio" INSUFFICIENT_STORAGE false
        ("Servidor sin espacio", "Server out of space")
        ("Al servidor no le queda espacio para guardar. Su reporte sigue en el teléfono; avise al encargado.",
         "The server has no space left to store. Your report is still on the phone; tell whoever runs the server.");
}

/// What any operation can answer.
pub const SIEMPRE: &[Codigo] = &[
    Codigo::ErrorInterno,
    Codigo::NoDisponible,
    Codigo::ServidorOcupado,
];
/// What an operation with a JSON body can answer besides.
pub const CUERPO: &[Codigo] = &[
    Codigo::CuerpoIlegible,
    Codigo::JsonInvalido,
    Codigo::CuerpoLento,
    Codigo::CuerpoMuyGrande,
    Codigo::TipoDeContenido,
    Codigo::DatosInvalidos,
];
/// What a sync operation with a body can answer besides; its size has a code of its own.
pub const CUERPO_DE_SYNC: &[Codigo] = &[
    Codigo::CuerpoIlegible,
    Codigo::JsonInvalido,
    Codigo::CuerpoLento,
    Codigo::TipoDeContenido,
    Codigo::DatosInvalidos,
];
/// What an operation that writes can answer besides.
pub const ESCRITURA: &[Codigo] = &[Codigo::SinEspacio];
/// What an operation under an idempotency key can answer besides.
pub const IDEMPOTENTE: &[Codigo] = &[Codigo::IdempotenciaInvalida, Codigo::IdempotenciaDistinta];

#[cfg(test)]
mod tests {
    use super::Codigo;

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = Codigo::TODOS.iter().map(|c| c.codigo()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Codigo::TODOS.len());
    }
}
