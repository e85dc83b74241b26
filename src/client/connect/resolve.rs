//! The addresses of a host.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use url::Host;

use crate::client::error::{Error, Wait};
use crate::client::limit::Limit;
use crate::client::settings::{Family, Patience};

/// The addresses of the host, in the order of the system's resolver.
///
/// The resolver itself knows no deadline, so that it runs in a thread which is left behind when
/// time is up.
pub(super) fn resolve(
    host: &Host<String>,
    port: u16,
    family: Family,
    patience: &Patience,
) -> Result<Vec<SocketAddr>, Error> {
    let addresses = match host {
        Host::Ipv4(address) => vec![SocketAddr::from((*address, port))],
        Host::Ipv6(address) => vec![SocketAddr::from((*address, port))],
        Host::Domain(name) => look_up(name, port, patience)?,
    };
    let admitted: Vec<_> = addresses
        .into_iter()
        .filter(|address| family.admits(address.ip()))
        .collect();
    if admitted.is_empty() {
        let why = match family {
            Family::Any => "it has no address",
            Family::V4 => "it has no IPv4 address",
            Family::V6 => "it has no IPv6 address",
        };
        return Err(Error::UnknownHost {
            host: host.to_string(),
            why: why.to_owned(),
        });
    }
    Ok(admitted)
}

fn look_up(name: &str, port: u16, patience: &Patience) -> Result<Vec<SocketAddr>, Error> {
    let failed = |source| Error::Io {
        doing: Wait::Resolve,
        peer: name.to_owned(),
        source,
    };
    let (sender, receiver) = mpsc::sync_channel(1);
    let wanted = (name.to_owned(), port);
    thread::Builder::new()
        .name("resolve".to_owned())
        .spawn(move || {
            let found = wanted.to_socket_addrs().map(Iterator::collect::<Vec<_>>);
            // Nobody listens any more once time is up.
            drop(sender.send(found));
        })
        .map_err(failed)?;
    let limit = Limit::new(Wait::Resolve, patience);
    loop {
        let slice = limit
            .slice()
            .map_err(|cause| cause.into_error(Wait::Resolve, name))?;
        match receiver.recv_timeout(slice) {
            Ok(Ok(addresses)) => return Ok(addresses),
            Ok(Err(error)) => {
                return Err(Error::UnknownHost {
                    host: name.to_owned(),
                    why: reason(&error),
                });
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let why = "the resolver ended without an answer".to_owned();
                return Err(Error::UnknownHost {
                    host: name.to_owned(),
                    why,
                });
            }
        }
    }
}

/// The resolver's own words, without what the standard library puts in front of them.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ")
        .unwrap_or(&text)
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn addresses(host: &str, family: Family) -> Result<Vec<String>, Error> {
        let host = Host::parse(host).unwrap();
        let patience = Patience::new(Duration::from_secs(30));
        let found = resolve(&host, 110, family, &patience)?;
        Ok(found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn addresses_need_no_resolver() {
        assert_eq!(
            addresses("127.0.0.1", Family::Any).unwrap(),
            ["127.0.0.1:110"]
        );
        assert_eq!(addresses("[::1]", Family::V6).unwrap(), ["[::1]:110"]);
    }

    #[test]
    fn a_family_leaves_the_others_out() {
        let error = addresses("127.0.0.1", Family::V6).unwrap_err().to_string();
        assert_eq!(error, "host 127.0.0.1 is not known: it has no IPv6 address");
        assert!(matches!(
            addresses("[::1]", Family::V4),
            Err(Error::UnknownHost { .. })
        ));
        assert_eq!(
            addresses("localhost", Family::V4).unwrap(),
            ["127.0.0.1:110"]
        );
    }

    #[test]
    fn a_wait_that_is_over_is_not_begun() {
        let host = Host::Domain("localhost".to_owned());
        let mut patience = Patience::new(Duration::from_secs(30));
        patience.until = Some(Instant::now());
        let late = resolve(&host, 1, Family::Any, &patience);
        assert!(
            matches!(late, Err(Error::Deadline(Wait::WholeRun))),
            "{late:?}"
        );
    }
}
