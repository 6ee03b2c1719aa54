//! `/api/v1/auth/second-factor`: a code from another device besides the password,
//! and recovery codes for when that is lost.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use qrcodegen::{QrCode, QrCodeEcc};
use schemas::context::random_bytes;
use schemas::ids::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::secret::Secret;
use super::single_sign_on::confine;
use super::vault::{failures, recovery_codes, totp as factors};
use super::{proof, totp};
use crate::Gateway;
use crate::error::{Error, Problem};
use crate::operations::Allowed;
use crate::request::{Asked, RequestId};

const RECOVERY_CODES: usize = 10;
const RECOVERY_BYTES: usize = 10;
/// Codes of the app have six digits; anything else is a recovery code.
const APP_DIGITS: usize = 6;

/// What the account has.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecondFactor {
    pub enabled: bool,
    /// How many recovery codes were not used yet.
    pub recovery_codes_left: i64,
}

/// What an authenticator app needs. It counts once a code of it was sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProposedFactor {
    /// Base32, to type.
    pub secret: String,
    /// `otpauth://`, to open.
    pub uri: String,
    /// The same as a picture to scan, SVG.
    pub qr_svg: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmFactor {
    #[schema(value_type = String, example = "123456")]
    pub code: Secret,
}

/// Shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecoveryCodes {
    pub recovery_codes: Vec<String>,
}

/// Whether the account has a second factor
#[utoipa::path(get, path = "/api/v1/auth/second-factor", operation_id = "second_factor", tag = "auth",
    responses((status = 200, body = SecondFactor), (status = 403, body = Problem)))]
pub async fn get(
    State(gateway): State<Gateway>,
    allowed: Allowed,
) -> Result<Json<SecondFactor>, Error> {
    let user = allowed.person()?;
    let factor = factors::get(&gateway.db, &gateway.master, user).await?;
    Ok(Json(SecondFactor {
        enabled: factor.is_some_and(|factor| factor.confirmed),
        recovery_codes_left: recovery_codes::left(&gateway.db, user).await?,
    }))
}

/// Begin with a second factor
///
/// Needs a fresh proof. Nothing changes until a code is sent to `confirm`.
#[utoipa::path(post, path = "/api/v1/auth/second-factor", operation_id = "propose_second_factor", tag = "auth",
    responses((status = 200, body = ProposedFactor), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub async fn propose(
    State(gateway): State<Gateway>,
    allowed: Allowed,
) -> Result<Json<ProposedFactor>, Error> {
    let user = allowed.person()?;
    confine::whole_account(&gateway, &allowed).await?;
    proof::needed(&gateway, &allowed).await?;
    let secret: totp::Secret = Zeroizing::new(random_bytes());
    let now = gateway.clock.now();
    if !factors::propose(&gateway.db, &gateway.master, user, &secret, now).await? {
        return Err(Error::SecondFactorEnabled);
    }
    let text = totp::base32(&secret);
    let uri = uri(&gateway, user, &text);
    Ok(Json(ProposedFactor {
        qr_svg: picture(&uri)?,
        secret: text.to_string(),
        uri,
    }))
}

/// Turn the second factor on
///
/// Answers with the recovery codes, which are shown this once.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/confirm", operation_id = "confirm_second_factor",
    tag = "auth", request_body = ConfirmFactor,
    responses((status = 200, body = RecoveryCodes), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem),
        (status = 404, body = Problem)))]
pub async fn confirm(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<ConfirmFactor>,
) -> Result<Json<RecoveryCodes>, Error> {
    let user = allowed.person()?;
    confine::whole_account(&gateway, &allowed).await?;
    let (counted, now) = (proof::counted(user), gateway.clock.now());
    // Until a failure is counted, nobody else guesses.
    let _turn = gateway.passwords.turn(&counted).await?;
    failures::check(&gateway.db, &counted, now).await?;
    let factor = factors::get(&gateway.db, &gateway.master, user).await?;
    let factor = factor.ok_or(Error::NotFound)?;
    if factor.confirmed {
        return Err(Error::SecondFactorEnabled);
    }
    if !by_app(&gateway, user, &factor, &asked.body.code).await? {
        failures::add(&gateway.db, &counted, now).await?;
        return Err(Error::WrongCode);
    }
    let codes = renewed(&gateway, user).await?;
    let request = &asked.question.request;
    gateway
        .tell_own(&allowed, request, "EnableSecondFactor")
        .await?;
    Ok(Json(codes))
}

/// New recovery codes
///
/// Needs a fresh proof. The older ones are good for nothing more.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/recovery-codes", operation_id = "renew_recovery_codes",
    tag = "auth",
    responses((status = 200, body = RecoveryCodes), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn renew_recovery_codes(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    request: RequestId,
) -> Result<Json<RecoveryCodes>, Error> {
    let user = allowed.person()?;
    confine::whole_account(&gateway, &allowed).await?;
    proof::needed(&gateway, &allowed).await?;
    let factor = factors::get(&gateway.db, &gateway.master, user).await?;
    factor
        .filter(|factor| factor.confirmed)
        .ok_or(Error::NotFound)?;
    let codes = renewed(&gateway, user).await?;
    gateway
        .tell_own(&allowed, &request, "RenewRecoveryCodes")
        .await?;
    Ok(Json(codes))
}

/// Turn the second factor off
///
/// Needs a fresh proof.
#[utoipa::path(delete, path = "/api/v1/auth/second-factor", operation_id = "disable_second_factor", tag = "auth",
    responses((status = 204), (status = 403, body = Problem)))]
pub async fn disable(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    request: RequestId,
) -> Result<StatusCode, Error> {
    let user = allowed.person()?;
    confine::whole_account(&gateway, &allowed).await?;
    proof::needed(&gateway, &allowed).await?;
    remove(&gateway, user).await?;
    gateway
        .tell_own(&allowed, &request, "DisableSecondFactor")
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an account has of it, when it is gone.
pub(crate) async fn remove(gateway: &Gateway, user: UserId) -> Result<(), Error> {
    factors::remove(&gateway.db, user).await?;
    recovery_codes::replace(&gateway.db, user, &[]).await
}

/// What was right of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The app's code, or none where the account has no second factor.
    Itself,
    /// What stands in for a device that is lost, or in the hands of somebody else.
    RecoveryCode,
}

/// Checks the code of an account that has a second factor.
pub(super) async fn check(
    gateway: &Gateway,
    user: UserId,
    code: Option<Secret>,
) -> Result<By, Error> {
    let factor = factors::get(&gateway.db, &gateway.master, user).await?;
    let Some(factor) = factor.filter(|factor| factor.confirmed) else {
        return Ok(By::Itself);
    };
    let code = code.ok_or(Error::SecondFactorNeeded)?;
    let (right, by) = match typed(&code).len() == APP_DIGITS {
        true => (by_app(gateway, user, &factor, &code).await?, By::Itself),
        false => {
            let redeemed = recovery_codes::redeem(&gateway.db, user, &code).await?;
            (redeemed, By::RecoveryCode)
        }
    };
    right.then_some(by).ok_or(Error::WrongCode)
}

async fn by_app(
    gateway: &Gateway,
    user: UserId,
    factor: &factors::Factor,
    code: &str,
) -> Result<bool, Error> {
    let now = gateway.clock.now();
    match totp::step_of(&factor.secret, &typed(code), now, factor.last_step) {
        Some(step) => factors::used(&gateway.db, user, step, now).await,
        None => Ok(false),
    }
}

/// A code without the blank that apps show in the middle of it.
fn typed(code: &str) -> Zeroizing<String> {
    Zeroizing::new(code.split_whitespace().collect())
}

async fn renewed(gateway: &Gateway, user: UserId) -> Result<RecoveryCodes, Error> {
    let codes = std::iter::repeat_with(|| hex::encode(random_bytes::<RECOVERY_BYTES>()));
    // In groups of five, as people read them aloud.
    let grouped = codes.map(|code| {
        let groups: Vec<_> = (0..code.len())
            .step_by(5)
            .map(|at| &code[at..at + 5])
            .collect();
        groups.join("-")
    });
    let codes: Vec<_> = grouped.take(RECOVERY_CODES).collect();
    recovery_codes::replace(&gateway.db, user, &codes).await?;
    Ok(RecoveryCodes {
        recovery_codes: codes,
    })
}

/// The key URI that authenticator apps read. The account is named by its id's first
/// characters: addresses are in no such place.
fn uri(gateway: &Gateway, user: UserId, secret: &str) -> String {
    let origin = gateway.config.public_url.origin();
    let (_, host) = origin.split_once("://").unwrap_or(("", origin));
    let host = host.replace(':', "%3A");
    let account = &user.0.simple().to_string()[24..];
    format!("otpauth://totp/SRE%20Copilot:{account}%40{host}?secret={secret}&issuer=SRE%20Copilot")
}

/// One path of unit squares within a quiet zone of four.
fn picture(text: &str) -> Result<String, Error> {
    let code =
        QrCode::encode_text(text, QrCodeEcc::Medium).map_err(|e| Error::Internal(e.to_string()))?;
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{},{}h1v1h-1z", x + 4, y + 4));
        }
    }
    let side = size + 8;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\">\
         <path fill=\"#fff\" d=\"M0,0h{side}v{side}h-{side}z\"/><path d=\"{path}\"/></svg>"
    ))
}
