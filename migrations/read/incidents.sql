-- From incident.events by incident; `version` is the last ce_sequence applied.
CREATE TABLE incidents (
    id               uuid PRIMARY KEY,
    tenant_id        uuid NOT NULL,
    project_id       uuid NOT NULL,
    version          bigint NOT NULL,
    title            text NOT NULL,
    description      text,
    status           text NOT NULL,
    severity         text NOT NULL,
    source           text NOT NULL,
    group_key        text,
    opened_at        timestamptz NOT NULL,
    opened_by        text NOT NULL,
    acknowledged_at  timestamptz,
    investigating_at timestamptz,
    mitigated_at     timestamptz,
    resolved_at      timestamptz,
    learned_at       timestamptz,
    updated_at       timestamptz NOT NULL,
    assignee         uuid,
    merging_into     uuid,
    merged_into      uuid
);

CREATE INDEX incidents_newest ON incidents (tenant_id, project_id, opened_at DESC, id DESC);
CREATE INDEX incidents_worst ON incidents (tenant_id, project_id, severity, opened_at DESC, id DESC);
CREATE INDEX incidents_open ON incidents (tenant_id, project_id, opened_at DESC, id DESC)
    WHERE status IN ('detected', 'acknowledged', 'investigating', 'mitigated');
CREATE INDEX incidents_resolved ON incidents (tenant_id, project_id, resolved_at)
    WHERE resolved_at IS NOT NULL;
CREATE INDEX incidents_absorbed ON incidents (merged_into) WHERE merged_into IS NOT NULL;

-- From incident.events by project; joined at query time.
CREATE TABLE incident_numbers (
    incident_id uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    project_id  uuid NOT NULL,
    number      bigint NOT NULL
);

CREATE UNIQUE INDEX incident_numbers_by_number ON incident_numbers (project_id, number);
