-- Spans: what level 1 holds besides the common columns, and what dashboards ask all
-- day: rate, errors and durations by operation, and who calls whom.

-- Filters over trace ids and over services, operations and fields
-- (projections/src/telemetry/spans/bloom.rs); not compressible.
ALTER TABLE telemetry.spans_l1
    ADD COLUMN trace_bloom bytea NOT NULL,
    ADD COLUMN token_bloom bytea NOT NULL;
ALTER TABLE telemetry.spans_l1 ALTER COLUMN trace_bloom SET STORAGE EXTERNAL;
ALTER TABLE telemetry.spans_l1 ALTER COLUMN token_bloom SET STORAGE EXTERNAL;

-- Sums of two histograms, bucket by bucket; the shorter one ends in zeros.
CREATE FUNCTION telemetry.add_buckets(a int[], b int[]) RETURNS int[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(coalesce(x, 0) + coalesce(y, 0) ORDER BY n), '{}')
    FROM unnest(a, b) WITH ORDINALITY AS both_of (x, y, n)
$$;

-- Spans by the minute of their start (minutes since 1970), whatever came of them in
-- level 0 and 1. `buckets` counts durations (projections/src/telemetry/spans/durations.rs).
CREATE TABLE telemetry.span_red (
    tenant_id  uuid   NOT NULL,
    project_id uuid   NOT NULL,
    day        int    NOT NULL,
    minute     bigint NOT NULL,
    service    text   NOT NULL,
    operation  text   NOT NULL,
    kind       text   NOT NULL,
    count      bigint NOT NULL,
    errors     bigint NOT NULL,
    sum_ns     bigint NOT NULL,
    buckets    int[]  NOT NULL,
    PRIMARY KEY (tenant_id, project_id, minute, service, operation, kind)
);
CREATE INDEX span_red_by_day ON telemetry.span_red (day);
SELECT telemetry.protect('telemetry.span_red');

-- Calls by the minute of their beginning. `server_kind` says whether the server sends
-- spans itself (service) or is known by the client's word (database, queue).
CREATE TABLE telemetry.service_edges (
    tenant_id   uuid   NOT NULL,
    project_id  uuid   NOT NULL,
    day         int    NOT NULL,
    minute      bigint NOT NULL,
    client      text   NOT NULL,
    server      text   NOT NULL,
    server_kind text   NOT NULL,
    count       bigint NOT NULL,
    errors      bigint NOT NULL,
    sum_ns      bigint NOT NULL,
    buckets     int[]  NOT NULL,
    PRIMARY KEY (tenant_id, project_id, minute, client, server, server_kind)
);
CREATE INDEX service_edges_by_day ON telemetry.service_edges (day);
SELECT telemetry.protect('telemetry.service_edges');
