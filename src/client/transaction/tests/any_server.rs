//! Whatever a server says, there is an end.

use std::time::Duration;

use proptest::prelude::{Strategy as _, any, prop, prop_oneof, proptest};

use super::{client, next, retr};
use crate::client::error::{Error, Wait};
use crate::client::session::Wire;
use crate::client::settings::PipelinePolicy;
use crate::client::{Client, Transaction};

/// A server that says one thing whatever it is asked, and then closes the connection.
#[derive(Debug)]
struct Babbling {
    octets: Vec<u8>,
    read_octets_max: usize,
}

impl Wire for Babbling {
    fn begin(&mut self, _wait: Wait) {}

    fn begin_within(&mut self, _wait: Wait, _time: Duration) {}

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let length = self
            .read_octets_max
            .min(self.octets.len())
            .min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(self.octets.drain(..length)) {
            *to = from;
        }
        Ok(length)
    }

    fn write_all(&mut self, _octets: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn closed(&mut self) -> Error {
        Error::Stopped
    }
}

proptest! {
    /// Whatever comes, there is an end, and behind an error nothing more.
    #[test]
    fn no_server_keeps_a_client_from_its_end(
        octets in prop::collection::vec(
            prop_oneof![
                6 => prop::sample::select(vec![
                    "+OK", "-ERR", "+ ", "\r\n", "\n", "\r", ".", " ", "1", "2", "a", "0 0",
                    "+OK\r\n", ".\r\n", "\r\n.\r\n", "1 a\r\n",
                ]).prop_map(|text| text.as_bytes().to_vec()),
                1 => any::<u8>().prop_map(|octet| vec![octet]),
            ],
            0..60,
        ),
        read_octets_max in 1usize..50,
        is_pipelining in any::<bool>(),
        is_listed_at_once in any::<bool>(),
    ) {
        let wire = Babbling { octets: octets.concat(), read_octets_max };
        let policy = if is_pipelining { PipelinePolicy::Auto } else { PipelinePolicy::Off };
        let mut client = client(wire, policy);
        let list = |client: &mut Client<Transaction>| {
            if is_listed_at_once {
                return client.listing();
            }
            let listing = client.listing_without_octets()?;
            client.add_octets(listing)
        };
        while list(&mut client).is_ok() && client.stat().is_ok() {
            client.ask(retr(1, 5));
            client.ask(retr(2, None));
            while next(&mut client).is_ok_and(|answer| answer != "nothing") {}
        }
        if !client.is_in_step() {
            assert!(matches!(client.listing(), Err(Error::OutOfStep)));
            assert!(matches!(client.answer(), Err(Error::OutOfStep)));
        }
    }
}
