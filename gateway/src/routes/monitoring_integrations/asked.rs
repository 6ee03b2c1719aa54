//! What may be asked of a monitoring integration, and what is wrong with it by field.

use outbound::{Address, Credential, Header};
use schemas::names;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Gateway;
use crate::error::{Error, FieldError};
use crate::openapi::words::MonitoringKind;

const MAX_NAME: usize = 100;
const MAX_CERTIFICATE: usize = 64_000;

/// A server and its name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewIntegration {
    #[schema(example = "Prometheus of the shop")]
    pub name: String,
    pub kind: MonitoringKind,
    /// http or https, without login and query. Redirects are not followed.
    #[schema(example = "http://prometheus.shop:9090")]
    pub url: String,
    /// Believed instead of the system's authorities, in PEM.
    pub ca_certificate: Option<String>,
    pub credential: Option<CredentialGiven>,
}

impl NewIntegration {
    /// The name, and all else.
    pub(super) fn parts(self) -> (String, IntegrationSettings) {
        let settings = IntegrationSettings {
            kind: self.kind,
            url: self.url,
            ca_certificate: self.ca_certificate,
            credential: self.credential,
        };
        (self.name, settings)
    }
}

/// Another name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RenameMonitoringIntegration)]
pub struct Rename {
    #[schema(example = "Prometheus of the web shop")]
    pub name: String,
}

/// Where a server is, what it is, and what it wants to be shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IntegrationSettings {
    pub kind: MonitoringKind,
    /// http or https, without login and query. Redirects are not followed.
    #[schema(example = "http://prometheus.shop:9090")]
    pub url: String,
    /// Believed instead of the system's authorities, in PEM.
    pub ca_certificate: Option<String>,
    /// Of a change: absent = as it is.
    pub credential: Option<CredentialGiven>,
}

/// What the server is shown with each request. Kept sealed, never told again.
#[derive(Deserialize, ToSchema)]
// serde takes whatever comes with a variant that is a word, so nothing has fields too.
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CredentialGiven {
    /// Nothing.
    None {},
    /// HTTP Basic (RFC 7617).
    Basic {
        #[schema(example = "sre-copilot")]
        username: String,
        password: String,
    },
    /// A bearer token (RFC 6750).
    Bearer { token: String },
    /// Headers of one's own choice, at most ten.
    Headers { headers: Vec<HeaderGiven> },
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderGiven {
    #[schema(example = "X-Scope-OrgID")]
    pub name: String,
    pub value: String,
}

impl std::fmt::Debug for CredentialGiven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CredentialGiven(..)")
    }
}

impl IntegrationSettings {
    pub(super) fn problems(&self, gateway: &Gateway) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        match Address::parse(&self.url) {
            Err(problem) => wrong.push(self.of_url(&problem.to_string())),
            Ok(address) => {
                if let Err(denied) = gateway.outbound.admits(&address) {
                    wrong.push(self.of_url(&denied.to_string()));
                }
            }
        }
        if let Some(pem) = self.authority() {
            if pem.len() > MAX_CERTIFICATE {
                let message = format!("must have at most {MAX_CERTIFICATE} characters");
                wrong.push(FieldError::new("ca_certificate", message));
            } else if let Err(problem) = outbound::check_certificate(&pem) {
                wrong.push(FieldError::new("ca_certificate", problem.to_string()));
            }
        }
        if let Some(Err(problem)) = self.credential().map(|credential| credential.headers()) {
            let field = format!("credential.{}", problem.field);
            wrong.push(FieldError::new(field, problem.problem));
        }
        wrong
    }

    /// As it is kept.
    pub(super) fn address(&self) -> Result<String, Error> {
        let address = Address::parse(&self.url);
        let address =
            address.map_err(|problem| Error::Malformed(self.of_url(&problem.to_string())))?;
        Ok(address.text().to_owned())
    }

    fn of_url(&self, is_wrong: &str) -> FieldError {
        FieldError::of_address("url", &self.url, is_wrong)
    }

    pub(super) fn authority(&self) -> Option<String> {
        let pem = self.ca_certificate.as_deref().map(str::trim);
        pem.filter(|pem| !pem.is_empty()).map(str::to_owned)
    }

    /// None where there shall be none, or where nothing is said.
    pub(super) fn credential(&self) -> Option<Credential> {
        Some(match self.credential.as_ref()? {
            CredentialGiven::None {} => return None,
            CredentialGiven::Basic { username, password } => Credential::Basic {
                username: username.clone(),
                password: password.clone(),
            },
            CredentialGiven::Bearer { token } => Credential::Bearer {
                token: token.clone(),
            },
            CredentialGiven::Headers { headers } => Credential::Headers {
                headers: headers.iter().map(HeaderGiven::header).collect(),
            },
        })
    }
}

impl HeaderGiven {
    fn header(&self) -> Header {
        Header {
            name: self.name.clone(),
            value: self.value.clone(),
        }
    }
}

pub(super) fn name_problems(name: &str) -> Vec<FieldError> {
    let name = name.trim();
    let unseen = || names::problem(name).map(|message| FieldError::new("name", message));
    let wrong = FieldError::of_length("name", name, &(1..=MAX_NAME)).or_else(unseen);
    wrong.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_credential_has_what_its_kind_has_and_nothing_else() {
        let header = json!({"name": "X-Scope-OrgID", "value": "a"});
        for mut given in [
            json!({"kind": "none"}),
            json!({"kind": "basic", "username": "a", "password": "b"}),
            json!({"kind": "bearer", "token": "b"}),
            json!({"kind": "headers", "headers": [header]}),
        ] {
            assert!(CredentialGiven::deserialize(&given).is_ok(), "{given}");
            given["tokens"] = json!("b");
            let refused = CredentialGiven::deserialize(&given).unwrap_err();
            let told = refused.to_string();
            assert!(told.starts_with("unknown field `tokens`"), "{told}");
        }
    }
}
