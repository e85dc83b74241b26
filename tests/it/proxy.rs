//! By way of a SOCKS5 proxy, which resolves the server's name.

use pop3d::{Mailbox, Server, Sizes};

use crate::support::embedded::serve;
use crate::support::program::{Folder, Program};
use crate::support::socks::{self, Access, NAME};

/// The way to the server is not this machine's alone: the login in clear must be asked for by name.
fn stat(folder: &Folder, server: &Server) -> Program {
    let url = format!("pop3://demo@{NAME}:{}", server.port());
    let program = folder
        .popfetch()
        .env("POPFETCH_PASSWORD", "secret")
        .arg("stat")
        .arg(url);
    program.args(["--tls", "off", "--auth", "user", "--json"])
}

#[test]
fn a_proxy_named_by_a_flag_or_the_environment_is_used() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(7, 1, Sizes::Mixed));
    let proxy = format!(
        "socks5://127.0.0.1:{}",
        socks::start(server.port(), Access::Everybody)
    );
    let outcome = stat(&folder, &server)
        .args(["--proxy", &proxy])
        .run()
        .expect(0);
    assert!(
        outcome.stdout().contains("\"messages\":7"),
        "{}",
        outcome.stdout()
    );
    stat(&folder, &server)
        .env("POPFETCH_PROXY", &proxy)
        .run()
        .expect(0);
    assert_eq!(server.logins(), 2);
}

#[test]
fn no_password_goes_in_clear_through_a_proxy_unasked() {
    let folder = Folder::new();
    let server = serve(Mailbox::empty());
    let proxy = format!(
        "socks5://127.0.0.1:{}",
        socks::start(server.port(), Access::Everybody)
    );
    let url = format!("pop3://demo@{NAME}:{}", server.port());
    let outcome = folder
        .popfetch()
        .env("POPFETCH_PASSWORD", "secret")
        .args(["stat", &url, "--tls", "off", "--proxy", &proxy])
        .run();
    assert_ne!(outcome.code(), 0);
    assert_eq!(
        (
            server.count("USER"),
            server.count("PASS"),
            server.count("AUTH")
        ),
        (0, 0, 0)
    );
}

#[test]
fn what_the_proxy_cannot_do_is_told() {
    let folder = Folder::new();
    let server = serve(Mailbox::empty());
    let proxy = format!(
        "socks5://127.0.0.1:{}",
        socks::start(server.port(), Access::Everybody)
    );
    let outcome = folder
        .popfetch()
        .env("POPFETCH_PASSWORD", "secret")
        .args(["stat", "pop3s://demo@nowhere.invalid", "--proxy", &proxy])
        .run()
        .expect(69);
    assert!(
        outcome.stderr.contains("nowhere.invalid"),
        "{}",
        outcome.stderr
    );
    let locked = socks::start(server.port(), Access::Password("sesame"));
    let proxy = format!("socks5://127.0.0.1:{locked}");
    stat(&folder, &server)
        .args(["--proxy", &proxy])
        .run()
        .expect(69);
    assert_eq!(server.logins(), 0);
}

#[test]
fn a_proxy_password_stands_in_the_environment_and_not_on_the_command_line() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(3, 1, Sizes::Mixed));
    let locked = socks::start(server.port(), Access::Password("sesame"));
    let proxy = format!("socks5://proxy:sesame@127.0.0.1:{locked}");
    let outcome = stat(&folder, &server)
        .args(["--proxy", &proxy])
        .run()
        .expect(64);
    let told = format!("{}{}", outcome.stdout(), outcome.stderr);
    assert!(
        told.contains("POPFETCH_PROXY") && !told.contains("sesame"),
        "{told}"
    );
    stat(&folder, &server)
        .env("POPFETCH_PROXY", &proxy)
        .run()
        .expect(0);
    assert_eq!(server.logins(), 1);
}
