//! A firewall that was there before: what a person has set stays, is named, and infrakt still comes in.

use crate::support::cli::Home;
use crate::support::server::TestServer;

fn rules(server: &TestServer) -> Vec<String> {
    server.exec("ufw show added").lines().filter(|line| line.starts_with("ufw ")).map(str::to_owned).collect()
}

/// Provisions, and gives what was said.
#[track_caller]
fn provision(home: &Home) -> String {
    let job = home.enqueue(&["server", "provision", "prod-1"]);
    home.wait_end(job);
    let said = home.run(&["job", "follow", &job.to_string()]).ok().err;
    said + &home.log(job)
}

#[test]
fn what_a_person_has_set_stricter_stays_and_the_log_says_what_infrakt_would_have_opened() {
    let server = TestServer::ready("strict");
    let home = Home::with(&[("prod-1", &server)]);
    let own = ["ufw limit 22/tcp", "ufw deny 80/tcp", "ufw allow from 10.9.0.0/16 to any port 443"];
    server.exec(&format!("{}; ufw --force enable", own.join(" && ")));
    let said = provision(&home);
    assert_eq!(rules(&server), own, "{said}");
    for words in [
        "what you have set for port 22 (SSH) stays: ufw limit 22/tcp; infrakt would have set `ufw allow 22/tcp`",
        "what you have set for port 80 stays: ufw deny 80/tcp; infrakt would have set `ufw allow 80/tcp`",
        "stays: ufw allow from 10.9.0.0/16 to any port 443; infrakt would have set `ufw allow 443`",
        "your rules stay for 22 (SSH) (`ufw limit 22/tcp`), 80 (`ufw deny 80/tcp`) and 443 (`ufw allow from 10.9.0.0/16",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }

    // Off, and its rules would shut us out: our own address alone goes before them. Who is refused stays refused, not dropped.
    server.exec("ufw --force reset; ufw allow from 10.9.0.0/16 to any port 22; ufw default reject incoming");
    let said = provision(&home);
    let now = rules(&server);
    assert_eq!(now.len(), 4, "{now:?}");
    assert!(now[0].starts_with("ufw allow from ") && now[0].ends_with(" to any port 22 proto tcp"), "{now:?}");
    assert_eq!(now[1..], ["ufw allow from 10.9.0.0/16 to any port 22", "ufw allow 80/tcp", "ufw allow 443"]);
    assert!(said.contains("is let in before them"), "{said}");
    let status = server.exec("ufw status verbose");
    assert!(status.starts_with("Status: active") && status.contains("Default: reject (incoming)"), "{status}");

    // What has been set so stays so, and is not set again.
    let said = provision(&home);
    assert_eq!(rules(&server), now);
    assert!(said.contains("ufw is active and lets in 80 and 443; your rules stay for 22 (SSH)"), "{said}");
}
