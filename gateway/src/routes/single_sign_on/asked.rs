//! What is asked of a tenant's single sign-on, all at once.

use schemas::scope::MemberRole;
use schemas::single_sign_on::{GroupRole, SignOnSettings};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::secret::Secret;
use crate::openapi::words;

/// What members of a group are here.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GroupRole)]
pub struct MappedGroup {
    /// As the provider spells it.
    #[schema(example = "platform")]
    pub group: String,
    #[schema(value_type = words::MemberRole)]
    pub role: MemberRole,
}

/// All of it at once.
// What is misspelt would be as if it were not there: any method, or everybody's password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSingleSignOn {
    /// The provider's URL, as it names itself: below it lies its discovery document.
    #[schema(example = "https://login.example.com/realms/acme")]
    pub issuer: String,
    #[schema(example = "sre-copilot")]
    pub client_id: String,
    /// Without it, the one that is kept stays.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub client_secret: Option<Secret>,
    #[serde(default = "usual_scopes")]
    #[schema(required = false, example = json!(["openid", "email", "profile"]))]
    pub scopes: Vec<String>,
    /// The claim that lists groups; dots lead into objects, as in `realm_access.roles`.
    #[serde(default = "usual_claim")]
    #[schema(required = false, example = "groups")]
    pub groups_claim: String,
    /// Of several the role that may most. Owners are made, and unmade, only where a
    /// group is for owners, which only an owner may say.
    #[serde(default)]
    #[schema(required = false)]
    pub group_roles: Vec<MappedGroup>,
    /// For people in none of these groups; null = they may not come in.
    #[serde(default)]
    #[schema(value_type = Option<words::MemberRole>)]
    pub default_role: Option<MemberRole>,
    /// Only people whose verified address is of one of these come in; empty = all.
    #[serde(default)]
    #[schema(required = false, example = json!(["example.com"]))]
    pub email_domains: Vec<String>,
    /// Whether people become members by signing in.
    #[serde(default)]
    #[schema(required = false)]
    pub just_in_time: bool,
    /// Whether members may still come in with a password; owners always may.
    #[serde(default = "yes")]
    #[schema(required = false)]
    pub password_login: bool,
    /// The provider is asked for one of these, and only people of whom its ID token says
    /// one as `acr` come in; empty = whatever it says.
    #[serde(default)]
    #[schema(required = false, example = json!([]))]
    pub acr_values: Vec<String>,
    /// Only people whose ID token has one of these in `amr` come in, such as `mfa`; empty =
    /// whatever it says.
    #[serde(default)]
    #[schema(required = false, example = json!([]))]
    pub amr_values: Vec<String>,
    // What is shown has these, and whoever sends it back with a change sends them along.
    #[serde(default, rename = "has_client_secret")]
    #[schema(ignore)]
    _has_client_secret: IgnoredAny,
    #[serde(default, rename = "set_at")]
    #[schema(ignore)]
    _set_at: IgnoredAny,
    #[serde(default, rename = "set_by")]
    #[schema(ignore)]
    _set_by: IgnoredAny,
}

fn usual_scopes() -> Vec<String> {
    ["openid", "email", "profile"].map(str::to_owned).to_vec()
}

fn usual_claim() -> String {
    "groups".to_owned()
}

fn yes() -> bool {
    true
}

/// Texts without the blanks that are typed around them, and domains in lower case.
pub(super) fn wanted(body: NewSingleSignOn) -> (SignOnSettings, Option<Secret>) {
    let trimmed = |all: Vec<String>| all.iter().map(|text| text.trim().to_owned()).collect();
    let lower = |domain: &String| domain.trim().trim_start_matches('@').to_ascii_lowercase();
    let role = |mapped: MappedGroup| GroupRole {
        group: mapped.group.trim().to_owned(),
        role: mapped.role,
    };
    let settings = SignOnSettings {
        issuer: body.issuer.trim().to_owned(),
        client_id: body.client_id.trim().to_owned(),
        client_secret: None,
        scopes: trimmed(body.scopes),
        groups_claim: body.groups_claim.trim().to_owned(),
        group_roles: body.group_roles.into_iter().map(role).collect(),
        default_role: body.default_role,
        email_domains: body.email_domains.iter().map(lower).collect(),
        just_in_time: body.just_in_time,
        password_login: body.password_login,
        acr_values: trimmed(body.acr_values),
        amr_values: trimmed(body.amr_values),
    };
    (
        settings,
        body.client_secret.filter(|secret| !secret.is_empty()),
    )
}
