-- From incident.events by alert group; one row is one firing of one alert.
CREATE TABLE alerts (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL,
    project_id    uuid NOT NULL,
    group_id      uuid NOT NULL,
    group_key     text NOT NULL,
    incident_id   uuid NOT NULL,
    version       bigint NOT NULL,
    fingerprint   text NOT NULL,
    name          text NOT NULL,
    status        text NOT NULL,
    severity      text NOT NULL,
    labels        jsonb NOT NULL,
    annotations   jsonb NOT NULL,
    starts_at     timestamptz NOT NULL,
    ends_at       timestamptz,
    received_at   timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    generator_url text,
    receiver      text NOT NULL
);

CREATE INDEX alerts_newest ON alerts (tenant_id, project_id, received_at DESC, id DESC);
CREATE INDEX alerts_of_incident ON alerts (incident_id);

-- The incident of a group's newest episode, and how many of the group's alerts the
-- newest notification left out.
CREATE TABLE alert_groups (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    project_id  uuid NOT NULL,
    version     bigint NOT NULL,
    incident_id uuid,
    left_out    bigint NOT NULL
);
