-- From identity.keys by tenant: what it has set for itself; null = the deployment's.
CREATE TABLE telemetry_limits (
    tenant_id         uuid PRIMARY KEY,
    version           bigint NOT NULL,
    active_series     bigint,
    active_streams    bigint,
    labels_per_series bigint,
    label_value_bytes bigint,
    bytes_per_second  bigint,
    set_at            timestamptz NOT NULL,
    set_by            text NOT NULL
);

-- From audit.operations: the latest note of each process of ingest.
CREATE TABLE telemetry_usage (
    tenant_id      uuid NOT NULL,
    instance       text NOT NULL,
    noted_at       timestamptz NOT NULL,
    day            int NOT NULL,
    active_series  bigint NOT NULL,
    active_streams bigint NOT NULL,
    bytes          bigint NOT NULL,
    over_ms        bigint NOT NULL,
    PRIMARY KEY (tenant_id, instance)
);

-- From audit.operations: the first refusal of each day; kept as long as the topic
-- keeps its records, counted from the partition's newest record.
CREATE TABLE telemetry_limits_reached (
    tenant_id   uuid NOT NULL,
    day         int NOT NULL,
    limit_name  text NOT NULL,
    partition   int NOT NULL,
    appended_at timestamptz NOT NULL,
    at          timestamptz NOT NULL,
    most        bigint NOT NULL,
    offender    text NOT NULL,
    PRIMARY KEY (tenant_id, day, limit_name)
);

CREATE INDEX telemetry_limits_reached_oldest ON telemetry_limits_reached (partition, appended_at);
