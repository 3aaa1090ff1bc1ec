//! Every `codigo` that a problem can carry: its status and its words, once.

use axum::http::StatusCode;
use sigra_domain::Language;

/// A status by its name, or by its number when no RFC names it.
macro_rules! status_code {
    ($nombre:ident) => {
        StatusCode::$nombre
    };
    ($numero:literal) => {
        StatusCode::from_u16($numero).unwrap_or(StatusCode::BAD_REQUEST)
    };
}

macro_rules! codes {
    ($( $variante:ident $codigo:literal $status:tt $permanente:literal
        ($titulo_es:literal, $titulo_en:literal)
        ($detalle_es:literal, $detalle_en:literal); )*) => {
        /// Stable and machine-readable; the guide lists them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Codigo { $( $variante, )* }

        impl Codigo {
            pub const ALL: &[Self] = &[ $( Self::$variante, )* ];

            pub fn code(self) -> &'static str {
                match self { $( Self::$variante => $codigo, )* }
            }

            pub fn status(self) -> StatusCode {
                match self { $( Self::$variante => status_code!($status), )* }
            }

            /// Whether sending the same again can't succeed.
            pub fn is_permanent(self) -> bool {
                match self { $( Self::$variante => $permanente, )* }
            }

            pub fn title(self, idioma: Language) -> &'static str {
                match self { $( Self::$variante => idioma.pick($titulo_es, $titulo_en), )* }
            }

            /// What happened and what to do next, for the person who holds the phone.
            pub fn detalle(self, idioma: Language) -> &'static str {
                match self { $( Self::$variante => idioma.pick($detalle_es, $detalle_en), )* }
            }
        }
    };
}

codes! {
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
    FormularioInvalido "formulario_invalido" BAD_REQUEST true
        ("Formulario inválido", "Invalid form")
        ("Envíe multipart/form-data con multimedia_uuid y sha256 si los tiene y, al final, archivo.",
         "Send multipart/form-data with multimedia_uuid and sha256 if you have them and, last, archivo.");
    SumaDesconocida "suma_desconocida" BAD_REQUEST true
        ("Suma de comprobación desconocida", "Unknown checksum")
        ("Upload-Checksum debe decir sha1 o sha256 y, tras un espacio, la suma en base64.",
         "Upload-Checksum must say sha1 or sha256 and, after a space, the sum in base64.");
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
    UrlInvalida "url_invalida" FORBIDDEN true
        ("Enlace inválido", "Invalid link")
        ("El enlace está incompleto o es de otro archivo. Pida uno nuevo en /multimedia/{id}/url.",
         "The link is incomplete or of another file. Ask for a new one at /multimedia/{id}/url.");
    UrlVencida "url_vencida" FORBIDDEN true
        ("Enlace vencido", "Expired link")
        ("El enlace duró lo que debía. Pida uno nuevo en /multimedia/{id}/url.",
         "The link lasted as long as it should. Ask for a new one at /multimedia/{id}/url.");
    NoEncontrado "no_encontrado" NOT_FOUND true
        ("No encontrado", "Not found")
        ("No existe o no está entre lo que usted puede ver.",
         "It does not exist or is not among what you may see.");
    ArchivoPendiente "archivo_pendiente" NOT_FOUND false
        ("El archivo no ha llegado", "The file has not arrived")
        ("El teléfono aún no envía este archivo. Llegará cuando vuelva a tener señal.",
         "The phone has not sent this file yet. It will arrive when the phone has a signal again.");
    VistaEnProceso "vista_en_proceso" NOT_FOUND false
        ("Vista en preparación", "Preview in preparation")
        ("El archivo llegó hace poco y su vista se está haciendo. Intente de nuevo en unos segundos.",
         "The file has just arrived and its preview is being made. Try again in a few seconds.");
    SinVista "sin_vista" NOT_FOUND true
        ("Sin vista", "No preview")
        ("De este archivo no se puede hacer una vista. Baje el original.",
         "No preview can be made of this file. Download the original.");
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
    DesfaseDistinto "desfase_distinto" CONFLICT false
        ("La subida va en otra parte", "The upload stands elsewhere")
        ("El servidor tiene otra cantidad de bytes; la dice Upload-Offset. Siga desde ahí.",
         "The server has another number of bytes; Upload-Offset says it. Go on from there.");
    SubidaInterrumpida "subida_interrumpida" CONFLICT false
        ("Subida interrumpida", "Upload interrupted")
        ("La subida se cortó o sigue por otra conexión. Pregunte dónde va (HEAD) y siga desde ahí.",
         "The upload was cut or goes on in another connection. Ask where it stands (HEAD) and go on from there.");
    MuchasSubidas "muchas_subidas" CONFLICT false
        ("Demasiadas subidas abiertas", "Too many open uploads")
        ("Tiene demasiadas subidas sin terminar o sin reporte. Termine alguna o envíe su reporte antes de comenzar otra.",
         "You have too many uploads unfinished or without a report. Finish one or send its report before beginning another.");
    ArchivoDistinto "archivo_distinto" CONFLICT true
        ("El archivo es otro", "Another file")
        ("Este uuid es de un archivo con otros bytes. Revise el archivo o use un uuid nuevo.",
         "This uuid is of a file with other bytes. Check the file or use a new uuid.");
    DemasiadosArchivos "demasiados_archivos" CONFLICT true
        ("Demasiados archivos", "Too many files")
        ("El reporte tiene ya todos los archivos que admite.",
         "The report has all the files that it may have already.");
    DemasiadosComentarios "demasiados_comentarios" CONFLICT true
        ("Demasiados comentarios", "Too many comments")
        ("El reporte tiene ya todos los comentarios que admite; hable con quien lo decide.",
         "The report has all the comments that it may have already; talk to whoever decides it.");
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
    ReporteSinAprobar "reporte_sin_aprobar" CONFLICT true
        ("Reporte sin aprobar", "Report not approved")
        ("Solo un reporte aprobado lleva acciones. Apruébelo antes.",
         "Only an approved report has actions. Approve it first.");
    DemasiadasAcciones "demasiadas_acciones" CONFLICT true
        ("Demasiadas acciones", "Too many actions")
        ("El reporte tiene ya todas las acciones que admite.",
         "The report has all the actions that it may have already.");
    PasoNoPermitido "paso_no_permitido" CONFLICT true
        ("Paso no permitido", "Step not allowed")
        ("Desde donde está, la acción no puede pasar a ese estado: primero se hace, después se verifica.",
         "From where it is, the action can't go to that state: first it is done, then it is verified.");
    QuienLaHizo "quien_la_hizo" FORBIDDEN true
        ("Debe verificarla otra persona", "Another person must verify it")
        ("Quien hizo una acción no puede verificarla. Pídaselo a otra persona que decida en el área.",
         "Whoever did an action can't verify it. Ask another person who decides in the area.");
    TablaMuyGrande "tabla_muy_grande" UNPROCESSABLE_ENTITY true
        ("Tabla demasiado grande", "Table too large")
        ("La tabla pasa de 1.048.575 filas, el máximo de una planilla. Use filtros o pida el CSV.",
         "The table exceeds 1,048,575 rows, the most a spreadsheet holds. Use filters or ask for the CSV.");
    DemasiadosWebhooks "demasiados_webhooks" CONFLICT true
        ("Demasiados webhooks", "Too many webhooks")
        ("La faena tiene ya todos los webhooks que admite. Elimine uno que no use.",
         "The site has all the webhooks that it may have already. Remove one that is not used.");
    SuscripcionAjena "suscripcion_ajena" CONFLICT true
        ("Suscripción de otro navegador", "Another browser's subscription")
        ("Esa dirección ya está suscrita con otras claves. Suscriba el navegador de nuevo.",
         "That address is subscribed already with other keys. Subscribe the browser anew.");
    NombreRepetido "nombre_repetido" CONFLICT true
        ("Nombre repetido", "Name taken")
        ("Ya hay otro con este nombre. Elija un nombre distinto.",
         "There is another one of this name already. Choose a different name.");
    ReporteRetirado "reporte_retirado" GONE true
        ("Reporte retirado", "Report withdrawn")
        ("Un administrador retiró este reporte; su bitácora se conserva.",
         "An administrator withdrew this report; its bitácora is kept.");
    ArchivoEliminado "archivo_eliminado" GONE true
        ("Archivo eliminado", "File removed")
        ("Un administrador eliminó este archivo; su hash y la bitácora se conservan.",
         "An administrator removed this file; its hash and the bitácora are kept.");
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
    VersionDeTus "version_de_tus" PRECONDITION_FAILED true
        ("Versión de tus no soportada", "tus version not supported")
        ("Las subidas usan tus 1.0.0: envíe la cabecera Tus-Resumable: 1.0.0.",
         "Uploads use tus 1.0.0: send the header Tus-Resumable: 1.0.0.");
    ArchivoMuyGrande "archivo_muy_grande" PAYLOAD_TOO_LARGE true
        ("Archivo demasiado grande", "File too large")
        ("El archivo pasa del máximo de su tipo. Achíquelo o grabe uno más corto.",
         "The file exceeds the maximum of its type. Make it smaller or record a shorter one.");
    ArchivoMasLargo "archivo_mas_largo" PAYLOAD_TOO_LARGE true
        ("Más bytes que los anunciados", "More bytes than announced")
        ("Llegaron más bytes que los de Upload-Length; no se guardaron. Revise el archivo y su largo.",
         "More bytes came than Upload-Length says; they were not kept. Check the file and its length.");
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
    BytesSinTipo "bytes_sin_tipo" UNSUPPORTED_MEDIA_TYPE true
        ("Tipo de contenido no soportado", "Unsupported media type")
        ("Los bytes de una subida van con Content-Type: application/offset+octet-stream.",
         "The bytes of an upload come with Content-Type: application/offset+octet-stream.");
    TipoNoAdmitido "tipo_no_admitido" UNSUPPORTED_MEDIA_TYPE true
        ("Tipo de archivo no admitido", "File type not taken")
        ("Por sus bytes, el archivo no es JPEG, PNG, WebP, MP4, M4A ni PDF.",
         "By its bytes, the file is neither JPEG, PNG, WebP, MP4, M4A nor PDF.");
    FotoHeic "foto_heic" UNSUPPORTED_MEDIA_TYPE true
        ("Foto HEIC", "HEIC photo")
        ("SIGRA no admite HEIC. Convierta la foto a JPEG o elija «más compatible» en la cámara.",
         "SIGRA does not take HEIC. Convert the photo to JPEG or choose \"most compatible\" in the camera.");
    RangoImposible "rango_imposible" RANGE_NOT_SATISFIABLE true
        ("Fuera del archivo", "Outside the file")
        ("La parte pedida está más allá del fin del archivo; Content-Range dice su largo.",
         "The part asked for lies beyond the end of the file; Content-Range says its length.");
    DatosInvalidos "datos_invalidos" UNPROCESSABLE_ENTITY true
        ("Datos inválidos", "Invalid data")
        ("Hay datos que corregir; vea cada uno en errores.",
         "Some values need correction; see each of them in errores.");
    HashDistinto "hash_distinto" UNPROCESSABLE_ENTITY false
        ("Los bytes no corresponden", "The bytes don't match")
        ("Lo que llegó no tiene el sha256 o el tamaño anunciado y no se guardó. Envíe el archivo de nuevo desde el comienzo.",
         "What came does not have the announced sha256 or size and was not kept. Send the file again from the beginning.");
    ImagenMuyGrande "imagen_muy_grande" UNPROCESSABLE_ENTITY true
        ("Imagen de demasiados píxeles", "Image of too many pixels")
        ("La imagen pasa de 100 megapíxeles. Guárdela más pequeña y envíela como otro archivo.",
         "The image exceeds 100 megapixels. Save it smaller and send it as another file.");
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
    SumaDistinta "suma_distinta" 460 false
        ("Suma de comprobación distinta", "Checksum mismatch")
        ("Los bytes se dañaron en el camino y no se guardaron. Envíelos de nuevo desde el mismo lugar.",
         "The bytes were damaged on their way and were not kept. Send them again from the same place.");
    ErrorInterno "error_interno" INTERNAL_SERVER_ERROR false
        ("Error interno", "Internal error")
        ("Algo falló en el servidor. Intente de nuevo; si sigue, entregue el id al encargado.",
         "Something failed in the server. Try again; if it goes on, give the id to whoever runs it.");
    InformeNoIncluido "informe_no_incluido" NOT_IMPLEMENTED true
        ("PDF no incluido", "PDF not included")
        ("Este servidor se instaló sin los informes en PDF. El administrador puede instalar la versión que los trae.",
         "This server was installed without PDF reports. The administrator may install the version that has them.");
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
pub const ALWAYS: &[Codigo] = &[
    Codigo::ErrorInterno,
    Codigo::NoDisponible,
    Codigo::ServidorOcupado,
];
/// What an operation with a JSON body can answer besides.
pub const BODY: &[Codigo] = &[
    Codigo::CuerpoIlegible,
    Codigo::JsonInvalido,
    Codigo::CuerpoLento,
    Codigo::CuerpoMuyGrande,
    Codigo::TipoDeContenido,
    Codigo::DatosInvalidos,
];
/// What a sync operation with a body can answer besides; its size has a code of its own.
pub const SYNC_BODY: &[Codigo] = &[
    Codigo::CuerpoIlegible,
    Codigo::JsonInvalido,
    Codigo::CuerpoLento,
    Codigo::TipoDeContenido,
    Codigo::DatosInvalidos,
];
/// What an operation that writes can answer besides.
pub const WRITE: &[Codigo] = &[Codigo::SinEspacio];
/// What an operation under an idempotency key can answer besides.
pub const IDEMPOTENT: &[Codigo] = &[Codigo::IdempotenciaInvalida, Codigo::IdempotenciaDistinta];

#[cfg(test)]
mod tests {
    use super::Codigo;

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = Codigo::ALL.iter().map(|c| c.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Codigo::ALL.len());
    }
}
