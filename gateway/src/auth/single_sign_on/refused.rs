//! Why somebody did not come in. The log and the audit are told the rule; the browser
//! is told what its holder can do about it.

use crate::error::Error;

/// The rule that refused, with what the operator needs to see it. No text holds a
/// token, a code or a secret.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the tenant has no single sign-on")]
    NotSetUp,
    #[error("the state is unknown")]
    StateUnknown,
    #[error("the state was used before")]
    StateReplayed,
    #[error("the state has expired")]
    StateExpired,
    #[error("the state belongs to another browser")]
    StateOfAnotherBrowser,
    #[error("the tenant's provider was exchanged while the person was on their way")]
    ProviderChanged,
    #[error("the answer names another issuer than the one that was asked")]
    IssuerMixedUp,
    #[error("the provider answered `{0}`")]
    Answered(String),
    #[error("the provider cannot be asked: {0}")]
    Unreachable(String),
    #[error("the provider does not take the code or the refresh token: `{0}`")]
    GrantRefused(String),
    #[error("the provider gave no ID token")]
    NoIdToken,
    /// By the rule's name.
    #[error("the ID token is not good: {1}")]
    IdToken(&'static str, String),
    #[error("the person has not shown the provider again who they are")]
    NotFresh,
    #[error(
        "the provider says `{0}` of how the person was authenticated (acr), which is not one of those that are asked for"
    )]
    ClassNotAccepted(String),
    #[error("the provider says that `{0}` was used (amr), and none of that is asked for")]
    MethodNotAccepted(String),
    #[error("the answer is about another person")]
    SubjectChanged,
    #[error("the provider gives no e-mail address")]
    NoEmail,
    #[error("the e-mail address is not verified by the provider, or of no allowed domain")]
    DomainNotAllowed,
    #[error("no group of the person has a role here, and there is none for everybody")]
    NoRole,
    #[error("the person is no member, and nobody becomes one by signing in")]
    NotAMember,
    #[error("a member has this address whose account is not linked")]
    LinkFirst,
    #[error("nobody is signed in to this tenant whose account could be linked")]
    SignedOut,
    #[error("a page of another site began the link")]
    LinkFromElsewhere,
    #[error("who wants to link has not just proven who they are")]
    NotProven,
    #[error("this identity is another member's")]
    LinkedToAnother,
    #[error("{0}")]
    Inside(#[from] Error),
}

impl Refused {
    /// The rule's stable name, in the audit and the log.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::NotSetUp => "sign_on_not_set_up",
            Self::StateUnknown => "state_unknown",
            Self::StateReplayed => "state_replayed",
            Self::StateExpired => "state_expired",
            Self::StateOfAnotherBrowser => "state_of_another_browser",
            Self::ProviderChanged => "provider_changed",
            Self::IssuerMixedUp => "issuer_mixed_up",
            Self::Answered(_) => "provider_refused",
            Self::Unreachable(_) => "provider_unreachable",
            Self::GrantRefused(_) => "grant_refused",
            Self::NoIdToken => "id_token_missing",
            Self::IdToken(rule, _) => rule,
            Self::NotFresh => "not_fresh",
            Self::ClassNotAccepted(_) => "acr_not_accepted",
            Self::MethodNotAccepted(_) => "amr_not_accepted",
            Self::SubjectChanged => "subject_changed",
            Self::NoEmail => "email_missing",
            Self::DomainNotAllowed => "email_domain_not_allowed",
            Self::NoRole => "no_role",
            Self::NotAMember => "not_a_member",
            Self::LinkFirst => "link_first",
            Self::SignedOut => "signed_out",
            Self::LinkFromElsewhere => "link_cross_site",
            Self::NotProven => "proof_needed",
            Self::LinkedToAnother => "linked_to_another",
            Self::Inside(_) => "inside",
        }
    }

    /// What the login page says, by name. Which check refused is not for whoever tries.
    pub fn shown(&self) -> &'static str {
        match self {
            Self::NotSetUp => "unavailable",
            Self::StateUnknown
            | Self::StateExpired
            | Self::StateReplayed
            | Self::ProviderChanged => "again",
            Self::Unreachable(_) => "unreachable",
            Self::Answered(code) if code == "access_denied" => "cancelled",
            Self::NoEmail | Self::DomainNotAllowed | Self::NoRole | Self::NotAMember => "no_access",
            Self::LinkFirst | Self::SignedOut => "link_first",
            Self::LinkFromElsewhere | Self::NotProven => "prove_first",
            Self::ClassNotAccepted(_) | Self::MethodNotAccepted(_) => "stronger",
            _ => "refused",
        }
    }
}
