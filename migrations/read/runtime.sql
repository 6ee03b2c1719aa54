-- How far each projection has come, and what it could not apply.

CREATE TABLE checkpoint (
    projection  text   NOT NULL,
    topic       text   NOT NULL,
    partition   int    NOT NULL,
    generation  bigint NOT NULL,
    log_id      uuid   NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (projection, topic, partition)
);

-- Records that could not be applied, and all later ones of their keys, in order.
CREATE TABLE parked (
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

CREATE INDEX parked_by_key ON parked (projection, key);

-- The shape that a projection's tables have now; another shape is rebuilt.
CREATE TABLE projection (
    name       text PRIMARY KEY,
    definition text NOT NULL
);
