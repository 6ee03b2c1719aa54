-- Single-use tickets for WebSockets: the access token each stands for, wrapped.
CREATE TABLE vault.ws_tickets (
    hash       bytea PRIMARY KEY,
    wrapped    bytea NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX ws_tickets_expiry ON vault.ws_tickets (expires_at);

-- The project that the account's command was sent under, to find its outcome by.
ALTER TABLE vault.logins ADD COLUMN project_id uuid;
CREATE INDEX logins_command ON vault.logins (command_id);
