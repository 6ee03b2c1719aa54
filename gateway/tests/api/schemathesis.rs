//! The document against the server, by a tool that knows only the document: requests
//! of every shape to every operation, as each role and as nobody.

use std::net::SocketAddr;
use std::path::Path;

use testkit::{Peer, peer};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::app::{App, app};

/// How many requests of a kind each operation gets.
fn examples() -> &'static str {
    match std::env::var_os("SRE_COPILOT_PROVE") {
        Some(_) => "50",
        None => "4",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_role_gets_what_the_document_does_not_name() {
    let Some(program) = peer(
        "no_role_gets_what_the_document_does_not_name",
        Peer::Schemathesis,
    ) else {
        return;
    };
    let app = app!();
    let address = serve(&app).await;
    let ada = app.register("Ada").await;
    let mut callers = vec![("nobody", None), ("owner", Some(ada.token.clone()))];
    for role in ["admin", "engineer", "viewer"] {
        callers.push((role, Some(app.colleague(&ada, role, role).await.token)));
    }
    for (role, token) in callers {
        let output = ask(&program, address, token.as_deref()).await;
        assert!(output.status.success(), "as {role}:\n{}", told(&output));
        let told = told(&output);
        let line = told.lines().rev().find(|line| line.contains("test cases"));
        let line = line.unwrap_or_default().trim();
        eprintln!("PROOF schemathesis_as_{role}: no server error, no undocumented status; {line}");
    }
}

async fn serve(app: &App) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (router, stop) = (app.router.clone(), app.stop.clone());
    tokio::spawn(async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    });
    address
}

async fn ask(program: &Path, address: SocketAddr, token: Option<&str>) -> std::process::Output {
    let mut command = Command::new(program);
    command
        .args(["run", &format!("http://{address}/openapi.json")])
        .args(["--checks", "not_a_server_error,status_code_conformance"])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", examples()])
        .args(["--seed", "1", "--no-color", "--generation-database", "none"])
        // What ends the session of whoever asks, and sockets.
        .args(["--exclude-path-regex", "^/api/v1/auth/|^/ws$|/tail$"]);
    if let Some(token) = token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    command.kill_on_drop(true).output().await.unwrap()
}

fn told(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
