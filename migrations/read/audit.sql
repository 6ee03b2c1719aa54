-- From audit.operations, in the order of each tenant's records. An entry is kept as
-- long as its tenant wants, at most as long as the topic keeps its records, counted
-- from the tenant's newest record.
CREATE TABLE audit (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    project_id  uuid,
    seq         bigint NOT NULL,
    appended_at timestamptz NOT NULL,
    at          timestamptz NOT NULL,
    kind        text NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,
    target_type text NOT NULL,
    target_id   text NOT NULL,
    rule        text,
    version     bigint NOT NULL,
    request_id  uuid NOT NULL,
    -- As it was hashed, to the byte.
    changes     text
);

CREATE UNIQUE INDEX audit_chain ON audit (tenant_id, seq DESC);
CREATE INDEX audit_oldest ON audit (tenant_id, appended_at);
CREATE INDEX audit_target ON audit (tenant_id, target_id, seq DESC);

-- The chain over all projects of a tenant; hashes in hex.
CREATE TABLE audit_links (
    tenant_id uuid NOT NULL,
    seq       bigint NOT NULL,
    content   text NOT NULL,
    hash      text NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);

-- Where each chain begins, after what retention removed, and where it ends.
CREATE TABLE audit_chains (
    tenant_id      uuid PRIMARY KEY,
    origin         uuid NOT NULL,
    base_seq       bigint NOT NULL,
    base_hash      text NOT NULL,
    seq            bigint NOT NULL,
    hash           text NOT NULL,
    next_offset    bigint NOT NULL,
    newest         timestamptz NOT NULL,
    retention_days int NOT NULL,
    kept_from      timestamptz NOT NULL
);

CREATE TABLE audit_seals (
    tenant_id uuid NOT NULL,
    seq       bigint NOT NULL,
    origin    uuid NOT NULL,
    hash      text NOT NULL,
    key       text NOT NULL,
    signature text NOT NULL,
    PRIMARY KEY (tenant_id, origin, seq)
);
