//! `popfetch docs` and `popfetch json-schema`, hidden: what is printed for packagers.

use std::path::Path;

use anyhow::Context as _;

use crate::cli::docs;
use crate::cli::failure::{Failure, Kind};
use crate::cli::output::{Stream, print};
use crate::store::Disk;

/// Writes man pages and completions.
pub(super) fn write(folder: &Path) -> Result<u8, Failure> {
    write_pages(folder).map_err(|error| Failure::new(Kind::LocalIo, format!("{error:#}")))?;
    Ok(0)
}

fn write_pages(folder: &Path) -> anyhow::Result<()> {
    let disk = Disk::new();
    for page in docs::pages().context("cannot draw the pages")? {
        let path = folder.join(&page.name);
        page.write(&disk, &path)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Prints what describes the JSON lines to programs.
pub(super) fn print_schema() -> u8 {
    print(Stream::Stdout, docs::JSON_SCHEMA);
    0
}
