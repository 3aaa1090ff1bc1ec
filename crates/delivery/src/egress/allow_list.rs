//! What an administrator opens of the networks inside, for a receiver that stands there.

use std::net::IpAddr;

use ipnet::IpNet;

/// Networks and addresses inside to which things may be sent, also without TLS. By default none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Vec<IpNet>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("«{0}» no es una dirección IP ni una red: escriba por ejemplo 10.1.2.3 o 10.1.0.0/16")]
pub struct InvalidNetwork(String);

impl AllowList {
    /// Each text is an address (`10.1.2.3`, `fd00::5`) or a network (`10.1.0.0/16`).
    pub fn parse<T: AsRef<str>>(
        textos: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidNetwork> {
        let redes = textos.into_iter().map(|texto| {
            let texto = texto.as_ref().trim();
            let network = texto.parse::<IpNet>();
            network
                .or_else(|_| texto.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| InvalidNetwork(texto.chars().take(60).collect()))
        });
        redes.collect::<Result<_, _>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, ip: IpAddr) -> bool {
        // An IPv4 address dressed as IPv6 reaches the same machine.
        let ip = ip.to_canonical();
        self.0.iter().any(|network| network.contains(&ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_single_addresses_are_allowed() {
        let p = AllowList::parse(["10.1.2.3/16", " 192.168.0.7 ", "fd00::/8"]).unwrap();
        for ip in ["10.1.255.255", "192.168.0.7", "fd12::1", "::ffff:10.1.0.1"] {
            assert!(p.contains(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["10.2.0.0", "192.168.0.8", "fe80::1", "127.0.0.1", "::"] {
            assert!(!p.contains(ip.parse().unwrap()), "{ip}");
        }
        assert!(AllowList::parse([] as [&str; 0]).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_a_network_is_named_in_the_error() {
        for texto in [
            "",
            "10.0.0.0/33",
            "10.0.0",
            "receptor.interno",
            "10.0.0.1:80",
            "::/129",
        ] {
            let rechazo = AllowList::parse([texto]).unwrap_err();
            assert!(rechazo.to_string().starts_with(&format!("«{texto}»")));
        }
    }
}
