-- Metrics: what level 0 and 1 hold besides the common columns, the series of each
-- day, and what is known of metric families.

-- A segment's series lie in id order between these (SeriesId as 16 bytes).
ALTER TABLE telemetry.metrics_l1
    ADD COLUMN id_from uuid NOT NULL,
    ADD COLUMN id_to   uuid NOT NULL,
    ADD COLUMN series  int  NOT NULL;

-- Series first seen in a partition that day, in the order of arrival: the n-th has
-- ordinal first_ordinal + n, and level-0 sections of that day name it by that.
CREATE TABLE telemetry.metric_series (
    tenant_id     uuid   NOT NULL,
    project_id    uuid   NOT NULL,
    day           int    NOT NULL,
    partition     int    NOT NULL,
    first_ordinal int    NOT NULL,
    series        int    NOT NULL,
    from_offset   bigint NOT NULL,
    data          bytea  NOT NULL,
    PRIMARY KEY (tenant_id, project_id, day, partition, first_ordinal)
);
ALTER TABLE telemetry.metric_series ALTER COLUMN data SET STORAGE EXTERNAL;
SELECT telemetry.protect('telemetry.metric_series');

-- The last word on each family.
CREATE TABLE telemetry.metric_metadata (
    tenant_id  uuid     NOT NULL,
    project_id uuid     NOT NULL,
    family     text     NOT NULL,
    kind       text     NOT NULL,
    help       text     NOT NULL,
    unit       text     NOT NULL,
    PRIMARY KEY (tenant_id, project_id, family)
);
SELECT telemetry.protect('telemetry.metric_metadata');

-- Exemplars of one flush and hour, see projections/src/telemetry/metrics/exemplars.rs.
CREATE TABLE telemetry.metric_exemplars (
    tenant_id   uuid   NOT NULL,
    project_id  uuid   NOT NULL,
    day         int    NOT NULL,
    partition   int    NOT NULL,
    from_offset bigint NOT NULL,
    min_time    bigint NOT NULL,
    max_time    bigint NOT NULL,
    items       int    NOT NULL,
    data        bytea  NOT NULL,
    PRIMARY KEY (tenant_id, project_id, day, partition, from_offset)
);
SELECT telemetry.protect('telemetry.metric_exemplars');
