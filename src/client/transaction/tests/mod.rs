//! A session that is logged in, played against scripts.

mod any_server;
mod commands;
mod listing;
mod messages;
mod odd_ends;
mod window;

use std::sync::Arc;

use super::{Reply, Transaction};
use crate::client::error::Error;
use crate::client::pipeline::{Request, Window};
use crate::client::pipelining::Pipelining;
use crate::client::script::Script;
use crate::client::session::{Session, Wire};
use crate::client::settings::PipelinePolicy;
use crate::client::{Client, ServerFacts};
use crate::protocol::MessageNumber;

fn client(wire: impl Wire + 'static, policy: PipelinePolicy) -> Client<Transaction> {
    let session = Session::new(wire).boxed();
    let pipelining = Pipelining::new(policy, Arc::default());
    let window = Window::new(policy, true);
    Client::new(session, ServerFacts::default(), window, pipelining)
}

fn pipelining(script: &str) -> Client<Transaction> {
    client(Script::new(script), PipelinePolicy::Auto)
}

fn lock_step(script: &str) -> Client<Transaction> {
    client(Script::new(script), PipelinePolicy::Off)
}

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

fn retr(message: u32, listed_octets: impl Into<Option<u64>>) -> Request {
    Request::Retr {
        number: number(message),
        listed_octets: listed_octets.into(),
    }
}

/// What came of the next request, in words.
fn next(client: &mut Client<Transaction>) -> Result<String, Error> {
    let Some(answer) = client.answer()? else {
        return Ok("nothing".to_owned());
    };
    let number = answer.request.number();
    let mut body = match answer.reply {
        Reply::Body(body) => body,
        Reply::Refused(refusal) => return Ok(format!("{number}: -ERR {}", refusal.text)),
    };
    let mut octets = Vec::new();
    while let Some(chunk) = body.chunk()? {
        octets.extend_from_slice(chunk);
    }
    let end = body.end()?;
    assert_eq!(end.octets, octets.len() as u64);
    let suspect = end.suspect.map_or(String::new(), |why| format!(" {why:?}"));
    let text = String::from_utf8_lossy(&octets).escape_debug().to_string();
    Ok(format!("{number}: {text}{suspect}"))
}
