//! What only the browser can read: RFC 8291, in one record of RFC 8188.
//!
//! By hand on aws-lc, which is in the tree: HKDF for at most 32 bytes is two HMACs, and the RFC gives
//! every intermediate value to test against. The crates for it bring a second set of primitives.

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    hmac::{self, HMAC_SHA256},
};

use super::PushSubscription;

/// Random bytes that one message takes: a private key and a salt.
pub const RANDOM_BYTES: usize = 32 + 16;

/// The size of a record that the receiver is told; ours is the only one, and shorter.
const RECORD_SIZE: u32 = 4096;

/// After the text comes this, and no padding (RFC 8188, section 2).
const LAST_RECORD_DELIMITER: u8 = 2;

/// `None` when the random bytes are no private key, which is one case in 2³².
pub(super) fn encrypt(
    subscription: &PushSubscription,
    texto: &[u8],
    random: [u8; RANDOM_BYTES],
) -> Option<Vec<u8>> {
    let (privada, sal) = random.split_at(32);
    let nuestra = PrivateKey::from_private_key(&ECDH_P256, privada).ok()?;
    let publica = nuestra.compute_public_key().ok()?;
    let suya = UnparsedPublicKey::new(&ECDH_P256, subscription.p256dh());
    let compartido = agree(&nuestra, suya, (), |bytes| Ok(bytes.to_vec())).ok()?;

    let prk = mac(subscription.auth(), &[&compartido]);
    let quienes: &[&[u8]] = &[
        b"WebPush: info\0",
        subscription.p256dh(),
        publica.as_ref(),
        &[1],
    ];
    let ikm = mac(prk.as_ref(), quienes);
    let prk = mac(sal, &[ikm.as_ref()]);
    let clave = mac(prk.as_ref(), &[b"Content-Encoding: aes128gcm\0\x01"]);
    let nonce = mac(prk.as_ref(), &[b"Content-Encoding: nonce\0\x01"]);

    let clave = UnboundKey::new(&AES_128_GCM, clave.as_ref().get(..16)?).ok()?;
    let nonce = Nonce::try_assume_unique_for_key(nonce.as_ref().get(..12)?).ok()?;
    let mut registro = [texto, &[LAST_RECORD_DELIMITER]].concat();
    LessSafeKey::new(clave)
        .seal_in_place_append_tag(nonce, Aad::empty(), &mut registro)
        .ok()?;

    let largo = u8::try_from(publica.as_ref().len()).ok()?;
    let header: [&[u8]; 4] = [sal, &RECORD_SIZE.to_be_bytes(), &[largo], publica.as_ref()];
    Some([&header.concat()[..], &registro].concat())
}

fn mac(clave: &[u8], partes: &[&[u8]]) -> hmac::Tag {
    let mut code = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, clave));
    for parte in partes {
        code.update(parte);
    }
    code.sign()
}
