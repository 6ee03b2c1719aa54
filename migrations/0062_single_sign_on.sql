-- Secrets of clients at providers, wrapped. An event names one by its id.
CREATE TABLE vault.sign_on_secrets (
    id         uuid  PRIMARY KEY,
    tenant_id  uuid  NOT NULL,
    wrapped    bytea NOT NULL,
    created_at timestamptz NOT NULL
);

-- People on their way to a provider and back, by SHA-256 of the `state`. `wrapped` holds
-- the nonce and the verifier (PKCE); `browser` is the hash of a cookie. A row is used
-- once and stays until it expires, so that a second use is told from a made-up state.
CREATE TABLE vault.sign_on_attempts (
    state      bytea PRIMARY KEY,
    tenant_id  uuid  NOT NULL,
    browser    bytea NOT NULL,
    wrapped    bytea NOT NULL,
    return_to  text  NOT NULL,
    -- Whose account is to be linked; null for everybody who is not signed in.
    link_user  uuid,
    -- Whether they must show the provider again who they are.
    fresh      boolean NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

CREATE INDEX sign_on_attempts_tenant ON vault.sign_on_attempts (tenant_id, expires_at);
CREATE INDEX sign_on_attempts_expiry ON vault.sign_on_attempts (expires_at);

-- Who somebody is at a provider, by an HMAC of the subject, and who they are here.
CREATE TABLE vault.sign_on_identities (
    tenant_id  uuid  NOT NULL,
    issuer     text  NOT NULL,
    subject    bytea NOT NULL,
    user_id    uuid  NOT NULL,
    linked_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, issuer, subject)
);

CREATE INDEX sign_on_identities_user ON vault.sign_on_identities (tenant_id, user_id);

-- Sessions that a provider vouched for: only in its tenant, and only for as long as it
-- goes on vouching. `wrapped` is its refresh token; null where it gave none.
CREATE TABLE vault.sign_on_sessions (
    id         uuid  PRIMARY KEY,
    tenant_id  uuid  NOT NULL,
    user_id    uuid  NOT NULL,
    issuer     text  NOT NULL,
    client_id  text  NOT NULL,
    subject    bytea NOT NULL,
    wrapped    bytea,
    checked_at timestamptz NOT NULL
);

CREATE INDEX sign_on_sessions_tenant ON vault.sign_on_sessions (tenant_id);
CREATE INDEX sign_on_sessions_checked ON vault.sign_on_sessions (checked_at);
