//! Reports with a photo: it comes by the form or by tus, and goes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sigra_domain::hex;
use sigra_store::Env;

use crate::{
    Error,
    client::Connection,
    run::{Kind, Run},
    samples::Samples,
};

const CONNECTIONS: u32 = 4;
/// The bytes that are a photo's own: the same bytes would be kept once.
const TAIL: usize = 32;

/// What all photos have in common, with its hash so far.
struct Photo {
    body: Vec<u8>,
    hash: Sha256,
}

#[derive(Clone, Copy)]
enum Way {
    Form,
    Tus,
}

pub async fn measure(run: &mut Run<'_>) -> Result<(), Error> {
    let (photo, samples) = (&Photo::new()?, &run.bench.samples);
    // First, while there are few photos whose small copies take the server's time.
    let mut sent = Vec::new();
    for token in run.people.workers(CONNECTIONS) {
        let mut connection = Connection::open(run.server.address).await?;
        sent.push(
            photo
                .send(&mut connection, (&token, samples), Way::Tus)
                .await?,
        );
        run.acknowledged += 1;
    }
    let name = format!("fotos: bajan × {CONNECTIONS}");
    run.measure((&name, Kind::Download(photo.len())), |people| {
        let tokens = people.workers(CONNECTIONS).into_iter();
        let works = tokens.zip(&sent).map(|(token, (path, tail))| {
            async move |connection: &mut Connection| {
                let bytes = connection.get(path, &token).await?;
                if bytes.len() != photo.len() || !bytes.ends_with(tail) {
                    return Err("una foto bajó distinta".into());
                }
                Ok(())
            }
        });
        works.collect()
    })
    .await?;
    for (name, way) in [("formulario", Way::Form), ("tus", Way::Tus)] {
        let name = format!("fotos: suben por {name} × {CONNECTIONS}");
        run.measure((&name, Kind::Upload(photo.len())), |people| {
            let works = people.workers(CONNECTIONS).into_iter().map(|token| {
                async move |connection: &mut Connection| {
                    photo.send(connection, (&token, samples), way).await?;
                    Ok(())
                }
            });
            works.collect()
        })
        .await?;
    }
    Ok(())
}

impl Photo {
    /// Light and shade with the grain of a bad light.
    fn new() -> Result<Self, Error> {
        let image = RgbImage::from_fn(2_400, 1_800, |x, y| {
            let grain = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77)) >> 15;
            let light = 32 + (x + y) % 128 + grain % 24;
            let light = u8::try_from(light).unwrap_or(u8::MAX);
            Rgb([light, light.saturating_sub(16), light / 2])
        });
        let mut body = Vec::new();
        JpegEncoder::new_with_quality(&mut body, 85).encode_image(&image)?;
        let hash = Sha256::new_with_prefix(&body);
        Ok(Self { body, hash })
    }

    fn len(&self) -> usize {
        self.body.len() + TAIL
    }

    /// A new report, and its photo; the photo's path and its own bytes.
    async fn send(
        &self,
        connection: &mut Connection,
        (token, samples): (&str, &Samples),
        way: Way,
    ) -> Result<(String, [u8; TAIL]), Error> {
        let tail: [u8; TAIL] = Env::default().random();
        let sha256 = hex(&self.hash.clone().chain_update(tail).finalize());
        let (uuid, bytes) = (samples.uuid(), self.len());
        let manifest = format!(
            r#","multimedia":[{{"uuid_cliente":"{uuid}","nombre":"foto.jpg","tipo":"image/jpeg","bytes":{bytes},"sha256":"{sha256}"}}]"#
        );
        let reporte = samples.json(tail[0].into(), &manifest);
        let reporte = connection
            .post("/reportes/", token, (&reporte, 201))
            .await?;
        let reporte: Value = serde_json::from_slice(reporte)?;
        match way {
            Way::Form => {
                let head = format!(
                    "POST /reportes/{}/multimedia\nContent-Type: multipart/form-data; boundary=limite",
                    reporte["id"]
                );
                let before = format!(
                    "--limite\r\nContent-Disposition: form-data; name=\"multimedia_uuid\"\r\n\r\n{uuid}\r\n\
                     --limite\r\nContent-Disposition: form-data; name=\"archivo\"; filename=\"foto.jpg\"\r\n\
                     Content-Type: image/jpeg\r\n\r\n"
                );
                let body = [before.as_bytes(), &self.body, &tail, b"\r\n--limite--\r\n"];
                connection.request((&head, token), &body, 201).await?;
            }
            Way::Tus => {
                let [uuid, sha256] = [uuid.to_string(), sha256].map(|text| STANDARD.encode(text));
                let head = format!(
                    "POST /multimedia/tus\nTus-Resumable: 1.0.0\nUpload-Length: {bytes}\n\
                     Upload-Metadata: multimedia_uuid {uuid},sha256 {sha256},filename {},filetype {}",
                    STANDARD.encode("foto.jpg"),
                    STANDARD.encode("image/jpeg")
                );
                let (created, _) = connection.request((&head, token), &[], 201).await?;
                let head = format!(
                    "PATCH {}\nTus-Resumable: 1.0.0\nUpload-Offset: 0\n\
                     Content-Type: application/offset+octet-stream",
                    created.location.ok_or("una subida no tiene dirección")?
                );
                let body: [&[u8]; 2] = [&self.body, &tail];
                connection.request((&head, token), &body, 204).await?;
            }
        }
        let id = &reporte["multimedia"][0]["id"];
        Ok((format!("/multimedia/{id}"), tail))
    }
}
