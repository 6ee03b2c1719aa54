//! Single sign-on of a tenant: the OpenID Connect provider that vouches for its
//! members, and what follows from what it says of them.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{SignOnId, SignOnSecretId, TenantId};
use crate::messages::{example, messages, record};
use crate::scope::MemberRole;

/// Members of a group at the provider get a role here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "srecopilot.identity")]
pub struct GroupRole {
    pub group: String,
    pub role: MemberRole,
}

/// How a tenant's members sign in by their own provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "srecopilot.identity")]
pub struct SignOnSettings {
    /// The provider, as it names itself in its tokens.
    pub issuer: String,
    pub client_id: String,
    /// Names the secret in the vault; None for a client that has none.
    pub client_secret: Option<SignOnSecretId>,
    pub scopes: Vec<String>,
    /// The claim that lists the person's groups; dots lead into objects.
    pub groups_claim: String,
    /// Who is in several groups gets the role that may most.
    pub group_roles: Vec<GroupRole>,
    /// For people in none of these groups; None = they may not come in.
    pub default_role: Option<MemberRole>,
    /// Where their addresses must be of; empty = anywhere.
    pub email_domains: Vec<String>,
    /// Whether people become members by signing in.
    pub just_in_time: bool,
    /// Whether members who are no owners may still come in with a password.
    pub password_login: bool,
    /// What the provider is asked for, and must say one of (`acr`); empty = whatever it says.
    #[serde(default)]
    #[avro(default = "[]")]
    pub acr_values: Vec<String>,
    /// The provider must say that one of these was used (`amr`); empty = whatever was.
    #[serde(default)]
    #[avro(default = "[]")]
    pub amr_values: Vec<String>,
}

record! { "srecopilot.identity",
    /// Sets everything at once.
    SetSingleSignOn { pub settings: SignOnSettings }
    /// Members come in with their passwords again.
    RemoveSingleSignOn { pub reason: Option<String> }
}

messages! {
    /// What aggregate `SingleSignOn` is asked to do.
    SingleSignOnCommand in "identity" { SetSingleSignOn, RemoveSingleSignOn }
}

record! { "srecopilot.identity",
    SingleSignOnSet { pub settings: SignOnSettings }
    SingleSignOnRemoved { pub reason: Option<String> }
}

messages! {
    /// What has happened to a tenant's single sign-on.
    SingleSignOnEvent in "identity" { SingleSignOnSet, SingleSignOnRemoved }
}

impl SignOnId {
    /// A tenant has one.
    pub fn of(tenant: TenantId) -> Self {
        Self(Uuid::new_v5(&tenant.0, b"single sign-on"))
    }
}

fn settings() -> SignOnSettings {
    SignOnSettings {
        issuer: "https://login.example.com/realms/acme".to_owned(),
        client_id: "sre-copilot".to_owned(),
        client_secret: Some(SignOnSecretId(Uuid::from_u128(0x5EC))),
        scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
        groups_claim: "groups".to_owned(),
        group_roles: vec![GroupRole {
            group: "platform".to_owned(),
            role: MemberRole::Admin,
        }],
        default_role: Some(MemberRole::Viewer),
        email_domains: vec!["example.com".to_owned()],
        just_in_time: true,
        password_login: false,
        acr_values: vec!["urn:example:gold".to_owned()],
        amr_values: vec!["mfa".to_owned()],
    }
}

example! {
    SetSingleSignOn { settings: settings() }
    RemoveSingleSignOn { reason: Some("another provider".to_owned()) }
    SingleSignOnSet { settings: settings() }
    SingleSignOnRemoved { reason: Some("another provider".to_owned()) }
}
