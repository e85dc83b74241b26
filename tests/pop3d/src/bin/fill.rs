//! `fill MAILDIR MESSAGES OCTETS`: writes that many generated messages of that many octets
//! (`mixed`: as in a person's mailbox) into a maildir's `new`, for another server to serve.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use pop3d::{Mailbox, Sizes};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [maildir, messages, octets] = arguments.as_slice() else {
        return Err("usage: fill MAILDIR MESSAGES OCTETS".into());
    };
    let sizes = match octets.as_str() {
        "mixed" => Sizes::Mixed,
        octets => Sizes::Fixed(octets.parse()?),
    };
    let messages = messages.parse()?;
    let mailbox = Mailbox::generated(messages, 1, sizes);
    for folder in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(Path::new(maildir).join(folder))?;
    }
    for number in 1..=messages {
        let name = format!("{}.M{number}P1.bench", 1_000_000_000 + number);
        let mut file = BufWriter::new(File::create(Path::new(maildir).join("new").join(name))?);
        for line in mailbox
            .message(number)
            .to_vec()
            .split_inclusive(|&octet| octet == b'\n')
        {
            let text = line.strip_suffix(b"\r\n").unwrap_or(line);
            file.write_all(text)?;
            file.write_all(b"\n")?;
        }
        file.flush()?;
    }
    Ok(())
}
