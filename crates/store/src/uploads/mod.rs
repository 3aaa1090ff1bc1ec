//! Files' bytes: uploads on their way, the objects they become, and the reports that adopt them. Here
//! are only the rows; who moves the bytes writes them first and then tells it here.

mod adopt;
mod blobs;
mod change;
mod direct;
mod finish;
mod previews;
mod remove;
mod resumable;
mod serve;
mod sweep;
mod upload_parts;

pub use adopt::{AdoptUpload, pending_adoption, waiting_uploads};
pub use blobs::{
    Blob, ForgetBlobKey, RecordBlobKey, blobs_from, find_blob, list_garbage, missing_blobs,
};
pub use direct::{DirectUpload, ReceiveDirectUpload};
pub use finish::{FinishUpload, FinishedUpload, UploadOutcome};
pub use previews::{ClaimPreviews, ReleasePreviews, SavePreviews, StoredPreview};
pub use remove::DeleteArchivo;
pub use resumable::{AcquireLease, CreateUpload, RemoveUpload, Upload, UploadSpec, key_prefix};
pub use serve::{ServableArchivo, find_served_file};
pub use sweep::{ReleaseBlob, RemoveExpiredUpload, expired_uploads, unused_blobs};
pub use upload_parts::{AddUploadPart, UploadPart};

use crate::Reason;

/// Why something about a file is refused. Nothing was written.
#[derive(Debug)]
pub enum UploadRefusal {
    /// No such upload, or somebody else's.
    NoEncontrada,
    /// Somebody went on with it meanwhile: what this one had was not kept.
    TurnoPerdido,
    /// The uuid is that of a file with other bytes.
    ArchivoDistinto,
    /// An administrador took the file away.
    Eliminado,
    /// The report was withdrawn.
    Retirado,
    /// They may see the report, and not do this.
    SinPermiso,
    /// The report was decided: its manifest does not grow.
    Decidido,
    /// A report has so many files and no more.
    DemasiadosArchivos,
    /// So many uploads may be open at once.
    MuchasAbiertas,
    /// So many bytes may wait at once.
    MuchosBytes,
}

impl Reason for UploadRefusal {}
