//! `make schemas`: writes the schema and example files of message types that
//! have none for their present shape. Released files are never changed.

use std::error::Error;
use std::path::Path;

use schemas::codec::fingerprint;
use schemas::registry;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let released: Vec<_> = registry::released().collect();
    for message in registry::types() {
        let schema = (message.schema)();
        let versions = released
            .iter()
            .filter(|r| r.kind == message.kind && r.context == message.context);
        if versions
            .clone()
            .any(|r| fingerprint(&r.schema) == schema.fingerprint)
        {
            continue;
        }
        let version = versions.map(|r| r.version).max().unwrap_or(0) + 1;
        let name = format!("{}/{}.v{version}", message.context, message.kind);
        write(
            &root.join("avro").join(format!("{name}.avsc")),
            pretty(&serde_json::to_value(schema.schema)?)?,
        )?;
        let examples = root.join("examples");
        write(
            &examples.join(format!("{name}.avro")),
            (message.example_body)()?,
        )?;
        write(
            &examples.join(format!("{name}.json")),
            pretty(&(message.example_json)())?,
        )?;
        println!("wrote {name}");
    }
    Ok(())
}

fn pretty(value: &serde_json::Value) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

fn write(path: &Path, bytes: Vec<u8>) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, bytes)
}
