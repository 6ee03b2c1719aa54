-- From catalog.events by view.
CREATE TABLE saved_views (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL,
    project_id uuid NOT NULL,
    version    bigint NOT NULL,
    page       text NOT NULL,
    name       text NOT NULL,
    search     text NOT NULL,
    saved_at   timestamptz NOT NULL,
    saved_by   text NOT NULL,
    deleted    boolean NOT NULL
);

CREATE INDEX saved_views_of_page ON saved_views (tenant_id, project_id, page, name) WHERE NOT deleted;
