//! What must never be reached is a real listener here, and it counts.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use tokio::time::{Instant, timeout};

use super::*;
use crate::test_receiver::{HttpReceiver, NO_CONTENT_RESPONSE, ResponseMode};

const SHORT_TIMEOUTS: Timeouts = Timeouts {
    conexion: Duration::from_millis(400),
    total: Duration::from_millis(400),
};

/// Longer than anything takes here.
const LONG: Duration = Duration::from_secs(10);
const LONG_TIMEOUTS: Timeouts = Timeouts {
    conexion: LONG,
    total: LONG,
};

fn allow_list(texto: &str) -> AllowList {
    AllowList::parse(texto.split_whitespace()).unwrap()
}

/// Every name has the addresses that this says for its n-th look-up.
fn fake_resolver(
    direcciones: impl Fn(usize) -> Vec<&'static str> + Send + Sync + 'static,
) -> LookupFn {
    let vez = AtomicUsize::new(0);
    Arc::new(move |_| {
        let ips = direcciones(vez.fetch_add(1, Relaxed));
        let ips = ips.iter().map(|ip| ip.parse::<IpAddr>().unwrap()).collect();
        Box::pin(async move { Ok(ips) })
    })
}

async fn send(target: &EgressClient, url: &str) -> Result<EgressResponse, DeliveryError> {
    let cuerpo = Bytes::from_static(b"{}");
    target.post(url, HeaderMap::new(), cuerpo, 0).await
}

async fn send_error(target: &EgressClient, url: &str) -> DeliveryError {
    match send(target, url).await {
        Err(failure) => failure,
        Ok(response) => panic!("{url}: {}", response.estado),
    }
}

/// Two listeners on one port: at an address that is permitted, and at one that is not.
async fn allowed_and_blocked_receivers(modo: ResponseMode) -> (HttpReceiver, HttpReceiver) {
    loop {
        let inside = HttpReceiver::new(ResponseMode::Responde(NO_CONTENT_RESPONSE.into())).await;
        let otro = format!("127.0.0.2:{}", inside.direccion.port());
        // Another test may have that port there.
        if let Ok(outside) = HttpReceiver::bind(&otro, modo.clone()).await {
            return (outside, inside);
        }
    }
}

/// `P` stands for the port of a listener on 127.0.0.1 and ::1.
const HOSTILE: &[&str] = &[
    // This machine, as it is and in disguise.
    "https://127.0.0.1:P/",
    "https://127.0.0.1.:P/",
    "https://127.0.0.2:P/",
    "https://127.1:P/",
    "https://127.0.1:P/",
    "https://127.1.:P/",
    "https://2130706433:P/",
    "https://2130706433.:P/",
    "https://017700000001:P/",
    "https://0x7f000001:P/",
    "https://0x7F.0.0.1:P/",
    "https://0x7f.1:P/",
    "https://0177.0.0.1:P/",
    "https://0177.0x0.0.01:P/",
    "https://00000177.0.0.1:P/",
    "https://127.0.0.0x1:P/",
    "https://127.00.00.01:P/",
    "https://①②⑦.⓪.⓪.①:P/",
    "https://127。0。0。1:P/",
    "https://127.0.0.1:P/",
    "https://%31%32%37.0.0.1:P/",
    "https://127.0.0.%31:P/",
    "https://0:P/",
    "https://0.0.0.0:P/",
    "https://0x0:P/",
    "https://00.0:P/",
    "https://0.0.0.1:P/",
    "https://127.255.255.255:P/",
    // The same in IPv6.
    "https://[::1]:P/",
    "https://[::]:P/",
    "https://[0:0:0:0:0:0:0:1]:P/",
    "https://[0000::0001]:P/",
    "https://[::127.0.0.1]:P/",
    "https://[::ffff:127.0.0.1]:P/",
    "https://[::ffff:7f00:1]:P/",
    "https://[::FFFF:0.0.0.0]:P/",
    "https://[::ffff:0:127.0.0.1]:P/",
    "https://[64:ff9b::127.0.0.1]:P/",
    "https://[64:ff9b::7f00:1]:P/",
    "https://[64:ff9b:1::7f00:1]:P/",
    "https://[2002:7f00:1::1]:P/",
    "https://[2001:0:7f00:1::1]:P/",
    "https://[fe80::1]:P/",
    "https://[fe80::1%25lo]:P/",
    "https://[::1%25lo]:P/",
    "https://[fc00::1]:P/",
    "https://[fd00:ec2::254]:P/",
    "https://[fec0::1]:P/",
    "https://[ff02::1]:P/",
    "https://[2001:db8::1]:P/",
    // Other networks inside.
    "https://10.0.0.1:P/",
    "https://172.16.0.1:P/",
    "https://192.168.1.1:P/",
    "https://100.64.0.1:P/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0xa9fea9fe/latest/meta-data/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://198.18.0.1:P/",
    "https://224.0.0.1:P/",
    "https://240.0.0.1:P/",
    "https://255.255.255.255:P/",
    // Names, all of which lead inside.
    "https://localhost:P/",
    "https://LOCALHOST:P/",
    "https://localhost.:P/",
    "https://algo.localhost:P/",
    "https://servidor:P/",
    "https://metadata.google.internal:P/",
    "https://impresora.local:P/",
    "https://127.0.0.1.ejemplo.cl:P/",
    "https://rebind.example:P/",
    "https://rebind.example.:P/",
    "https://ⓡebind.example:P/",
    // Where one reads one host and another is meant.
    "https://ejemplo.cl@127.0.0.1:P/",
    "https://127.0.0.1:P@127.0.0.1:P/",
    "https://:@127.0.0.1:P/",
    "https://usuario:clave@ejemplo.cl:P/",
    "https://127.0.0.1:P#@ejemplo.cl/",
    "https://127.0.0.1:P?@ejemplo.cl/",
    "https://127.0.0.1:P\\@ejemplo.cl/",
    "https:\\\\127.0.0.1:P/",
    "https:127.0.0.1:P/",
    "https:///127.0.0.1:P/",
    "https://127.0.0.1\t:P/",
    "https://127.0.0.1:P/\r\nx: y",
    " https://127.0.0.1:P/",
    "https://ejemplo.cl:0/",
    // Other ways to speak.
    "http://127.0.0.1:P/",
    "http://[::1]:P/",
    "http://localhost:P/",
    "http://2130706433:P/",
    "http://rebind.example:P/",
    "HTTP://127.0.0.1:P/",
    "ftp://127.0.0.1:P/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:P/",
    "ws://127.0.0.1:P/",
    "wss://127.0.0.1:P/",
    "unix:/var/run/docker.sock",
    "data:text/plain,hola",
    "javascript:alert(1)",
    "//127.0.0.1:P/",
    "127.0.0.1:P",
    "",
    "https://",
    "https://:P/",
    "https://[::1",
    "https://127.0.0.1:99999/",
];

/// Against a server that permits nothing, and one that permits something else, which speaks HTTP too.
#[tokio::test]
async fn no_hostile_url_reaches_the_inside() {
    let v4 = HttpReceiver::new(ResponseMode::Responde(NO_CONTENT_RESPONSE.into())).await;
    let port = v4.direccion.port();
    let en_v6 = format!("[::1]:{port}");
    let v6 = HttpReceiver::bind(&en_v6, ResponseMode::Responde(NO_CONTENT_RESPONSE.into()))
        .await
        .ok();
    let inside = [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "::",
        "10.0.0.1",
        "169.254.169.254",
        "64:ff9b::7f00:1",
        "::127.0.0.1",
        "2002:7f00:1::",
    ];
    for redes in ["", "203.0.113.9"] {
        let guia = fake_resolver(move |_| inside.to_vec());
        let target = EgressClient::with_resolver(allow_list(redes), LONG_TIMEOUTS, &guia).unwrap();
        for url in HOSTILE {
            let url = url.replace(":P", &format!(":{port}"));
            let failure = send_error(&target, &url).await;
            assert!(
                failure.permanente || failure.texto.contains("apunta a una red interna"),
                "{url}: {failure}"
            );
            assert!(failure.texto.chars().count() <= 300, "{failure}");
            assert!(!failure.texto.contains("127."), "{failure}");
        }
    }
    assert_eq!(v4.count_connections().await, 0);
    if let Some(v6) = v6 {
        assert_eq!(v6.count_connections().await, 0);
    }
}

/// With the names that the system knows: its own is inside whatever it is called.
#[tokio::test]
async fn localhost_is_an_internal_address() {
    let receiver = HttpReceiver::new(ResponseMode::Responde(NO_CONTENT_RESPONSE.into())).await;
    let target = EgressClient::new(allow_list("203.0.113.9"), LONG_TIMEOUTS).unwrap();
    for esquema in ["http", "https"] {
        let url = format!("{esquema}://localhost:{}/", receiver.direccion.port());
        let failure = send_error(&target, &url).await;
        assert!(
            !failure.permanente && failure.texto.contains("red interna"),
            "{failure}"
        );
    }
    assert_eq!(receiver.count_connections().await, 0);
}

/// The listener would be reached, were it permitted: the tests above prove something.
#[tokio::test]
async fn what_is_allowed_gets_through() {
    let mut receiver = HttpReceiver::new(ResponseMode::Responde(NO_CONTENT_RESPONSE.into())).await;
    let guia = fake_resolver(|_| vec!["127.0.0.1"]);
    let target =
        EgressClient::with_resolver(allow_list("127.0.0.1"), LONG_TIMEOUTS, &guia).unwrap();
    let port = receiver.direccion.port();
    for url in [
        format!("http://127.0.0.1:{port}/x?y=1#z"),
        format!("http://2130706433:{port}/x?y=1"),
        format!("http://receptor:{port}/x?y=1"),
    ] {
        assert_eq!(send(&target, &url).await.unwrap().estado, 204);
        let request = receiver.next_request().await;
        assert_eq!(request.linea, "POST /x?y=1 HTTP/1.1");
        assert_eq!(request.cuerpo, b"{}");
        assert!(
            request.cabeceras["user-agent"]
                .to_str()
                .unwrap()
                .starts_with("SIGRA/")
        );
    }
    assert_eq!(receiver.count_connections().await, 3);
}

#[tokio::test]
async fn dns_rebinding_does_not_get_in() {
    let (mut outside, inside) =
        allowed_and_blocked_receivers(ResponseMode::Responde(NO_CONTENT_RESPONSE.into())).await;
    let guia = fake_resolver(|vez| vec![["127.0.0.2", "127.0.0.1"][vez.min(1)]]);
    let target =
        EgressClient::with_resolver(allow_list("127.0.0.2"), LONG_TIMEOUTS, &guia).unwrap();
    let url = format!("http://rebind.example:{}/", inside.direccion.port());
    send(&target, &url).await.unwrap();
    outside.next_request().await;
    let failure = send_error(&target, &url).await;
    assert!(failure.texto.contains("red interna") && !failure.permanente);
    assert_eq!(outside.count_connections().await, 1);
    assert_eq!(inside.count_connections().await, 0);
}

#[tokio::test]
async fn of_the_addresses_of_a_name_only_the_good_ones_are_used() {
    let (outside, inside) =
        allowed_and_blocked_receivers(ResponseMode::Responde(NO_CONTENT_RESPONSE.into())).await;
    // More bad ones than are looked at, before and after.
    let guia = fake_resolver(|_| {
        let bad_ones = ["127.0.0.1"; 20];
        [&bad_ones[..], &["127.0.0.2"], &bad_ones].concat()
    });
    let target =
        EgressClient::with_resolver(allow_list("127.0.0.2"), LONG_TIMEOUTS, &guia).unwrap();
    let url = format!("http://mezcla.example:{}/", inside.direccion.port());
    send(&target, &url).await.unwrap();
    assert_eq!(outside.count_connections().await, 1);
    assert_eq!(inside.count_connections().await, 0);
}

/// What is out in the Internet passes, with TLS only, and not without end.
#[tokio::test]
async fn the_guard_lets_public_addresses_pass() {
    let publicas = |_| vec!["10.0.0.1", "1.1.1.1", "2606:4700::1111", "::1"];
    let guarded = |encrypted, guia| GuardedResolver {
        guia,
        allowed: Arc::new(allow_list("")),
        encrypted,
    };
    let resuelve = async |guarded: GuardedResolver| {
        let nombre = "ejemplo.cl".parse().unwrap();
        let halladas = reqwest::dns::Resolve::resolve(&guarded, nombre).await;
        halladas.map(|todas| todas.map(|d| d.to_string()).collect::<Vec<_>>())
    };
    let halladas = resuelve(guarded(true, fake_resolver(publicas)))
        .await
        .unwrap();
    assert_eq!(halladas, ["1.1.1.1:0", "[2606:4700::1111]:0"]);
    assert!(
        resuelve(guarded(false, fake_resolver(publicas)))
            .await
            .is_err()
    );
    let en_claro = EgressClient::with_resolver(
        allow_list("10.9.9.9"),
        LONG_TIMEOUTS,
        &fake_resolver(|_| vec!["1.1.1.1"]),
    );
    let failure = send_error(&en_claro.unwrap(), "http://ejemplo.cl/").await;
    assert!(failure.texto.contains("https://"), "{failure}");
    let muchas = fake_resolver(|_| vec!["1.1.1.1"; 1000]);
    assert_eq!(resuelve(guarded(true, muchas)).await.unwrap().len(), 8);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for code in [301, 302, 303, 307, 308] {
        let inside = HttpReceiver::new(ResponseMode::Responde(NO_CONTENT_RESPONSE.into())).await;
        let response = format!(
            "HTTP/1.1 {code} X\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
            inside.url()
        );
        let outside = HttpReceiver::bind("127.0.0.2:0", ResponseMode::Responde(response));
        let outside = outside.await.unwrap();
        // Not even to what is permitted.
        let target = EgressClient::new(allow_list("127.0.0.0/8"), LONG_TIMEOUTS).unwrap();
        let response = send(&target, &outside.url()).await.unwrap();
        assert_eq!(response.estado, code);
        assert_eq!(inside.count_connections().await, 0);
    }
}

#[tokio::test]
async fn a_silent_or_trickling_host_holds_up_nobody() {
    for modo in [ResponseMode::Calla, ResponseMode::Gotea] {
        let receiver = HttpReceiver::new(modo).await;
        let target = EgressClient::new(allow_list("127.0.0.1"), SHORT_TIMEOUTS).unwrap();
        let inicio = Instant::now();
        let url = receiver.url();
        let failure = timeout(LONG, send_error(&target, &url)).await.unwrap();
        assert!(
            failure.texto.contains("a tiempo") && !failure.permanente,
            "{failure}"
        );
        assert!(inicio.elapsed() >= SHORT_TIMEOUTS.total);
    }
    // Nor does a name that nobody tells anything of.
    let guia: LookupFn = Arc::new(|_| Box::pin(std::future::pending()));
    let target = EgressClient::with_resolver(allow_list(""), SHORT_TIMEOUTS, &guia).unwrap();
    let failure = timeout(LONG, send_error(&target, "https://ejemplo.cl/")).await;
    assert!(failure.unwrap().texto.contains("a tiempo"));
}

#[tokio::test]
async fn an_endless_body_is_not_read() {
    let mut receiver = HttpReceiver::new(ResponseMode::SinFin).await;
    let target = EgressClient::new(allow_list("127.0.0.1"), Timeouts::default()).unwrap();
    let response = send(&target, &receiver.url()).await.unwrap();
    assert_eq!(response.estado, 200);
    // What the kernel holds for both sides, and no more: then the connection is gone.
    assert!(receiver.tomados.recv().await.unwrap() < 32 << 20);
}

#[tokio::test]
async fn each_failure_says_what_it_is() {
    let target = EgressClient::new(allow_list("127.0.0.1"), LONG_TIMEOUTS).unwrap();
    let con = async |bytes: &str| {
        let receiver = HttpReceiver::new(ResponseMode::Responde(bytes.into())).await;
        send_error(&target, &receiver.url()).await.texto
    };
    assert!(con("").await.contains("se cortó"));
    assert!(con("HTTP/1.1 2").await.contains("se cortó"));
    assert!(
        con("SSH-2.0-OpenSSH_9.2\r\n\r\n")
            .await
            .contains("se cortó")
    );

    // Who does not speak TLS where TLS is asked of it.
    let receiver = HttpReceiver::new(ResponseMode::Saluda("SSH-2.0-OpenSSH_9.2\r\n")).await;
    let url = receiver.url().replace("http:", "https:");
    let texto = send_error(&target, &url).await.texto;
    assert!(
        texto.contains("HTTPS") && !texto.contains("avisos"),
        "{texto}"
    );

    let sin_nadie = HttpReceiver::new(ResponseMode::Calla).await;
    let url = sin_nadie.url();
    sin_nadie.close().await;
    let texto = send_error(&target, &url).await.texto;
    assert!(texto.contains("No se pudo conectar"), "{texto}");

    let sin_nombre: LookupFn =
        Arc::new(|_| Box::pin(async { Err(std::io::ErrorKind::NotFound.into()) }));
    let target = EgressClient::with_resolver(allow_list(""), LONG_TIMEOUTS, &sin_nombre).unwrap();
    let failure = send_error(&target, "https://ejemplo.cl/").await;
    assert!(failure.texto.contains("no se encontró") && !failure.permanente);
}

#[test]
fn registering_a_bad_url_says_what_to_do() {
    use UrlRefusal as R;
    let largo = format!("https://ejemplo.cl/{}", "a".repeat(2048));
    for (url, redes, espera) in [
        (
            "https://ejemplo.cl/avisos",
            "",
            Ok("https://ejemplo.cl/avisos"),
        ),
        (
            "https://ñandú.cl:8443/#x",
            "",
            Ok("https://xn--and-6ma2c.cl:8443/"),
        ),
        ("https://8.8.8.8", "", Ok("https://8.8.8.8/")),
        (
            "https://[2606:4700::1111]/",
            "",
            Ok("https://[2606:4700::1111]/"),
        ),
        ("http://ejemplo.cl/", "", Err(R::SinCifrar)),
        ("http://8.8.8.8/", "10.0.0.0/8", Err(R::SinCifrar)),
        (
            "http://10.1.2.3:8080/",
            "10.0.0.0/8",
            Ok("http://10.1.2.3:8080/"),
        ),
        ("https://10.1.2.3/", "10.0.0.0/8", Ok("https://10.1.2.3/")),
        (
            "https://[::ffff:10.1.2.3]/",
            "10.0.0.0/8",
            Ok("https://[::ffff:a01:203]/"),
        ),
        ("https://10.1.2.3/", "", Err(R::Interna)),
        ("https://192.168.0.1/", "10.0.0.0/8", Err(R::Interna)),
        ("https://receptor/", "", Err(R::Interna)),
        ("https://receptor/", "10.0.0.0/8", Ok("https://receptor/")),
        ("https://receptor.internal/", "", Err(R::Interna)),
        ("https://otrolocal.cl/", "", Ok("https://otrolocal.cl/")),
        ("https://milocalhost.cl/", "", Ok("https://milocalhost.cl/")),
        ("https://a:b@ejemplo.cl/", "", Err(R::ConClave)),
        ("https://a@ejemplo.cl/", "", Err(R::ConClave)),
        ("https://ejemplo.cl:0/", "", Err(R::Puerto)),
        ("ejemplo.cl/avisos", "", Err(R::NoSeEntiende)),
        ("https://ejem plo.cl/", "", Err(R::NoSeEntiende)),
        (&largo, "", Err(R::MuyLarga)),
    ] {
        let hallado = check_url(url, &allow_list(redes));
        assert_eq!(
            hallado.as_ref().map(Url::as_str),
            espera.as_ref().copied(),
            "{url}"
        );
    }
}

#[test]
fn retry_after_has_a_limit() {
    let ahora = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT
    for (texto, espera) in [
        ("0", Some(0)),
        ("120", Some(120)),
        (" 120 ", Some(120)),
        ("86400", Some(3600)),
        ("18446744073709551615", Some(3600)),
        ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
        ("Sat, 06 Nov 2094 08:00:00 GMT", Some(3600)),
        ("-5", None),
        ("pronto", None),
        ("", None),
    ] {
        let cabeceras = HeaderMap::from_iter([(RETRY_AFTER, texto.parse().unwrap())]);
        let pausa = super::retry_after(&cabeceras, ahora);
        assert_eq!(pausa, espera.map(Duration::from_secs), "{texto}");
    }
    assert_eq!(super::retry_after(&HeaderMap::new(), ahora), None);
}
