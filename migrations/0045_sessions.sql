-- A session by its refresh family: what its holder sees of it, and when they last
-- proved who they are. Device and address are about a person and go with the row.
CREATE TABLE vault.sessions (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    tenant_id  uuid NOT NULL,
    device     text NOT NULL,
    address    text NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    proven_at  timestamptz NOT NULL,
    ended_at   timestamptz
);

CREATE INDEX sessions_user ON vault.sessions (user_id, seen_at DESC);
CREATE INDEX sessions_seen ON vault.sessions (seen_at);

-- Sessions that were begun before this table.
INSERT INTO vault.sessions (id, user_id, tenant_id, device, address, created_at, seen_at, proven_at)
SELECT DISTINCT ON (family) family, user_id, tenant_id, '', '', created_at, created_at, created_at
FROM vault.refresh_tokens WHERE revoked_at IS NULL ORDER BY family, created_at DESC;

-- What access tokens are no longer good for. Every gateway reads what is new twice
-- a second; `noted_at` is the database's own clock, because it orders what several
-- gateways write.
CREATE TABLE vault.ends (
    what     uuid PRIMARY KEY,
    ended_at timestamptz NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX ends_noted ON vault.ends (noted_at);

-- Wrong passwords and codes, by what was tried: an address's HMAC or an account.
CREATE TABLE vault.failures (
    what         bytea PRIMARY KEY,
    count        int NOT NULL,
    last_at      timestamptz NOT NULL,
    locked_until timestamptz
);

CREATE INDEX failures_last ON vault.failures (last_at);
