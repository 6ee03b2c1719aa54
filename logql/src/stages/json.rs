//! `json`: members of an object become labels, nested ones joined by underscores; or
//! the values at certain paths.

mod begun;

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use self::begun::begun;
use super::label_name;
use crate::ast::Extraction;
use crate::line::{LabelSet, Line};

const FAILED: &str = "JSONParserErr";
/// How deep members are looked for.
const DEEPEST: usize = 30;

/// Members as they are written: a number has more digits than any type keeps.
type Members<'t> = BTreeMap<String, &'t RawValue>;

#[derive(Debug)]
pub(crate) struct Json {
    wanted: Vec<(String, Vec<Step>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Member(String),
    Element(usize),
}

impl Json {
    pub(crate) fn of(wanted: &[Extraction]) -> Result<Self, String> {
        let steps = wanted
            .iter()
            .map(|one| Ok((one.label.clone(), path(&one.expression)?)));
        let wanted: Result<_, String> = steps.collect();
        Ok(Self { wanted: wanted? })
    }

    pub(crate) fn run(&self, line: &mut Line) {
        match serde_json::from_str::<&RawValue>(&line.text) {
            Ok(json) => self.tell(json.get(), &mut line.labels),
            // What stands before is told as well: a line may have been cut off by its size.
            Err(error) => {
                line.labels.fail(FAILED, error.to_string());
                self.tell(&begun(&line.text).to_string(), &mut line.labels);
            }
        }
    }

    fn tell(&self, json: &str, labels: &mut LabelSet) {
        let fits = match json.as_bytes().first() {
            Some(b'{') => true,
            // Expressions may look into other values than objects.
            Some(b'[') => !self.wanted.is_empty(),
            _ => false,
        };
        if !fits {
            return labels.fail(FAILED, "expecting json object(6), but it is not");
        }
        if self.wanted.is_empty() {
            flatten("", json, &mut Vec::new(), &mut |name, _, value| {
                labels.extract(name, value)
            });
            return;
        }
        for (label, steps) in &self.wanted {
            if let Some(found) = at(json, steps).and_then(text) {
                labels.extract(label, found);
            }
        }
    }
}

/// What stage `json` would find in a text; None where it is no object.
pub fn json_fields(text: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    each(text, &mut |name, _, value| {
        found.push((name.to_owned(), value))
    })?;
    Some(found)
}

/// A member of an object as stage `json` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonMember {
    pub name: String,
    /// The names that lead to it, as they are written.
    pub path: Vec<String>,
    pub value: String,
}

/// The same with where each is.
pub fn json_members(text: &str) -> Option<Vec<JsonMember>> {
    let mut found = Vec::new();
    each(text, &mut |name, path, value| {
        found.push(JsonMember {
            name: name.to_owned(),
            path: path.to_vec(),
            value,
        });
    })?;
    Some(found)
}

fn each(text: &str, found: &mut impl FnMut(&str, &[String], String)) -> Option<()> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let json = serde_json::from_str::<&RawValue>(text).ok()?;
    flatten("", json.get(), &mut Vec::new(), found);
    Some(())
}

fn at<'t>(json: &'t str, steps: &[Step]) -> Option<&'t str> {
    steps.iter().try_fold(json, |json, step| {
        let found: Option<&'t RawValue> = match step {
            Step::Member(name) => {
                let members = serde_json::from_str::<Members<'t>>(json).ok()?;
                members.get(name).copied()
            }
            Step::Element(number) => {
                let elements = serde_json::from_str::<Vec<&'t RawValue>>(json).ok()?;
                elements.get(*number).copied()
            }
        };
        found.map(RawValue::get)
    })
}

/// A text as it is meant, all else as it is written; none of what says nothing.
fn text(json: &str) -> Option<String> {
    match json.as_bytes().first() {
        None | Some(b'n') => None,
        Some(b'"') => serde_json::from_str(json).ok(),
        Some(_) => Some(json.to_owned()),
    }
}

/// `path` leads to the object, and is left as it was.
fn flatten(
    prefix: &str,
    object: &str,
    path: &mut Vec<String>,
    found: &mut impl FnMut(&str, &[String], String),
) {
    // JSON it is; but one of its names may be no text.
    let Ok(members) = serde_json::from_str::<Members<'_>>(object) else {
        return;
    };
    for (name, value) in members {
        let label = match prefix {
            "" => label_name(&name),
            prefix => format!("{prefix}_{}", label_name(&name)),
        };
        path.push(name);
        let json = value.get();
        match json.as_bytes().first() {
            Some(b'{') if path.len() < DEEPEST => flatten(&label, json, path, found),
            Some(b'{' | b'[') => {}
            _ => {
                if let Some(text) = text(json) {
                    found(&label, path, text);
                }
            }
        }
        path.pop();
    }
}

/// `servers[0].name`, `request["user-agent"]`.
pub(crate) fn path(text: &str) -> Result<Vec<Step>, String> {
    let wrong = || format!("invalid json expression {text:?}");
    let mut steps = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[\"") {
            let (name, after) = after.split_once("\"]").ok_or_else(wrong)?;
            steps.push(Step::Member(name.to_owned()));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (number, after) = after.split_once(']').ok_or_else(wrong)?;
            steps.push(Step::Element(number.trim().parse().map_err(|_| wrong())?));
            rest = after;
        } else {
            let name = match rest.strip_prefix('.') {
                Some(name) if !steps.is_empty() => name,
                None if steps.is_empty() => rest,
                Some(_) | None => return Err(wrong()),
            };
            let end = name.find(['.', '[']).unwrap_or(name.len());
            if end == 0 {
                return Err(wrong());
            }
            steps.push(Step::Member(name[..end].to_owned()));
            rest = &name[end..];
        }
    }
    match steps.is_empty() {
        true => Err(wrong()),
        false => Ok(steps),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_with_their_paths() {
        let text = r#"{"user":{"id":7,"full-name":"Ada"},"list":[1],"ok":true}"#;
        let members = json_members(text).unwrap();
        let shown: Vec<_> = members
            .iter()
            .map(|one| (&one.name[..], one.path.join("/"), &one.value[..]))
            .collect();
        let expected = [
            ("ok", "ok".to_owned(), "true"),
            ("user_full_name", "user/full-name".to_owned(), "Ada"),
            ("user_id", "user/id".to_owned(), "7"),
        ];
        assert_eq!(shown, expected);
        let pairs = members.into_iter().map(|one| (one.name, one.value));
        assert_eq!(json_fields(text).unwrap(), pairs.collect::<Vec<_>>());
        assert_eq!((json_members("[1]"), json_members("{")), (None, None));
    }

    #[test]
    fn numbers_are_told_as_they_are_written() {
        let text = r#"{"a":1.10,"b":{"c":12345678901234567890123},"d":[1e3]}"#;
        let expected = [("a", "1.10"), ("b_c", "12345678901234567890123")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(json_fields(text).unwrap(), expected);
        assert_eq!(at(text, &path("d[0]").unwrap()), Some("1e3"));
        assert_eq!(at(text, &path("b.c[0]").unwrap()), None);
    }

    #[test]
    fn of_a_line_that_was_cut_off_the_beginning_is_told() {
        let told = |wanted: &[(&str, &str)], text: &str| {
            let wanted = wanted.iter().map(|(label, expression)| Extraction {
                label: (*label).to_owned(),
                expression: (*expression).to_owned(),
            });
            let mut line = Line {
                text: text.to_owned(),
                ..Line::default()
            };
            let json = Json::of(&wanted.collect::<Vec<_>>()).unwrap();
            json.run(&mut line);
            let labels = line.labels.iter().map(|(name, value, _)| match name {
                "__error_details__" => name.to_owned(),
                name => format!("{name}={value}"),
            });
            labels.collect::<Vec<_>>().join(" ")
        };
        let failed = "__error__=JSONParserErr __error_details__";
        let cut = r#"{"status":500,"user":{"id":"u1","name":"Ad"#;
        let expected = format!("{failed} status=500 user_id=u1");
        assert_eq!(told(&[], cut), expected);
        let expected = format!("{failed} who=u1");
        assert_eq!(
            told(&[("who", "user.id"), ("n", "user.name")], cut),
            expected
        );
        assert_eq!(told(&[], "\"a text\" and more"), failed);
    }

    #[test]
    fn paths_are_read() {
        let member = |name: &str| Step::Member(name.to_owned());
        let steps = [member("a"), Step::Element(0), member("b-c"), member("d")];
        assert_eq!(path("a[0][\"b-c\"].d").unwrap(), steps);
        for wrong in ["", ".a", "a.", "a[x]", "a[0", "[\"a\"", "a b[0]c"] {
            assert!(path(wrong).is_err(), "{wrong}");
        }
    }
}
