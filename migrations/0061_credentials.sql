-- What the platform shows to other people's servers: wrapped, and named by its id in
-- events. `pending` before the command that names it, `active` after its outcome.
CREATE TABLE vault.credentials (
    id         uuid  PRIMARY KEY,
    tenant_id  uuid  NOT NULL,
    project_id uuid  NOT NULL,
    owner_id   uuid  NOT NULL,
    wrapped    bytea NOT NULL,
    state      text  NOT NULL CHECK (state IN ('pending', 'active')),
    command_id uuid  NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE INDEX credentials_owner ON vault.credentials (owner_id);
CREATE INDEX credentials_pending ON vault.credentials (created_at) WHERE state = 'pending';
