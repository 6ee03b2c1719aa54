//! Names that a path cannot have as they are: Grafana asks for values of the label
//! `http.method` as `U__http_2e_method`, as Prometheus escapes what is beyond letters, digits
//! and underscores.

const ESCAPED: &str = "U__";

/// The name that is meant. What is not escaped well is a name of its own.
pub(super) fn unescaped(name: &str) -> String {
    let meant = name.strip_prefix(ESCAPED).and_then(characters);
    meant.unwrap_or_else(|| name.to_owned())
}

/// `__` is an underscore, and a number in hexadecimal between two of them a character.
fn characters(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('_') {
        name.push_str(before);
        let (code, after) = after.split_once('_')?;
        name.push(match code {
            "" => '_',
            code => char::from_u32(number(code)?)?,
        });
        rest = after;
    }
    name.push_str(rest);
    Some(name)
}

/// Of six digits at most, as the last character has.
fn number(code: &str) -> Option<u32> {
    let is_hex = code.len() <= 6 && code.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| u32::from_str_radix(code, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn names_are_read_as_prometheus_escapes_them() {
        for (escaped, name) in [
            ("code", "code"),
            ("U__http_2e_method", "http.method"),
            ("U__a__b", "a_b"),
            ("U___2e_", "."),
            ("U__gr_f6__df_e", "gr\u{f6}\u{df}e"),
            ("U__", ""),
            ("a_2e_b", "a_2e_b"),
            ("U__a_", "U__a_"),
            ("U__a_2e", "U__a_2e"),
            ("U__a_xy_", "U__a_xy_"),
            ("U__a_d800_", "U__a_d800_"),
            ("U__a_0000041_", "U__a_0000041_"),
            ("U__a_+41_", "U__a_+41_"),
        ] {
            assert_eq!(unescaped(escaped), name, "{escaped}");
        }
    }
}
