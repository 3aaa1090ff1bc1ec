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
    auth::guard::{
        Permission::{
            self, Administrador, Autenticado, CambioDePassword, Navegador, Publico, Supervision,
            SupervisionNavegador,
        },
        require,
    },
    code::{BODY, Codigo, IDEMPOTENT, SYNC_BODY, WRITE},
    docs, download,
    drain_body::drain_body,
    files::tus,
    openapi,
    problem::{Problema, render_problems},
    sync::rate_limit::limit_rate,
};

/// Requests under way at once. Each may hold a body in memory; more are told to come back.
const MAX_IN_FLIGHT: usize = 512;

/// The server's routes and their description, made of the same table.
pub fn routes(app: &App) -> (Router, OpenApi) {
    let table = RouteTable {
        app,
        router: OpenApiRouter::with_openapi(openapi::base()),
    };
    let table = multimedia(sync(reportes(identity(table))));
    let table = health(catalogos(usuarios(admin(notificaciones(table)))));
    let (router, api) = table.router.split_for_parts();
    let api = openapi::complete(api);
    let json = serde_json::to_vec_pretty(&api).unwrap_or_default();
    let router = router
        .route(
            "/openapi.json",
            get(move || std::future::ready(docs::openapi_json(json.clone()))),
        )
        .merge(docs::routes())
        .fallback(|| std::future::ready(Problema::from(Codigo::RutaNoExiste)))
        .layer(CatchPanicLayer::custom(|_| {
            Problema::internal(&std::io::Error::other("una petición se interrumpió"))
                .into_response()
        }))
        .layer(from_fn_with_state(
            Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            limit_concurrency,
        ))
        .layer(
            RequestDecompressionLayer::new()
                .gzip(true)
                .pass_through_unaccepted(false),
        )
        .layer(from_fn(drain_body))
        .layer(from_fn(render_problems))
        .layer(from_fn(tus::set_tus_headers))
        .layer(from_fn(docs::set_headers))
        .layer(
            CompressionLayer::new()
                .compress_when(DefaultPredicate::new().and(download::is_compressible)),
        )
        .with_state(app.clone());
    (router, api)
}

#[rustfmt::skip] // One operation a line: permission, its own codes, route.
fn identity(t: RouteTable<'_>) -> RouteTable<'_> {
    use crate::auth::{cambiar_password, login, logout, me, refresh, sesiones};
    t
        .op(Publico,          &[login::CODIGOS, BODY, WRITE],            routes!(login::login))
        .op(Publico,          &[refresh::CODIGOS, BODY, WRITE],          routes!(refresh::refresh))
        .op(Autenticado,      &[logout::CODIGOS, WRITE],                 routes!(logout::logout))
        .op(CambioDePassword, &[cambiar_password::CODIGOS, BODY, WRITE], routes!(cambiar_password::cambiar_password))
        .op(Autenticado,      &[me::CODIGOS],                            routes!(me::me))
        .op(Autenticado,      &[sesiones::CODIGOS_LIST],                 routes!(sesiones::listar))
        .op(Autenticado,      &[sesiones::CODIGOS_CERRAR, WRITE],        routes!(sesiones::cerrar))
}

#[rustfmt::skip] // One operation a line: permission, its own codes, route.
fn reportes(t: RouteTable<'_>) -> RouteTable<'_> {
    use crate::reportes::{acciones, bitacora, comentarios, crear, editar, informe, lista, retirar, similares, ubicacion, ver};
    let change = |own| [own, BODY, WRITE, IDEMPOTENT];
    t
        .op(Autenticado,   &change(crear::CODIGOS),             routes!(crear::crear))
        .op(Autenticado,   &[lista::CODIGOS],                   routes!(lista::listar))
        .op(Autenticado,   &[ver::CODIGOS],                     routes!(ver::por_id))
        .op(Autenticado,   &[ver::CODIGOS],                     routes!(ver::por_uuid))
        .op(Autenticado,   &[bitacora::CODIGOS],                routes!(bitacora::bitacora))
        .op(Autenticado,   &[similares::CODIGOS],               routes!(similares::similares))
        .op(Autenticado,   &[ubicacion::CODIGOS],               routes!(ubicacion::ubicacion))
        .op(Autenticado,   &[comentarios::CODIGOS],             routes!(comentarios::listar))
        .op(Autenticado,   &change(comentarios::CODIGOS_CREAR), routes!(comentarios::comentar))
        .op(Autenticado,   &[acciones::CODIGOS],                routes!(acciones::listar))
        .op(Autenticado,   &change(acciones::CODIGOS_PEDIR),    routes!(acciones::pedir))
        .op(Autenticado,   &change(acciones::CODIGOS_MOVER),    routes!(acciones::mover))
        .op(Autenticado,   &change(editar::CODIGOS),            routes!(editar::editar))
        .op(Administrador, &change(retirar::CODIGOS),           routes!(retirar::retirar))
        .op(Navegador,     &[informe::CODIGOS],                 routes!(informe::informe))
}

#[rustfmt::skip] // One operation a line: permission, its own codes, route.
fn sync(t: RouteTable<'_>) -> RouteTable<'_> {
    use crate::sync::{batch, changes, conflictos, rate_limit, reconciliar, resolver, status};
    t
        .op_sync(&[batch::CODIGOS, SYNC_BODY, WRITE, rate_limit::CODIGOS], routes!(batch::enviar))
        .op_sync(&[changes::CODIGOS, rate_limit::CODIGOS],                 routes!(changes::recibir))
        .op_sync(&[status::CODIGOS, rate_limit::CODIGOS],                  routes!(status::ver))
        .op_sync(&[reconciliar::CODIGOS, SYNC_BODY, rate_limit::CODIGOS],  routes!(reconciliar::reconciliar))
        .op_sync(&[conflictos::CODIGOS, rate_limit::CODIGOS],              routes!(conflictos::listar))
        .op_sync(&[resolver::CODIGOS, BODY, WRITE, rate_limit::CODIGOS],   routes!(resolver::resolver))
}

#[rustfmt::skip] // One operation a line: permission, its own codes, route.
fn multimedia(t: RouteTable<'_>) -> RouteTable<'_> {
    use crate::files::{eliminar, multipart, url, ver};
    use tus::{crear, options, upload};
    let part = [upload::CODIGOS, upload::CODIGOS_BYTES, WRITE];
    let view = [ver::CODIGOS, ver::CODIGOS_BYTES];
    let preview = [ver::CODIGOS, ver::CODIGOS_BYTES, ver::CODIGOS_PREVIEW];
    t
        .op(Autenticado, &[multipart::CODIGOS, WRITE],                    routes!(multipart::enviar))
        .op(Publico,     &[options::CODIGOS],                             routes!(options::opciones))
        .op(Autenticado, &[crear::CODIGOS, upload::CODIGOS_BYTES, WRITE], routes!(crear::crear))
        .op(Autenticado, &[upload::CODIGOS],                              routes!(upload::estado))
        .op(Autenticado, &part,                                           routes!(upload::agregar))
        .op(Autenticado, &[upload::CODIGOS, WRITE],                       routes!(upload::dejar))
        .op(Autenticado, &[upload::CODIGOS, upload::CODIGOS_BYTES, upload::CODIGOS_OVERRIDE, WRITE], routes!(upload::dicho))
        .op(Navegador,   &view,                                           routes!(ver::original))
        .op(Navegador,   &preview,                                        routes!(ver::miniatura))
        .op(Navegador,   &preview,                                        routes!(ver::vista))
        .op(Autenticado, &[ver::CODIGOS, ver::CODIGOS_PREVIEW],           routes!(url::enlace))
        .op(Publico,     &[ver::CODIGOS, ver::CODIGOS_BYTES, ver::CODIGOS_PREVIEW, url::CODIGOS], routes!(url::copia))
        .op(Autenticado, &[eliminar::CODIGOS, BODY, WRITE],               routes!(eliminar::eliminar))
}

#[rustfmt::skip] // One operation a line: permission, its own codes, route.
fn notificaciones(t: RouteTable<'_>) -> RouteTable<'_> {
    use crate::notifications::{eventos, leidas, lista, preferencias, push};
    t
        .op(Autenticado, &[lista::CODIGOS],                       routes!(lista::listar))
        .op(Navegador,   &[eventos::CODIGOS],                     routes!(eventos::escuchar))
        .op(Autenticado, &[preferencias::CODIGOS],                routes!(preferencias::ver))
        .op(Autenticado, &[preferencias::CODIGOS, BODY, WRITE],   routes!(preferencias::elegir))
        .op(Autenticado, &[push::CODIGOS_CLAVE],                  routes!(push::clave))
        .op(Autenticado, &[push::CODIGOS_SUSCRIBIR, BODY, WRITE], routes!(push::suscribir))
        .op(Autenticado, &[push::CODIGOS_QUITAR, WRITE],          routes!(push::quitar))
        .op(Autenticado, &[leidas::CODIGOS_ONE, WRITE],           routes!(leidas::una))
        .op(Autenticado, &[leidas::CODIGOS_ALL, BODY, WRITE],     routes!(leidas::hasta))
}

#[rustfmt::skip] // One operation a line: permission, its own codes, route.
fn admin(t: RouteTable<'_>) -> RouteTable<'_> {
    use crate::admin::{ajustes, bitacora, dashboard, decidir, dispositivos, entregas, export, webhooks};
    let decision = [decidir::CODIGOS, BODY, WRITE, IDEMPOTENT];
    t
        .op(Supervision,          &decision,                                routes!(decidir::aprobar))
        .op(Supervision,          &decision,                                routes!(decidir::rechazar))
        .op(Administrador,        &[bitacora::CODIGOS],                     routes!(bitacora::listar))
        .op(Administrador,        &[ajustes::CODIGOS],                      routes!(ajustes::listar))
        .op(Administrador,        &[dispositivos::CODIGOS],                 routes!(dispositivos::listar))
        .op(Supervision,          &[dashboard::CODIGOS],                    routes!(dashboard::ver))
        .op(SupervisionNavegador, &[export::CODIGOS],                       routes!(export::csv::csv))
        .op(SupervisionNavegador, &[export::CODIGOS, export::CODIGOS_XLSX], routes!(export::xlsx::xlsx))
        .op(Administrador,        &[webhooks::CODIGOS_LIST],                routes!(webhooks::listar))
        .op(Administrador,        &[webhooks::CODIGOS_CREAR, BODY, WRITE],  routes!(webhooks::crear))
        .op(Administrador,        &[webhooks::CODIGOS_ONE, BODY, WRITE],    routes!(webhooks::editar))
        .op(Administrador,        &[webhooks::CODIGOS_ONE, WRITE],          routes!(webhooks::rotar))
        .op(Administrador,        &[webhooks::CODIGOS_ONE, WRITE],          routes!(webhooks::eliminar))
        .op(Administrador,        &[entregas::CODIGOS],                     routes!(entregas::listar))
        .op(Administrador,        &[entregas::CODIGOS_REENVIAR, WRITE],     routes!(entregas::reenviar))
}

#[rustfmt::skip] // One operation a line: permission, its own codes, route.
fn usuarios(t: RouteTable<'_>) -> RouteTable<'_> {
    use crate::usuarios::{crear, editar, lista, restablecer, ver};
    t
        .op(Administrador, &[crear::CODIGOS, BODY, WRITE],  routes!(crear::crear))
        .op(Administrador, &[lista::CODIGOS],               routes!(lista::listar))
        .op(Administrador, &[ver::CODIGOS],                 routes!(ver::ver))
        .op(Administrador, &[editar::CODIGOS, BODY, WRITE], routes!(editar::editar))
        .op(Administrador, &[restablecer::CODIGOS, WRITE],  routes!(restablecer::restablecer))
}

#[rustfmt::skip] // One operation a line: permission, its own codes, route.
fn catalogos(t: RouteTable<'_>) -> RouteTable<'_> {
    use crate::catalogos::{editar, transiciones, ver};
    let new = [editar::CODIGOS_CREAR, BODY, WRITE];
    let edit = [editar::CODIGOS_EDITAR, BODY, WRITE];
    t
        .op(Publico,       &[ver::CODIGOS],                       routes!(ver::ver))
        .op(Administrador, &new,                                  routes!(editar::crear_area))
        .op(Administrador, &edit,                                 routes!(editar::editar_area))
        .op(Administrador, &new,                                  routes!(editar::crear_severidad))
        .op(Administrador, &edit,                                 routes!(editar::editar_severidad))
        .op(Administrador, &new,                                  routes!(editar::crear_estado))
        .op(Administrador, &edit,                                 routes!(editar::editar_estado))
        .op(Administrador, &[transiciones::CODIGOS, BODY, WRITE], routes!(transiciones::permitir))
        .op(Administrador, &[transiciones::CODIGOS, WRITE],       routes!(transiciones::quitar))
}

#[rustfmt::skip] // One operation a line: permission, its own codes, route.
fn health(t: RouteTable<'_>) -> RouteTable<'_> {
    use crate::health;
    t
        .op(Publico, &[health::CODIGOS], routes!(health::healthz))
        .op(Publico, &[health::CODIGOS], routes!(health::readyz))
}

/// Lets a request in while there is room.
async fn limit_concurrency(
    State(permits): State<Arc<Semaphore>>,
    request: Request,
    next: Next,
) -> Response {
    match permits.try_acquire() {
        Ok(_permit) => next.run(request).await,
        Err(_) => Problema::from(Codigo::ServidorOcupado).into_response(),
    }
}

/// The routes so far.
struct RouteTable<'a> {
    app: &'a App,
    router: OpenApiRouter<App>,
}

impl RouteTable<'_> {
    /// Adds an operation for phones, of which each session may make so many a minute.
    fn op_sync(self, own: &[&[Codigo]], route: UtoipaMethodRouter<App>) -> Self {
        let app = self.app.clone();
        let limited = route.map(|router| router.layer(from_fn_with_state(app, limit_rate)));
        self.op(Autenticado, own, limited)
    }

    /// Adds one operation behind its permission, and describes both.
    fn op(
        mut self,
        permiso: Permission,
        own: &[&[Codigo]],
        (schemas, mut paths, router): UtoipaMethodRouter<App>,
    ) -> Self {
        let mut codes = permiso.codes();
        codes.extend(own.iter().copied().flatten());
        openapi::describe(&mut paths, permiso, codes);
        let mut route = (schemas, paths, router);
        if permiso != Publico {
            let state = (self.app.clone(), permiso);
            route = route.map(|router| router.layer(from_fn_with_state(state, require)));
        }
        self.router = self.router.routes(route);
        self
    }
}
