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
    measure::{Kind, Run},
    samples::Samples,
};

const CONNECTIONS: u32 = 4;
/// The bytes that are a photo's own: the same bytes would be kept once.
const TAIL: usize = 32;
const BOUNDARY: &str = "sigra-bench";

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
    let photo = &Photo::new()?;
    let samples = &run.bench.samples;
    let kind = |write| Kind::Files {
        write,
        bytes: photo.body.len() + TAIL,
        threads: CONNECTIONS,
    };
    for (name, way) in [
        ("suben por formulario", Way::Form),
        ("suben por tus", Way::Tus),
    ] {
        let name = format!("fotos: {name} × {CONNECTIONS}");
        run.measure((&name, kind(true)), |site| {
            let works = site.people.workers(CONNECTIONS)?.into_iter().map(|token| {
                async move |connection: &mut Connection| {
                    photo.send(connection, (&token, samples), way).await?;
                    Ok(())
                }
            });
            Ok(works.collect())
        })
        .await?;
    }
    let mut own = Vec::new();
    for token in run.site.people.workers(CONNECTIONS)? {
        let mut connection = Connection::open(run.server.address).await?;
        own.push(
            photo
                .send(&mut connection, (&token, samples), Way::Tus)
                .await?,
        );
    }
    run.acknowledge(CONNECTIONS.into());
    let name = format!("fotos: bajan × {CONNECTIONS}");
    run.measure((&name, kind(false)), |site| {
        let tokens = site.people.workers(CONNECTIONS)?;
        let works = tokens.into_iter().zip(&own).map(|(token, (path, tail))| {
            async move |connection: &mut Connection| {
                let bytes = connection.get(path, &token).await?;
                if bytes.len() != photo.body.len() + TAIL || !bytes.ends_with(tail) {
                    return Err("una foto bajó distinta".into());
                }
                Ok(())
            }
        });
        Ok(works.collect())
    })
    .await
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

    /// A new report, and its photo; the photo's path and its own bytes.
    async fn send(
        &self,
        connection: &mut Connection,
        (token, samples): (&str, &Samples),
        way: Way,
    ) -> Result<(String, [u8; TAIL]), Error> {
        let tail: [u8; TAIL] = Env::default().random();
        let sha256 = hex(&self.hash.clone().chain_update(tail).finalize());
        let (uuid, bytes) = (samples.uuid(), self.body.len() + TAIL);
        let manifest = format!(
            r#","multimedia":[{{"uuid_cliente":"{uuid}","nombre":"foto.jpg","tipo":"image/jpeg","bytes":{bytes},"sha256":"{sha256}"}}]"#
        );
        let reporte = samples.json(usize::from(tail[0]), &manifest);
        let reporte = connection
            .post_json("/reportes/", token, (&reporte, 201))
            .await?;
        let reporte: Value = serde_json::from_slice(reporte)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match way {
            Way::Form => {
                let before =
                    form_start(&[("multimedia_uuid", &uuid.to_string()), ("sha256", &sha256)]);
                let after = format!("\r\n--{BOUNDARY}--\r\n");
                let head = format!(
                    "POST /reportes/{}/multimedia\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n",
                    reporte["id"]
                );
                let body = [before.as_bytes(), &self.body, &tail, after.as_bytes()];
                connection.request((&head, token), &body, 201).await?;
            }
            Way::Tus => {
                let metadata = [
                    ("multimedia_uuid", uuid.to_string()),
                    ("reporte_uuid", text(&reporte["uuid_cliente"])),
                    ("sha256", sha256),
                    ("filename", "foto.jpg".into()),
                    ("filetype", "image/jpeg".into()),
                ];
                let metadata =
                    metadata.map(|(key, value)| format!("{key} {}", STANDARD.encode(value)));
                let head = format!(
                    "POST /multimedia/tus\r\nTus-Resumable: 1.0.0\r\nUpload-Length: {bytes}\r\n\
                     Upload-Metadata: {}\r\n",
                    metadata.join(",")
                );
                let created = connection.request((&head, token), &[], 201).await?;
                let head = format!(
                    "PATCH {}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
                     Content-Type: application/offset+octet-stream\r\n",
                    created.location.ok_or("una subida no tiene dirección")?
                );
                connection
                    .request((&head, token), &[&self.body, &tail], 204)
                    .await?;
            }
        }
        Ok((
            format!("/multimedia/{}", reporte["multimedia"][0]["id"]),
            tail,
        ))
    }
}

fn form_start(fields: &[(&str, &str)]) -> String {
    let field = |(name, value): &(&str, &str)| {
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
    };
    fields.iter().map(field).collect::<String>()
        + &format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"archivo\"; filename=\"foto.jpg\"\r\n\
             Content-Type: image/jpeg\r\n\r\n"
        )
}
