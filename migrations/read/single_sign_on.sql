-- From identity.events by tenant. What was removed keeps its row without settings, so
-- that an older event changes nothing.
CREATE TABLE single_sign_on (
    tenant_id     uuid PRIMARY KEY,
    version       bigint NOT NULL,
    settings      jsonb,
    email_domains text[] NOT NULL,
    set_at        timestamptz NOT NULL,
    set_by        text NOT NULL
);

CREATE INDEX single_sign_on_domains ON single_sign_on USING gin (email_domains);
