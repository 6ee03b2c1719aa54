-- From incident.events, by incident and by alert group; rows are never changed.
CREATE TABLE timeline (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    project_id  uuid NOT NULL,
    incident_id uuid NOT NULL,
    at          timestamptz NOT NULL,
    -- Of one instant: the opening, then its alerts, then what follows from them.
    rank        smallint NOT NULL,
    sequence    bigint NOT NULL,
    kind        text NOT NULL,
    actor       text NOT NULL,
    text        text,
    data        jsonb NOT NULL
);

CREATE INDEX timeline_of_incident ON timeline (incident_id, at, rank, sequence, id);
