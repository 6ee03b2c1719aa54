//! Whole rows in one statement: a JSON array that Postgres unfolds by the
//! table's own columns (`json_populate_recordset`).

use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::ApplyError;

/// Runs `sql`, whose `$1` is the JSON array of `rows`; nothing for no rows.
pub(crate) async fn upsert<R: Serialize>(
    connection: &mut PgConnection,
    sql: &'static str,
    rows: &[R],
) -> Result<(), ApplyError> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(sql)
        .bind(row_json(rows)?)
        .execute(connection)
        .await?;
    Ok(())
}

/// JSON that Postgres accepts: it has no NUL in text, so U+FFFD stands for it.
fn row_json<R: Serialize>(rows: &[R]) -> Result<String, ApplyError> {
    let unserialisable = |e: serde_json::Error| ApplyError::Permanent(e.to_string());
    let json = serde_json::to_string(rows).map_err(unserialisable)?;
    if !json.contains("\\u0000") {
        return Ok(json);
    }
    let mut value = serde_json::from_str(&json).map_err(unserialisable)?;
    replace_nul(&mut value);
    Ok(value.to_string())
}

fn replace_nul(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace('\0', "\u{FFFD}"),
        Value::Array(items) => items.iter_mut().for_each(replace_nul),
        Value::Object(fields) => {
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(name, mut value)| {
                    replace_nul(&mut value);
                    (name.replace('\0', "\u{FFFD}"), value)
                })
                .collect();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_becomes_the_replacement_character_and_backslashes_stay() {
        let rows = [serde_json::json!({"a\0": "x\0y", "b": ["\\u0000"]})];
        let clean: Value = serde_json::from_str(&row_json(&rows).unwrap()).unwrap();
        assert_eq!(
            clean,
            serde_json::json!([{"a\u{FFFD}": "x\u{FFFD}y", "b": ["\\u0000"]}])
        );
    }
}
