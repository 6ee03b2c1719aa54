//! What people try on access tokens.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use access::denied::Denied;
use access::principal::{Grant, Principal};
use access::token::{Claims, Issuer, LIFETIME_S, PublicKey, SigningKey, Subject, Verifier};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proptest::prelude::*;
use schemas::context::{Clock, Context};
use schemas::ids::{ProjectId, TenantId, UserId};
use schemas::scope::MemberRole;
use schemas::time::Timestamp;
use uuid::Uuid;

const ISSUER: &str = "https://sre.example";
const NOW: Timestamp = Timestamp::from_micros(1_793_500_860_000_000);

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed([n; 32]).unwrap()
}

fn subject() -> Subject {
    Subject {
        user: UserId(Uuid::from_u128(1)),
        tenant: TenantId(Uuid::from_u128(2)),
        project: ProjectId(Uuid::from_u128(3)),
        role: MemberRole::Engineer,
        tenant_role: MemberRole::Viewer,
        session: Uuid::from_u128(4),
    }
}

fn context() -> Context {
    Context::ambient(&Clock::manual(NOW))
}

fn issued(key: SigningKey) -> String {
    Issuer::new(ISSUER, key)
        .issue(&subject(), NOW.plus_millis(86_400_000), &context())
        .unwrap()
}

fn verifier() -> Verifier {
    Verifier::new(ISSUER, vec![key(1).public().clone()])
}

fn claims() -> Claims {
    let seconds = NOW.micros() / 1_000_000;
    Claims {
        iss: ISSUER.to_owned(),
        aud: "sre-copilot".to_owned(),
        sub: subject().user,
        jti: Uuid::from_u128(9),
        iat: seconds,
        iat_ms: seconds * 1_000,
        nbf: seconds,
        exp: seconds + 900,
        tenant: subject().tenant,
        project: subject().project,
        role: MemberRole::Owner,
        tenant_role: None,
        session: subject().session,
    }
}

/// A token signed with our own key, but with a header and claims of choice.
fn forged(change: impl FnOnce(&mut Header, &mut Claims)) -> String {
    let (mut header, mut claims) = (Header::new(Algorithm::EdDSA), claims());
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(key(1).public().kid().to_owned());
    change(&mut header, &mut claims);
    jsonwebtoken::encode(&header, &claims, &encoding(1)).unwrap()
}

/// What signs with [`key`] `n`, for headers that the issuer would not make.
fn encoding(n: u8) -> EncodingKey {
    let pkcs8 = [
        &[
            0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
        ][..],
        &[n; 32],
    ];
    EncodingKey::from_ed_der(&pkcs8.concat())
}

fn verify(token: &str) -> Result<Principal, Denied> {
    verifier().verify(token, NOW)
}

#[test]
fn an_own_token_says_who_it_is() {
    let principal = verify(&issued(key(1))).unwrap();
    assert_eq!(principal.scope().tenant(), subject().tenant);
    assert_eq!(principal.scope().project(), subject().project);
    let (user, role, session) = (subject().user, MemberRole::Engineer, subject().session);
    assert_eq!(
        principal.grant(),
        &Grant::Member {
            user,
            role,
            tenant_role: MemberRole::Viewer,
            session,
            issued_at: NOW,
        }
    );
}

#[test]
fn the_forging_itself_is_sound() {
    assert!(verify(&forged(|_, _| {})).is_ok());
}

#[test]
fn wrong_type_issuer_audience_and_time_are_refused() {
    type Change = fn(&mut Header, &mut Claims);
    let cases: [(&str, Change, Denied); 9] = [
        (
            "typ JWT",
            |h, _| h.typ = Some("JWT".into()),
            Denied::InvalidToken,
        ),
        ("no typ", |h, _| h.typ = None, Denied::InvalidToken),
        (
            "refresh as access",
            |h, _| h.typ = Some("rt+jwt".into()),
            Denied::InvalidToken,
        ),
        (
            "crit",
            |h, _| h.crit = Some(vec!["exp".into()]),
            Denied::InvalidToken,
        ),
        ("no kid", |h, _| h.kid = None, Denied::InvalidToken),
        ("aud", |_, c| c.aud = "other".into(), Denied::InvalidToken),
        (
            "iss",
            |_, c| c.iss = "https://evil.example".into(),
            Denied::InvalidToken,
        ),
        (
            "exp",
            |_, c| c.exp = NOW.micros() / 1_000_000,
            Denied::TokenExpired,
        ),
        ("nbf", |_, c| c.nbf += 3600, Denied::InvalidToken),
    ];
    for (name, change, expected) in cases {
        assert_eq!(verify(&forged(change)), Err(expected), "{name}");
    }
}

#[test]
fn another_key_is_refused_even_under_our_kid() {
    assert_eq!(verify(&issued(key(2))), Err(Denied::InvalidToken));
    let theirs = Header {
        typ: Some("at+jwt".to_owned()),
        kid: Some(key(1).public().kid().to_owned()),
        ..Header::new(Algorithm::EdDSA)
    };
    let signature = issued(key(2)).rsplit('.').next().unwrap().to_owned();
    let token = format!("{}.{}.{signature}", part(&theirs), part(&claims()));
    assert_eq!(verify(&token), Err(Denied::InvalidToken));
}

#[test]
fn alg_none_is_refused() {
    let header = serde_json::json!({"alg": "none", "typ": "at+jwt", "kid": key(1).public().kid()});
    for signature in ["", "AA"] {
        let token = format!("{}.{}.{signature}", part(&header), part(&claims()));
        assert_eq!(verify(&token), Err(Denied::InvalidToken));
    }
}

#[test]
fn hs256_with_the_public_key_is_refused() {
    let public = key(1).public().jwk();
    let raw = serde_json::to_value(&public).unwrap()["x"]
        .as_str()
        .unwrap()
        .to_owned();
    let secrets = [
        raw.clone().into_bytes(),
        URL_SAFE_NO_PAD.decode(&raw).unwrap(),
        serde_json::to_vec(&public).unwrap(),
    ];
    for secret in secrets {
        let header = Header {
            typ: Some("at+jwt".to_owned()),
            kid: Some(key(1).public().kid().to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        let token =
            jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(&secret)).unwrap();
        assert_eq!(verify(&token), Err(Denied::InvalidToken));
    }
}

/// A key of the attacker's own, offered in every way that a header has for it.
#[test]
fn a_key_that_the_token_brings_along_is_refused() {
    let own = key(7);
    let jwk = serde_json::to_value(own.public().jwk()).unwrap();
    let certificate = URL_SAFE_NO_PAD.encode([0x30; 64]);
    let brought = [
        serde_json::json!({"jwk": jwk, "kid": own.public().kid()}),
        serde_json::json!({"jwk": jwk, "kid": key(1).public().kid()}),
        serde_json::json!({"jku": "https://evil.example/jwks.json", "kid": own.public().kid()}),
        serde_json::json!({"x5u": "https://evil.example/x5u.pem", "kid": key(1).public().kid()}),
        serde_json::json!({"x5c": [certificate], "kid": key(1).public().kid()}),
    ];
    for mut header in brought {
        header["alg"] = "EdDSA".into();
        header["typ"] = "at+jwt".into();
        let token = signed(7, &header);
        assert_eq!(verify(&token), Err(Denied::InvalidToken), "{header}");
    }
}

#[test]
fn a_kid_is_a_name_and_no_path_or_query() {
    let kids = [
        "../../../../dev/null",
        "/proc/sys/kernel/randomize_va_space",
        "' UNION SELECT 'x' --",
        "https://evil.example/key",
        "",
    ];
    for kid in kids {
        let header = serde_json::json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid});
        for signer in [1, 7] {
            let token = signed(signer, &header);
            assert_eq!(verify(&token), Err(Denied::InvalidToken), "{kid}");
        }
    }
}

/// What the body of a refresh token is: 32 random bytes, base64url.
#[test]
fn a_refresh_token_is_no_access_token() {
    let refresh = URL_SAFE_NO_PAD.encode([7u8; 32]);
    assert_eq!(verify(&refresh), Err(Denied::InvalidToken));
    assert_eq!(
        verify(&format!("{refresh}.{refresh}.{refresh}")),
        Err(Denied::InvalidToken)
    );
}

/// A token with any header, rightly signed with [`key`] `n`.
fn signed(n: u8, header: &serde_json::Value) -> String {
    let message = format!("{}.{}", part(header), part(&claims()));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &encoding(n), Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn a_cached_token_still_expires() {
    let verifier = verifier();
    let token = issued(key(1));
    assert!(verifier.verify(&token, NOW).is_ok());
    let later = NOW.plus_millis(LIFETIME_S * 1000 - 1);
    assert!(verifier.verify(&token, later).is_ok());
    assert_eq!(
        verifier.verify(&token, NOW.plus_millis(LIFETIME_S * 1000)),
        Err(Denied::TokenExpired)
    );
}

#[test]
fn keys_overlap_and_a_key_that_left_is_refused_at_once() {
    let both: Vec<PublicKey> = [key(1), key(2)].map(|k| k.public().clone()).into();
    let verifier = Verifier::new(ISSUER, both);
    let (old, new) = (issued(key(1)), issued(key(2)));
    assert!(verifier.verify(&old, NOW).is_ok() && verifier.verify(&new, NOW).is_ok());
    verifier.replace(vec![key(2).public().clone()]);
    assert_eq!(verifier.verify(&old, NOW), Err(Denied::InvalidToken));
    assert!(verifier.verify(&new, NOW).is_ok());
}

/// As long as its key is known: a flood from its address must not meet it again.
#[test]
fn a_verified_token_is_not_checked_again_when_keys_are_reloaded() {
    let keys = |n: &[u8]| {
        n.iter()
            .map(|n| key(*n).public().clone())
            .collect::<Vec<_>>()
    };
    let verifier = Verifier::new(ISSUER, keys(&[1]));
    let token = issued(key(1));
    verifier.verify(&token, NOW).unwrap();
    let unchecked = || verifier.verify_after(&token, NOW, || Err(Denied::UnknownKey));
    verifier.replace(keys(&[1, 2]));
    assert!(unchecked().is_ok());
    verifier.replace(keys(&[2]));
    verifier.replace(keys(&[1, 2]));
    assert_eq!(unchecked(), Err(Denied::UnknownKey));
}

proptest! {
    #[test]
    fn any_changed_character_is_refused(at in 0usize..4096, to in prop::sample::select(b"AZaz09-_.".to_vec())) {
        let mut token = issued(key(1)).into_bytes();
        let at = at % token.len();
        prop_assume!(token[at] != to);
        token[at] = to;
        let text = String::from_utf8(token).unwrap();
        prop_assert!(verify(&text).is_err());
    }

    #[test]
    fn any_text_is_refused_without_panic(text in "\\PC{0,200}") {
        prop_assert!(verify(&text).is_err());
    }
}

fn part(value: &impl serde::Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap())
}
