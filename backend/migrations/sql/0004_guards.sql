-- The arrows of domain/lifecycle.py. A test keeps the two equal.
INSERT INTO allowed_transitions (entity, from_status, to_status, person_only) VALUES
    ('orders', 'DRAFT', 'PAYMENT_PENDING', false),
    ('orders', 'DRAFT', 'PAID', false),
    ('orders', 'DRAFT', 'CANCELLED', false),
    ('orders', 'DRAFT', 'EXPIRED', false),
    ('orders', 'PAYMENT_PENDING', 'DRAFT', false),
    ('orders', 'PAYMENT_PENDING', 'PAID', false),
    ('orders', 'PAYMENT_PENDING', 'CANCELLED', false),
    ('orders', 'PAYMENT_PENDING', 'EXPIRED', false),
    ('orders', 'PAID', 'READY', false),
    ('orders', 'PAID', 'REFUNDED', false),
    ('orders', 'READY', 'COLLECTED', false),
    ('orders', 'READY', 'REFUNDED', false),
    ('orders', 'COLLECTED', 'READY', false),
    ('orders', 'COLLECTED', 'REFUNDED', false),
    ('orders', 'EXPIRED', 'PAID', false),
    ('payments', 'INITIATED', 'LINK_SENT', false),
    ('payments', 'INITIATED', 'CAPTURED', false),
    ('payments', 'INITIATED', 'CLOSED', false),
    ('payments', 'INITIATED', 'FAILED', false),
    ('payments', 'LINK_SENT', 'CAPTURED', false),
    ('payments', 'LINK_SENT', 'CLOSED', false),
    ('payments', 'CLOSED', 'CAPTURED', false),
    ('payments', 'FAILED', 'CAPTURED', false),
    ('refunds', 'REQUESTED', 'IN_TRANSIT', false),
    ('refunds', 'REQUESTED', 'PROCESSED', false),
    ('refunds', 'REQUESTED', 'FAILED', false),
    ('refunds', 'IN_TRANSIT', 'PROCESSED', false),
    ('refunds', 'IN_TRANSIT', 'FAILED', false),
    ('refunds', 'PROCESSED', 'FAILED', false),
    ('refunds', 'FAILED', 'REQUESTED', false),
    ('refunds', 'FAILED', 'PROCESSED', false),
    ('print_jobs', 'QUEUED', 'CLAIMED', false),
    ('print_jobs', 'QUEUED', 'HELD', false),
    ('print_jobs', 'QUEUED', 'CANCELLED', false),
    ('print_jobs', 'QUEUED', 'FAILED', false),
    ('print_jobs', 'HELD', 'QUEUED', false),
    ('print_jobs', 'HELD', 'CANCELLED', false),
    ('print_jobs', 'CLAIMED', 'PRINTING', false),
    ('print_jobs', 'CLAIMED', 'QUEUED', false),
    ('print_jobs', 'CLAIMED', 'FAILED', false),
    ('print_jobs', 'CLAIMED', 'CANCELLED', false),
    ('print_jobs', 'PRINTING', 'COMPLETED', false),
    ('print_jobs', 'PRINTING', 'UNCERTAIN', false),
    ('print_jobs', 'PRINTING', 'FAILED', false),
    ('print_jobs', 'UNCERTAIN', 'COMPLETED', false),
    ('print_jobs', 'UNCERTAIN', 'FAILED', true),
    ('print_jobs', 'UNCERTAIN', 'CANCELLED', true),
    ('print_jobs', 'FAILED', 'QUEUED', false),
    ('print_jobs', 'FAILED', 'CANCELLED', false);

-- Writes every change of a status down and refuses the ones that are not drawn. The actor is
-- set for the transaction by whoever acts: "user:<name>", "worker:<id>", "system:<what>".
CREATE FUNCTION guard_status() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    who text := coalesce(current_setting('printwala.actor', true), '');
    arrow allowed_transitions;
    fence bigint := CASE WHEN TG_TABLE_NAME = 'print_jobs' THEN (to_jsonb(NEW) ->> 'epoch')::bigint END;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO transitions (entity, entity_id, from_status, to_status, actor, epoch)
        VALUES (TG_TABLE_NAME, NEW.id, NULL, NEW.status, who, fence);
        RETURN NEW;
    END IF;
    IF NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    SELECT * INTO arrow FROM allowed_transitions a
        WHERE a.entity = TG_TABLE_NAME AND a.from_status = OLD.status AND a.to_status = NEW.status;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% may not go from % to %', TG_TABLE_NAME, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    IF arrow.person_only AND who NOT LIKE 'user:%' THEN
        RAISE EXCEPTION '% from % to % is for a person to decide, not for %',
            TG_TABLE_NAME, OLD.status, NEW.status, who USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO transitions (entity, entity_id, from_status, to_status, actor, epoch)
    VALUES (TG_TABLE_NAME, NEW.id, OLD.status, NEW.status, who, fence);
    RETURN NEW;
END $$;

CREATE TRIGGER guard_status AFTER INSERT OR UPDATE OF status ON orders
    FOR EACH ROW EXECUTE FUNCTION guard_status();
CREATE TRIGGER guard_status AFTER INSERT OR UPDATE OF status ON payments
    FOR EACH ROW EXECUTE FUNCTION guard_status();
CREATE TRIGGER guard_status AFTER INSERT OR UPDATE OF status ON refunds
    FOR EACH ROW EXECUTE FUNCTION guard_status();
CREATE TRIGGER guard_status AFTER INSERT OR UPDATE OF status ON print_jobs
    FOR EACH ROW EXECUTE FUNCTION guard_status();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are never changed', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER refuse_change BEFORE UPDATE ON quotes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE ON price_lists
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON transitions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A job that waits rings every backend that holds a worker's claim open.
CREATE FUNCTION ring_print_queue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('print_jobs', NEW.shop_id::text);
    RETURN NULL;
END $$;

CREATE TRIGGER ring_print_queue_new AFTER INSERT ON print_jobs
    FOR EACH ROW WHEN (NEW.status = 'QUEUED') EXECUTE FUNCTION ring_print_queue();
CREATE TRIGGER ring_print_queue_again AFTER UPDATE OF status ON print_jobs
    FOR EACH ROW WHEN (NEW.status = 'QUEUED' AND OLD.status <> 'QUEUED')
    EXECUTE FUNCTION ring_print_queue();
