-- Metrics by 5 minutes and by hour (`resolution`, in seconds), written when an hour
-- becomes final and kept longer than its samples: count, sum, first, last, least and
-- greatest sample of each bucket. See projections/src/telemetry/metrics/coarse.rs.
-- `class` is that of the samples, so that a query sees which of them are gone.
CREATE TABLE telemetry.metrics_coarse (
    tenant_id    uuid     NOT NULL,
    project_id   uuid     NOT NULL,
    day          int      NOT NULL,
    resolution   int      NOT NULL,
    class        smallint NOT NULL,
    window_start bigint   NOT NULL,
    partition    int      NOT NULL,
    part         int      NOT NULL,
    from_offset  bigint   NOT NULL,
    to_offset    bigint   NOT NULL,
    min_time     bigint   NOT NULL,
    max_time     bigint   NOT NULL,
    items        int      NOT NULL,
    id_from      uuid     NOT NULL,
    id_to        uuid     NOT NULL,
    series       int      NOT NULL,
    data         bytea    NOT NULL,
    PRIMARY KEY (tenant_id, project_id, day, window_start, partition, resolution, class, part)
);
ALTER TABLE telemetry.metrics_coarse ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE INDEX metrics_coarse_by_day ON telemetry.metrics_coarse (day);
SELECT telemetry.protect('telemetry.metrics_coarse');
