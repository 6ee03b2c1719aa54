-- Subjects whose key was destroyed: people who were erased, invitations that are over.
-- None gets a key again. What was sealed before would not open with it, and the retry of
-- a request asks for a key as the request did.
CREATE TABLE vault.forgotten_subjects (
    subject uuid PRIMARY KEY
);

CREATE FUNCTION vault.forget_subject() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO vault.forgotten_subjects VALUES (OLD.subject) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER forgotten AFTER DELETE ON vault.subject_keys
    FOR EACH ROW EXECUTE FUNCTION vault.forget_subject();

CREATE FUNCTION vault.refuse_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM vault.forgotten_subjects WHERE subject = NEW.subject) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER not_again BEFORE INSERT ON vault.subject_keys
    FOR EACH ROW EXECUTE FUNCTION vault.refuse_forgotten();
