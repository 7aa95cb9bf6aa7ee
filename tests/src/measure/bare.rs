use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};

/// Both ends of a TCP connection.
pub(super) async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port is free");
    let addr = listener.local_addr().expect("it is bound");
    let (here, there) = tokio::join!(TcpStream::connect(addr), listener.accept());
    let (here, (there, _)) = (here.expect("it listens"), there.expect("it is dialled"));
    here.set_nodelay(true).expect("it is TCP");
    there.set_nodelay(true).expect("it is TCP");
    (here, there)
}
