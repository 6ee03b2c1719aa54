-- From identity.events by account.
CREATE TABLE service_accounts (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    project_id  uuid NOT NULL,
    version     bigint NOT NULL,
    name        text NOT NULL,
    description text NOT NULL,
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL,
    disabled_at timestamptz
);

CREATE INDEX service_accounts_of_project ON service_accounts (tenant_id, project_id, created_at, id);
