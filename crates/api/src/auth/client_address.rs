//! The address a request comes from, and what else is noted of it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{header, request::Parts},
};

use crate::{App, body::header_text, problem::Problema};

/// Who asks, as far as the network tells.
pub struct ClientOrigin {
    /// The client's address; of IPv6 its /64, since one subscriber has all of that.
    pub direccion: String,
    pub agente: Option<String>,
}

impl FromRequestParts<App> for ClientOrigin {
    type Rejection = Problema;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problema> {
        let par = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|c| c.0.ip());
        let reenvios: Vec<String> = parts
            .headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|v| v.to_str().ok().map(str::to_owned))
            .collect();
        let ip = client_ip(par, &reenvios, app.proxies());
        Ok(Self {
            direccion: ip.map_or_else(|| "desconocida".to_owned(), network_key),
            agente: header_text(&parts.headers, &header::USER_AGENT, 200),
        })
    }
}

/// From the right: each hop that is a proxy of ours vouches for the address before it. What stands
/// further left was written by whoever sent the request.
fn client_ip(par: Option<IpAddr>, reenvios: &[String], proxies: &[IpAddr]) -> Option<IpAddr> {
    let mut ip = par?.to_canonical();
    for salto in reenvios.iter().flat_map(|r| r.split(',')).rev() {
        if !proxies.contains(&ip) {
            break;
        }
        match salto.trim().parse::<IpAddr>() {
            Ok(anterior) => ip = anterior.to_canonical(),
            Err(_) => break,
        }
    }
    Some(ip)
}

fn network_key(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let s = v6.segments();
            format!("{}/64", Ipv6Addr::new(s[0], s[1], s[2], s[3], 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{client_ip, network_key};

    #[test]
    fn only_our_proxies_are_believed() {
        let ip = |t: &str| t.parse::<IpAddr>().unwrap();
        let (proxy, attacker, worker) = (ip("10.0.0.1"), ip("203.0.113.9"), ip("198.51.100.7"));
        let header = |t: &str| vec![t.to_owned()];
        for (peer, forwarded, expected) in [
            (attacker, header("1.2.3.4"), attacker),
            (proxy, header("198.51.100.7"), worker),
            (proxy, header("1.2.3.4, 198.51.100.7"), worker),
            (proxy, header("1.2.3.4, 198.51.100.7, 10.0.0.1"), worker),
            (proxy, header("nonsense"), proxy),
            (proxy, vec![], proxy),
            (ip("::ffff:10.0.0.1"), header("198.51.100.7"), worker),
        ] {
            assert_eq!(client_ip(Some(peer), &forwarded, &[proxy]), Some(expected));
        }
        assert_eq!(network_key(ip("2001:db8:1:2:3:4:5:6")), "2001:db8:1:2::/64");
    }
}
