CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON day_reports
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Money moves when its transition is written. Whoever writes one holds this lock, shared, until its
-- commit; whoever closes a day takes it alone: then every movement up to that moment is
-- visible, and each later one bears a later time. `at` is taken under the lock for that reason.
CREATE FUNCTION wait_for_day_close() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('printwala day close'));
    NEW.at := clock_timestamp();
    RETURN NEW;
END $$;

CREATE TRIGGER wait_for_day_close BEFORE INSERT ON transitions
    FOR EACH ROW WHEN (NEW.entity IN ('payments', 'refunds')
        AND NEW.to_status IN ('CAPTURED', 'PROCESSED', 'FAILED'))
    EXECUTE FUNCTION wait_for_day_close();

CREATE INDEX ix_transitions_money ON transitions (at)
    WHERE (entity = 'payments' AND to_status = 'CAPTURED')
        OR (entity = 'refunds' AND (to_status = 'PROCESSED' OR from_status = 'PROCESSED'));
