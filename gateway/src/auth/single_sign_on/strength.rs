//! How strongly somebody has shown the provider who they are, as its ID token says: `acr`
//! and `amr` of OpenID Connect Core 1.0, section 2. What they mean, provider and tenant
//! agree on; here they are texts that are equal or are not.

use openidconnect::IdTokenClaims;
use openidconnect::core::CoreGenderClaim;
use schemas::single_sign_on::SignOnSettings;

use super::person::Claims;
use super::refused::Refused;

/// So much of what a provider said is told to whoever set it.
const TOLD_CHARS: usize = 200;

/// What was said; None where nothing was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Strength {
    class: Option<String>,
    methods: Option<Vec<String>>,
}

impl Strength {
    pub(super) fn of_token(claims: &IdTokenClaims<Claims, CoreGenderClaim>) -> Self {
        let methods = claims.auth_method_refs();
        Self {
            class: claims.auth_context_ref().map(|class| class.to_string()),
            methods: methods.map(|all| all.iter().map(|method| method.to_string()).collect()),
        }
    }

    /// At a login: what the tenant demands must have been said.
    pub(super) fn suffices(&self, settings: &SignOnSettings) -> Result<(), Refused> {
        let said = self.class.as_slice();
        if !meets(&settings.acr_values, said) {
            return Err(Refused::ClassNotAccepted(told(said)));
        }
        let said = self.methods.as_deref().unwrap_or_default();
        match meets(&settings.amr_values, said) {
            true => Ok(()),
            false => Err(Refused::MethodNotAccepted(told(said))),
        }
    }

    /// Of a session that goes on: a token that comes by a refresh need not say it again
    /// (section 12.2), and what it does say must suffice.
    pub(super) fn still_suffices(&self, settings: &SignOnSettings) -> Result<(), Refused> {
        let mut asked = settings.clone();
        if self.class.is_none() {
            asked.acr_values.clear();
        }
        if self.methods.is_none() {
            asked.amr_values.clear();
        }
        self.suffices(&asked)
    }
}

/// Whether somebody who sufficed for `before` may not suffice for `now`.
pub fn demands_more(before: &SignOnSettings, now: &SignOnSettings) -> bool {
    let more = |before: &[String], now: &[String]| {
        let fewer_pass = before.is_empty() || before.iter().any(|word| !now.contains(word));
        !now.is_empty() && fewer_pass
    };
    more(&before.acr_values, &now.acr_values) || more(&before.amr_values, &now.amr_values)
}

fn meets(demanded: &[String], said: &[String]) -> bool {
    demanded.is_empty() || said.iter().any(|word| demanded.contains(word))
}

fn told(said: &[String]) -> String {
    let visible = |c: &char| c.is_ascii_graphic() || *c == ' ';
    let words = said.join(" ");
    words.chars().filter(visible).take(TOLD_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::codec::Example;
    use schemas::single_sign_on::SetSingleSignOn;

    fn demanding(acr: &[&str], amr: &[&str]) -> SignOnSettings {
        let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
        SignOnSettings {
            acr_values: words(acr),
            amr_values: words(amr),
            ..SetSingleSignOn::example().settings
        }
    }

    fn said(acr: Option<&str>, amr: Option<&[&str]>) -> Strength {
        let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
        Strength {
            class: acr.map(str::to_owned),
            methods: amr.map(words),
        }
    }

    fn rule(result: Result<(), Refused>) -> &'static str {
        result.err().map_or("ok", |refused| refused.rule())
    }

    #[test]
    fn a_login_says_what_is_demanded_to_the_letter() {
        let gold = demanding(&["gold", "silver"], &[]);
        for (strength, expected) in [
            (said(Some("silver"), None), "ok"),
            (said(Some("Gold"), None), "acr_not_accepted"),
            (said(None, Some(&["gold"])), "acr_not_accepted"),
        ] {
            assert_eq!(rule(strength.suffices(&gold)), expected, "{strength:?}");
        }
        let mfa = demanding(&[], &["mfa", "hwk"]);
        for (strength, expected) in [
            (said(None, Some(&["pwd", "hwk"])), "ok"),
            (said(Some("mfa"), Some(&["pwd"])), "amr_not_accepted"),
            (said(None, None), "amr_not_accepted"),
        ] {
            assert_eq!(rule(strength.suffices(&mfa)), expected, "{strength:?}");
        }
        let both = demanding(&["gold"], &["mfa"]);
        let half = said(Some("gold"), Some(&["pwd"]));
        assert_eq!(rule(half.suffices(&both)), "amr_not_accepted");
        assert_eq!(rule(said(None, None).suffices(&demanding(&[], &[]))), "ok");
    }

    #[test]
    fn a_session_goes_on_where_nothing_is_said_again() {
        let both = demanding(&["gold"], &["mfa"]);
        assert_eq!(rule(said(None, None).still_suffices(&both)), "ok");
        let weaker = said(Some("bronze"), None);
        assert_eq!(rule(weaker.still_suffices(&both)), "acr_not_accepted");
        let weaker = said(None, Some(&["pwd"]));
        assert_eq!(rule(weaker.still_suffices(&both)), "amr_not_accepted");
    }

    #[test]
    fn more_is_demanded_where_somebody_who_passed_may_not_pass() {
        let before = demanding(&["gold", "silver"], &[]);
        for (acr, amr, more) in [
            (&["gold", "silver", "bronze"][..], &[][..], false),
            (&[], &[], false),
            (&["gold"], &[], true),
            (&["gold", "silver"], &["mfa"], true),
        ] {
            assert_eq!(
                demands_more(&before, &demanding(acr, amr)),
                more,
                "{acr:?} {amr:?}"
            );
        }
    }

    #[test]
    fn what_is_told_of_it_is_short_and_plain() {
        let long = said(Some(&"\u{1b}[31mx".repeat(200)), None);
        let refused = long.suffices(&demanding(&["gold"], &[])).unwrap_err();
        let text = refused.to_string();
        assert!(text.len() < 400 && !text.contains('\u{1b}'), "{text}");
    }
}
