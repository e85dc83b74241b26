//! `popfetch fetch` from beginning to end, against the embedded server.

use pop3d::{Hold, Mailbox, Sizes, Step, When};

use crate::support::embedded::{
    PATIENCE, assert_maildir, assert_mbox, popfetch, serve, stored_messages,
};
use crate::support::program::Folder;

#[test]
fn a_second_fetch_brings_nothing_and_a_third_just_what_is_new() {
    for kind in ["maildir", "mbox"] {
        let folder = Folder::new();
        let server = serve(Mailbox::generated(300, 1, Sizes::Mixed));
        let path = folder.join("mail");
        let fetch = || {
            let destination = format!("{kind}:{}", path.display());
            popfetch(&folder, "fetch", &server)
                .args(["--to", &destination])
                .run()
                .expect(0)
        };
        let assert_stored = |last, context: &str| {
            let wanted = stored_messages(&server.mailbox(), 1..=last);
            match kind {
                "maildir" => assert_maildir(&path, &wanted, context),
                _ => assert_mbox(&path, &wanted, context),
            }
        };
        fetch();
        assert_stored(300, "first");
        let retrieved = server.count("RETR");
        assert_eq!(retrieved, 300);
        fetch();
        assert_stored(300, "second");
        assert_eq!(
            server.count("RETR"),
            retrieved,
            "the second fetch retrieved something"
        );
        server.change(|mailbox| mailbox.grow(7));
        fetch();
        assert_stored(307, "third");
        assert_eq!(server.count("RETR"), retrieved + 7);
        assert_eq!(server.count("DELE"), 0, "kept mail was deleted");
        assert_eq!(server.mailbox().present().len(), 307);
    }
}

#[test]
fn delete_takes_from_the_server_what_is_stored() {
    for kind in ["maildir", "mbox", "eml"] {
        let folder = Folder::new();
        let server = serve(Mailbox::generated(40, 2, Sizes::Mixed));
        let destination = format!("{kind}:{}", folder.join("mail").display());
        let fetch = || popfetch(&folder, "fetch", &server).args(["--to", &destination]);
        // What an earlier run stored and kept is deleted too, and not fetched again for it.
        fetch().args(["--limit", "10"]).run().expect(0);
        assert_eq!(server.mailbox().present().len(), 40);
        fetch().arg("--delete").run().expect(0);
        assert_eq!(server.mailbox().present(), [0u32; 0], "{kind}");
        assert_eq!(server.count("RETR"), 40);
        assert_eq!(server.count("DELE"), 40);
        let wanted = stored_messages(&server.mailbox(), 1..=40);
        match kind {
            "maildir" => assert_maildir(&folder.join("mail"), &wanted, kind),
            "mbox" => assert_mbox(&folder.join("mail"), &wanted, kind),
            _ => {
                let entries = std::fs::read_dir(folder.join("mail")).unwrap();
                let names = entries.map(|entry| entry.unwrap().file_name());
                let eml = names.filter(|name| name.to_string_lossy().ends_with(".eml"));
                assert_eq!(eml.count(), 40);
            }
        }
    }
}

#[test]
fn a_second_run_at_the_same_store_stops_at_once_and_names_the_first() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(20, 3, Sizes::Mixed));
    let destination = format!("maildir:{}", folder.join("mail").display());
    let fetch = || popfetch(&folder, "fetch", &server).args(["--to", &destination]);
    server.hold(Hold::At(Step {
        when: When::Before,
        verb: "RETR",
        number: 5,
    }));
    let first = fetch().start();
    assert!(
        server.wait_until_held(PATIENCE).is_some(),
        "{:?}",
        first.wait()
    );
    let second = fetch().run().expect(75);
    let holder = first.pid().to_string();
    assert!(
        second.stderr.contains(&holder),
        "no pid {holder} in: {}",
        second.stderr
    );
    server.release();
    first.wait().expect(0);
    let wanted = stored_messages(&server.mailbox(), 1..=20);
    assert_maildir(&folder.join("mail"), &wanted, "after both");
}

#[test]
fn selections_choose_among_what_is_new() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(30, 4, Sizes::Fixed(1000)));
    let destination = format!("maildir:{}", folder.join("mail").display());
    let fetch = |words: &str| {
        let fetch = popfetch(&folder, "fetch", &server).args(["--to", &destination]);
        fetch.words(words).run().expect(0);
    };
    let assert_stored = |places: &[u32]| {
        let wanted = stored_messages(&server.mailbox(), places.iter().copied());
        assert_maildir(&folder.join("mail"), &wanted, &format!("{places:?}"));
    };
    fetch("--number 2-3 --number 5 --dry-run");
    assert_stored(&[]);
    fetch("--number 2-3 --number 5");
    assert_stored(&[2, 3, 5]);
    fetch("--newest-first --limit 2");
    assert_stored(&[2, 3, 5, 29, 30]);
    fetch(&format!("--uid {}", server.mailbox().unique_id(9)));
    assert_stored(&[2, 3, 5, 9, 29, 30]);
    fetch("--larger 1001");
    assert_stored(&[2, 3, 5, 9, 29, 30]);
}
