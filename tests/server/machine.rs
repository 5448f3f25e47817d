//! The test server itself: what the other tests stand on.

use crate::support::http;
use crate::support::proxy::Proxy;
use crate::support::server::{Reboot, TestServer, text};
use std::process::Stdio;

/// When PID 1 of the server started: the machine's kernel is the host's, so boot_id does not tell a reboot.
fn boot(server: &TestServer) -> String {
    server.exec("stat -c %Y.%Z /proc/1/cmdline; cut -d' ' -f22 /proc/1/stat")
}

#[test]
fn root_admin_and_plain_log_in_with_the_key_and_only_two_of_them_get_root() {
    let server = TestServer::bare("login");
    let said = |user: &str, command: &str| text(&server.ssh(user, command)).trim().to_string();
    assert_eq!(said("root", "id -un"), "root");
    assert_eq!(said("admin", "id -un; sudo -n id -un"), "admin\nroot");
    assert_eq!(said("plain", "id -un"), "plain");
    assert!(!server.ssh("plain", "sudo -n true").status.success());
    assert!(!server.ssh("nobody", "true").status.success());
}

/// A bridge without an address of its own takes that of a port. When that port's server goes, all others are cut off from this machine
/// until they ask for their gateway's new address: long enough for a line to be given up.
#[test]
fn a_server_that_goes_takes_no_gateway_along_from_the_others() {
    let server = TestServer::bare("gateway");
    let gateway = server.exec("ip -o neigh show \"$(ip -o route show default | cut -d' ' -f3)\"");
    let address = gateway.split_once("lladdr ").expect(&gateway).1.split(' ').next().unwrap();
    let owners = std::fs::read_dir("/sys/class/net").unwrap().filter(|link| {
        let link = link.as_ref().unwrap().path().join("address");
        std::fs::read_to_string(link).is_ok_and(|of_the_link| of_the_link.trim() == address)
    });
    let owners: Vec<_> = owners.map(|link| link.unwrap().file_name()).collect();
    assert!(owners.len() <= 1, "{address} is the bridge's and a server's: {owners:?}");
}

#[test]
fn a_bare_server_has_systemd_and_a_mirror_and_nothing_that_provisioning_brings() {
    let server = TestServer::bare("bare");
    server.wait_until("systemctl is-system-running");
    assert_eq!(
        server.exec("for c in docker caddy ufw fail2ban-client curl git python3; do command -v $c || :; done"),
        ""
    );
    server.exec("apt-get -q update && apt-get -q install -y --no-install-recommends curl && curl --version");
}

#[test]
fn a_ready_server_pulls_an_image_runs_it_with_compose_and_caddy_passes_requests_on() {
    let server = TestServer::ready("ready");
    let compose =
        "services: {web: {image: '127.0.0.1:5000/hello:v1', ports: ['127.0.0.1:20001:8080'], environment: {A: b}}}";
    server.write("/opt/infrakt/apps/web/docker-compose.yml", compose.as_bytes());
    server.exec("cd /opt/infrakt/apps/web && docker compose up -d --pull always --wait");
    server.write("/opt/infrakt/caddy/Caddyfile", b"http://web.localhost {\n\treverse_proxy 127.0.0.1:20001\n}\n");
    server.exec("systemctl reload caddy");
    server.wait_until("curl -fsS http://127.0.0.1:20001/up");
    let page = |path: &str| http::get(server.http_port, "web.localhost", path).unwrap().body;
    assert_eq!(page("/"), "hello v1\n");
    assert_eq!(page("/env/A"), "b");
    server.exec("journalctl -u docker-registry --no-pager | grep 'HEAD /v2/hello/manifests/v1'");
}

#[test]
fn the_sample_apps_behave_as_their_names_say() {
    let server = TestServer::ready("samples");
    server.exec("for t in exits exits-later mute unhealthy noisy v2; do docker run -d --name is-$t -P 127.0.0.1:5000/hello:$t; done");
    let exit_code = |name: &str| server.exec(&format!("docker wait is-{name}"));
    assert_eq!((exit_code("exits").as_str(), exit_code("exits-later").as_str()), ("7", "9"));
    let status = |name: &str| {
        server.exec(&format!(
            "curl -s -o /dev/null -w '%{{http_code}}' http://$(docker port is-{name} 8080 | head -n 1)/up || :"
        ))
    };
    server.wait_until("curl -fsS http://$(docker port is-v2 8080 | head -n 1)/up");
    assert_eq!((status("v2").as_str(), status("unhealthy").as_str(), status("mute").as_str()), ("200", "500", "000"));
    server.wait_until("[ $(docker logs is-noisy | wc -l) -gt 20000 ]");
    server.exec("git clone -q git://127.0.0.1/hello.git /tmp/hello && docker build -q /tmp/hello");
    server.exec("git clone -q http://127.0.0.1:8418/compose.git /tmp/compose && docker compose -f /tmp/compose/docker-compose.yml build");
}

#[test]
fn the_firewall_can_be_switched_on_and_ssh_stays_reachable() {
    let server = TestServer::ready("firewall");
    server.exec("ufw default deny incoming; ufw allow 22/tcp; ufw --force enable");
    assert!(server.exec("ufw status").starts_with("Status: active"));
    assert!(server.ssh("root", "true").status.success());
    assert!(http::get(server.http_port, "localhost", "/").is_err(), "port 80 is not allowed");
    server.exec("ufw allow 80/tcp");
    assert!(http::get(server.http_port, "localhost", "/").is_ok());
}

#[test]
fn both_reboots_start_the_server_anew_with_its_files_and_containers() {
    let server = TestServer::ready("reboot");
    server.exec("echo kept >/root/file; echo lost >/run/file");
    server.exec("docker run -d --name app --restart unless-stopped -p 127.0.0.1:20001:8080 127.0.0.1:5000/hello:v2");
    for how in [Reboot::Soft, Reboot::Hard] {
        let before = boot(&server);
        server.reboot(how);
        assert_ne!(boot(&server), before, "{how:?}");
        assert_eq!(text(&server.ssh("root", "cat /root/file; ls /run/file 2>/dev/null")), "kept\n");
        server.wait_until("curl -fsS http://127.0.0.1:20001/up");
    }
}

#[test]
fn a_connection_outlives_a_cut_and_a_freeze_but_not_its_killed_session() {
    let server = TestServer::bare("faults");
    let proxy = Proxy::to_port(server.port);
    let mut ssh = server.ssh_command("root", proxy.port());
    let mut child =
        ssh.arg("while :; do echo tick; sleep 0.1; done").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let on = |bytes: u64| proxy.wait(|counts| counts.down > bytes + 500).down;
    let mut seen = on(5000);
    for fault in [TestServer::cut, TestServer::freeze] {
        let wrong = fault(&server);
        drop(wrong);
        seen = on(seen);
    }
    server.kill_ssh();
    assert!(!child.wait().unwrap().success());
    assert!(server.ssh("root", "true").status.success(), "the listener stays");
}

#[test]
fn a_reset_leaves_only_what_the_image_brought() {
    let server = TestServer::ready("reset");
    let state = "docker ps -aq; docker images --format '{{.Repository}}'; docker network ls -q --filter type=custom; docker volume ls -q; \
                 find /opt/infrakt /etc/caddy /var/lib/infrakt 2>/dev/null; cat /opt/infrakt/caddy/Caddyfile; ufw status; \
                 systemctl list-unit-files 'infrakt-*' --no-legend || :";
    let before = server.exec(state);
    server.exec(
        "docker run -d --network $(docker network create infrakt) -v data:/data 127.0.0.1:5000/hello:v1
         mkdir -p /var/lib/infrakt/steps /opt/infrakt/apps/x; echo 'http://x {}' >/opt/infrakt/caddy/Caddyfile; ufw --force enable
         systemd-run --unit infrakt-test sleep 1000; printf '[Unit]\\n' >/etc/systemd/system/infrakt-undo.service",
    );
    assert_ne!(server.exec(state), before);
    server.reset();
    assert_eq!(server.exec(state), before);
    assert_eq!(server.exec("systemctl is-active infrakt-test caddy docker || :"), "inactive\nactive\nactive");
}
