-- Opaque copies of domain events, for loading an aggregate in one statement.
-- A fold of the topics that are kept for ever; `replay history` rebuilds it.

CREATE TABLE history.checkpoint (
    projection  text   NOT NULL,
    topic       text   NOT NULL,
    partition   int    NOT NULL,
    generation  bigint NOT NULL,
    log_id      uuid   NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (projection, topic, partition)
);

-- Records that could not be applied, and all later ones of their keys, in order.
CREATE TABLE history.parked (
    projection  text   NOT NULL,
    topic       text   NOT NULL,
    partition   int    NOT NULL,
    log_offset  bigint NOT NULL,
    key         bytea  NOT NULL,
    tenant_id   uuid,
    project_id  uuid,
    reason      text   NOT NULL,
    appended_at timestamptz NOT NULL,
    headers     bytea  NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (projection, topic, partition, log_offset)
);

-- `headers` is the list of names and values, each behind its length (see
-- projections/src/runtime/headers.rs). Two rows for one (aggregate, key,
-- sequence) would mean two writers: the fold stops there.
CREATE TABLE history.events (
    aggregate    text   NOT NULL,
    key          text   NOT NULL,
    sequence     bigint NOT NULL,
    command_id   uuid   NOT NULL,
    request_hash text,
    topic        text   NOT NULL,
    partition    int    NOT NULL,
    log_offset   bigint NOT NULL,
    headers      bytea  NOT NULL,
    body         bytea  NOT NULL,
    PRIMARY KEY (aggregate, key, sequence)
);

CREATE INDEX events_by_command ON history.events (command_id);
