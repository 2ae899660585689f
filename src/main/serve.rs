//! `serve`: the page, on this machine.

use super::command::{Command, Flag, Given, Outcome, say};
use retrograd::serve::Server;
use std::process::ExitCode;

pub(crate) const COMMAND: Command = Command {
    name: "serve",
    does: "serves a page on this machine that says, as you type, which line of a backward pass is wrong",
    more: "The page has the graph with values and gradients, the backward sweep step by step, the formulas, sliders for numbers, and a \
           network that learns. It listens on 127.0.0.1 alone, answers its own page only, and opens no file. Its address is printed; \
           Ctrl-C ends it.",
    words: &[],
    flags: &[Flag::text("port", "N", "the port to listen on (default: a free one)")],
    examples: &["serve", "serve --port 8000"],
    run: main,
};

fn main(given: &Given) -> Outcome {
    let port = given.number("port", "a number from 0 to 65535", |_: &u16| true)?.unwrap_or(0);
    let server = Server::bind(port)?;
    say(&format!("the page is at {} (Ctrl-C ends it)", server.url()));
    server.run()?;
    Ok(ExitCode::SUCCESS)
}
