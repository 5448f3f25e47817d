-- Rows as the first release leaves them: values as its library writes them, times with and without fractions.
INSERT INTO servers (id, name, host, port, user, ssh_key_path, status, provider, created_at, updated_at) VALUES
  (1, 'prod-1', '203.0.113.10', 22, 'root', '~/.ssh/id_ed25519', 'active', 'hetzner', '2025-06-01 10:00:00', '2025-06-02 11:30:00'),
  (2, 'prod-2', 'two.example.com', 2222, 'admin', '', 'provisioning', '', '2025-06-01 10:00:01', '2025-06-01 10:00:01'),
  (3, 'my server; x', 'bad host', 99999, 'root', NULL, 'inactive', NULL, '2025-06-01 10:00:02', '2025-06-01 10:00:02');
INSERT INTO apps (id, name, server_id, domain, port, git_repo, branch, image, status, app_type, created_at, updated_at) VALUES
  (1, 'web', 1, 'Web.Example.com', 3000, NULL, 'main', 'nginx:1.27', 'running', 'image', '2025-06-01 10:01:00', '2025-06-01 10:01:00'),
  (2, 'web', 2, NULL, 8080, 'https://git.example.com/web.git', 'main', NULL, 'running', 'git', '2025-06-01 10:02:00', '2025-06-01 10:02:00.123456'),
  (3, 'shop', 1, 'web.example.com', 3000, 'https://git.example.com/shop.git', 'release', 'nginx', 'stopped', 'image', '2025-06-01 10:03:00', '2025-06-01 10:03:00'),
  (4, 'pg', 1, NULL, 5432, NULL, 'main', NULL, 'running', 'db:postgres', '2025-06-01 10:04:00', '2025-06-01 10:04:00'),
  (5, 'cache', 1, NULL, 6379, NULL, 'main', NULL, 'deploying', 'db:redis', '2025-06-01 10:05:00', '2025-06-01 10:05:00'),
  (6, 'old', 1, '', 3000, '', 'main', '', 'stopped', 'compose', '2025-06-01 10:06:00', '2025-06-01 10:06:00'),
  (7, 'we b' || char(10), 3, 'not a domain', 70000, NULL, 'main', 'nginx' || char(10) || '    privileged: true', 'error', 'image', '2025-06-01 10:07:00', '2025-06-01 10:07:00'),
  (8, 'my.app', 1, NULL, 3000, NULL, 'main', 'nginx', 'running', 'image', '2025-06-01 10:08:00', '2025-06-01 10:08:00'),
  (9, 'myapp', 1, 'my.example.com', 3001, NULL, 'main', 'nginx', 'running', 'image', '2025-06-01 10:09:00', '2025-06-01 10:09:00'),
  (10, 'repo', 1, NULL, 3002, NULL, 'main', 'nginx', 'running', 'image', '2025-06-01 10:10:00', '2025-06-01 10:10:00');
INSERT INTO deployments (id, app_id, commit_hash, status, log, started_at, finished_at) VALUES
  (1, 1, NULL, 'success', '[2025-06-01T10:11:00.000123] Deploying web', '2025-06-01 10:11:00', '2025-06-01 10:11:09.311355'),
  (2, 1, NULL, 'in_progress', NULL, '2025-06-01 10:12:00', NULL),
  (3, 2, NULL, 'in_progress', '[2025-06-01T10:13:00.000123] Deploying web', '2025-06-01 10:13:00', NULL),
  (4, 3, NULL, 'failed', 'it said no', '2025-06-01 10:14:00', '2025-06-01 10:14:05'),
  (5, 57, NULL, 'success', NULL, '2025-06-01 10:15:00', '2025-06-01 10:15:05.000000');
