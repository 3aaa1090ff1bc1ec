//! Why a file was not taken, as its sender reads it.

use sigra_domain::FieldErrorKind;
use sigra_files::{FileRefusal, RenditionUnavailable};
use sigra_store::uploads::UploadRefusal;

use crate::{code::Codigo, problem::Problema};

impl From<FileRefusal> for Problema {
    fn from(r: FileRefusal) -> Self {
        use sigra_files::UnsupportedMedia;
        match r {
            FileRefusal::Subida(r) => r.into(),
            FileRefusal::Store(e) => e.into(),
            FileRefusal::OtroDesfase(_) => Codigo::DesfaseDistinto.into(),
            FileRefusal::Sobran => Codigo::ArchivoMasLargo.into(),
            FileRefusal::SumaDistinta => Codigo::SumaDistinta.into(),
            FileRefusal::HashDistinto => Codigo::HashDistinto.into(),
            FileRefusal::NoAdmitido(UnsupportedMedia::Heic) => Codigo::FotoHeic.into(),
            FileRefusal::NoAdmitido(UnsupportedMedia::Otro) => Codigo::TipoNoAdmitido.into(),
            FileRefusal::MuchosPixeles => Codigo::ImagenMuyGrande.into(),
            FileRefusal::MuyGrande { max } => Self::from(Codigo::ArchivoMuyGrande).with_field(
                "bytes",
                FieldErrorKind::Rango {
                    min: "1".into(),
                    max: max.to_string(),
                },
            ),
            FileRefusal::Interrumpida => Codigo::SubidaInterrumpida.into(),
            FileRefusal::Blobs(f) => f.into(),
        }
    }
}

impl From<UploadRefusal> for Problema {
    fn from(r: UploadRefusal) -> Self {
        let codigo = match r {
            UploadRefusal::NoEncontrada => Codigo::NoEncontrado,
            UploadRefusal::TurnoPerdido => Codigo::SubidaInterrumpida,
            UploadRefusal::ArchivoDistinto => Codigo::ArchivoDistinto,
            UploadRefusal::Eliminado => Codigo::ArchivoEliminado,
            UploadRefusal::Retirado => Codigo::ReporteRetirado,
            UploadRefusal::SinPermiso => Codigo::SinPermiso,
            UploadRefusal::Decidido => Codigo::ReporteDecidido,
            UploadRefusal::DemasiadosArchivos => Codigo::DemasiadosArchivos,
            UploadRefusal::MuchasAbiertas | UploadRefusal::MuchosBytes => Codigo::MuchasSubidas,
        };
        codigo.into()
    }
}

impl From<RenditionUnavailable> for Problema {
    fn from(s: RenditionUnavailable) -> Self {
        match s {
            RenditionUnavailable::Todavia => Codigo::VistaEnProceso.into(),
            RenditionUnavailable::Nunca => Codigo::SinVista.into(),
        }
    }
}

impl From<sigra_files::blobs::BlobError> for Problema {
    fn from(f: sigra_files::blobs::BlobError) -> Self {
        use sigra_files::blobs::BlobError;
        match &f {
            BlobError::SinEspacio(_) => {
                tracing::error!(causa = %f, "el almacén de archivos se quedó sin espacio");
                Codigo::SinEspacio.into()
            }
            BlobError::NoDisponible(_) => {
                tracing::warn!(causa = %f, "el almacén de archivos no responde");
                Codigo::NoDisponible.into()
            }
            BlobError::NoEsta(_) | BlobError::MuyGrande | BlobError::Carpeta(_) => {
                Self::internal(&f)
            }
        }
    }
}
