-- Names that somebody is giving at this moment, so that two who give the same one do not
-- both: held from the look whether it is free until the read model shows it, or until it
-- runs out. `name` is an id that project, kind and name give.
CREATE TABLE vault.held_names (
    name       uuid PRIMARY KEY,
    command_id uuid NOT NULL,
    held_until timestamptz NOT NULL
);

CREATE INDEX held_names_until ON vault.held_names (held_until);
