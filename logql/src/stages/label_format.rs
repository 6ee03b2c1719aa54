//! `label_format`: labels renamed and made from templates.

use crate::ast::LabelFormat;
use crate::line::{Line, Origin};
use crate::template::Template;

#[derive(Debug)]
pub(crate) struct Format {
    formats: Vec<(String, Source)>,
    has_several: bool,
}

#[derive(Debug)]
enum Source {
    Label(String),
    Template(Template),
}

impl Format {
    pub(crate) fn of(formats: &[LabelFormat]) -> Result<Self, String> {
        let ready = formats.iter().map(|format| {
            Ok(match format {
                LabelFormat::Rename { to, from } => (to.clone(), Source::Label(from.clone())),
                LabelFormat::Template { to, template } => {
                    (to.clone(), Source::Template(Template::parse(template)?))
                }
            })
        });
        let formats = ready.collect::<Result<Vec<_>, String>>()?;
        let templates = formats
            .iter()
            .filter(|(_, source)| matches!(source, Source::Template(_)));
        Ok(Self {
            has_several: templates.count() > 1,
            formats,
        })
    }

    /// All templates see the labels as the first one does.
    pub(crate) fn run(&self, line: &mut Line) {
        let mut seen = None;
        for (to, source) in &self.formats {
            match source {
                Source::Label(from) => {
                    if let Some(value) = line.labels.get(from).map(str::to_owned) {
                        line.labels.remove(from);
                        line.labels.set(to.clone(), value, Origin::Parsed);
                    }
                }
                Source::Template(template) => {
                    let rendered = match self.has_several {
                        true => template.render(seen.get_or_insert_with(|| line.clone())),
                        false => template.render(line),
                    };
                    match rendered {
                        Ok(value) => line.labels.set(to.clone(), value, Origin::Parsed),
                        Err(why) => line.labels.fail("TemplateFormatErr", why),
                    }
                }
            }
        }
    }
}
