-- From monitoring.events by integration: what people have set, with `version`, and what
-- probes have found, with `health_version`. A removed one keeps its row.
CREATE TABLE monitoring_integrations (
    id                uuid PRIMARY KEY,
    tenant_id         uuid NOT NULL,
    project_id        uuid NOT NULL,
    version           bigint NOT NULL,
    name              text NOT NULL,
    kind              text NOT NULL,
    url               text NOT NULL,
    ca_certificate    text,
    credential_id     uuid,
    credential_kind   text,
    credential_set_at timestamptz,
    created_at        timestamptz NOT NULL,
    created_by        text NOT NULL,
    changed_at        timestamptz NOT NULL,
    changed_by        text NOT NULL,
    removed           boolean NOT NULL,
    health_version    bigint NOT NULL,
    status            text,
    since             timestamptz,
    error             text,
    detail            text,
    server_version    text,
    latency_ms        bigint,
    probed_at         timestamptz
);

CREATE INDEX monitoring_integrations_of_project
    ON monitoring_integrations (tenant_id, project_id, name, id) WHERE NOT removed;
