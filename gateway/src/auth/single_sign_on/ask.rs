//! The page that asks for a click, where a page of another site led a browser to the start
//! of a sign-on. Without it any site could sign its visitors in as somebody whom it chose
//! (login CSRF), whose tenant would then get what they write.

use axum::response::Html;
use form_urlencoded::Serializer;
use schemas::ids::TenantId;
use url::Url;

use crate::error::Error;

const PAGE: &str = include_str!("ask.html");

/// A page of our own, whose link begins the same sign-on; `return_to` is one of our paths.
pub(super) fn page(
    tenant: TenantId,
    issuer: &str,
    return_to: &str,
    fresh: bool,
) -> Result<Html<String>, Error> {
    let issuer = Url::parse(issuer).map_err(|e| Error::Internal(e.to_string()))?;
    let mut query = Serializer::new(String::new());
    query.append_pair("return_to", return_to);
    if fresh {
        query.append_pair("fresh", "true");
    }
    let start = format!("/api/v1/auth/oidc/{tenant}/start?{}", query.finish());
    let provider = escaped(issuer.host_str().unwrap_or_default());
    let page = PAGE.replace("{start}", &escaped(&start));
    Ok(Html(page.replace("{provider}", &provider)))
}

/// As text and as a quoted attribute.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_link_begins_the_same_sign_on_and_nothing_of_it_is_markup() {
        let tenant = TenantId(Uuid::nil());
        let asked = |return_to: &str, fresh: bool| {
            let issuer = "https://login.example:8443/realms/ops";
            page(tenant, issuer, return_to, fresh).unwrap().0
        };
        let start = format!("\"/api/v1/auth/oidc/{tenant}/start?return_to=");
        let plain = asked("/p/shop/logs?q=a&level=b", false);
        let link = format!("{start}%2Fp%2Fshop%2Flogs%3Fq%3Da%26level%3Db\"");
        assert!(plain.contains(&link), "{plain}");
        assert!(plain.contains("<strong>login.example</strong>"), "{plain}");
        let fresh = asked("/", true);
        assert!(
            fresh.contains(&format!("{start}%2F&amp;fresh=true\"")),
            "{fresh}"
        );
        let marked = asked("/\"><script>alert(1)</script>{provider}", false);
        assert!(!marked.contains("<script"), "{marked}");
        assert_eq!(marked.matches("login.example").count(), 2, "{marked}");
    }
}
