-- From identity.events by tenant. Names are opened with the subject's key, or
-- `erased`; addresses stay sealed and are opened when they are asked for. Members
-- who left stay, because what they did still names them.
CREATE TABLE members (
    tenant_id  uuid NOT NULL,
    user_id    uuid NOT NULL,
    version    bigint NOT NULL,
    email      jsonb NOT NULL,
    name       text NOT NULL,
    role       text NOT NULL,
    joined_at  timestamptz NOT NULL,
    removed_at timestamptz,
    -- Until when a password that somebody else has set can be replaced; NULL = it is their own.
    initial_password_until timestamptz,
    PRIMARY KEY (tenant_id, user_id)
);

-- How far the members of a tenant are known: its version, whatever happened to it.
CREATE TABLE member_lists (
    tenant_id uuid PRIMARY KEY,
    version   bigint NOT NULL
);

-- The role in one project, where it is not the one in the tenant; NULL = it is.
-- Named apart from `project_id`, because every project of the tenant may read it.
CREATE TABLE member_project_roles (
    tenant_id  uuid NOT NULL,
    user_id    uuid NOT NULL,
    in_project uuid NOT NULL,
    version    bigint NOT NULL,
    role       text,
    PRIMARY KEY (tenant_id, user_id, in_project)
);
