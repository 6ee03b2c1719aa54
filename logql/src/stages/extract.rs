//! `regexp`: named groups become labels.

use regex::Regex;

use super::label_name;
use crate::line::Line;

#[derive(Debug)]
pub(crate) struct Extractor {
    pattern: Regex,
}

impl Extractor {
    pub(crate) fn of(text: &str) -> Result<Self, String> {
        let pattern = crate::parse::regexp(text).map_err(|error| error.to_string())?;
        Ok(Self { pattern })
    }

    pub(crate) fn run(&self, line: &mut Line) {
        let Some(found) = self.pattern.captures(&line.text) else {
            return;
        };
        let names = self.pattern.capture_names().flatten();
        for (name, value) in names.filter_map(|name| Some((name, found.name(name)?))) {
            line.labels.extract(&label_name(name), value.as_str());
        }
    }
}
