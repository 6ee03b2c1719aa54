//! `unpack`: what Promtail's `pack` stage put into one JSON object.

use serde_json::Value;

use super::label_name;
use crate::line::Line;

const ENTRY: &str = "_entry";

pub(crate) fn run(line: &mut Line) {
    let members = match serde_json::from_str::<Value>(&line.text) {
        Ok(Value::Object(members)) => members,
        Ok(_) => {
            return line
                .labels
                .fail("JSONParserErr", "expecting json object, but it is not");
        }
        Err(error) => return line.labels.fail("JSONParserErr", error.to_string()),
    };
    for (name, value) in members {
        if let Value::String(text) = value {
            match name.as_str() {
                ENTRY => line.text = text,
                name => line.labels.extract(&label_name(name), text),
            }
        }
    }
}
