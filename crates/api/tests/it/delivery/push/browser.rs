//! What the server sends, read as the browser reads it (RFC 8291) and as nobody else can.

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    hkdf::{HKDF_SHA256, KeyType, Salt},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{AUTH, P256DH, subscribe};
use crate::delivery::{create_reporte, deliver_due};
use sigra_testkit::{SiteOptions, TestSite, both_databases, receiver::HttpReceiver};

/// Of [`P256DH`].
const PRIVATE_KEY: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
/// Of another browser.
const OTHER_AUTH: &str = "AAAAAAAAAAAAAAAAAAAAAA";

struct HkdfLen(usize);

impl KeyType for HkdfLen {
    fn len(&self) -> usize {
        self.0
    }
}

fn from_base64(texto: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(texto).expect("base64")
}

/// RFC 5869.
fn hkdf(sal: &[u8], ikm: &[u8], info: &[&[u8]], largo: usize) -> Vec<u8> {
    let mut clave = vec![0_u8; largo];
    let prk = Salt::new(HKDF_SHA256, sal).extract(ikm);
    let okm = prk.expand(info, HkdfLen(largo)).expect("HKDF");
    okm.fill(&mut clave).expect("HKDF");
    clave
}

/// What the browser with this `auth` reads; `None` when it was not made for it.
fn decrypt(mensaje: &[u8], auth: &str) -> Option<Value> {
    let (sal, resto) = mensaje.split_at(16);
    let (registro, resto) = resto.split_at(4);
    assert_eq!(registro, 4096_u32.to_be_bytes());
    let (largo, resto) = resto.split_at(1);
    let (publica, cifrado) = resto.split_at(usize::from(largo[0]));

    let privada =
        PrivateKey::from_private_key(&ECDH_P256, &from_base64(PRIVATE_KEY)).expect("clave");
    let suya = UnparsedPublicKey::new(&ECDH_P256, publica);
    let compartido = agree(&privada, suya, (), |bytes| Ok(bytes.to_vec())).expect("punto");
    let nuestra = from_base64(P256DH);
    let ikm = hkdf(
        &from_base64(auth),
        &compartido,
        &[b"WebPush: info\0", &nuestra, publica],
        32,
    );
    let clave = hkdf(sal, &ikm, &[b"Content-Encoding: aes128gcm\0"], 16);
    let nonce = hkdf(sal, &ikm, &[b"Content-Encoding: nonce\0"], 12);

    let clave = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &clave).expect("clave"));
    let nonce = Nonce::try_assume_unique_for_key(&nonce).expect("nonce");
    let mut bytes = cifrado.to_vec();
    let texto = clave.open_in_place(nonce, Aad::empty(), &mut bytes).ok()?;
    // The last record, without padding (RFC 8188).
    let (fin, texto) = texto.split_last().expect("fin");
    assert_eq!(*fin, 2);
    Some(serde_json::from_slice(texto).expect("JSON"))
}

#[both_databases(SiteOptions { hacia_aqui: true, ..SiteOptions::default() })]
async fn the_browser_reads_it_and_nobody_else(sitio: &TestSite) {
    let servicio = HttpReceiver::open(|_| 201).await;
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    subscribe(sitio, &jefe, &format!("{}/uno", servicio.url), AUTH)
        .await
        .expect_status(201, "");
    let mut dichos = vec![];
    let (titulo, area) = ("Roca «suelta» \"\\", "Perforación y Tronadura");
    let quien = format!("Rosa Díaz {}", autor.rut);
    let textos = [
        (
            "es",
            format!("Nuevo reporte en {area}, severidad Alta: {titulo}"),
            format!(
                "{quien} reportó un peligro en {area}, de severidad Alta: «{titulo}». Léalo y decídalo."
            ),
        ),
        (
            "en",
            format!("New report in {area}, severity Alta: {titulo}"),
            format!(
                "{quien} reported a danger in {area}, of severity Alta: “{titulo}”. Read it and decide."
            ),
        ),
    ];
    for (n, (idioma, asunto, texto)) in textos.into_iter().enumerate() {
        let prefiere = json!({"idioma": idioma, "correo": true, "push": true, "silenciados": []});
        let pedido = sitio
            .request("PUT", "/notificaciones/preferencias")
            .by(&jefe);
        pedido.json(&prefiere).send().await.expect_status(200, "");
        let id = create_reporte(sitio, &autor, 3, titulo).await;
        deliver_due(sitio).await;
        let llego = servicio.all();
        assert_eq!(llego.len(), n + 1);
        let mensaje = &llego[n].cuerpo;
        let entrega = sitio.bd.query_i64("SELECT max(id) FROM entregas").await;
        let esperado = json!({
            "id": entrega,
            "evento": "reporte.creado",
            "asunto": asunto,
            "texto": texto,
            "reporte_id": id,
            "url": format!("/reportes/{id}"),
        });
        assert_eq!(decrypt(mensaje, AUTH), Some(esperado));
        assert_eq!(decrypt(mensaje, OTHER_AUTH), None);
        // One letter changed on the way.
        let mut otro = mensaje.clone();
        *otro.last_mut().unwrap() ^= 1;
        assert_eq!(decrypt(&otro, AUTH), None);
        dichos.push(mensaje[..16 + 4 + 1 + 65].to_vec());
    }
    // A salt and a key of its own for each.
    let [uno, dos] = [&dichos[0], &dichos[1]];
    assert!(uno[..16] != dos[..16] && uno[21..] != dos[21..]);
}
