//! What an administrator opens of the networks inside, for a receiver that stands there.

use std::net::IpAddr;

use ipnet::IpNet;

/// Networks and addresses inside to which things may be sent, also without TLS. By default none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permitidos(Vec<IpNet>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("«{0}» no es una dirección IP ni una red: escriba por ejemplo 10.1.2.3 o 10.1.0.0/16")]
pub struct RechazoRed(String);

impl Permitidos {
    /// Each text is an address (`10.1.2.3`, `fd00::5`) or a network (`10.1.0.0/16`).
    pub fn lee<T: AsRef<str>>(textos: impl IntoIterator<Item = T>) -> Result<Self, RechazoRed> {
        let redes = textos.into_iter().map(|texto| {
            let texto = texto.as_ref().trim();
            let red = texto.parse::<IpNet>();
            red.or_else(|_| texto.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| RechazoRed(texto.chars().take(60).collect()))
        });
        redes.collect::<Result<_, _>>().map(Self)
    }

    pub fn esta_vacio(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contiene(&self, ip: IpAddr) -> bool {
        // An IPv4 address dressed as IPv6 reaches the same machine.
        let ip = ip.to_canonical();
        self.0.iter().any(|red| red.contains(&ip))
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn redes_y_direcciones_sueltas() {
        let p = Permitidos::lee(["10.1.2.3/16", " 192.168.0.7 ", "fd00::/8"]).unwrap();
        for ip in ["10.1.255.255", "192.168.0.7", "fd12::1", "::ffff:10.1.0.1"] {
            assert!(p.contiene(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["10.2.0.0", "192.168.0.8", "fe80::1", "127.0.0.1", "::"] {
            assert!(!p.contiene(ip.parse().unwrap()), "{ip}");
        }
        assert!(Permitidos::lee([] as [&str; 0]).unwrap().esta_vacio());
    }

    #[test]
    fn lo_que_no_es_una_red_se_dice() {
        for texto in [
            "",
            "10.0.0.0/33",
            "10.0.0",
            "receptor.interno",
            "10.0.0.1:80",
            "::/129",
        ] {
            let rechazo = Permitidos::lee([texto]).unwrap_err();
            assert!(rechazo.to_string().starts_with(&format!("«{texto}»")));
        }
    }
}
