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
    mut cliente: TcpStream,
    destino: SocketAddr,
    condiciones: LinkConditions,
    contadores: Arc<LinkCounters>,
) {
    let Ok(mut servidor) = TcpStream::connect(destino).await else {
        return;
    };
    // The link's own latency is the only one that counts.
    if cliente.set_nodelay(true).is_err() || servidor.set_nodelay(true).is_err() {
        return;
    }
    let (corte_subida, corte_bajada) = match condiciones.corte {
        Some(LinkCut::Subida(n)) => (Some(n), None),
        Some(LinkCut::Bajada(n)) => (None, Some(n)),
        None => (None, None),
    };
    let (lee_cliente, escribe_cliente) = cliente.split();
    let (lee_servidor, escribe_servidor) = servidor.split();
    let subida = LinkDirection {
        latencia: condiciones.latencia,
        bytes_por_segundo: condiciones.bytes_por_segundo,
        corte: corte_subida,
        llevados: &contadores.subidos,
    };
    let bajada = LinkDirection {
        corte: corte_bajada,
        llevados: &contadores.bajados,
        ..subida
    };
    // The first direction that breaks ends both.
    let fin = tokio::try_join!(
        subida.relay(lee_cliente, escribe_servidor),
        bajada.relay(lee_servidor, escribe_cliente),
    );
    if matches!(fin, Err(EndReason::Cortado)) {
        contadores.cortadas.fetch_add(1, Relaxed);
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
        let oyente = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let direccion = oyente.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut s, _)) = oyente.accept().await {
                tokio::spawn(async move {
                    let (mut lee, mut escribe) = s.split();
                    tokio::io::copy(&mut lee, &mut escribe).await.ok();
                    escribe.shutdown().await.ok();
                });
            }
        });
        direccion
    }

    /// Reads a request of `pedido` bytes (or until its end), tells what came, then answers with
    /// `respuesta` and reads on to the end.
    async fn spawn_server(
        pedido: usize,
        respuesta: &'static [u8],
    ) -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
        let oyente = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let direccion = oyente.local_addr().unwrap();
        let (dice, oye) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut s, _)) = oyente.accept().await {
                let mut leido = Vec::new();
                let mut limite = (&mut s).take(pedido as u64);
                limite.read_to_end(&mut leido).await.ok();
                let completo = leido.len() == pedido;
                dice.send(leido).ok();
                if completo {
                    s.write_all(respuesta).await.ok();
                    s.read_to_end(&mut Vec::new()).await.ok();
                }
            }
        });
        (direccion, oye)
    }

    async fn with_cut(destino: SocketAddr, corte: LinkCut) -> (LinkProxy, TcpStream) {
        let enlace = LinkProxy::new(destino, move |_| LinkConditions {
            corte: Some(corte),
            ..LinkConditions::default()
        })
        .await
        .unwrap();
        let cliente = TcpStream::connect(enlace.address()).await.unwrap();
        (enlace, cliente)
    }

    /// What arrives until the link breaks; how it breaks is the system's choice.
    async fn read_until_cut(cliente: &mut TcpStream) -> Vec<u8> {
        let mut leido = Vec::new();
        if let Err(e) = cliente.read_to_end(&mut leido).await {
            assert_eq!(e.kind(), io::ErrorKind::ConnectionReset);
        }
        leido
    }

    #[tokio::test]
    async fn megabytes_pass_unchanged_both_ways() {
        let enlace = LinkProxy::new(echo_server().await, |_| LinkConditions::default())
            .await
            .unwrap();
        let enviado: Vec<u8> = (0_u32..1_000_000).flat_map(u32::to_le_bytes).collect();
        let mut cliente = TcpStream::connect(enlace.address()).await.unwrap();
        let (mut lee, mut escribe) = cliente.split();
        let mut recibido = Vec::new();
        let sube = async {
            escribe.write_all(&enviado).await.unwrap();
            escribe.shutdown().await.unwrap();
        };
        let (leido, ()) = tokio::join!(lee.read_to_end(&mut recibido), sube);
        assert_eq!(leido.unwrap(), enviado.len());
        assert!(recibido == enviado);
        let esperado = LinkCounts {
            conexiones: 1,
            cortadas: 0,
            subidos: 4_000_000,
            bajados: 4_000_000,
        };
        assert_eq!(enlace.stats(), esperado);
    }

    #[tokio::test(start_paused = true)]
    async fn latency_is_paid_each_way_and_once() {
        let latencia = Duration::from_millis(400);
        let enlace = LinkProxy::new(echo_server().await, move |_| LinkConditions {
            latencia,
            ..LinkConditions::default()
        })
        .await
        .unwrap();
        let mut cliente = TcpStream::connect(enlace.address()).await.unwrap();
        let inicio = Instant::now();
        cliente.write_all(&[7; 100]).await.unwrap();
        cliente.read_exact(&mut [0; 100]).await.unwrap();
        let tardo = inicio.elapsed();
        assert!(tardo >= 2 * latencia, "{tardo:?}");
        assert!(tardo < 3 * latencia, "{tardo:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_narrow_link_takes_its_time() {
        let enlace = LinkProxy::new(echo_server().await, |_| LinkConditions {
            bytes_por_segundo: Some(1_000),
            ..LinkConditions::default()
        })
        .await
        .unwrap();
        let mut cliente = TcpStream::connect(enlace.address()).await.unwrap();
        let inicio = Instant::now();
        cliente.write_all(&[7; 10_000]).await.unwrap();
        cliente.read_exact(&mut [0; 10_000]).await.unwrap();
        let tardo = inicio.elapsed();
        // Both directions work at the same time.
        assert!(tardo >= Duration::from_secs(10), "{tardo:?}");
        assert!(tardo < Duration::from_secs(13), "{tardo:?}");
    }

    #[tokio::test]
    async fn a_cut_on_the_way_up_leaves_the_server_with_exactly_that_much() {
        for n in [0_usize, 1, 700, 999] {
            let (destino, mut oye) = spawn_server(1_000, b"nunca").await;
            let (enlace, mut cliente) = with_cut(destino, LinkCut::Subida(n as u64)).await;
            cliente.write_all(&[9; 1_000]).await.unwrap();
            assert_eq!(read_until_cut(&mut cliente).await, b"");
            assert_eq!(oye.recv().await.unwrap(), vec![9; n]);
            let cuentas = enlace.stats();
            assert_eq!((cuentas.cortadas, cuentas.subidos), (1, n as u64));
        }
    }

    #[tokio::test]
    async fn a_cut_on_the_way_down_comes_after_the_whole_request() {
        for n in [0_usize, 1, 5] {
            let (destino, mut oye) = spawn_server(1_000, b"respuesta").await;
            let (enlace, mut cliente) = with_cut(destino, LinkCut::Bajada(n as u64)).await;
            cliente.write_all(&[9; 1_000]).await.unwrap();
            assert_eq!(read_until_cut(&mut cliente).await, &b"respuesta"[..n]);
            assert_eq!(oye.recv().await.unwrap(), vec![9; 1_000]);
            let esperado = LinkCounts {
                conexiones: 1,
                cortadas: 1,
                subidos: 1_000,
                bajados: n as u64,
            };
            assert_eq!(enlace.stats(), esperado);
        }
    }

    #[tokio::test]
    async fn each_of_many_connections_has_its_own_conditions() {
        let enlace = LinkProxy::new(echo_server().await, |numero| LinkConditions {
            corte: (numero % 2 == 1).then_some(LinkCut::Bajada(3)),
            ..LinkConditions::default()
        })
        .await
        .unwrap();
        let mut clientes = Vec::new();
        for _ in 0..100 {
            clientes.push(TcpStream::connect(enlace.address()).await.unwrap());
        }
        let mut largos = Vec::new();
        for mut cliente in clientes {
            cliente.write_all(b"hola mina").await.unwrap();
            cliente.shutdown().await.ok();
            largos.push(read_until_cut(&mut cliente).await.len());
        }
        assert_eq!(largos, [9, 3].repeat(50));
        let cuentas = enlace.stats();
        assert_eq!((cuentas.conexiones, cuentas.cortadas), (100, 50));
    }

    #[tokio::test]
    async fn without_a_target_the_client_is_let_go() {
        let cerrado = {
            let oyente = TcpListener::bind("127.0.0.1:0").await.unwrap();
            oyente.local_addr().unwrap()
        };
        let enlace = LinkProxy::new(cerrado, |_| LinkConditions::default())
            .await
            .unwrap();
        let mut cliente = TcpStream::connect(enlace.address()).await.unwrap();
        assert_eq!(read_until_cut(&mut cliente).await, b"");
    }

    #[tokio::test]
    async fn dropping_the_link_ends_everything() {
        let (destino, mut oye) = spawn_server(4, b"").await;
        let enlace = LinkProxy::new(destino, |_| LinkConditions::default())
            .await
            .unwrap();
        let direccion = enlace.address();
        let mut cliente = TcpStream::connect(direccion).await.unwrap();
        cliente.write_all(b"hola").await.unwrap();
        assert_eq!(oye.recv().await.unwrap(), b"hola");
        drop(enlace);
        assert_eq!(read_until_cut(&mut cliente).await, b"");
        assert!(TcpStream::connect(direccion).await.is_err());
    }
}
