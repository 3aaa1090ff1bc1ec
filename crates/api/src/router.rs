//! The table of contents: every operation with its permission and the codes it can give. What is
//! not in this table does not exist, in the server or in its description.

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    response::IntoResponse as _,
    routing::get,
};
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, decompression::RequestDecompressionLayer,
};
use utoipa::openapi::OpenApi;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt as _},
    routes,
};

use crate::{
    App,
    acceso::{
        Permiso::{self, Administrador, Autenticado, CambioDePassword, Publico, Supervision},
        exige,
    },
    admin, auth, catalogos,
    codigo::{CUERPO, Codigo, ESCRITURA, IDEMPOTENTE},
    docs, openapi,
    problema::{Problema, presenta},
    reportes, salud, usuarios,
};

/// The server's routes and their description, made of the same table.
pub fn rutas(app: &App) -> (Router, OpenApi) {
    let lee: &[&[Codigo]] = &[];
    let escribe: &[&[Codigo]] = &[CUERPO, ESCRITURA];
    let sin_cuerpo: &[&[Codigo]] = &[ESCRITURA];
    let con_clave: &[&[Codigo]] = &[CUERPO, ESCRITURA, IDEMPOTENTE];
    let op = |permiso, propios: &[Codigo], comunes: &[&[Codigo]], ruta| {
        operacion(app, permiso, propios, comunes, ruta)
    };
    let (router, api) = OpenApiRouter::with_openapi(openapi::base())
        .routes(op(Publico, auth::login::CODIGOS, escribe, routes!(auth::login::login)))
        .routes(op(Publico, auth::refresh::CODIGOS, escribe, routes!(auth::refresh::refresh)))
        .routes(op(Autenticado, auth::logout::CODIGOS, sin_cuerpo, routes!(auth::logout::logout)))
        .routes(op(
            CambioDePassword,
            auth::cambiar_password::CODIGOS,
            escribe,
            routes!(auth::cambiar_password::cambiar_password),
        ))
        .routes(op(Autenticado, auth::me::CODIGOS, lee, routes!(auth::me::me)))
        .routes(op(Autenticado, auth::sesiones::CODIGOS_LISTA, lee, routes!(auth::sesiones::listar)))
        .routes(op(Autenticado, auth::sesiones::CODIGOS_CERRAR, sin_cuerpo, routes!(auth::sesiones::cerrar)))
        .routes(op(Administrador, usuarios::crear::CODIGOS, escribe, routes!(usuarios::crear::crear)))
        .routes(op(Administrador, usuarios::lista::CODIGOS, lee, routes!(usuarios::lista::listar)))
        .routes(op(Administrador, usuarios::ver::CODIGOS, lee, routes!(usuarios::ver::ver)))
        .routes(op(Administrador, usuarios::editar::CODIGOS, escribe, routes!(usuarios::editar::editar)))
        .routes(op(
            Administrador,
            usuarios::restablecer::CODIGOS,
            sin_cuerpo,
            routes!(usuarios::restablecer::restablecer),
        ))
        .routes(op(Publico, catalogos::ver::CODIGOS, lee, routes!(catalogos::ver::ver)))
        .routes(op(Administrador, catalogos::editar::CODIGOS_CREAR, escribe, routes!(catalogos::editar::crear_area)))
        .routes(op(Administrador, catalogos::editar::CODIGOS_EDITAR, escribe, routes!(catalogos::editar::editar_area)))
        .routes(op(
            Administrador,
            catalogos::editar::CODIGOS_CREAR,
            escribe,
            routes!(catalogos::editar::crear_severidad),
        ))
        .routes(op(
            Administrador,
            catalogos::editar::CODIGOS_EDITAR,
            escribe,
            routes!(catalogos::editar::editar_severidad),
        ))
        .routes(op(Autenticado, reportes::crear::CODIGOS, con_clave, routes!(reportes::crear::crear)))
        .routes(op(Autenticado, reportes::lista::CODIGOS, lee, routes!(reportes::lista::listar)))
        .routes(op(Autenticado, reportes::ver::CODIGOS, lee, routes!(reportes::ver::por_id)))
        .routes(op(Autenticado, reportes::ver::CODIGOS, lee, routes!(reportes::ver::por_uuid)))
        .routes(op(Autenticado, reportes::bitacora::CODIGOS, lee, routes!(reportes::bitacora::bitacora)))
        .routes(op(Autenticado, reportes::editar::CODIGOS, con_clave, routes!(reportes::editar::editar)))
        .routes(op(Administrador, reportes::retirar::CODIGOS, con_clave, routes!(reportes::retirar::retirar)))
        .routes(op(Supervision, admin::decidir::CODIGOS, con_clave, routes!(admin::decidir::aprobar)))
        .routes(op(Supervision, admin::decidir::CODIGOS, con_clave, routes!(admin::decidir::rechazar)))
        .routes(op(Administrador, admin::bitacora::CODIGOS, lee, routes!(admin::bitacora::listar)))
        .routes(op(Administrador, admin::ajustes::CODIGOS, lee, routes!(admin::ajustes::listar)))
        .routes(op(Publico, salud::CODIGOS, lee, routes!(salud::healthz)))
        .routes(op(Publico, salud::CODIGOS, lee, routes!(salud::readyz)))
        .split_for_parts();
    let api = openapi::completa(api);
    let json = serde_json::to_vec_pretty(&api).unwrap_or_default();
    let router = router
        .route("/openapi.json", get(move || std::future::ready(docs::openapi_json(json.clone()))))
        .merge(docs::rutas())
        .fallback(|| std::future::ready(Problema::from(Codigo::RutaNoExiste)))
        .layer(CatchPanicLayer::custom(|_| {
            Problema::interno(&std::io::Error::other("una petición se interrumpió")).into_response()
        }))
        .layer(RequestDecompressionLayer::new().gzip(true).pass_through_unaccepted(false))
        .layer(from_fn(presenta))
        .layer(from_fn(docs::cabeceras))
        .layer(CompressionLayer::new())
        .with_state(app.clone());
    (router, api)
}

/// One operation behind its permission, described with it.
fn operacion(
    app: &App,
    permiso: Permiso,
    propios: &[Codigo],
    comunes: &[&[Codigo]],
    ruta: UtoipaMethodRouter<App>,
) -> UtoipaMethodRouter<App> {
    let mut codigos: Vec<Codigo> = permiso.codigos();
    codigos.extend(propios);
    codigos.extend(comunes.iter().copied().flatten());
    let (esquemas, mut paths, router) = ruta;
    openapi::describe(&mut paths, permiso, codigos);
    let ruta = (esquemas, paths, router);
    if permiso == Permiso::Publico {
        return ruta;
    }
    let estado = (app.clone(), permiso);
    ruta.map(|router| router.layer(from_fn_with_state(estado, exige)))
}
