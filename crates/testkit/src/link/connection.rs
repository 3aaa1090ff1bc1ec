//! One connection through the link.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use tokio::net::TcpStream;

use super::{
    LinkConditions, LinkCounters, LinkCut,
    direction::{EndReason, LinkDirection},
};

/// Carries bytes both ways until both sides are done, one of them breaks, or the cut is reached.
/// Whatever ends it, both sockets are closed when this returns.
pub(crate) async fn relay(
    mut client: TcpStream,
    target: SocketAddr,
    conditions: LinkConditions,
    counters: Arc<LinkCounters>,
) {
    let Ok(mut servidor) = TcpStream::connect(target).await else {
        return;
    };
    // The link's own latency is the only one that counts.
    if client.set_nodelay(true).is_err() || servidor.set_nodelay(true).is_err() {
        return;
    }
    let (corte_subida, corte_bajada) = match conditions.corte {
        Some(LinkCut::Subida(n)) => (Some(n), None),
        Some(LinkCut::Bajada(n)) => (None, Some(n)),
        None => (None, None),
    };
    let (lee_cliente, escribe_cliente) = client.split();
    let (lee_servidor, escribe_servidor) = servidor.split();
    let subida = LinkDirection {
        latencia: conditions.latencia,
        bytes_por_segundo: conditions.bytes_por_segundo,
        corte: corte_subida,
        llevados: &counters.subidos,
    };
    let bajada = LinkDirection {
        corte: corte_bajada,
        llevados: &counters.bajados,
        ..subida
    };
    // The first direction that breaks ends both.
    let fin = tokio::try_join!(
        subida.relay(lee_cliente, escribe_servidor),
        bajada.relay(lee_servidor, escribe_cliente),
    );
    if matches!(fin, Err(EndReason::Cortado)) {
        counters.cortadas.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{io, net::SocketAddr, time::Duration};

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
        sync::mpsc,
        time::Instant,
    };

    use super::super::{LinkConditions, LinkCounts, LinkCut, LinkProxy};

    /// Sends back what it reads.
    async fn echo_server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut s, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut lee, mut escribe) = s.split();
                    tokio::io::copy(&mut lee, &mut escribe).await.ok();
                    escribe.shutdown().await.ok();
                });
            }
        });
        address
    }

    /// Reads a request of `request` bytes (or until its end), tells what came, then answers with
    /// `response` and reads on to the end.
    async fn spawn_server(
        request: usize,
        response: &'static [u8],
    ) -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (dice, oye) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut s, _)) = listener.accept().await {
                let mut received = Vec::new();
                let mut limite = (&mut s).take(request as u64);
                limite.read_to_end(&mut received).await.ok();
                let completo = received.len() == request;
                dice.send(received).ok();
                if completo {
                    s.write_all(response).await.ok();
                    s.read_to_end(&mut Vec::new()).await.ok();
                }
            }
        });
        (address, oye)
    }

    async fn with_cut(target: SocketAddr, corte: LinkCut) -> (LinkProxy, TcpStream) {
        let link = LinkProxy::new(target, move |_| LinkConditions {
            corte: Some(corte),
            ..LinkConditions::default()
        })
        .await
        .unwrap();
        let client = TcpStream::connect(link.address()).await.unwrap();
        (link, client)
    }

    /// What arrives until the link breaks; how it breaks is the system's choice.
    async fn read_until_cut(client: &mut TcpStream) -> Vec<u8> {
        let mut received = Vec::new();
        if let Err(e) = client.read_to_end(&mut received).await {
            assert_eq!(e.kind(), io::ErrorKind::ConnectionReset);
        }
        received
    }

    #[tokio::test]
    async fn megabytes_pass_unchanged_both_ways() {
        let link = LinkProxy::new(echo_server().await, |_| LinkConditions::default())
            .await
            .unwrap();
        let enviado: Vec<u8> = (0_u32..1_000_000).flat_map(u32::to_le_bytes).collect();
        let mut client = TcpStream::connect(link.address()).await.unwrap();
        let (mut lee, mut escribe) = client.split();
        let mut recibido = Vec::new();
        let sube = async {
            escribe.write_all(&enviado).await.unwrap();
            escribe.shutdown().await.unwrap();
        };
        let (received, ()) = tokio::join!(lee.read_to_end(&mut recibido), sube);
        assert_eq!(received.unwrap(), enviado.len());
        assert!(recibido == enviado);
        let esperado = LinkCounts {
            conexiones: 1,
            cortadas: 0,
            subidos: 4_000_000,
            bajados: 4_000_000,
        };
        assert_eq!(link.stats(), esperado);
    }

    #[tokio::test(start_paused = true)]
    async fn latency_is_paid_each_way_and_once() {
        let latencia = Duration::from_millis(400);
        let link = LinkProxy::new(echo_server().await, move |_| LinkConditions {
            latencia,
            ..LinkConditions::default()
        })
        .await
        .unwrap();
        let mut client = TcpStream::connect(link.address()).await.unwrap();
        let inicio = Instant::now();
        client.write_all(&[7; 100]).await.unwrap();
        client.read_exact(&mut [0; 100]).await.unwrap();
        let tardo = inicio.elapsed();
        assert!(tardo >= 2 * latencia, "{tardo:?}");
        assert!(tardo < 3 * latencia, "{tardo:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_narrow_link_takes_its_time() {
        let link = LinkProxy::new(echo_server().await, |_| LinkConditions {
            bytes_por_segundo: Some(1_000),
            ..LinkConditions::default()
        })
        .await
        .unwrap();
        let mut client = TcpStream::connect(link.address()).await.unwrap();
        let inicio = Instant::now();
        client.write_all(&[7; 10_000]).await.unwrap();
        client.read_exact(&mut [0; 10_000]).await.unwrap();
        let tardo = inicio.elapsed();
        // Both directions work at the same time.
        assert!(tardo >= Duration::from_secs(10), "{tardo:?}");
        assert!(tardo < Duration::from_secs(13), "{tardo:?}");
    }

    #[tokio::test]
    async fn a_cut_on_the_way_up_leaves_the_server_with_exactly_that_much() {
        for n in [0_usize, 1, 700, 999] {
            let (target, mut oye) = spawn_server(1_000, b"nunca").await;
            let (link, mut client) = with_cut(target, LinkCut::Subida(n as u64)).await;
            client.write_all(&[9; 1_000]).await.unwrap();
            assert_eq!(read_until_cut(&mut client).await, b"");
            assert_eq!(oye.recv().await.unwrap(), vec![9; n]);
            let cuentas = link.stats();
            assert_eq!((cuentas.cortadas, cuentas.subidos), (1, n as u64));
        }
    }

    #[tokio::test]
    async fn a_cut_on_the_way_down_comes_after_the_whole_request() {
        for n in [0_usize, 1, 5] {
            let (target, mut oye) = spawn_server(1_000, b"respuesta").await;
            let (link, mut client) = with_cut(target, LinkCut::Bajada(n as u64)).await;
            client.write_all(&[9; 1_000]).await.unwrap();
            assert_eq!(read_until_cut(&mut client).await, &b"respuesta"[..n]);
            assert_eq!(oye.recv().await.unwrap(), vec![9; 1_000]);
            let esperado = LinkCounts {
                conexiones: 1,
                cortadas: 1,
                subidos: 1_000,
                bajados: n as u64,
            };
            assert_eq!(link.stats(), esperado);
        }
    }

    #[tokio::test]
    async fn each_of_many_connections_has_its_own_conditions() {
        let link = LinkProxy::new(echo_server().await, |numero| LinkConditions {
            corte: (numero % 2 == 1).then_some(LinkCut::Bajada(3)),
            ..LinkConditions::default()
        })
        .await
        .unwrap();
        let mut clientes = Vec::new();
        for _ in 0..100 {
            clientes.push(TcpStream::connect(link.address()).await.unwrap());
        }
        let mut largos = Vec::new();
        for mut client in clientes {
            client.write_all(b"hola mina").await.unwrap();
            client.shutdown().await.ok();
            largos.push(read_until_cut(&mut client).await.len());
        }
        assert_eq!(largos, [9, 3].repeat(50));
        let cuentas = link.stats();
        assert_eq!((cuentas.conexiones, cuentas.cortadas), (100, 50));
    }

    #[tokio::test]
    async fn without_a_target_the_client_is_let_go() {
        let cerrado = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        let link = LinkProxy::new(cerrado, |_| LinkConditions::default())
            .await
            .unwrap();
        let mut client = TcpStream::connect(link.address()).await.unwrap();
        assert_eq!(read_until_cut(&mut client).await, b"");
    }

    #[tokio::test]
    async fn dropping_the_link_ends_everything() {
        let (target, mut oye) = spawn_server(4, b"").await;
        let link = LinkProxy::new(target, |_| LinkConditions::default())
            .await
            .unwrap();
        let address = link.address();
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"hola").await.unwrap();
        assert_eq!(oye.recv().await.unwrap(), b"hola");
        drop(link);
        assert_eq!(read_until_cut(&mut client).await, b"");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
