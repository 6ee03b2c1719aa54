//! From somebody's groups to what they are here; pure.

use schemas::scope::MemberRole;
use schemas::single_sign_on::SignOnSettings;

/// What the settings make of somebody in `groups`: of several roles the one that may
/// most, without any the one for everybody.
pub(super) fn role_for(settings: &SignOnSettings, groups: &[String]) -> Option<MemberRole> {
    let mapped = settings.group_roles.iter();
    let theirs = mapped.filter(|mapped| groups.contains(&mapped.group));
    // From most to least.
    let most = theirs.map(|mapped| mapped.role).min();
    most.or(settings.default_role)
}

/// Whether groups make people owners. Where they do not, no group unmakes one.
pub fn makes_owners(settings: &SignOnSettings) -> bool {
    let mut mapped = settings.group_roles.iter();
    mapped.any(|mapped| mapped.role == MemberRole::Owner)
}

/// What to do about a member who is `held` and for whom the groups say `mapped`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Keep,
    Change(MemberRole),
    /// They lose what they had.
    NoRole,
}

pub(super) fn step(
    settings: &SignOnSettings,
    held: MemberRole,
    mapped: Option<MemberRole>,
) -> Step {
    match mapped {
        _ if held == MemberRole::Owner && !makes_owners(settings) => Step::Keep,
        None => Step::NoRole,
        Some(role) if role == held => Step::Keep,
        Some(role) => Step::Change(role),
    }
}

/// Whether an address is one of the tenant's people's.
pub(super) fn is_of_domain(settings: &SignOnSettings, address: &str) -> bool {
    let domain = address.rsplit_once('@').map(|(_, domain)| domain);
    domain.is_some_and(|domain| {
        let mut allowed = settings.email_domains.iter();
        allowed.any(|allowed| allowed.eq_ignore_ascii_case(domain))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::codec::Example;
    use schemas::single_sign_on::{GroupRole, SetSingleSignOn};

    fn settings(mapped: &[(&str, MemberRole)], default: Option<MemberRole>) -> SignOnSettings {
        let role = |(group, role): &(&str, MemberRole)| GroupRole {
            group: (*group).to_owned(),
            role: *role,
        };
        SignOnSettings {
            group_roles: mapped.iter().map(role).collect(),
            default_role: default,
            ..SetSingleSignOn::example().settings
        }
    }

    #[test]
    fn the_group_that_may_most_decides_and_then_the_default() {
        use MemberRole::{Admin, Engineer, Viewer};
        let settings = settings(&[("sre", Engineer), ("leads", Admin)], Some(Viewer));
        let role = |groups: &[&str]| {
            let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
            role_for(&settings, &groups)
        };
        assert_eq!(role(&["sre", "leads"]), Some(Admin));
        assert_eq!(role(&["sre"]), Some(Engineer));
        // Groups are told apart to the letter.
        assert_eq!(role(&["SRE", "leads "]), Some(Viewer));
        let strict = self::settings(&[("sre", Engineer)], None);
        assert_eq!(role_for(&strict, &[]), None);
    }

    #[test]
    fn owners_are_unmade_only_where_groups_make_them() {
        use MemberRole::{Admin, Owner, Viewer};
        let without = settings(&[("leads", Admin)], None);
        assert_eq!(step(&without, Owner, None), Step::Keep);
        assert_eq!(step(&without, Owner, Some(Admin)), Step::Keep);
        assert_eq!(step(&without, Viewer, None), Step::NoRole);
        let with = settings(&[("owners", Owner)], None);
        assert_eq!(step(&with, Owner, Some(Viewer)), Step::Change(Viewer));
        assert_eq!(step(&with, Viewer, Some(Owner)), Step::Change(Owner));
        assert_eq!(step(&with, Owner, Some(Owner)), Step::Keep);
    }

    #[test]
    fn a_domain_is_the_whole_of_what_follows_the_last_at() {
        let settings = settings(&[], None);
        for good in ["ada@example.com", "ada@EXAMPLE.com", "\"a@b\"@example.com"] {
            assert!(is_of_domain(&settings, good), "{good}");
        }
        for bad in [
            "ada@sub.example.com",
            "ada@example.com.evil.test",
            "example.com",
            "ada@",
        ] {
            assert!(!is_of_domain(&settings, bad), "{bad}");
        }
    }
}
