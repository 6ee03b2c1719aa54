-- From identity.events by tenant. Addresses stay sealed, each with a key of its own
-- invitation, and are opened when they are asked for.
CREATE TABLE invitations (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL,
    version    bigint NOT NULL,
    email      jsonb NOT NULL,
    role       text NOT NULL,
    invited_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    over_at    timestamptz
);

CREATE INDEX invitations_of_tenant ON invitations (tenant_id, created_at DESC, id DESC);
