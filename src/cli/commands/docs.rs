//! `popfetch docs` and `popfetch json-schema`, hidden: what is printed for packagers.

use std::path::Path;

use crate::cli::docs;
use crate::cli::failure::{Failure, Kind};
use crate::cli::output::{Stream, print};
use crate::store::Disk;

/// Writes man pages and completions.
pub(super) fn write(folder: &Path) -> Result<u8, Failure> {
    let disk = Disk::new();
    for page in docs::pages().map_err(|error| Failure::new(Kind::Bug, error.to_string()))? {
        let path = folder.join(&page.name);
        page.write(&disk, &path).map_err(|error| {
            Failure::new(
                Kind::LocalIo,
                format!("cannot write {}: {error}", path.display()),
            )
            .hint("man and completions must be there as folders")
        })?;
    }
    Ok(0)
}

/// Prints what describes the JSON lines to programs.
pub(super) fn print_schema() -> u8 {
    print(Stream::Stdout, docs::JSON_SCHEMA);
    0
}
