//! A program behind the server: what it answers is sent, and bent, like a file.

use std::fmt::Debug;

use super::request::Request;

/// Answers requests. It is asked on a thread where it may block.
pub trait Application: Debug + Send + Sync {
    /// The name of the script that a request meets; the route of that name holds it.
    fn script(&self, request: &Request) -> String;

    /// What an honest server would answer.
    fn answer(&self, request: &Request) -> Answer;
}

/// An honest answer, whole.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// All headers but for those that frame the body.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}
