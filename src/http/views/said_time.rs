//! Spans of time as the first release said them.

/// As `uptime -p`: `up 3 days, 2 hours, 5 minutes`.
pub fn uptime(seconds: u64) -> String {
    let minutes = seconds / 60;
    let parts = [
        ("week", minutes / 10_080),
        ("day", minutes / 1440 % 7),
        ("hour", minutes / 60 % 24),
        ("minute", minutes % 60),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if said.is_empty() { "up 0 minutes".to_owned() } else { format!("up {}", said.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::uptime;

    #[test]
    fn uptimes_are_said_as_the_system_says_them() {
        for (seconds, said) in [
            (0, "up 0 minutes"),
            (61, "up 1 minute"),
            (266_700, "up 3 days, 2 hours, 5 minutes"),
            (604_800 + 3600, "up 1 week, 1 hour"),
        ] {
            assert_eq!(uptime(seconds), said);
        }
    }
}
