//! Through a SOCKS5 proxy (RFC 1928), which resolves the server's name itself.

use url::Host;

use crate::client::error::{Error, Wait};
use crate::client::session::Wire as _;
use crate::client::settings::{Proxy, ProxyLogin, Server};
use crate::client::stream::Stream;

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const DOMAIN: u8 = 3;
const IPV6: u8 = 4;

/// Asks the proxy at the other end of the stream to connect to the server. When this succeeds
/// the next octet read is the server's.
pub(super) fn tunnel(stream: &mut Stream, proxy: &Proxy, server: &Server) -> Result<(), Error> {
    stream.begin(Wait::Proxy);
    let mut exchange = Exchange { stream, proxy };
    exchange.agree_on_login()?;
    exchange.connect(server)
}

struct Exchange<'a> {
    stream: &'a mut Stream,
    proxy: &'a Proxy,
}

impl Exchange<'_> {
    fn agree_on_login(&mut self) -> Result<(), Error> {
        let offer: &[u8] = match self.proxy.login {
            Some(_) => &[VERSION, 2, NO_LOGIN, USER_AND_PASSWORD],
            None => &[VERSION, 1, NO_LOGIN],
        };
        self.stream.write_all(offer)?;
        let [version, choice] = self.take()?;
        if version != VERSION {
            return Err(self.fault("it is no SOCKS5 proxy"));
        }
        match (choice, &self.proxy.login) {
            (NO_LOGIN, _) => Ok(()),
            (USER_AND_PASSWORD, Some(login)) => self.log_in(login),
            (NONE_ACCEPTABLE, Some(_)) => Err(self.fault("it takes no user and password")),
            (NONE_ACCEPTABLE, None) => Err(self.fault("it wants a user and password")),
            _ => Err(self.fault("it chose a way to log in that was not offered")),
        }
    }

    /// RFC 1929.
    fn log_in(&mut self, login: &ProxyLogin) -> Result<(), Error> {
        let mut request = zeroize::Zeroizing::new(vec![1]);
        for part in [login.user.as_bytes(), login.password.expose()] {
            let octets = u8::try_from(part.len())
                .map_err(|_| self.fault("user and password may have 255 octets each"))?;
            request.push(octets);
            request.extend_from_slice(part);
        }
        self.stream.write_all(&request)?;
        match self.take()? {
            [_, 0] => Ok(()),
            [_, _] => Err(self.fault("it refused the user and password")),
        }
    }

    fn connect(&mut self, server: &Server) -> Result<(), Error> {
        let mut request = vec![VERSION, CONNECT, 0];
        match &server.host {
            Host::Ipv4(address) => {
                request.push(IPV4);
                request.extend(address.octets());
            }
            Host::Ipv6(address) => {
                request.push(IPV6);
                request.extend(address.octets());
            }
            Host::Domain(name) => {
                let octets = u8::try_from(name.len())
                    .map_err(|_| self.fault("the server's name has more than 255 octets"))?;
                request.extend([DOMAIN, octets]);
                request.extend_from_slice(name.as_bytes());
            }
        }
        request.extend(server.port.to_be_bytes());
        self.stream.write_all(&request)?;
        let [version, reply, _, kind] = self.take()?;
        if version != VERSION {
            return Err(self.fault("it is no SOCKS5 proxy"));
        }
        if let Some(why) = refusal(reply) {
            return Err(self.fault(why));
        }
        self.skip_bound_address(kind)
    }

    fn skip_bound_address(&mut self, kind: u8) -> Result<(), Error> {
        let octets = match kind {
            IPV4 => 4,
            IPV6 => 16,
            DOMAIN => {
                let [octets] = self.take()?;
                usize::from(octets)
            }
            _ => return Err(self.fault("its answer makes no sense")),
        };
        let mut skipped = vec![0; octets + 2];
        self.fill(&mut skipped)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut octets = [0; N];
        self.fill(&mut octets)?;
        Ok(octets)
    }

    /// Reads just these octets and none of what follows.
    fn fill(&mut self, mut buffer: &mut [u8]) -> Result<(), Error> {
        while !buffer.is_empty() {
            match self.stream.read(buffer)? {
                0 => return Err(self.fault("it closed the connection")),
                octets => buffer = buffer.get_mut(octets..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    fn fault(&self, why: &'static str) -> Error {
        Error::Proxy {
            proxy: format!("{}:{}", self.proxy.host, self.proxy.port),
            why,
        }
    }
}

/// What a reply other than success means (RFC 1928 section 6).
fn refusal(reply: u8) -> Option<&'static str> {
    Some(match reply {
        0 => return None,
        1 => "it failed to connect to the server",
        2 => "its rules do not allow the connection",
        3 => "it cannot reach the server's network",
        4 => "it cannot reach the server's host, or does not know its name",
        5 => "the server refused its connection",
        6 => "it waited too long for the server",
        7 => "it cannot make connections",
        8 => "it does not know this kind of address",
        _ => "it failed for a reason of its own",
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::client::settings::{Patience, TlsMode};
    use crate::client::stream::Peer;

    type Script = &'static [(&'static [u8], &'static [u8])];

    /// Plays a proxy: reads each request as it must be and writes the answer to it.
    fn check(login: &str, host: &str, script: Script) -> Result<u8, String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let player = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            for (request, answer) in script {
                let mut octets = vec![0; request.len()];
                socket.read_exact(&mut octets).unwrap();
                assert_eq!(octets, *request);
                socket.write_all(answer).unwrap();
            }
        });
        let proxy: Proxy = format!("socks5://{login}{address}").parse().unwrap();
        let server = Server {
            host: Host::parse(host).unwrap(),
            port: 995,
            tls: TlsMode::Off,
        };
        let peer = Peer {
            name: "pop".to_owned(),
            host: "pop".to_owned(),
            is_loopback: false,
        };
        let patience = Patience::new(Duration::from_secs(30));
        let tcp = TcpStream::connect(address).unwrap();
        let mut stream = Stream::new(tcp, peer, patience).unwrap();
        let result = tunnel(&mut stream, &proxy, &server)
            .and_then(|()| {
                let mut first = [0];
                stream.read(&mut first).map(|_| first[0])
            })
            .map_err(|error| error.to_string().split_once(": ").unwrap().1.to_owned());
        player.join().unwrap();
        result
    }

    const CONNECT_NAME: &[u8] = b"\x05\x01\0\x03\x03pop\x03\xe3";
    const DONE: &[u8] = b"\x05\0\0\x01\x7f\0\0\x01\0\x01+";

    #[test]
    fn without_login() {
        assert_eq!(
            check(
                "",
                "pop",
                &[(b"\x05\x01\0", b"\x05\0"), (CONNECT_NAME, DONE)]
            ),
            Ok(b'+')
        );
    }

    #[test]
    fn addresses_go_as_addresses_and_the_bound_one_may_be_a_name() {
        const SCRIPT: Script = &[
            (b"\x05\x01\0", b"\x05\0"),
            (
                b"\x05\x01\0\x01\x01\x02\x03\x04\x03\xe3",
                b"\x05\0\0\x03\x02ab\0\x01+",
            ),
        ];
        assert_eq!(check("", "1.2.3.4", SCRIPT), Ok(b'+'));
    }

    #[test]
    fn with_login() {
        let script: Script = &[
            (b"\x05\x02\0\x02", b"\x05\x02"),
            (b"\x01\x02me\x02pw", b"\x01\0"),
            (CONNECT_NAME, DONE),
        ];
        assert_eq!(check("me:pw@", "pop", script), Ok(b'+'));
    }

    #[test]
    fn refusals_are_told_in_words() {
        let refused = |why: &str| Err(why.to_owned());
        assert_eq!(
            check(
                "me:pw@",
                "pop",
                &[
                    (b"\x05\x02\0\x02", b"\x05\x02"),
                    (b"\x01\x02me\x02pw", b"\x01\x01")
                ]
            ),
            refused("it refused the user and password")
        );
        assert_eq!(
            check("", "pop", &[(b"\x05\x01\0", b"\x05\xff")]),
            refused("it wants a user and password")
        );
        assert_eq!(
            check("", "pop", &[(b"\x05\x01\0", b"HT")]),
            refused("it is no SOCKS5 proxy")
        );
        assert_eq!(
            check("", "pop", &[(b"\x05\x01\0", b"\x05")]),
            refused("it closed the connection")
        );
        assert_eq!(
            check(
                "",
                "pop",
                &[
                    (b"\x05\x01\0", b"\x05\0"),
                    (CONNECT_NAME, b"\x05\x05\0\x01")
                ]
            ),
            refused("the server refused its connection")
        );
    }
}
