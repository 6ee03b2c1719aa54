//! Whether to believe an ID token (OpenID Connect Core 1.0, section 3.1.3.7), and what
//! it then says.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use openidconnect::core::{CoreGenderClaim, CoreJwsSigningAlgorithm};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, NonceVerifier, OAuth2TokenResponse,
    SignatureVerificationError, SubjectIdentifier, TokenResponse, UserInfoClaims, UserInfoError,
};

use super::line::CallError;
use super::person::{Claims, Person};
use super::provider::{Granted, Metadata, Provider};
use super::refused::Refused;

/// Signatures that are taken: by a key of the provider's own, never by the client's
/// secret (HS256), which is not made for it.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];
/// How far a provider's clock may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::seconds(60);

/// What the provider says that it signs with, and is taken.
pub(super) fn algorithms(metadata: &Metadata) -> Vec<CoreJwsSigningAlgorithm> {
    let offered = metadata.id_token_signing_alg_values_supported();
    let taken = ALGORITHMS.into_iter();
    taken.filter(|alg| offered.contains(alg)).collect()
}

/// As in `alg`.
pub(super) fn spelled(algorithm: CoreJwsSigningAlgorithm) -> String {
    let json = serde_json::to_value(algorithm).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

impl Provider<'_> {
    /// The person that `granted` is about, if everything about it is right.
    pub(super) fn believe(
        &self,
        granted: &Granted,
        nonce: impl NonceVerifier,
        now: DateTime<Utc>,
    ) -> Result<Person, Refused> {
        let token = granted.id_token().ok_or(Refused::NoIdToken)?;
        let verifier = self
            .client
            .id_token_verifier()
            .set_allowed_algs(algorithms(self.metadata()))
            .set_time_fn(move || now)
            .set_issue_time_verifier_fn(move |issued| match issued > now + AHEAD {
                true => Err("it was issued in the future".to_owned()),
                false => Ok(()),
            });
        let claims = token.claims(&verifier, nonce).map_err(disbelieved)?;
        let client = &self.settings().client_id;
        if claims
            .authorized_party()
            .is_some_and(|party| party.as_str() != client)
        {
            return Err(bad("id_token_audience", "it was made for another client"));
        }
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = token.signing_alg().map_err(badly_signed)?;
            let key = token.signing_key(&verifier).map_err(badly_signed)?;
            let actual = AccessTokenHash::from_token(granted.access_token(), algorithm, key);
            if actual.as_ref() != Ok(expected) {
                return Err(bad("id_token_at_hash", "it came with another access token"));
            }
        }
        Ok(Person::of_token(claims, &self.settings().groups_claim))
    }

    /// Asks the userinfo endpoint for what the token did not say.
    pub(super) async fn complete(
        &self,
        person: &mut Person,
        granted: &Granted,
    ) -> Result<(), Refused> {
        let groups_matter = !self.settings().group_roles.is_empty();
        if person.email.is_some() && (person.groups.is_some() || !groups_matter) {
            return Ok(());
        }
        let subject = SubjectIdentifier::new(person.subject.clone());
        if let Some(info) = self.ask(granted.access_token().clone(), subject).await? {
            person.complete(&info, &self.settings().groups_claim);
        }
        Ok(())
    }

    /// None where the provider has no such endpoint: it has said all that it says.
    fn ask(
        &self,
        token: AccessToken,
        subject: SubjectIdentifier,
    ) -> BoxFuture<'_, Result<Option<Told>, Refused>> {
        Box::pin(async move {
            let Ok(request) = self.client.user_info(token, Some(subject)) else {
                return Ok(None);
            };
            let line = self.line();
            let told = request.request_async(&line).await;
            told.map(Some).map_err(|e| untold(&e))
        })
    }
}

type Told = UserInfoClaims<Claims, CoreGenderClaim>;

fn untold(error: &UserInfoError<CallError>) -> Refused {
    match error {
        UserInfoError::ClaimsVerification(ClaimsVerificationError::InvalidSubject(_)) => {
            Refused::SubjectChanged
        }
        UserInfoError::ClaimsVerification(_) => {
            bad("userinfo_signature", "the userinfo answer is not good")
        }
        UserInfoError::Request(why) => Refused::Unreachable(why.to_string()),
        _ => Refused::Unreachable("its userinfo endpoint gives no answer to read".to_owned()),
    }
}

fn disbelieved(error: ClaimsVerificationError) -> Refused {
    use ClaimsVerificationError as E;
    match error {
        E::SignatureVerification(why) => badly_signed(why),
        E::InvalidIssuer(_) => bad("id_token_issuer", "it is another issuer's"),
        E::InvalidAudience(_) => bad("id_token_audience", "it was made for another client"),
        E::InvalidNonce(_) => bad("id_token_nonce", "it answers another login"),
        E::Expired(_) => bad("id_token_expired", "it is not good at this time"),
        E::InvalidSubject(_) => Refused::SubjectChanged,
        // Their texts hold what the provider wrote: of any length, with lines of its own.
        _ => bad("id_token_malformed", "it is of no kind that can be read"),
    }
}

fn badly_signed(error: SignatureVerificationError) -> Refused {
    use SignatureVerificationError as E;
    match error {
        E::DisallowedAlg(_) | E::UnsupportedAlg(_) | E::NoSignature => bad(
            "id_token_algorithm",
            "its signature is of no kind that is taken",
        ),
        E::NoMatchingKey | E::AmbiguousKeyId(_) => bad(UNKNOWN_KEY, "no key of the provider fits"),
        _ => bad("id_token_signature", "its signature is wrong"),
    }
}

/// The provider may have exchanged its keys since they were looked at.
pub(super) const UNKNOWN_KEY: &str = "id_token_key";

fn bad(rule: &'static str, why: &str) -> Refused {
    Refused::IdToken(rule, why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_provider_wrote_comes_into_the_log() {
        let written = "JWT`\n2026-12-01T02:41:00Z  INFO forged".to_owned();
        for error in [
            ClaimsVerificationError::Unsupported(written.clone()),
            ClaimsVerificationError::Other(written.clone()),
            ClaimsVerificationError::InvalidIssuer(written.clone()),
            ClaimsVerificationError::InvalidAudience(written.clone()),
            ClaimsVerificationError::InvalidNonce(written.clone()),
            ClaimsVerificationError::InvalidSubject(written.clone()),
            ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::DisallowedAlg(written.clone()),
            ),
            ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::CryptoError(written),
            ),
        ] {
            let refused = disbelieved(error);
            assert!(!refused.to_string().contains("forged"), "{refused}");
        }
    }
}
