//! `lag PORT TARGET MILLISECONDS`: a proxy that adds a round-trip time. It listens on the loopback
//! port, connects to the target (`HOST:PORT`), and holds every octet back for half the time in
//! each direction. In user space, since machines often lack the kernel's `netem`.
#![expect(clippy::print_stderr, reason = "a program of its own")]

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Chunks under way in one direction; more than any window that TCP opens here.
const CHUNKS_MAX: usize = 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, target, milliseconds] = arguments.as_slice() else {
        return Err("usage: lag PORT TARGET MILLISECONDS".into());
    };
    let delay = Duration::from_millis(milliseconds.parse()?) / 2;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?))?;
    for client in listener.incoming() {
        if let Err(error) = client.and_then(|client| join(client, target, delay)) {
            eprintln!("lag: {error}");
        }
    }
    Ok(())
}

/// Carries octets both ways between the client and the target until one of them ends.
fn join(client: TcpStream, target: &str, delay: Duration) -> std::io::Result<()> {
    let server = TcpStream::connect(target)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    carry(client.try_clone()?, server.try_clone()?, delay);
    carry(server, client, delay);
    Ok(())
}

fn carry(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (put, take) = mpsc::sync_channel::<(Instant, Vec<u8>)>(CHUNKS_MAX);
    drop(thread::spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(octets @ 1..) = from.read(&mut chunk) {
            if put
                .send((Instant::now() + delay, chunk[..octets].to_vec()))
                .is_err()
            {
                break;
            }
        }
    }));
    drop(thread::spawn(move || {
        for (due, chunk) in take {
            wait_until(due);
            if to.write_all(&chunk).is_err() {
                break;
            }
        }
        // The peer may be gone already; then there is nobody to tell.
        drop(to.shutdown(Shutdown::Both));
    }));
}

#[expect(
    clippy::disallowed_methods,
    reason = "waiting is what this program is for"
)]
fn wait_until(due: Instant) {
    if let Some(left) = due.checked_duration_since(Instant::now()) {
        thread::sleep(left);
    }
}
