//! Every line that `--json` prints is one the schema describes.

use std::path::Path;

use pop3d::{Mailbox, Sizes};
use serde_json::Value;

use crate::support::embedded::{popfetch, serve};
use crate::support::program::{Folder, Outcome};

/// The part of JSON Schema that ours uses: `$ref`, `oneOf`, `type`, `const`, `enum`, `required`,
/// `properties` and `items`. A field that the schema does not know is a fault, too.
struct Schema(Value);

impl Schema {
    fn of_program() -> Self {
        let outcome = Folder::new()
            .popfetch()
            .words("json-schema")
            .run()
            .expect(0);
        Self(serde_json::from_str(&outcome.stdout()).unwrap())
    }

    fn fault(&self, schema: &Value, value: &Value, place: &str) -> Option<String> {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.strip_prefix("#/$defs/").unwrap();
            return self.fault(&self.0["$defs"][name], value, &format!("{place}({name})"));
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let faults: Vec<_> = choices
                .iter()
                .map(|choice| self.fault(choice, value, place))
                .collect();
            let good = faults.iter().filter(|fault| fault.is_none()).count();
            return (good != 1).then(|| format!("{place}: {good} of oneOf hold: {faults:?}"));
        }
        let fault = |what: &str| Some(format!("{place}: {value} {what}"));
        if !schema["const"].is_null() && schema["const"] != *value {
            return fault("is another constant");
        }
        if let Some(choices) = schema["enum"].as_array()
            && !choices.contains(value)
        {
            return fault("is not among the choices");
        }
        let types = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
        };
        if !types.is_empty() && !types.iter().any(|name| is_of_type(value, name)) {
            return fault("is of another type");
        }
        if let Some(items) = value.as_array() {
            return items
                .iter()
                .find_map(|item| self.fault(&schema["items"], item, place));
        }
        let object = value.as_object()?;
        let required = schema["required"].as_array().into_iter().flatten();
        for key in required.filter_map(Value::as_str) {
            if !object.contains_key(key) {
                return fault(&format!("has no {key}"));
            }
        }
        object.iter().find_map(|(key, value)| {
            let known = &schema["properties"][key];
            if known.is_null() {
                return Some(format!("{place}: {key} is not described"));
            }
            self.fault(known, value, &format!("{place}.{key}"))
        })
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the schema knows no type {other}"),
    }
}

/// The types of the lines, each of which the schema describes.
#[track_caller]
fn check(schema: &Schema, outcome: &Outcome) -> Vec<String> {
    let mut types = Vec::new();
    for line in outcome.stdout().lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let fault = schema.fault(&schema.0, &value, "line");
        assert_eq!(fault, None, "{line}");
        types.push(value["type"].as_str().unwrap().to_owned());
    }
    types
}

#[test]
fn every_line_is_as_the_schema_says() {
    let schema = Schema::of_program();
    let folder = Folder::new();
    let server = serve(Mailbox::generated(4, 1, Sizes::Mixed));
    let run = |command: &str, words: &str, code: i32| {
        let program = popfetch(&folder, command, &server)
            .arg("--json")
            .words(words);
        check(&schema, &program.run().expect(code))
    };
    assert_eq!(run("stat", "", 0), ["stat"]);
    assert_eq!(run("stat", "--server", 0), ["stat"]);
    let rows = ["message", "message", "message", "message", "summary"];
    assert_eq!(run("list", "--long", 0), rows);
    assert_eq!(run("fetch", "--to mail --dry-run", 0), rows);
    assert_eq!(run("fetch", "--to mail", 0), rows);
    assert_eq!(run("fetch", "--to mbox:box", 0), rows);
    assert_eq!(run("delete", "--to mail --stored --yes", 0), rows);
    assert_eq!(run("delete", "", 64), ["error"]);
    assert_eq!(run("fetch", "--to missing/mail", 73), ["error", "summary"]);
    let verify = |words: &str| {
        let program = folder.popfetch().words("verify --json").words(words);
        check(&schema, &program.run())
    };
    assert_eq!(verify("mail"), ["verified"]);
    std::fs::write(folder.join("mail/new/strange"), "x\n").unwrap();
    assert_eq!(verify("mail"), ["finding", "verified"]);
    assert_eq!(verify("nowhere"), ["error"]);
    let config = "[accounts.work]\nserver = \"pop3s://alice@pop.example.org\"\n";
    std::fs::write(folder.join("config.toml"), config).unwrap();
    let program = folder
        .popfetch()
        .words("--config config.toml --json config check");
    let types = check(&schema, &program.run().expect(0));
    assert!(types.iter().all(|name| name == "setting") && !types.is_empty());
    let mpoprc = "account a\nhost pop.example.org\nuser alice\npassword x\ndelivery maildir m\n\
                  uidls_file ~/seen\n";
    std::fs::write(folder.join("mpoprc"), mpoprc).unwrap();
    let seen = " 1 pop.example.org alice\n0001\n";
    std::fs::write(folder.join("home/seen"), seen).unwrap();
    let program = folder.popfetch().words("--json config import mpop mpoprc");
    let mut types = check(&schema, &program.run().expect(0));
    types.dedup();
    assert_eq!(types, ["setting", "left-out", "imported"]);
}

/// Whatever a line can hold, its page tells.
#[test]
fn the_page_tells_every_field() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/popfetch-json.5");
    let page = std::fs::read_to_string(page).unwrap();
    let plain = page
        .replace("\\fB", " ")
        .replace("\\fR", " ")
        .replace('\\', "");
    let told: Vec<_> = plain
        .split(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c)))
        .collect();
    for (line, definition) in Schema::of_program().0["$defs"].as_object().unwrap() {
        for field in definition["properties"].as_object().unwrap().keys() {
            assert!(told.contains(&field.as_str()), "{line}: {field}");
        }
    }
}
