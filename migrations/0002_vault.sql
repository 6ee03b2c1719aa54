-- What must never be in an immutable log. Everything secret is wrapped with the
-- master key (see projections/src/vault.rs); times are set by the program.

-- One row; opens only with the master key that this database was begun with.
CREATE TABLE vault.canary (
    id      int   PRIMARY KEY CHECK (id = 1),
    wrapped bytea NOT NULL
);

-- One key per person; deleting the row erases the person from every copy of the log.
CREATE TABLE vault.subject_keys (
    subject    uuid  PRIMARY KEY,
    wrapped    bytea NOT NULL,
    created_at timestamptz NOT NULL
);

-- `pending` before the command that makes the account, `active` after its outcome.
CREATE TABLE vault.logins (
    user_id       uuid  PRIMARY KEY,
    tenant_id     uuid  NOT NULL,
    email_hmac    bytea NOT NULL UNIQUE,
    password_hash text  NOT NULL,
    state         text  NOT NULL CHECK (state IN ('pending', 'active')),
    command_id    uuid,
    created_at    timestamptz NOT NULL
);

CREATE INDEX logins_pending ON vault.logins (created_at) WHERE state = 'pending';

-- Opaque tokens by SHA-256. A rotation names its successor; a second use of a
-- rotated token revokes the whole family.
CREATE TABLE vault.refresh_tokens (
    hash              bytea PRIMARY KEY,
    family            uuid  NOT NULL,
    user_id           uuid  NOT NULL,
    tenant_id         uuid  NOT NULL,
    project_id        uuid  NOT NULL,
    created_at        timestamptz NOT NULL,
    expires_at        timestamptz NOT NULL,
    used_at           timestamptz,
    revoked_at        timestamptz,
    successor         bytea,
    -- The successor's text, wrapped, for tabs that refresh at the same moment.
    successor_wrapped bytea
);

CREATE INDEX refresh_tokens_family ON vault.refresh_tokens (family);
CREATE INDEX refresh_tokens_user ON vault.refresh_tokens (user_id);
CREATE INDEX refresh_tokens_expiry ON vault.refresh_tokens (expires_at);

-- Keys that sign access tokens; `not_after` ends their overlap.
CREATE TABLE vault.signing_keys (
    kid        text  PRIMARY KEY,
    wrapped    bytea NOT NULL,
    public     bytea NOT NULL,
    created_at timestamptz NOT NULL,
    not_after  timestamptz NOT NULL
);
