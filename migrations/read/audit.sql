-- From audit.operations; kept as long as the topic keeps its records, counted
-- from the partition's newest record.
CREATE TABLE audit (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    project_id  uuid,
    partition   int NOT NULL,
    appended_at timestamptz NOT NULL,
    at          timestamptz NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,
    target_type text NOT NULL,
    target_id   text NOT NULL,
    rule        text,
    version     bigint NOT NULL,
    request_id  uuid NOT NULL
);

CREATE INDEX audit_newest ON audit (tenant_id, at DESC, id DESC);
CREATE INDEX audit_oldest ON audit (partition, appended_at);
