//! What a server tells of a token that it refused: a JSON object (RFC 7628 section 3.2.2), which
//! Google and Microsoft sent before there was the RFC.

use crate::protocol::ServerText;
use crate::protocol::text::escape;

/// What is of use to a person, in the order it is told.
const MEMBERS: [&str; 4] = ["status", "error_description", "scope", "schemes"];

/// The members of the object in words; what is none, as it came.
pub(super) fn in_words(status: &ServerText) -> String {
    let told = serde_json::from_slice::<serde_json::Value>(status.as_bytes());
    let member = |name: &&str| {
        let value = told.as_ref().ok()?.get(name)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned);
        (!text.is_empty()).then(|| format!("{} {}", name.replace('_', " "), escape(&text)))
    };
    let members: Vec<String> = MEMBERS.iter().filter_map(member).collect();
    if members.is_empty() {
        return format!("\"{status}\"");
    }
    members.join(", ")
}

#[cfg(test)]
mod tests {
    use super::in_words;
    use crate::protocol::ServerText;

    #[test]
    fn what_is_told_of_a_token() {
        let check = |status: &str, expected: &str| {
            assert_eq!(in_words(&ServerText::new(status.as_bytes())), expected);
        };
        check(
            r#"{"status":"invalid_token","schemes":"bearer","scope":"https://mail.google.com/"}"#,
            "status invalid_token, scope https://mail.google.com/, schemes bearer",
        );
        check(r#"{"status":401,"scope":""}"#, "status 401");
        check(r#"{"status":"\u001b[2J\u202e"}"#, r"status \x1b[2J\u{202e}");
        check("{}", "\"{}\"");
        check("no JSON", "\"no JSON\"");
    }
}
