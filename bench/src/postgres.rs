//! A Postgres for one comparison, as the product starts it: with `fsync`.

use pgserver::{Options, Server};

use crate::comparison::Place;

const DATABASE: &str = "bench";

/// Starts a server in `place` with an empty database, and returns its address.
pub async fn start(place: &Place, name: &str) -> anyhow::Result<(Server, String)> {
    let server = Server::start(&place.join(name), &Options::default()).await?;
    server.create_database(DATABASE).await?;
    let url = server.url(DATABASE);
    Ok((server, url))
}
