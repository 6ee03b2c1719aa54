//! `make gen`: writes `gateway/openapi.json` and `docs/roles.md`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let text = gateway::openapi_document().map_err(std::io::Error::other)?;
    std::fs::write(path, text)?;
    let roles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/roles.md");
    std::fs::write(roles, access::permissions::page())
}
