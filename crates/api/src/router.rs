//! The table of contents: every operation with its permission and the codes it can give. What is
//! not in this table does not exist, in the server or in its description.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tokio::sync::Semaphore;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, Predicate as _},
    },
    decompression::RequestDecompressionLayer,
};
use utoipa::openapi::OpenApi;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt as _},
    routes,
};

use crate::{
    App,
    acceso::{
        Permiso::{
            self, Administrador, Autenticado, CambioDePassword, Navegador, Publico, Supervision,
            SupervisionNavegador,
        },
        exige,
    },
    codigo::{CUERPO, CUERPO_DE_SYNC, Codigo, ESCRITURA, IDEMPOTENTE},
    descarga, docs,
    multimedia::tus,
    openapi,
    problema::{Problema, presenta},
    resto::escurre,
    sync::freno::frena,
};

/// Requests under way at once. Each may hold a body in memory; more are told to come back.
const EN_CURSO: usize = 512;

/// The server's routes and their description, made of the same table.
pub fn rutas(app: &App) -> (Router, OpenApi) {
    let tabla = Tabla {
        app,
        router: OpenApiRouter::with_openapi(openapi::base()),
    };
    let tabla = multimedia(sync(reportes(identidad(tabla))));
    let tabla = operacion(catalogos(usuarios(administracion(notificaciones(tabla)))));
    let (router, api) = tabla.router.split_for_parts();
    let api = openapi::completa(api);
    let json = serde_json::to_vec_pretty(&api).unwrap_or_default();
    let router = router
        .route(
            "/openapi.json",
            get(move || std::future::ready(docs::openapi_json(json.clone()))),
        )
        .merge(docs::rutas())
        .fallback(|| std::future::ready(Problema::from(Codigo::RutaNoExiste)))
        .layer(CatchPanicLayer::custom(|_| {
            Problema::interno(&std::io::Error::other("una petición se interrumpió")).into_response()
        }))
        .layer(from_fn_with_state(
            Arc::new(Semaphore::new(EN_CURSO)),
            admite,
        ))
        .layer(
            RequestDecompressionLayer::new()
                .gzip(true)
                .pass_through_unaccepted(false),
        )
        .layer(from_fn(escurre))
        .layer(from_fn(presenta))
        .layer(from_fn(tus::cabeceras_de_tus))
        .layer(from_fn(docs::cabeceras))
        .layer(
            CompressionLayer::new()
                .compress_when(DefaultPredicate::new().and(descarga::se_comprime)),
        )
        .with_state(app.clone());
    (router, api)
}

fn identidad(t: Tabla<'_>) -> Tabla<'_> {
    use crate::auth::{cambiar_password, login, logout, me, refresh, sesiones};
    t.op(
        Publico,
        &[login::CODIGOS, CUERPO, ESCRITURA],
        routes!(login::login),
    )
    .op(
        Publico,
        &[refresh::CODIGOS, CUERPO, ESCRITURA],
        routes!(refresh::refresh),
    )
    .op(
        Autenticado,
        &[logout::CODIGOS, ESCRITURA],
        routes!(logout::logout),
    )
    .op(
        CambioDePassword,
        &[cambiar_password::CODIGOS, CUERPO, ESCRITURA],
        routes!(cambiar_password::cambiar_password),
    )
    .op(Autenticado, &[me::CODIGOS], routes!(me::me))
    .op(
        Autenticado,
        &[sesiones::CODIGOS_LISTA],
        routes!(sesiones::listar),
    )
    .op(
        Autenticado,
        &[sesiones::CODIGOS_CERRAR, ESCRITURA],
        routes!(sesiones::cerrar),
    )
}

fn reportes(t: Tabla<'_>) -> Tabla<'_> {
    use crate::reportes::{
        acciones, bitacora, comentarios, crear, editar, lista, retirar, similares, ver,
    };
    let cambio = |propios| [propios, CUERPO, ESCRITURA, IDEMPOTENTE];
    t.op(Autenticado, &cambio(crear::CODIGOS), routes!(crear::crear))
        .op(Autenticado, &[lista::CODIGOS], routes!(lista::listar))
        .op(Autenticado, &[ver::CODIGOS], routes!(ver::por_id))
        .op(Autenticado, &[ver::CODIGOS], routes!(ver::por_uuid))
        .op(
            Autenticado,
            &[bitacora::CODIGOS],
            routes!(bitacora::bitacora),
        )
        .op(
            Autenticado,
            &[similares::CODIGOS],
            routes!(similares::similares),
        )
        .op(
            Autenticado,
            &[comentarios::CODIGOS],
            routes!(comentarios::listar),
        )
        .op(
            Autenticado,
            &cambio(comentarios::CODIGOS_CREAR),
            routes!(comentarios::comentar),
        )
        .op(Autenticado, &[acciones::CODIGOS], routes!(acciones::listar))
        .op(
            Autenticado,
            &cambio(acciones::CODIGOS_PEDIR),
            routes!(acciones::pedir),
        )
        .op(
            Autenticado,
            &cambio(acciones::CODIGOS_MOVER),
            routes!(acciones::mover),
        )
        .op(
            Autenticado,
            &cambio(editar::CODIGOS),
            routes!(editar::editar),
        )
        .op(
            Administrador,
            &cambio(retirar::CODIGOS),
            routes!(retirar::retirar),
        )
        .con_informe()
}

impl Tabla<'_> {
    /// The one operation that a site may be built without.
    fn con_informe(self) -> Self {
        #[cfg(feature = "informe")]
        {
            use crate::reportes::informe;
            self.op(Navegador, &[informe::CODIGOS], routes!(informe::informe))
        }
        #[cfg(not(feature = "informe"))]
        self
    }
}

fn sync(t: Tabla<'_>) -> Tabla<'_> {
    use crate::sync::{batch, changes, conflictos, freno, reconciliar, resolver, status};
    t.op_sync(
        &[batch::CODIGOS, CUERPO_DE_SYNC, ESCRITURA, freno::CODIGOS],
        routes!(batch::enviar),
    )
    .op_sync(
        &[changes::CODIGOS, freno::CODIGOS],
        routes!(changes::recibir),
    )
    .op_sync(&[status::CODIGOS, freno::CODIGOS], routes!(status::ver))
    .op_sync(
        &[reconciliar::CODIGOS, CUERPO_DE_SYNC, freno::CODIGOS],
        routes!(reconciliar::reconciliar),
    )
    .op_sync(
        &[conflictos::CODIGOS, freno::CODIGOS],
        routes!(conflictos::listar),
    )
    .op_sync(
        &[resolver::CODIGOS, CUERPO, ESCRITURA, freno::CODIGOS],
        routes!(resolver::resolver),
    )
}

fn multimedia(t: Tabla<'_>) -> Tabla<'_> {
    use crate::multimedia::{eliminar, formulario, url, ver};
    use tus::{crear, opciones, subida};
    let bytes = [subida::CODIGOS, subida::CODIGOS_BYTES, ESCRITURA];
    let ver_bytes = [ver::CODIGOS, ver::CODIGOS_BYTES];
    let copia = [ver::CODIGOS, ver::CODIGOS_BYTES, ver::CODIGOS_COPIA];
    t.op(
        Autenticado,
        &[formulario::CODIGOS, ESCRITURA],
        routes!(formulario::enviar),
    )
    .op(Publico, &[opciones::CODIGOS], routes!(opciones::opciones))
    .op(
        Autenticado,
        &[crear::CODIGOS, subida::CODIGOS_BYTES, ESCRITURA],
        routes!(crear::crear),
    )
    .op(Autenticado, &[subida::CODIGOS], routes!(subida::estado))
    .op(Autenticado, &bytes, routes!(subida::agregar))
    .op(
        Autenticado,
        &[subida::CODIGOS, ESCRITURA],
        routes!(subida::dejar),
    )
    .op(
        Autenticado,
        &[
            subida::CODIGOS,
            subida::CODIGOS_BYTES,
            subida::CODIGOS_DICHO,
            ESCRITURA,
        ],
        routes!(subida::dicho),
    )
    .op(Navegador, &ver_bytes, routes!(ver::original))
    .op(Navegador, &copia, routes!(ver::miniatura))
    .op(Navegador, &copia, routes!(ver::vista))
    .op(
        Autenticado,
        &[ver::CODIGOS, ver::CODIGOS_COPIA],
        routes!(url::enlace),
    )
    .op(
        Publico,
        &[
            ver::CODIGOS,
            ver::CODIGOS_BYTES,
            ver::CODIGOS_COPIA,
            url::CODIGOS,
        ],
        routes!(url::copia),
    )
    .op(
        Autenticado,
        &[eliminar::CODIGOS, CUERPO, ESCRITURA],
        routes!(eliminar::eliminar),
    )
}

fn notificaciones(t: Tabla<'_>) -> Tabla<'_> {
    use crate::notificaciones::{eventos, leidas, lista, preferencias, push};
    t.op(Autenticado, &[lista::CODIGOS], routes!(lista::listar))
        .op(Navegador, &[eventos::CODIGOS], routes!(eventos::escuchar))
        .op(
            Autenticado,
            &[preferencias::CODIGOS],
            routes!(preferencias::ver),
        )
        .op(
            Autenticado,
            &[preferencias::CODIGOS, CUERPO, ESCRITURA],
            routes!(preferencias::elegir),
        )
        .op(Autenticado, &[push::CODIGOS_CLAVE], routes!(push::clave))
        .op(
            Autenticado,
            &[push::CODIGOS_SUSCRIBIR, CUERPO, ESCRITURA],
            routes!(push::suscribir),
        )
        .op(
            Autenticado,
            &[push::CODIGOS_QUITAR, ESCRITURA],
            routes!(push::quitar),
        )
        .op(
            Autenticado,
            &[leidas::CODIGOS_UNA, ESCRITURA],
            routes!(leidas::una),
        )
        .op(
            Autenticado,
            &[leidas::CODIGOS_TODAS, CUERPO, ESCRITURA],
            routes!(leidas::hasta),
        )
}

fn administracion(t: Tabla<'_>) -> Tabla<'_> {
    use crate::admin::{
        ajustes, bitacora, decidir, dispositivos, entregas, exportar, tablero, webhooks,
    };
    let decision = [decidir::CODIGOS, CUERPO, ESCRITURA, IDEMPOTENTE];
    t.op(Supervision, &decision, routes!(decidir::aprobar))
        .op(Supervision, &decision, routes!(decidir::rechazar))
        .op(
            Administrador,
            &[bitacora::CODIGOS],
            routes!(bitacora::listar),
        )
        .op(Administrador, &[ajustes::CODIGOS], routes!(ajustes::listar))
        .op(
            Administrador,
            &[dispositivos::CODIGOS],
            routes!(dispositivos::listar),
        )
        .op(Supervision, &[tablero::CODIGOS], routes!(tablero::ver))
        .op(
            SupervisionNavegador,
            &[exportar::CODIGOS],
            routes!(exportar::csv::csv),
        )
        .op(
            SupervisionNavegador,
            &[exportar::CODIGOS, exportar::CODIGOS_XLSX],
            routes!(exportar::xlsx::xlsx),
        )
        .op(
            Administrador,
            &[webhooks::CODIGOS_LISTA],
            routes!(webhooks::listar),
        )
        .op(
            Administrador,
            &[webhooks::CODIGOS_CREAR, CUERPO, ESCRITURA],
            routes!(webhooks::crear),
        )
        .op(
            Administrador,
            &[webhooks::CODIGOS_UNO, CUERPO, ESCRITURA],
            routes!(webhooks::editar),
        )
        .op(
            Administrador,
            &[webhooks::CODIGOS_UNO, ESCRITURA],
            routes!(webhooks::rotar),
        )
        .op(
            Administrador,
            &[webhooks::CODIGOS_UNO, ESCRITURA],
            routes!(webhooks::eliminar),
        )
        .op(
            Administrador,
            &[entregas::CODIGOS],
            routes!(entregas::listar),
        )
        .op(
            Administrador,
            &[entregas::CODIGOS_REENVIAR, ESCRITURA],
            routes!(entregas::reenviar),
        )
}

fn usuarios(t: Tabla<'_>) -> Tabla<'_> {
    use crate::usuarios::{crear, editar, lista, restablecer, ver};
    t.op(
        Administrador,
        &[crear::CODIGOS, CUERPO, ESCRITURA],
        routes!(crear::crear),
    )
    .op(Administrador, &[lista::CODIGOS], routes!(lista::listar))
    .op(Administrador, &[ver::CODIGOS], routes!(ver::ver))
    .op(
        Administrador,
        &[editar::CODIGOS, CUERPO, ESCRITURA],
        routes!(editar::editar),
    )
    .op(
        Administrador,
        &[restablecer::CODIGOS, ESCRITURA],
        routes!(restablecer::restablecer),
    )
}

fn catalogos(t: Tabla<'_>) -> Tabla<'_> {
    use crate::catalogos::{editar, transiciones, ver};
    let crear = [editar::CODIGOS_CREAR, CUERPO, ESCRITURA];
    let cambiar = [editar::CODIGOS_EDITAR, CUERPO, ESCRITURA];
    t.op(Publico, &[ver::CODIGOS], routes!(ver::ver))
        .op(Administrador, &crear, routes!(editar::crear_area))
        .op(Administrador, &cambiar, routes!(editar::editar_area))
        .op(Administrador, &crear, routes!(editar::crear_severidad))
        .op(Administrador, &cambiar, routes!(editar::editar_severidad))
        .op(Administrador, &crear, routes!(editar::crear_estado))
        .op(Administrador, &cambiar, routes!(editar::editar_estado))
        .op(
            Administrador,
            &[transiciones::CODIGOS, CUERPO, ESCRITURA],
            routes!(transiciones::permitir),
        )
        .op(
            Administrador,
            &[transiciones::CODIGOS, ESCRITURA],
            routes!(transiciones::quitar),
        )
}

fn operacion(t: Tabla<'_>) -> Tabla<'_> {
    use crate::salud;
    t.op(Publico, &[salud::CODIGOS], routes!(salud::healthz))
        .op(Publico, &[salud::CODIGOS], routes!(salud::readyz))
}

/// Lets a request in while there is room.
async fn admite(State(lugares): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    match lugares.try_acquire() {
        Ok(_lugar) => next.run(request).await,
        Err(_) => Problema::from(Codigo::ServidorOcupado).into_response(),
    }
}

/// The routes so far.
struct Tabla<'a> {
    app: &'a App,
    router: OpenApiRouter<App>,
}

impl Tabla<'_> {
    /// Adds an operation for phones, of which each session may make so many a minute.
    fn op_sync(self, propios: &[&[Codigo]], ruta: UtoipaMethodRouter<App>) -> Self {
        let app = self.app.clone();
        let frenada = ruta.map(|router| router.layer(from_fn_with_state(app, frena)));
        self.op(Autenticado, propios, frenada)
    }

    /// Adds one operation behind its permission, and describes both.
    fn op(
        mut self,
        permiso: Permiso,
        propios: &[&[Codigo]],
        (esquemas, mut paths, router): UtoipaMethodRouter<App>,
    ) -> Self {
        let mut codigos = permiso.codigos();
        codigos.extend(propios.iter().copied().flatten());
        openapi::describe(&mut paths, permiso, codigos);
        let mut ruta = (esquemas, paths, router);
        if permiso != Publico {
            let estado = (self.app.clone(), permiso);
            ruta = ruta.map(|router| router.layer(from_fn_with_state(estado, exige)));
        }
        self.router = self.router.routes(ruta);
        self
    }
}
