-- Letters that wait to be sent: whom to, what and the link, wrapped. A row is gone once it
-- is known what became of the mail, which the log says without any of it.
CREATE TABLE vault.mails (
    id         uuid  PRIMARY KEY,
    tenant_id  uuid  NOT NULL,
    -- What it is about; that being over, it is not sent.
    owner_id   uuid  NOT NULL,
    wrapped    bytea NOT NULL,
    attempts   integer NOT NULL DEFAULT 0,
    due_at     timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE INDEX mails_owner ON vault.mails (owner_id);
CREATE INDEX mails_created ON vault.mails (created_at);
