//! Man pages: the options from the definitions of the command line, the rest from the texts
//! beside this file.

use std::fmt::Write as _;
use std::io;

use clap::Command;
use clap_mangen::Man;

use super::{Page, visible};
use crate::cli::config::keys_with_help;
use crate::cli::failure::Kind;

const EXAMPLES: [(&str, &str); 7] = [
    ("popfetch", include_str!("examples/popfetch.roff")),
    ("popfetch-fetch", include_str!("examples/fetch.roff")),
    ("popfetch-list", include_str!("examples/list.roff")),
    ("popfetch-stat", include_str!("examples/stat.roff")),
    ("popfetch-delete", include_str!("examples/delete.roff")),
    ("popfetch-verify", include_str!("examples/verify.roff")),
    ("popfetch-config", include_str!("examples/config.roff")),
];
const COMMON: &str = include_str!("common.roff");
const CONFIG: &str = include_str!("popfetch-config.5.roff");
const JSON: &str = include_str!("popfetch-json.5.roff");

/// Every man page.
pub(super) fn pages() -> io::Result<Vec<Page>> {
    let mut whole = visible();
    whole.build();
    let mut pages = Vec::new();
    for (name, examples) in EXAMPLES {
        let command = match name.strip_prefix("popfetch-") {
            Some(command) => whole.find_subcommand(command),
            None => Some(&whole),
        };
        if let Some(command) = command {
            pages.push(page(command, name, examples)?);
        }
    }
    let version = env!("CARGO_PKG_VERSION");
    for (name, text) in [("popfetch-config.5", CONFIG), ("popfetch-json.5", JSON)] {
        let text = text
            .replace("@VERSION@", version)
            .replace("@KEYS@", &keys())
            .replace("@KINDS@", &kinds());
        pages.push(Page {
            name: format!("man/{name}"),
            text: text.into_bytes(),
        });
    }
    Ok(pages)
}

fn page(command: &Command, name: &'static str, examples: &str) -> io::Result<Page> {
    // The usage line of a command says how it is called, the page's name how it is looked up.
    let command = command.clone().name(name).display_name(name);
    let subcommands = command.has_subcommands();
    let deep: Vec<_> = command.get_subcommands().cloned().collect();
    let man = Man::new(command).title(name);
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    text.extend_from_slice(synopsis(name).as_bytes());
    man.render_description_section(&mut text)?;
    if subcommands && name == "popfetch" {
        man.render_subcommands_section(&mut text)?;
    }
    man.render_options_section(&mut text)?;
    if name != "popfetch" {
        for inner in deep {
            render_inner(&inner, &mut text)?;
        }
    }
    text.extend_from_slice(examples.as_bytes());
    text.extend_from_slice(COMMON.as_bytes());
    Ok(Page {
        name: format!("man/{name}.1"),
        text,
    })
}

/// How the command is called; what the options are stands below.
fn synopsis(name: &str) -> String {
    let operands = match name {
        "popfetch" => "\\fICOMMAND\\fR [\\fIOPTIONS\\fR]",
        "popfetch-delete" => "\\fIACCOUNT\\fR \\fISELECTION\\fR [\\fIOPTIONS\\fR]",
        "popfetch-verify" => "\\fIDEST\\fR [\\fIOPTIONS\\fR]",
        "popfetch-config" => {
            "check [\\fIACCOUNT\\fR]... [\\fIOPTIONS\\fR]\n.br\n\\fBpopfetch config\\fR import \
             \\fIPROGRAM\\fR \\fIFILE\\fR"
        }
        _ => "[\\fIACCOUNT\\fR]... [\\fIOPTIONS\\fR]",
    };
    format!(
        ".SH SYNOPSIS\n\\fB{}\\fR {operands}\n",
        name.replace('-', " ")
    )
}

/// The commands below a command, as `config check`: each is a section of the same page.
fn render_inner(command: &Command, text: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone());
    let mut inner = Vec::new();
    man.render_description_section(&mut inner)?;
    man.render_options_section(&mut inner)?;
    let name = command.get_name().to_uppercase();
    let inner = String::from_utf8_lossy(&inner)
        .replace(".SH DESCRIPTION\n", &format!(".SH CONFIG {name}\n"))
        .replace(".SH OPTIONS\n", ".PP\n");
    text.extend_from_slice(inner.as_bytes());
    Ok(())
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
