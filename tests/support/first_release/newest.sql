CREATE TABLE servers (
	id INTEGER NOT NULL,
	name VARCHAR(100) NOT NULL,
	host VARCHAR(255) NOT NULL,
	port INTEGER NOT NULL,
	user VARCHAR(100) NOT NULL,
	ssh_key_path VARCHAR(500),
	status VARCHAR(20) NOT NULL,
	is_infrakt_host BOOLEAN NOT NULL,
	provider VARCHAR(100),
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name)
);
CREATE TABLE backup_policies (
	id INTEGER NOT NULL,
	default_cron VARCHAR(100),
	default_retention_days INTEGER NOT NULL,
	s3_max_backups_per_db INTEGER NOT NULL,
	s3_max_age_days INTEGER NOT NULL,
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE github_integrations (
	id INTEGER NOT NULL,
	token_encrypted VARCHAR(500) NOT NULL,
	github_username VARCHAR(100) NOT NULL,
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE platform_settings (
	id INTEGER NOT NULL,
	base_domain VARCHAR(255),
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE s3_configs (
	id INTEGER NOT NULL,
	endpoint_url VARCHAR(500) NOT NULL,
	bucket VARCHAR(200) NOT NULL,
	region VARCHAR(50) NOT NULL,
	access_key VARCHAR(200) NOT NULL,
	secret_key_encrypted VARCHAR(500) NOT NULL,
	prefix VARCHAR(200) NOT NULL,
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE ssh_keys (
	id INTEGER NOT NULL,
	name VARCHAR(100) NOT NULL,
	fingerprint VARCHAR(200) NOT NULL,
	key_type VARCHAR(20) NOT NULL,
	public_key TEXT NOT NULL,
	key_path VARCHAR(500) NOT NULL,
	created_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name)
);
CREATE TABLE webhooks (
	id INTEGER NOT NULL,
	url VARCHAR(2048) NOT NULL,
	events VARCHAR(500) NOT NULL,
	secret VARCHAR(256),
	channel_type VARCHAR(20) NOT NULL,
	created_at DATETIME NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE apps (
	id INTEGER NOT NULL,
	name VARCHAR(100) NOT NULL,
	server_id INTEGER NOT NULL,
	domain VARCHAR(255),
	port INTEGER NOT NULL,
	git_repo VARCHAR(500),
	branch VARCHAR(100) NOT NULL,
	image VARCHAR(500),
	status VARCHAR(20) NOT NULL,
	app_type VARCHAR(50) NOT NULL,
	backup_id VARCHAR(8),
	backup_schedule VARCHAR(100),
	cpu_limit VARCHAR(20),
	memory_limit VARCHAR(20),
	health_check_url VARCHAR(500),
	health_check_interval INTEGER,
	replicas INTEGER NOT NULL,
	deploy_strategy VARCHAR(20) NOT NULL,
	build_type VARCHAR(20) NOT NULL,
	webhook_secret VARCHAR(100),
	github_hook_id INTEGER,
	domain_ports VARCHAR(500),
	db_password_encrypted VARCHAR(500),
	auto_deploy BOOLEAN NOT NULL,
	parent_app_id INTEGER,
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name, server_id),
	FOREIGN KEY(server_id) REFERENCES servers (id),
	FOREIGN KEY(parent_app_id) REFERENCES apps (id) ON DELETE CASCADE
);
CREATE TABLE server_metrics (
	id INTEGER NOT NULL,
	server_id INTEGER NOT NULL,
	recorded_at DATETIME NOT NULL,
	cpu_percent FLOAT,
	mem_percent FLOAT,
	disk_percent FLOAT,
	PRIMARY KEY (id),
	FOREIGN KEY(server_id) REFERENCES servers (id)
);
CREATE INDEX ix_server_metrics_server_time ON server_metrics (server_id, recorded_at);
CREATE TABLE server_tags (
	id INTEGER NOT NULL,
	server_id INTEGER NOT NULL,
	tag VARCHAR(100) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (server_id, tag),
	FOREIGN KEY(server_id) REFERENCES servers (id)
);
CREATE TABLE deployments (
	id INTEGER NOT NULL,
	app_id INTEGER NOT NULL,
	commit_hash VARCHAR(40),
	commit_message VARCHAR(200),
	image_used VARCHAR(500),
	image_tag VARCHAR(200),
	status VARCHAR(20) NOT NULL,
	log TEXT,
	started_at DATETIME NOT NULL,
	finished_at DATETIME,
	PRIMARY KEY (id),
	FOREIGN KEY(app_id) REFERENCES apps (id)
);
CREATE TABLE app_dependencies (
	id INTEGER NOT NULL,
	app_id INTEGER NOT NULL,
	depends_on_app_id INTEGER NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (app_id, depends_on_app_id),
	FOREIGN KEY(app_id) REFERENCES apps (id),
	FOREIGN KEY(depends_on_app_id) REFERENCES apps (id)
);
