//! The one place that knows every kind of destination.

use super::destination::Destination;
use super::eml;
use super::error::Error;
use super::maildir;
use super::mbox;
use super::open::{Halves, Site};
use super::{pipe, stdout};

/// Makes the two halves of a destination, and the folders inside it; the destination itself is
/// there and locked.
pub fn halves(site: &Site) -> Result<Halves, Error> {
    match &site.destination {
        Destination::Maildir(path) => maildir::halves(site, path),
        Destination::Eml(path) => eml::halves(site, path),
        Destination::Mbox(path) => mbox::halves(site, path),
        Destination::Pipe(command) => Ok(pipe::halves(site, command)),
        Destination::Stdout => Ok(stdout::halves(site)),
    }
}
