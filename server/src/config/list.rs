//! Settings of several parts. In the file they are a list, or one text with commas between
//! its parts, as in a variable or a flag.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a list of texts, or one text with commas between its parts"
)]
enum Given {
    Text(String),
    Parts(Vec<String>),
}

impl Given {
    /// As variables and flags say it.
    fn text(self, part: impl Fn(&str) -> String) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => {
                let parts: Vec<_> = parts.iter().map(|text| part(text)).collect();
                parts.join(",")
            }
        }
    }
}

fn not_empty(parts: impl Iterator<Item = String>) -> Vec<String> {
    let parts = parts.map(|part| part.trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

/// Parts that have no comma in them: origins, networks.
pub(super) mod plain {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Given, not_empty};

    pub(crate) fn serialize<S: Serializer>(
        text: &Option<String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let parts = |text: &str| not_empty(text.split(',').map(str::to_owned));
        text.as_deref().map(parts).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<String>, D::Error> {
        let given = Option::<Given>::deserialize(deserializer)?;
        Ok(given.map(|given| given.text(str::to_owned)))
    }
}

/// `name=value`, of which a value may have commas: in a text they are escaped, in a list not.
pub(super) mod escaped {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::super::read::{escape, unescaped};
    use super::{Given, not_empty};

    pub(crate) fn serialize<S: Serializer>(
        text: &Option<String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let parts = |text: &str| not_empty(unescaped(text).into_iter());
        text.as_deref().map(parts).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<String>, D::Error> {
        let given = Option::<Given>::deserialize(deserializer)?;
        Ok(given.map(|given| given.text(escape)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;

    fn read(text: &str) -> Settings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_list_and_a_text_with_commas_say_the_same() {
        let list = read(
            "trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\ncors_origins = []\n\
             kafka_options = ['sasl.username=ada', 'sasl.password=hun,ter\\2']",
        );
        let text = read(
            "trusted_proxies = \"127.0.0.1, 10.0.0.0/8\"\ncors_origins = \"\"\n\
             kafka_options = 'sasl.username=ada,sasl.password=hun\\,ter\\\\2'",
        );
        let (list, text) = (list.resolve(8580).unwrap(), text.resolve(8580).unwrap());
        assert_eq!(list.trusted_proxies, ["127.0.0.1", "10.0.0.0/8"]);
        assert_eq!(list.trusted_proxies, text.trusted_proxies);
        assert_eq!(list.cors_origins, text.cors_origins);
        let password = ("sasl.password".to_owned(), r"hun,ter\2".to_owned());
        assert_eq!(list.kafka_options[1], password);
        assert_eq!(list.kafka_options, text.kafka_options);
    }

    #[test]
    fn what_is_neither_is_refused_with_its_key() {
        for text in ["cors_origins = 1", "cors_origins = [1]"] {
            let refused = toml::from_str::<Settings>(text).unwrap_err().to_string();
            assert!(
                refused.contains("cors_origins") && refused.contains("expected a list of texts"),
                "{refused}"
            );
        }
    }
}
