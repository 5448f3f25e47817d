CREATE TABLE servers (
	id INTEGER NOT NULL,
	name VARCHAR(100) NOT NULL,
	host VARCHAR(255) NOT NULL,
	port INTEGER NOT NULL,
	user VARCHAR(100) NOT NULL,
	ssh_key_path VARCHAR(500),
	status VARCHAR(20) NOT NULL,
	provider VARCHAR(100),
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name)
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
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name, server_id),
	FOREIGN KEY(server_id) REFERENCES servers (id)
);
CREATE TABLE deployments (
	id INTEGER NOT NULL,
	app_id INTEGER NOT NULL,
	commit_hash VARCHAR(40),
	status VARCHAR(20) NOT NULL,
	log TEXT,
	started_at DATETIME NOT NULL,
	finished_at DATETIME,
	PRIMARY KEY (id),
	FOREIGN KEY(app_id) REFERENCES apps (id)
);
