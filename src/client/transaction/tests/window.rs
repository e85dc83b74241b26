//! How much is asked for before it is answered, and in how many writes.

use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{client, retr};
use crate::client::error::{Error, Wait};
use crate::client::script::Writes;
use crate::client::session::Wire;
use crate::client::settings::PipelinePolicy;
use crate::protocol::limits::PIPELINE_OCTETS_MAX;

/// A server that answers each RETR with a small message, and measures what is outstanding.
#[derive(Debug, Default)]
struct Measuring {
    received: Vec<u8>,
    outstanding_max: Arc<Mutex<usize>>,
    writes: Writes,
}

impl Wire for Measuring {
    fn begin(&mut self, _wait: Wait) {}

    fn begin_within(&mut self, _wait: Wait, _time: Duration) {}

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let end = self.received.iter().position(|octet| *octet == b'\n');
        let end = end.expect("the client waits for an answer to nothing");
        self.received.drain(..=end);
        let answer = b"+OK\r\nSubject: test\r\n\r\ntext\r\n.\r\n";
        buffer[..answer.len()].copy_from_slice(answer);
        Ok(answer.len())
    }

    fn write_all(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.received.extend_from_slice(octets);
        let mut most = self.outstanding_max.lock().unwrap();
        *most = self.received.len().max(*most);
        let text = String::from_utf8_lossy(octets).into_owned();
        self.writes.lock().unwrap().push(text);
        Ok(())
    }

    fn closed(&mut self) -> Error {
        Error::Stopped
    }
}

/// Fetches many messages; tells the most octets outstanding and the number of writes.
fn fetch_many(policy: PipelinePolicy) -> (usize, usize) {
    let wire = Measuring::default();
    let outstanding_max = Arc::clone(&wire.outstanding_max);
    let writes = Arc::clone(&wire.writes);
    let mut client = client(wire, policy);
    let mut numbers = 1..=2000;
    loop {
        while client.window_is_open()
            && let Some(number) = numbers.next()
        {
            client.ask(retr(number, None));
        }
        if client.answer().unwrap().is_none() {
            break;
        }
    }
    let sent = writes.lock().unwrap().concat();
    let expected = (1..=2000).map(|number| format!("RETR {number}\r\n"));
    assert_eq!(sent, expected.collect::<String>());
    let most = *outstanding_max.lock().unwrap();
    (most, writes.lock().unwrap().len())
}

#[test]
fn the_window_slides_in_few_writes() {
    let (outstanding, writes) = fetch_many(PipelinePolicy::Auto);
    assert!(outstanding <= PIPELINE_OCTETS_MAX, "{outstanding}");
    assert!(outstanding > PIPELINE_OCTETS_MAX - 16, "{outstanding}");
    assert!(writes < 14, "{writes}");
    let window = PipelinePolicy::Window(NonZeroU16::new(4).unwrap());
    let (outstanding, writes) = fetch_many(window);
    assert!(outstanding <= 4 * "RETR 2000\r\n".len(), "{outstanding}");
    assert!(writes <= 1000, "{writes}");
    let (_, writes) = fetch_many(PipelinePolicy::Off);
    assert_eq!(writes, 2000);
}
