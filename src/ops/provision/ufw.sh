# What a person has set in ufw, and what follows from it for a port. Here all is read and nothing is changed.

# The rules as they were asked for, whether the firewall is on or off; their comments are nobody else's business.
ufw_rules() { LC_ALL=C ufw show added 2>/dev/null | sed -n "s/ comment '.*//; /^ufw /p"; }

# rules_for PORT: which of the rules on stdin decide who comes in here by TCP, in their order: what each comes to, a tab, the rule.
#   open  everybody comes in      slow  everybody, but not often (`limit`)
#   shut  nobody comes in         some  it speaks of some: of addresses, or of an interface
# One that lets some in everywhere counts: whoever lets in their own network alone has closed the port for all others. One that shuts
# some out everywhere is a list of bans, which stays in front of whatever is opened.
rules_for() {
  awk -v port="$1" '
    function holds(list,   n, i, part, ends) {
      n = split(list, part, ",")
      for (i = 1; i <= n; i++) {
        split(part[i] ":" part[i], ends, ":")
        if (port + 0 >= ends[1] + 0 && port + 0 <= ends[2] + 0) return 1
      }
      return 0
    }
    # The TCP ports of an application profile
    function of_profile(name,   command, line, told, list) {
      if (name !~ /^[A-Za-z0-9 _.+()-]+$/) return ""
      command = "LC_ALL=C ufw app info \047" name "\047 2>/dev/null"
      while ((command | getline line) > 0) {
        if (told && line !~ /\/udp *$/) { gsub(/[ \t]|\/tcp/, "", line); list = list "," line }
        if (line ~ /^Ports?:/) told = 1
      }
      close(command)
      return substr(list, 2)
    }
    {
      rule = $0; whom = "all"; ports = ""; proto = "any"; side = "to"; name = ""; face = ""; inward = 1
      if (match($0, /\047[^\047]*\047/)) {
        name = substr($0, RSTART + 1, RLENGTH - 2)
        $0 = substr($0, 1, RSTART - 1) "@" substr($0, RSTART + RLENGTH)
      }
      if ($2 == "route") next
      for (i = 3; i <= NF; i++) {
        if ($i == "out") inward = 0
        else if ($i == "in") { if ($(i + 1) == "on") { whom = "some"; face = $(i + 2); i += 2 } }
        else if ($i == "log" || $i == "log-all") continue
        else if ($i == "from" || $i == "to") { side = $i; if ($++i != "any") whom = "some" }
        else if ($i == "proto") proto = $++i
        else {
          if ($i == "port" || $i == "app") i++
          if (side == "from") whom = "some"
          else ports = $i
        }
      }
      # Between containers and the server, not from outside
      if (face ~ /^(lo|docker[0-9]+|br-.*)$/) next
      if (ports ~ /\//) { proto = ports; sub(/.*\//, "", proto); sub(/\/.*/, "", ports) }
      if (ports == "@") ports = of_profile(name)
      else if (ports == "" || ports == "any") ports = $2 ~ /^(allow|limit)$/ || whom == "all" ? port : ""
      else if (ports !~ /^[0-9]/) ports = of_profile(ports)
      if (!inward || ports == "" || (proto != "any" && proto != "tcp") || !holds(ports)) next
      if (whom == "all") whom = $2 == "allow" ? "open" : $2 == "limit" ? "slow" : "shut"
      print whom "\t" rule
    }'
}

# what_follows WALL NEEDED: from what `rules_for` says of a port on stdin. WALL: `up` (on, and who is not named stays out), `down` (on, and
# who is not named comes in) or `off`; NEEDED is `yes` for the port by which infrakt comes.
#   open     it is open to everybody: nothing is to be done
#   allow    nobody has said anything else: it is opened
#   keep     a person has set it stricter: that stays
#   ourself  the same, but infrakt would be shut out: its own address is let in before all others
what_follows() {
  awk -F '\t' -v wall="$1" -v needed="$2" '
    $1 != "some" && first == "" { first = $1 }
    END {
      if (first == "open") print "open"
      else if (first == "slow") print "keep"
      # Who is not named comes in today, and shall tomorrow; a rule for some goes before the one for all.
      else if (first == "" && (NR == 0 || wall == "down")) print "allow"
      # Through a wall that stands we came.
      else if (needed == "yes" && wall != "up") print "ourself"
      else print "keep"
    }'
}
