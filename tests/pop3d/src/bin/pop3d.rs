//! `pop3d PORT MESSAGES OCTETS`: serves that many generated messages of that many octets
//! (`mixed`: as in a person's mailbox) to user `bench`, password `secret`, until it is killed.

use std::error::Error;
use std::thread;

use pop3d::{Mailbox, Server, Settings, Sizes};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, messages, octets] = arguments.as_slice() else {
        return Err("usage: pop3d PORT MESSAGES OCTETS".into());
    };
    let sizes = match octets.as_str() {
        "mixed" => Sizes::Mixed,
        octets => Sizes::Fixed(octets.parse()?),
    };
    let settings = Settings {
        port: port.parse()?,
        user: "bench".to_owned(),
        ..Settings::default()
    };
    let server = Server::start(Mailbox::generated(messages.parse()?, 1, sizes), settings)?;
    loop {
        thread::park();
        // Spurious wake-ups end nothing.
        let _still_serving = server.port();
    }
}
