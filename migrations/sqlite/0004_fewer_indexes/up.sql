-- Each is a page more in nearly every transaction. The few jobs that run are found through job_one_running; events lie in the order of
-- their time already, and no statement asked for event_age.
DROP INDEX job_lease;
DROP INDEX event_age;
