DROP TABLE idempotency;
DROP TABLE event;
DROP TABLE job_attempt;
DROP TABLE job_log;
DROP TABLE job_step;
DROP TABLE job;
DROP TABLE lane;
DROP TABLE worker;
