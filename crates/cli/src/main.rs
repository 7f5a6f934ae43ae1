//! The `chathakase` binary.

use std::{process::ExitCode, time::Duration};

use chathakase::{
    args::{Cli, Command},
    check, config, demo, init, logging, manifest, serve, sessions, store,
};
use clap::Parser;

/// How long what still goes on at the end is waited for. Whoever has to be waited for was: this is what a disk or a database keeps.
const LEFT_BEHIND_AFTER: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // Before any TLS client is built; a second provider could only be a mistake of ours.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let command = Cli::parse().command;
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(cause) => {
            report(&anyhow::Error::new(cause).context("the system gives no threads to work with"));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run(command));
    runtime.shutdown_timeout(LEFT_BEHIND_AFTER);
    code
}

async fn run(command: Command) -> ExitCode {
    let done = match command {
        Command::Serve(args) => serve::run(&args).await,
        Command::Demo(args) => demo::run(&args).await,
        Command::Check(args) => match check::run(&args).await {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        Command::Init(args) => init::run(&args).await,
        Command::Sessions(args) => sessions::run(&args).await,
        Command::Store(args) => store::run(&args).await,
        Command::Manifest(args) => manifest::page(&args).map(|page| print(&page)),
        Command::Config => {
            print(&config::example_file());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "this is what was asked for")]
fn print(text: &str) {
    print!("{text}");
}

/// The whole chain, once, where a person looks for it.
#[expect(clippy::print_stderr, reason = "an error that ends the program is told to whoever started it")]
fn report(error: &anyhow::Error) {
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        // Some errors say their cause in their own sentence; once is enough.
        if causes.last().is_none_or(|said| !said.contains(&cause)) {
            causes.push(cause);
        }
    }
    let said = causes.join("\n  because: ");
    if logging::is_json() {
        tracing::error!(error = said, "ended by an error");
    } else {
        eprintln!("error: {said}");
    }
}
