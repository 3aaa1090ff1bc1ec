//! `GET /admin/export.csv`

use std::borrow::Cow;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use sigra_domain::{Falla, Zona, campo::Errores, catalogo::Catalogo, reporte::EstadoArchivo};
use sigra_store::{
    Fallo,
    reportes::{CampoOrden, ClaveOrden, Filtro, Orden, ReporteLeido, lista},
};
use tokio::sync::{Semaphore, SemaphorePermit};
use utoipa::IntoParams;

use crate::{
    App, acceso::Sesion, codigo::Codigo, cuerpo::Consulta, problema::Problema,
    reportes::lista::Filtros,
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::ServidorOcupado];

/// Reports read at once; no statement lasts longer than they take.
const PAGINA: i64 = 500;
/// Exports under way at once.
static EXPORTAN: Semaphore = Semaphore::const_new(4);

const ORDEN: Orden = Orden {
    campo: CampoOrden::Id,
    descendente: false,
};

const COLUMNAS: [&str; 24] = [
    "id",
    "uuid_cliente",
    "titulo",
    "descripcion",
    "area",
    "severidad",
    "estado",
    "rut",
    "autor",
    "device_id",
    "fecha_reporte",
    "hora_creado",
    "hora_sincronizado",
    "hora_actualizado",
    "decidido_en",
    "a_tiempo",
    "sync_status",
    "lat",
    "lon",
    "precision_m",
    "referencia",
    "archivos",
    "archivos_pendientes",
    "version",
];

/// Cómo se escribe la tabla.
#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Formato {
    /// `,` (normal) o `;`, con que los decimales llevan coma, como espera Excel en español.
    #[param(example = ";")]
    separador: Option<String>,
}

/// Exportar reportes como CSV.
///
/// Con los filtros de la lista, por id; solo los que quien pregunta puede ver, sin los retirados. Horas de la faena. Un texto que
/// empieza con `=`, `+`, `-` o `@` lleva un apóstrofo delante, para que ninguna planilla lo ejecute. Si el archivo se corta, la
/// descarga falla: no queda una tabla incompleta que parezca completa.
#[utoipa::path(get, path = "/admin/export.csv", tag = "administracion", params(Filtros, Formato),
    responses((status = 200, description = "La tabla, en UTF-8 con BOM", body = String, content_type = "text/csv",
        headers(("Content-Disposition" = String)),
        example = json!("id,uuid_cliente,titulo,…\r\n17,0191d1c5-3b7e-7cc0-9d56-6a5d1c3b2f10,Roca suelta en galería 4,…\r\n"))))]
pub async fn csv(
    State(app): State<App>,
    sesion: Sesion,
    Consulta(filtros): Consulta<Filtros>,
    Consulta(formato): Consulta<Formato>,
) -> Result<Response, Problema> {
    let mut e = Errores::default();
    let filtro = filtros.filtro(&sesion.catalogo, &mut e);
    let separador = match formato.separador.as_deref() {
        None | Some("" | ",") => b',',
        Some(";") => b';',
        Some(_) => {
            e.agrega("separador", Falla::Formato(", o ;", ", or ;"));
            b','
        }
    };
    e.fin(Some(()))?;
    let lugar = EXPORTAN.try_acquire();
    let lugar = lugar.map_err(|_| Codigo::ServidorOcupado)?;
    let nombre = format!("reportes-{}.csv", app.zona().fecha(sesion.ahora));
    let mut paseo = Paseo {
        app,
        sesion,
        filtro,
        separador,
        despues: None,
        fin: false,
        _lugar: lugar,
    };
    // What can't even begin is told as a problem.
    let cabeza = paseo.siguiente().await?.unwrap_or_default();
    let resto = stream::try_unfold(paseo, |mut paseo| async move {
        let trozo = paseo.siguiente().await.map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>(trozo.map(|t| (t, paseo)))
    });
    let cabeza = stream::iter([Ok(cabeza)]);
    let mut r = Body::from_stream(futures_util::StreamExt::chain(cabeza, resto)).into_response();
    let h = r.headers_mut();
    let tipo = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    h.insert(header::CONTENT_TYPE, tipo);
    if let Ok(v) = HeaderValue::from_str(&format!("attachment; filename=\"{nombre}\"")) {
        h.insert(header::CONTENT_DISPOSITION, v);
    }
    Ok(r)
}

/// The way through the reports, page by page.
struct Paseo {
    app: App,
    sesion: Sesion,
    filtro: Filtro,
    separador: u8,
    /// The last report written.
    despues: Option<(ClaveOrden, i64)>,
    fin: bool,
    _lugar: SemaphorePermit<'static>,
}

impl Paseo {
    /// The next rows; `None` after the last.
    async fn siguiente(&mut self) -> Result<Option<Bytes>, Fallo> {
        if self.fin {
            return Ok(None);
        }
        self.sigue_pudiendo().await?;
        let mut lectura = self.app.store().leer().await?;
        let quien = &self.sesion.quien;
        let despues = self.despues.as_ref();
        let filas = lista(&mut lectura, quien, &self.filtro, ORDEN, despues, PAGINA).await?;
        drop(lectura);
        let mut tabla = Tabla::nueva(self.separador, self.despues.is_none())?;
        for leido in &filas {
            tabla.fila(leido, &self.sesion.catalogo, self.app.zona())?;
        }
        self.fin = filas.len() < usize::try_from(PAGINA).unwrap_or(usize::MAX);
        self.despues = filas.last().map(|l| (ORDEN.clave(l), l.reporte.id));
        tabla.bytes().map(Some)
    }

    /// Whoever was deactivated, or lost an area, gets no more.
    async fn sigue_pudiendo(&self) -> Result<(), Fallo> {
        let store = self.app.store();
        let (id, quien) = (self.sesion.id, &self.sesion.quien);
        let ahora = store.entorno().ahora();
        let i = store.identifica(id, quien.rut, ahora).await?;
        match i {
            Some(i) if i.activo && i.quien == *quien => Ok(()),
            _ => Err(Fallo::Interno("quien exportaba ya no puede")),
        }
    }
}

/// Rows as text.
struct Tabla {
    escritor: csv::Writer<Vec<u8>>,
    con_coma: bool,
}

impl Tabla {
    fn nueva(separador: u8, primera: bool) -> Result<Self, Fallo> {
        // By its mark Excel knows that it is UTF-8.
        let inicio = if primera { "\u{feff}".into() } else { vec![] };
        let escritor = csv::WriterBuilder::new()
            .delimiter(separador)
            .terminator(csv::Terminator::CRLF)
            .from_writer(inicio);
        let mut tabla = Self {
            escritor,
            con_coma: separador == b';',
        };
        if primera {
            tabla
                .escritor
                .write_record(COLUMNAS)
                .map_err(|e| ilegible(&e))?;
        }
        Ok(tabla)
    }

    fn fila(
        &mut self,
        leido: &ReporteLeido,
        catalogo: &Catalogo,
        zona: &Zona,
    ) -> Result<(), Fallo> {
        let r = &leido.reporte;
        let k = &r.contenido;
        let area = catalogo.area(k.area_id).map(|a| a.nombre.as_str());
        let severidad = catalogo.severidad(k.severidad_id);
        let severidad = severidad.map(|s| s.nombre.as_str());
        let estado = catalogo.estado(r.estado_id).map(|e| e.nombre.as_str());
        let u = k.ubicacion.as_ref();
        let decimal = |x: Option<f64>| {
            let texto = x.map(|x| x.to_string()).unwrap_or_default();
            if self.con_coma {
                texto.replace('.', ",")
            } else {
                texto
            }
        };
        let (lat, lon, precision) = (
            decimal(u.map(|u| u.lat)),
            decimal(u.map(|u| u.lon)),
            decimal(u.and_then(|u| u.precision_m)),
        );
        let pendientes = leido.archivos.iter();
        let pendientes = pendientes.filter(|a| a.estado == EstadoArchivo::Pendiente);
        let a_tiempo = r.decision.map(|d| if d.a_tiempo { "sí" } else { "no" });
        let campos: [Cow<'_, str>; COLUMNAS.len()] = [
            r.id.to_string().into(),
            r.uuid_cliente.as_str().into(),
            inerte(&k.titulo),
            inerte(k.descripcion.as_deref().unwrap_or_default()),
            inerte(area.unwrap_or_default()),
            inerte(severidad.unwrap_or_default()),
            inerte(estado.unwrap_or_default()),
            r.rut.formateado().into(),
            inerte(&leido.autor),
            inerte(r.device_id.as_deref().unwrap_or_default()),
            r.fecha_reporte.to_string().into(),
            zona.reloj(r.hora_creado).into(),
            zona.reloj(r.hora_sincronizado).into(),
            zona.reloj(r.hora_actualizado).into(),
            r.decision
                .map(|d| zona.reloj(d.en))
                .unwrap_or_default()
                .into(),
            a_tiempo.unwrap_or_default().into(),
            r.sync_status.nombre().into(),
            lat.into(),
            lon.into(),
            precision.into(),
            inerte(u.and_then(|u| u.referencia.as_deref()).unwrap_or_default()),
            leido.archivos.len().to_string().into(),
            pendientes.count().to_string().into(),
            r.version.to_string().into(),
        ];
        let campos = campos.iter().map(|c| c.as_bytes());
        self.escritor.write_record(campos).map_err(|e| ilegible(&e))
    }

    fn bytes(self) -> Result<Bytes, Fallo> {
        let bytes = self.escritor.into_inner();
        bytes
            .map(Bytes::from)
            .map_err(|e| Fallo::Dato(e.to_string()))
    }
}

fn ilegible(e: &csv::Error) -> Fallo {
    Fallo::Dato(e.to_string())
}

/// A text that no spreadsheet takes for a formula (OWASP, CSV Injection).
fn inerte(texto: &str) -> Cow<'_, str> {
    if texto.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{texto}").into()
    } else {
        texto.into()
    }
}
