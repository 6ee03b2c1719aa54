-- From identity.events by tenant.
CREATE TABLE tenants (
    tenant_id  uuid PRIMARY KEY,
    version    bigint NOT NULL,
    name       text NOT NULL,
    created_at timestamptz NOT NULL,
    erasure_due_at   timestamptz,
    erasure_asked_at timestamptz,
    erasure_asked_by text
);

CREATE TABLE projects (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL,
    version    bigint NOT NULL,
    name       text NOT NULL,
    slug       text NOT NULL,
    created_at timestamptz NOT NULL,
    archived_at timestamptz,
    -- The last time that it was, also where it is restored; and when it was restored. Keys
    -- that are older than that ended with it.
    last_archived_at timestamptz,
    restored_at timestamptz
);

CREATE INDEX projects_of_tenant ON projects (tenant_id, created_at, id);
