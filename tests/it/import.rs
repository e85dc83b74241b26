//! Changing over from other programs: the real one fetches, its configuration and its list are
//! imported, and popfetch fetches nothing twice.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pop3d::{Mailbox, Server, Settings, Sizes};

use crate::support::certificate::Certificates;
use crate::support::dovecot::{Backend, Dovecot};
use crate::support::other_clients::{FDM, FETCHMAIL, GETMAIL, MPOP, OtherClient};
use crate::support::program::Folder;
use crate::support::reader;

const MESSAGES: usize = 7;

/// Unique-ids that some program or other treats in a way of its own.
const ODD_UNIQUE_IDS: [&str; 4] = ["#first", "aGVs/bG8+/w==", "%41%[account]", "GmailId17-a-b"];

/// Where the server is, and what stands for it in a configuration.
struct Place<'a> {
    port: u16,
    user: &'a str,
    password: &'a str,
    /// The authority's certificate, where there is TLS.
    authority: Option<&'a Path>,
}

impl Place<'_> {
    /// A configuration that keeps mail on the server, written as people write them.
    fn configuration(&self, client: OtherClient, home: &Path) -> String {
        let Self {
            port,
            user,
            password,
            ..
        } = self;
        let authority = self.authority.map(|path| path.display().to_string());
        match (client.name, authority) {
            ("mpop", authority) => {
                let tls = authority.map_or_else(
                    || "tls off\nauth user".to_owned(),
                    |path| format!("tls\ntls_starttls off\ntls_trust_file {path}"),
                );
                format!(
                    "defaults\nkeep\ndelivery maildir ~/Mail\n{tls}\n\n\
                     account work\nhost 127.0.0.1\nport {port}\nuser {user}\n\
                     passwordeval \"echo {password}\"\n\naccount default : work\n"
                )
            }
            ("getmail", authority) => {
                let (kind, tls) = authority.map_or_else(
                    || ("SimplePOP3Retriever", String::new()),
                    |path| {
                        let tls = format!("ca_certs = {path}\nssl_cert_hostname = 127.0.0.1\n");
                        ("SimplePOP3SSLRetriever", tls)
                    },
                );
                format!(
                    "[retriever]\ntype = {kind}\nserver = 127.0.0.1\nport = {port}\n\
                     username = {user}\npassword_command = (\"echo\",\n  '{password}')\n{tls}\
                     [destination]\ntype = Maildir\npath = ~/Mail/\n\
                     [options]\nread_all = false\n"
                )
            }
            ("fetchmail", authority) => {
                let tls = authority.map_or_else(
                    || "sslproto ''".to_owned(),
                    |path| format!("ssl sslcertfile \"{path}\""),
                );
                format!(
                    "set no syslog\npoll local.example via localhost with proto POP3, service \
                     {port} and options uidl no dns:\n  user '{user}' there, with password \
                     \"{password}\", is somebody here, {tls} and wants mda \"cat > /dev/null; echo \
                     >> delivered\" options keep no rewrite\n"
                )
            }
            (_, _) => format!(
                "$home = \"{home}\"\n%port = {port}\nset lock-file \"${{home}}/lock\"\n\
                 action \"in\" maildir \"${{home}}/Mail\"\n\
                 account \"work\" pop3 server \"127.0.0.1\" port %port user \"{user}\"\n  \
                 pass $(echo {password}) new-only cache \"${{home}}/.fdm.cache\" keep\n\
                 match all action \"in\"\n",
                home = home.display()
            ),
        }
    }
}

/// How many messages the home folder has got.
fn delivered(home: &Path) -> usize {
    let through_pipe = std::fs::read_to_string(home.join("delivered")).unwrap_or_default();
    reader::maildir(&home.join("Mail")).len() + through_pipe.lines().count()
}

/// Lets the other program fetch, and imports what it has.
fn change_over(client: OtherClient, folder: &Folder, place: &Place<'_>) {
    let home = folder.join("home");
    for name in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(home.join("Mail").join(name)).unwrap();
    }
    // The temporary folder itself is closed to others.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = client.configure(&home, &place.configuration(client, &home));
    client.fetch(&home);
    assert_eq!(delivered(&home), MESSAGES, "{}", client.name);

    let outcome = folder
        .popfetch()
        .args(["config", "import", client.name])
        .arg(&file)
        .run()
        .expect(0);
    assert!(outcome.stderr.is_empty(), "{}", outcome.stderr);
    let written = outcome.stdout();
    let is_command = written.contains(&format!("echo {}", place.password));
    assert_eq!(
        written.contains(place.password),
        is_command,
        "{}: {written}",
        client.name
    );
    let config = home.join(".config/popfetch");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), written).unwrap();
}

/// `popfetch fetch` by the imported configuration, in the home folder; what it said.
fn fetch(folder: &Folder, place: &Place<'_>) -> String {
    let outcome = folder
        .popfetch()
        .env("POPFETCH_PASSWORD", place.password)
        .args(["fetch", "-v"])
        .run()
        .expect(0);
    outcome.stderr
}

#[test]
fn nothing_is_fetched_twice_after_the_change() {
    for client in [MPOP, GETMAIL, FETCHMAIL, FDM] {
        if !client.is_installed("changing over") {
            continue;
        }
        let mut mailbox = Mailbox::generated(3, 4, Sizes::Fixed(2000));
        for unique_id in ODD_UNIQUE_IDS {
            mailbox.add(unique_id, b"Subject: odd\r\n\r\nodd\r\n");
        }
        let settings = Settings {
            user: "recent:alice@example.org".to_owned(),
            password: "sesame".to_owned(),
            ..Settings::default()
        };
        let server = Server::start(mailbox, settings).unwrap();
        let folder = Folder::new();
        let place = Place {
            port: server.port(),
            user: "recent:alice@example.org",
            password: "sesame",
            authority: None,
        };
        change_over(client, &folder, &place);
        let before = server.count("RETR") + server.count("TOP");
        let said = fetch(&folder, &place);
        assert_eq!(
            server.count("RETR") + server.count("TOP"),
            before,
            "{}: {said}",
            client.name
        );

        server.change(|mailbox| mailbox.grow(2));
        let said = fetch(&folder, &place);
        assert_eq!(
            server.count("RETR") + server.count("TOP"),
            before + 2,
            "{}: {said}",
            client.name
        );
        assert_eq!(
            delivered(&folder.join("home")) + delivered(folder.path()),
            MESSAGES + 2,
            "{}: {said}",
            client.name
        );
        assert_eq!(server.count("DELE"), 0, "{}", client.name);
    }
}

#[test]
fn a_change_with_tls() {
    for client in [MPOP, GETMAIL, FETCHMAIL] {
        if !client.is_installed("changing over with TLS") {
            continue;
        }
        let Some(server) = Dovecot::start("changing over with TLS", Backend::Maildir, "") else {
            return;
        };
        let messages: Vec<_> = (0..MESSAGES)
            .map(|number| format!("Subject: {number}\n\nmessage {number}\n").into_bytes())
            .collect();
        server.deliver(1, &messages);
        let folder = Folder::new();
        let authority = folder.join("authority.pem");
        Certificates::shared().write_authority(&authority);
        let place = Place {
            port: server.tls_port,
            user: "alice",
            password: "tanstaaf",
            authority: Some(&authority),
        };
        change_over(client, &folder, &place);
        server.deliver(MESSAGES + 1, &messages[..1]);
        let said = fetch(&folder, &place);
        assert_eq!(
            delivered(&folder.join("home")) + delivered(folder.path()),
            MESSAGES + 1,
            "{}: {said}",
            client.name
        );
    }
}

#[test]
fn a_change_without_a_list_is_told_and_without_a_place_refused() {
    let folder = Folder::new();
    let home = folder.join("home");
    let poll = "poll pop.example.org proto pop3 user alice pass sesame ssl keep";
    let file = FETCHMAIL.configure(&home, poll);
    let import = |more: &[&str]| {
        let program = folder.popfetch().args(["config", "import", "fetchmail"]);
        program.arg(&file).args(more).run()
    };
    let outcome = import(&[]).expect(0);
    assert!(
        outcome.stderr.contains("no list of fetched messages in")
            && outcome.stderr.contains("--mark-stored"),
        "{}",
        outcome.stderr
    );

    std::fs::write(home.join(".fetchids"), "alice@pop.example.org 1\n").unwrap();
    let outcome = import(&[]).expect(78);
    assert!(outcome.stderr.contains("--to"), "{}", outcome.stderr);

    let outcome = import(&["--to", "~/Mail", "--json"]).expect(0);
    let lines = outcome.stdout();
    for part in [
        "{\"type\":\"setting\",\"account\":\"pop.example.org\",\"key\":\"to\",\"value\":\"~/Mail\"",
        "{\"type\":\"left-out\",\"account\":\"pop.example.org\",\"what\":\"password: ",
        "{\"type\":\"imported\",\"account\":\"pop.example.org\",",
        "\"recorded\":1}",
    ] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    assert!(!lines.contains("SMTP"), "{lines}");
    assert!(home.join("Mail/.popfetch-journal").exists());

    std::fs::create_dir_all(home.join("mails")).unwrap();
    import(&["--to", "mbox:~/mails/{account}"]).expect(0);
    assert!(
        home.join("mails/.pop.example.org.popfetch-journal")
            .exists()
    );
}
