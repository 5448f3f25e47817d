CREATE INDEX job_lease ON job(lease_until) WHERE state = 'running';
CREATE INDEX event_age ON event(ts);
