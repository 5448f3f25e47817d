-- What only the newest release knows.
UPDATE apps SET cpu_limit = '0.5', memory_limit = '512m', health_check_url = 'http://localhost:3000/up', health_check_interval = 60,
  replicas = 3, deploy_strategy = 'rolling', domain = '{"web": "Web.Example.com"}', domain_ports = '{"web": 3000}' WHERE id = 1;
UPDATE apps SET domain = '{"api": "api.example.com", "site": "www.example.com"}', build_type = 'nixpacks', auto_deploy = 0 WHERE id = 2;
UPDATE apps SET cpu_limit = 'much', memory_limit = '512', health_check_url = 'https://shop.example.com/up' WHERE id = 3;
UPDATE apps SET parent_app_id = 1, backup_schedule = '0 3 * * *',
  db_password_encrypted = 'gAAAAABoTuGAr9wKnkJRRBbxr4cNy4TCvG6RsgQa3bm4hYlCvTnNkFqT_crml_b4NUGxYdGFTF_Gz-WqYi0GxAb2UUl2nQGIQshXp-Ad8hA9YUCGmxo23EQ=' WHERE id = 4;
UPDATE servers SET is_infrakt_host = 1 WHERE id = 1;
UPDATE deployments SET commit_hash = 'b590abf0c1d2e3f405162738495a6b7c8d9e0f10', commit_message = 'say hello', image_used = 'nginx:1.27', image_tag = 'infrakt/web:1' WHERE id = 1;
INSERT INTO server_metrics (server_id, recorded_at, cpu_percent, mem_percent, disk_percent) VALUES (1, '2025-06-01 10:00:00', 1.5, 20.25, NULL), (9, '2025-06-01 10:00:00', 1, 2, 3);
INSERT INTO server_tags (server_id, tag) VALUES (1, 'eu'), (2, 'eu');
INSERT INTO app_dependencies (app_id, depends_on_app_id) VALUES (1, 4), (2, 4);
INSERT INTO webhooks (url, events, secret, channel_type, created_at) VALUES ('https://hooks.example.com/1', 'deploy.success', NULL, 'custom', '2025-06-01 10:00:00');
INSERT INTO platform_settings (base_domain, created_at, updated_at) VALUES ('apps.example.com', '2025-06-01 10:00:00', '2025-06-01 10:00:00');
