-- From identity.events by tenant. Addresses stay sealed, each with a key of its own
-- invitation, and are opened when they are asked for. What has its `mail_state` =
-- 'waiting' is to be sent; the letter lies in vault.mails.
CREATE TABLE invitations (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    version     bigint NOT NULL,
    email       jsonb NOT NULL,
    role        text NOT NULL,
    invited_by  text NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    over_at     timestamptz,
    mail_id     uuid,
    -- In which project it was asked for, so that its outcome is told there.
    mail_project_id uuid,
    mail_state  text CHECK (mail_state IN ('waiting', 'sent', 'failed')),
    mail_at     timestamptz,
    mail_detail text
);

CREATE INDEX invitations_of_tenant ON invitations (tenant_id, created_at DESC, id DESC);
CREATE INDEX invitations_to_send ON invitations (mail_at)
    WHERE mail_state = 'waiting' AND over_at IS NULL;
