-- From identity.keys by key; never the key or its hash.
CREATE TABLE api_keys (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL,
    project_id uuid NOT NULL,
    version    bigint NOT NULL,
    name       text NOT NULL,
    prefix     text NOT NULL,
    scopes     jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    service_account uuid,
    -- When another key took its place: it ends with the overlap, at expires_at.
    rotated_at timestamptz,
    -- As it was created: how long its successor lives.
    made_to_expire_at timestamptz
);

CREATE INDEX api_keys_of_project ON api_keys (tenant_id, project_id, created_at DESC, id DESC);

-- From audit.operations: the latest use; joined at query time.
CREATE TABLE api_key_uses (
    key_id       uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    last_used_at timestamptz NOT NULL
);
