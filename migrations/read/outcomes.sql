-- From command.outcomes by command; kept as long as the topic keeps its records,
-- counted from the partition's newest record. The first outcome of a command holds.
CREATE TABLE outcomes (
    command_id   uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    project_id   uuid,
    partition    int NOT NULL,
    appended_at  timestamptz NOT NULL,
    aggregate    text NOT NULL,
    aggregate_id text NOT NULL,
    version      bigint NOT NULL,
    refusal      jsonb,
    positions    jsonb NOT NULL,
    request_hash text
);

CREATE INDEX outcomes_oldest ON outcomes (partition, appended_at);
