//! `label_format`: labels renamed and made from templates.

use crate::ast::LabelFormat;
use crate::line::{Line, Origin};
use crate::template::Template;

#[derive(Debug)]
pub(crate) struct Format {
    formats: Vec<(String, Source)>,
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
        let formats: Result<_, String> = ready.collect();
        Ok(Self { formats: formats? })
    }

    pub(crate) fn run(&self, line: &mut Line) {
        for (to, source) in &self.formats {
            match source {
                Source::Label(from) => {
                    if let Some(value) = line.labels.get(from).map(str::to_owned) {
                        line.labels.remove(from);
                        line.labels.set(to.clone(), value, Origin::Parsed);
                    }
                }
                Source::Template(template) => match template.render(line) {
                    Ok(value) => line.labels.set(to.clone(), value, Origin::Parsed),
                    Err(why) => line.labels.fail("TemplateFormatErr", why),
                },
            }
        }
    }
}
