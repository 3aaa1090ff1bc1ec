//! Why a file was not taken, as its sender reads it.

use sigra_domain::Falla;
use sigra_evidencia::{Rechazo, SinForma};
use sigra_store::multimedia::RechazoSubida;

use crate::{codigo::Codigo, problema::Problema};

impl From<Rechazo> for Problema {
    fn from(r: Rechazo) -> Self {
        use sigra_evidencia::NoAdmitido;
        match r {
            Rechazo::Subida(r) => r.into(),
            Rechazo::OtroDesfase(_) => Codigo::DesfaseDistinto.into(),
            Rechazo::Sobran => Codigo::ArchivoMasLargo.into(),
            Rechazo::SumaDistinta => Codigo::SumaDistinta.into(),
            Rechazo::HashDistinto => Codigo::HashDistinto.into(),
            Rechazo::NoAdmitido(NoAdmitido::Heic) => Codigo::FotoHeic.into(),
            Rechazo::NoAdmitido(NoAdmitido::Otro) => Codigo::TipoNoAdmitido.into(),
            Rechazo::MuchosPixeles => Codigo::ImagenMuyGrande.into(),
            Rechazo::MuyGrande { max } => Self::from(Codigo::ArchivoMuyGrande).con_campo(
                "bytes",
                Falla::Rango {
                    min: "1".into(),
                    max: max.to_string(),
                },
            ),
            Rechazo::Interrumpida => Codigo::SubidaInterrumpida.into(),
            Rechazo::Almacen(f) => f.into(),
        }
    }
}

impl From<RechazoSubida> for Problema {
    fn from(r: RechazoSubida) -> Self {
        let codigo = match r {
            RechazoSubida::NoEncontrada => Codigo::NoEncontrado,
            RechazoSubida::TurnoPerdido => Codigo::SubidaInterrumpida,
            RechazoSubida::ArchivoDistinto => Codigo::ArchivoDistinto,
            RechazoSubida::Eliminado => Codigo::ArchivoEliminado,
            RechazoSubida::Retirado => Codigo::ReporteRetirado,
            RechazoSubida::SinPermiso => Codigo::SinPermiso,
            RechazoSubida::Decidido => Codigo::ReporteDecidido,
            RechazoSubida::DemasiadosArchivos => Codigo::DemasiadosArchivos,
            RechazoSubida::MuchasAbiertas | RechazoSubida::MuchosBytes => Codigo::MuchasSubidas,
            RechazoSubida::Fallo(f) => return f.into(),
        };
        codigo.into()
    }
}

impl From<SinForma> for Problema {
    fn from(s: SinForma) -> Self {
        match s {
            SinForma::Todavia => Codigo::VistaEnProceso.into(),
            SinForma::Nunca => Codigo::SinVista.into(),
        }
    }
}

impl From<sigra_almacen::Fallo> for Problema {
    fn from(f: sigra_almacen::Fallo) -> Self {
        use sigra_almacen::Fallo;
        match &f {
            Fallo::SinEspacio(_) => {
                tracing::error!(causa = %f, "el almacén de archivos se quedó sin espacio");
                Codigo::SinEspacio.into()
            }
            Fallo::NoDisponible(_) => {
                tracing::warn!(causa = %f, "el almacén de archivos no responde");
                Codigo::NoDisponible.into()
            }
            Fallo::NoEsta(_) | Fallo::MuyGrande | Fallo::Carpeta(_) => Self::interno(&f),
        }
    }
}
