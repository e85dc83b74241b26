//! Man pages: the options from the definitions of the command line, the rest from the texts in
//! `pages`.

use std::fmt::Write as _;
use std::io;

use clap::Command;
use clap_mangen::Man;

use super::{Page, roff, visible};
use crate::cli::config::keys_with_help;
use crate::cli::failure::Kind;

/// When a text of these pages was last changed.
const DATE: &str = "2026-11-26";
const SOURCE: &str = concat!("popfetch ", env!("CARGO_PKG_VERSION"));

/// The pages of commands, and their texts around the options.
const COMMANDS: [(&str, &str); 9] = [
    ("popfetch", include_str!("pages/popfetch.roff")),
    ("popfetch-fetch", include_str!("pages/fetch.roff")),
    ("popfetch-list", include_str!("pages/list.roff")),
    ("popfetch-stat", include_str!("pages/stat.roff")),
    ("popfetch-delete", include_str!("pages/delete.roff")),
    ("popfetch-verify", include_str!("pages/verify.roff")),
    ("popfetch-config", include_str!("pages/config.roff")),
    (
        "popfetch-config-check",
        include_str!("pages/config-check.roff"),
    ),
    (
        "popfetch-config-import",
        include_str!("pages/config-import.roff"),
    ),
];
/// What stands at the end of each of them.
const COMMON: &str = include_str!("pages/common.roff");
const CONFIG: &str = include_str!("pages/config-file.roff");
const JSON: &str = include_str!("pages/json.roff");

/// Every man page.
pub(super) fn pages() -> io::Result<Vec<Page>> {
    let mut whole = visible();
    whole.build();
    let mut pages = Vec::new();
    for (name, text) in COMMANDS {
        let mut path = name.split('-').skip(1);
        let command = path.try_fold(&whole, |command, name| command.find_subcommand(name));
        if let Some(command) = command {
            pages.push(page(command, name, text)?);
        }
    }
    for (name, text) in [("popfetch-config", CONFIG), ("popfetch-json", JSON)] {
        let title = name.replace('-', "\\-").to_uppercase();
        let text = text.replace("@KEYS@", &keys()).replace("@KINDS@", &kinds());
        let text = format!(".TH {title} 5 {DATE} \"{SOURCE}\" \"File Formats\"\n{text}");
        pages.push(Page {
            name: format!("man/{name}.5"),
            text: roff::tidied(&text).into_bytes(),
        });
    }
    Ok(pages)
}

fn page(command: &Command, name: &'static str, text: &str) -> io::Result<Page> {
    // The usage line of a command says how it is called, the page's name how it is looked up.
    let command = command.clone().name(name).display_name(name);
    let has_subcommands = command.has_subcommands();
    let man = Man::new(command)
        .title(name.to_uppercase())
        .date(DATE)
        .source(SOURCE)
        .manual("User Commands");
    let mut head = Vec::new();
    man.render_title(&mut head)?;
    man.render_name_section(&mut head)?;
    head.extend_from_slice(synopsis(name).as_bytes());
    let mut options = Vec::new();
    if has_subcommands {
        man.render_subcommands_section(&mut options)?;
    }
    man.render_options_section(&mut options)?;
    let options = String::from_utf8_lossy(&options);
    let text = text.replace("@OPTIONS@", options.trim_end());
    let text = format!("{}{text}{COMMON}", String::from_utf8_lossy(&head));
    Ok(Page {
        name: format!("man/{name}.1"),
        text: roff::tidied(&text).into_bytes(),
    })
}

/// How the command is called; what the options are stands below.
fn synopsis(name: &str) -> String {
    let operands = match name {
        "popfetch" => "\\fICOMMAND\\fR [\\fIOPTIONS\\fR]",
        "popfetch-delete" => "\\fIACCOUNT\\fR \\fISELECTION\\fR [\\fIOPTIONS\\fR]",
        "popfetch-verify" => "\\fIDEST\\fR [\\fIOPTIONS\\fR]",
        "popfetch-config" => "\\fIcheck\\fR|\\fIimport\\fR [\\fIOPTIONS\\fR]",
        "popfetch-config-import" => {
            "\\fImpop\\fR|\\fIgetmail\\fR|\\fIfetchmail\\fR|\\fIfdm\\fR \\fIFILE\\fR [\\fIOPTIONS\\fR]"
        }
        _ => "[\\fIACCOUNT\\fR]... [\\fIOPTIONS\\fR]",
    };
    format!(
        ".SH SYNOPSIS\n\\fB{}\\fR {operands}\n",
        name.replace('-', " ")
    )
}

/// The keys of the configuration file with the help of their flags.
fn keys() -> String {
    let mut text = String::new();
    for (key, value, help) in keys_with_help() {
        let help = help.replace('-', "\\-");
        writeln!(
            text,
            ".TP\n\\fB{}\\fR = {value}\n{help}.",
            key.replace('-', "\\-")
        )
        .expect("writing to a String cannot fail");
    }
    text.trim_end().to_owned()
}

/// The kinds of failure with their exit status.
fn kinds() -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        let name = kind.name().replace('-', "\\-");
        writeln!(
            text,
            ".TP\n\\fB{name}\\fR ({})\n{}.",
            kind.exit_status(),
            kind.meaning()
        )
        .expect("writing to a String cannot fail");
    }
    text.trim_end().to_owned()
}
