//! A SOCKS5 proxy (RFC 1928, RFC 1929) that knows one server by the name `pop.example.org`.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

/// The name that only the proxy can resolve.
pub(crate) const NAME: &str = "pop.example.org";

/// Who may use it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access {
    Everybody,
    /// User `proxy` with this password.
    Password(&'static str),
}

/// Listens on a port of its own and lets clients through to `target`.
pub(crate) fn start(target: u16, access: Access) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(thread::spawn(move || {
        for client in listener.incoming() {
            // What the client makes of a failure is what the test looks at.
            drop(thread::spawn(move || serve(client?, target, access)));
        }
    }));
    port
}

fn serve(mut client: TcpStream, target: u16, access: Access) -> io::Result<()> {
    let [_, methods] = read::<2>(&mut client)?;
    let mut offered = vec![0; usize::from(methods)];
    client.read_exact(&mut offered)?;
    let method = match access {
        Access::Everybody => 0,
        Access::Password(_) => 2,
    };
    if !offered.contains(&method) {
        return client.write_all(&[5, 0xff]);
    }
    client.write_all(&[5, method])?;
    if let Access::Password(wanted) = access {
        let [_, length] = read::<2>(&mut client)?;
        let user = read_text(&mut client, length)?;
        let [length] = read::<1>(&mut client)?;
        let password = read_text(&mut client, length)?;
        if (user.as_str(), password.as_str()) != ("proxy", wanted) {
            return client.write_all(&[1, 1]);
        }
        client.write_all(&[1, 0])?;
    }
    let [_, command, _, kind] = read::<4>(&mut client)?;
    assert_eq!((command, kind), (1, 3), "CONNECT to a name");
    let [length] = read::<1>(&mut client)?;
    let name = read_text(&mut client, length)?;
    let _port = read::<2>(&mut client)?;
    if name != NAME {
        // Host unreachable.
        return client.write_all(&[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target))?;
    client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0])?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    drop(thread::spawn(move || {
        io::copy(&mut from_client, &mut to_server)
    }));
    io::copy(&mut &server, &mut client)?;
    Ok(())
}

fn read<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    stream.read_exact(&mut octets)?;
    Ok(octets)
}

fn read_text(stream: &mut TcpStream, length: u8) -> io::Result<String> {
    let mut octets = vec![0; usize::from(length)];
    stream.read_exact(&mut octets)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}
